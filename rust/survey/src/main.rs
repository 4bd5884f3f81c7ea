// SPDX-License-Identifier: GPL-2.0-only

//! Prints which PCI functions pci_recovery.ko would accept, without touching them.
//!
//! | | |
//! |---|---|
//! | `cli.rs` | the command line, with what the table and the exit codes mean |
//! | `sysfs.rs`, `dump.rs` | the functions of this machine, or of a dump |
//! | `judge.rs` | applies the guard's rules to one of them |
//! | `model.rs` | a model of one of them, for the fault injector |
//! | `report.rs`, `table.rs` | prints them, as JSON or as a table |

mod cli;
mod dump;
mod judge;
mod model;
mod report;
mod sysfs;
mod table;

use std::{
    fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{bail, Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use self::{
    cli::Cli,
    report::{Report, Row, FAILED},
};

/// Progress on a terminal.
fn progress(count: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count as u64);
    match ProgressStyle::with_template("{pos} of {len} functions {wide_bar} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Whether this address is among the requested functions.
fn is_asked_for(asked: &str, address: &str) -> bool {
    let whole = |address: &str| match address.matches(':').count() {
        1 => format!("0000:{address}"),
        _ => address.into(),
    };
    whole(asked).eq_ignore_ascii_case(&whole(address))
}

/// Judges the requested ones of `functions`.
fn survey<T>(
    cli: &Cli,
    functions: &[T],
    address: impl Fn(&T) -> String,
    judge: impl Fn(&T, bool) -> Row,
) -> Result<Vec<Row>> {
    let is = |asked: &String, function: &T| is_asked_for(asked, &address(function));
    let missing = cli
        .functions
        .iter()
        .find(|asked| !functions.iter().any(|f| is(asked, f)));
    if let Some(missing) = missing {
        bail!("there is no function {missing:?}");
    }
    let chosen: Vec<&T> = functions
        .iter()
        .filter(|f| cli.functions.is_empty() || cli.functions.iter().any(|asked| is(asked, f)))
        .collect();

    let bar = progress(chosen.len());
    let rows = chosen.into_iter().map(|function| {
        bar.set_message(address(function));
        let row = judge(function, cli.losses);
        bar.inc(1);
        row
    });
    let rows = rows.collect();
    bar.finish_and_clear();
    Ok(rows)
}

fn run(cli: &Cli) -> Result<Report> {
    match &cli.dump {
        Some(path) => {
            let functions = dump::read(path)?;
            let rows = survey(cli, &functions, |f| f.address.clone(), dump::judge)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok(Report::new(format!("the dump {name}"), rows))
        }
        None => {
            let functions = sysfs::functions(&cli.sysfs)?;
            let rows = survey(
                cli,
                &functions,
                |f| sysfs::address(f),
                |f, losses| sysfs::judge(f, losses),
            )?;
            Ok(Report::new(machine(), rows))
        }
    }
}

/// Returns the model of the function at `asked`.
fn model(cli: &Cli, asked: &str) -> Result<String> {
    match &cli.dump {
        Some(path) => {
            let functions = dump::read(path)?;
            let found = functions.iter().find(|f| is_asked_for(asked, &f.address));
            dump::model(found.with_context(|| format!("there is no function {asked:?}"))?)
        }
        None => {
            let functions = sysfs::functions(&cli.sysfs)?;
            let found = functions
                .iter()
                .find(|f| is_asked_for(asked, &sysfs::address(f)));
            sysfs::model(found.with_context(|| format!("there is no function {asked:?}"))?)
        }
    }
}

/// This machine, as far as it matters in a report.
fn machine() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {} {}", release.trim(), std::env::consts::ARCH)
}

/// Prints the report.
fn print(report: &Report, cli: &Cli) -> io::Result<()> {
    print_text(&match cli.json {
        true => serde_json::to_string_pretty(report)? + "\n",
        false => table::render(report, cli.losses),
    })
}

/// Prints a text. Whoever reads it may have seen enough.
fn print_text(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.model {
        Some(asked) => model(&cli, asked).and_then(|text| {
            print_text(&text)?;
            Ok(0)
        }),
        None => run(&cli).and_then(|report| {
            print(&report, &cli)?;
            Ok(report.exit_code())
        }),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "survey: error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
