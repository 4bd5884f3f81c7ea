// SPDX-License-Identifier: GPL-2.0-only

//! The benchmarks: boots guests whose time counts instructions, and compares the guarded driver with plain C.
//!
//! | file | |
//! |---|---|
//! | `figures.rs` | what the guests' tests (scripts/kselftest/bench) have measured |
//! | `size.rs` | how large the modules are |
//! | `fit.rs`, `targets.rs` | what follows from that |
//! | `results.rs`, `table.rs`, `plot.rs`, `page.rs` | the results as JSON, as a table, as a plot, in docs/benchmarks.md |
//! | `compare.rs` | detects regressions against the results |

mod compare;
mod figures;
mod fit;
mod page;
mod plot;
mod results;
mod size;
mod table;
mod targets;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use crate::check;
use crate::cli::BenchArgs;
use crate::cli::GuestArgs;
use crate::guests;
use crate::host::Host;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::results::format::Ended;
use crate::results::format::Guest;
use crate::results::format::Test;
use crate::results::format::Verdict;
use crate::results::record;
use crate::results::record::Record;
use crate::runner::Runner;
use crate::suite::Selection;
use crate::suite::Suite;
use crate::ui::Ui;

use compare::Outcome;
use figures::Figures;
use fit::Fit;
use results::Results;
use size::Size;

/// The modules that are compared.
const MODULES: [&str; 2] = ["pci_plain", "pci_recovery"];

/// Measures, and stores the results or compares them.
pub fn bench(host: Host, args: &GuestArgs, silence: Duration, bench: &BenchArgs) -> Result<u8> {
    if bench.show {
        return show(&Results::load(&bench.results)?, bench, &host.ui);
    }
    let mut record = Record::begin(&bench.report.file, Suite::Bench.mode(), args)?;
    let result = measure(host, args, silence, bench, &mut record);
    record.end(result)
}

fn measure(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    bench: &BenchArgs,
    record: &mut Record,
) -> Result<u8> {
    let selection = Selection {
        suite: Suite::Bench,
        filter: &bench.filter,
        arch: args.arch,
        first_topology: false,
    };
    let ran = guests::run_tests(host, args, silence, selection, bench.jobs, record)?;
    let Some(mut report) = ran.report else {
        return Ok(ran.status);
    };
    let figures = Figures::take(&mut report.told);
    if report.totals().failed > 0 || ran.status != PASSED {
        check::summarize(&report, &ran.logs, &ran.ui);
        return Ok(ran.status);
    }
    if bench.check {
        return compare_with(&bench.results, &results(args, figures)?, record, &ran.ui);
    }
    // The figures of one topology are merged into the stored ones of the others.
    let known = match args.topology.is_empty() {
        true => Figures::default(),
        false => known(args, &bench.results)?,
    };
    let results = results(args, known.with(figures))?;
    // A part of a topology is no result.
    if bench.filter == "*" {
        results.save(&bench.results)?;
        return show(&results, bench, &ran.ui);
    }
    tell(&results, &ran.ui);
    ran.ui
        .note("some of the benchmarks only: nothing is written");
    Ok(PASSED)
}

/// Prints the results, plots them, and writes them into the page.
fn show(results: &Results, bench: &BenchArgs, ui: &Ui) -> Result<u8> {
    tell(results, ui);
    plot::save(results, &bench.results.with_extension("svg"))?;
    page::save(results, &bench.page)?;
    Ok(PASSED)
}

fn tell(results: &Results, ui: &Ui) {
    ui.line("");
    ui.line(&table::table(&results.figures));
    ui.line("");
    for line in table::lines(results) {
        ui.line(&line);
    }
}

/// Returns the stored figures of the same kernel; none where there are no results.
fn known(args: &GuestArgs, path: &Path) -> Result<Figures> {
    if !path.exists() {
        return Ok(Figures::default());
    }
    let known = Results::load(path)?;
    if known.kernel != args.arch.kernel_release(&args.kernel)? {
        return Ok(Figures::default());
    }
    Ok(known.figures)
}

fn results(args: &GuestArgs, figures: Figures) -> Result<Results> {
    let mut fits = BTreeMap::new();
    for who in ["plain", "guarded"] {
        if let Some(fit) = Fit::of(&targets::points(&figures, "instructions", who)) {
            fits.insert(who.to_owned(), fit);
        }
    }
    let sizes = MODULES
        .into_iter()
        .map(|name| Ok((name.to_owned(), Size::of(name, &args.module_dir)?)))
        .collect::<Result<_>>()?;
    let targets = targets::judge(&figures);
    Ok(Results {
        command: "make bench".into(),
        kernel: args.arch.kernel_release(&args.kernel)?,
        qemu: qemu_version(args)?,
        figures,
        sizes,
        fits,
        targets,
    })
}

/// Returns the first line of `qemu --version`.
fn qemu_version(args: &GuestArgs) -> Result<String> {
    let output = Runner::new(&args.runner)
        .output(args.arch.qemu(), &["--version"], "")
        .context("cannot ask QEMU for its version")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Ends with the line of totals. What is compared takes the place of the guests' tests in the record, too.
fn compare_with(path: &Path, results: &Results, record: &mut Record, ui: &Ui) -> Result<u8> {
    ui.line("");
    let mut tests = Vec::new();
    for (name, outcome) in compare::compare(results, &Results::load(path)?) {
        let (verdict, reason) = match outcome {
            Outcome::Passed => (Verdict::Pass, None),
            Outcome::Failed(why) => {
                ui.line(&format!("FAIL {name}: {why}"));
                (Verdict::Fail, Some(why))
            }
            Outcome::Skipped(why) => {
                ui.line(&format!("skip {name}: {why}"));
                (Verdict::Skip, Some(why))
            }
        };
        tests.push(Test::new(name, verdict, reason));
    }
    let compared = Guest {
        ended: Ended::Complete,
        tests,
        ..record::not_begun("", &[])
    };
    let totals = compared.totals();
    ui.line(&totals.to_string());
    record.guests = vec![compared];
    Ok(if totals.failed > 0 { FAILED } else { PASSED })
}
