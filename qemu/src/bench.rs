// SPDX-License-Identifier: GPL-2.0-only

//! The benchmarks: boots guests whose time counts instructions, and compares the guarded driver with plain C.
//!
//! | file | |
//! |---|---|
//! | `figures.rs` | what the guests' tests (scripts/kselftest/bench) have measured |
//! | `size.rs`, `estimate.rs` | how large the modules are, and how large the driver would be in C |
//! | `fit.rs`, `targets.rs` | what follows from that |
//! | `results.rs`, `table.rs`, `plot.rs` | how it is told |
//! | `compare.rs` | what has become more expensive since |

mod compare;
mod estimate;
pub mod figures;
mod fit;
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
use crate::check::Selection;
use crate::check::Suite;
use crate::cli::BenchArgs;
use crate::cli::GuestArgs;
use crate::command::QEMU;
use crate::image;
use crate::modes;
use crate::modes::Host;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::runner::Runner;
use crate::ui::Ui;

use compare::Outcome;
use estimate::Estimate;
use figures::Figures;
use fit::Fit;
use results::Results;
use size::Size;

/// The modules that are compared.
const MODULES: [&str; 2] = ["pci_plain", "pci_recovery"];

/// Measures, and writes down or compares what came of it.
pub fn bench(host: Host, args: &GuestArgs, silence: Duration, bench: &BenchArgs) -> Result<u8> {
    if bench.show {
        return show(&Results::load(&bench.results)?, &bench.results, &host.ui);
    }
    let selection = Selection {
        suite: Suite::Bench,
        filter: &bench.filter,
        first_topology: false,
    };
    let ran = modes::run_tests(host, args, silence, selection, bench.jobs)?;
    let Some(mut report) = ran.report else {
        return Ok(ran.status);
    };
    let figures = Figures::take(&mut report.told);
    if report.totals().failed > 0 || ran.status != PASSED {
        check::summarize(&report, &ran.logs, &ran.ui);
        return Ok(ran.status);
    }
    if bench.check {
        return compare_with(&bench.results, &results(args, figures)?, &ran.ui);
    }
    // One topology is put to what is known of the others.
    let known = match args.topology.is_empty() {
        true => Figures::default(),
        false => known(args, &bench.results)?,
    };
    let results = results(args, known.with(figures))?;
    // A part of a topology is no result.
    if bench.filter == "*" {
        results.save(&bench.results)?;
        return show(&results, &bench.results, &ran.ui);
    }
    tell(&results, &ran.ui);
    ran.ui
        .note("some of the benchmarks only: nothing is written");
    Ok(PASSED)
}

/// Tells what there is in `path`, and plots it.
fn show(results: &Results, path: &Path, ui: &Ui) -> Result<u8> {
    tell(results, ui);
    plot::save(results, &path.with_extension("svg"))?;
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

/// What was measured before on the same kernel; nothing where there are no results.
fn known(args: &GuestArgs, path: &Path) -> Result<Figures> {
    if !path.exists() {
        return Ok(Figures::default());
    }
    let known = Results::load(path)?;
    if known.kernel != image::kernel_release(&args.kernel)? {
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
    let estimate = Estimate::of(&args.module_dir)?;
    let targets = targets::judge(&figures, &estimate);
    Ok(Results {
        command: "make bench".into(),
        kernel: image::kernel_release(&args.kernel)?,
        qemu: qemu_version(args)?,
        figures,
        sizes,
        estimate,
        fits,
        targets,
    })
}

/// The first line that QEMU says of itself.
fn qemu_version(args: &GuestArgs) -> Result<String> {
    let output = Runner::new(&args.runner)
        .output(QEMU, &["--version"], "")
        .context("cannot ask QEMU for its version")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Ends with the line of totals.
fn compare_with(path: &Path, results: &Results, ui: &Ui) -> Result<u8> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    ui.line("");
    for (name, outcome) in compare::compare(results, &Results::load(path)?) {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(why) => {
                failed += 1;
                ui.line(&format!("FAIL {name}: {why}"));
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                ui.line(&format!("skip {name}: {why}"));
            }
        }
    }
    ui.line(&format!(
        "{passed} passed, {failed} failed, {skipped} skipped"
    ));
    Ok(if failed > 0 { FAILED } else { PASSED })
}
