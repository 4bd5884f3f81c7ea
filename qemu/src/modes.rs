// SPDX-License-Identifier: GPL-2.0-only

//! The subcommands that run the tests, the demonstration and the shell.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::check;
use crate::cli::GuestArgs;
use crate::cli::Jobs;
use crate::demo::Demo;
use crate::guest::Guest;
use crate::guests;
use crate::host::Host;
use crate::matrix;
use crate::outcome;
use crate::outcome::BROKEN;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::results::record::Record;
use crate::session::End;
use crate::session::Limits;
use crate::session::Program;
use crate::shell;
use crate::shell::Shell;
use crate::suite::Selection;
use crate::suite::Suite;

/// Runs the tests, prints their results, and writes them to `report`.
pub fn check(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    selection: Selection<'_>,
    jobs: Jobs,
    report: &Path,
) -> Result<u8> {
    let mut record = Record::begin(report, selection.suite.mode(), args)?;
    let ran = guests::run_tests(host, args, silence, selection, jobs, &mut record);
    record.end(ran.map(|ran| {
        if let Some(report) = &ran.report {
            if let Suite::Models = selection.suite {
                ran.ui.line("");
                for line in matrix::lines(report) {
                    ran.ui.line(&line);
                }
            }
            check::summarize(report, &ran.logs, &ran.ui);
        }
        ran.status
    }))
}

/// Shows the demonstration.
pub fn demonstrate(host: Host, args: &GuestArgs, silence: Duration) -> Result<u8> {
    let guest = Guest::prepare(args, args.topology(), "run", &[("filter", "*\n".into())])?;
    if args.dry_run {
        return guest.dry_run(&host.ui).map(|()| PASSED);
    }
    let limits = Limits {
        boot: args.boot_timeout,
        silence: Some(silence),
    };
    let mut demo = Demo::default();
    let (session, end, ui) = host.play(&guest, limits, &mut demo)?;
    if let End::Signal(_) = end {
        outcome::tell_interrupted(&session, demo.running(), &ui);
        return Ok(outcome::status(&end, FAILED));
    }
    demo.finish(&ui);
    outcome::explain(&end, &session, demo.running(), &ui);
    let damage: Vec<_> = session
        .console
        .damage()
        .iter()
        .filter(|damage| damage.during.is_some())
        .collect();
    for damage in &damage {
        ui.note(&format!("kernel log: {}", damage.line));
    }
    if let End::Exit(code @ 1..) = end {
        ui.note(&format!("the demonstration ended with exit status {code}"));
    }
    let passed = end == End::Exit(0) && demo.passed() && damage.is_empty();
    let status = outcome::status(&end, if passed { PASSED } else { FAILED });
    let logs = outcome::keep_logs(session, status)?;
    demo.summarize(&ui);
    if status != PASSED {
        ui.line(&format!("Logs: {}", logs.display()));
    }
    Ok(status)
}

/// Gives a shell in the guest.
pub fn shell(host: Host, args: &GuestArgs) -> Result<u8> {
    let settings = [
        ("filter", "*\n".into()),
        ("terminal", shell::terminal_settings()),
    ];
    let guest = Guest::prepare(args, args.topology(), "shell", &settings)?;
    if args.dry_run {
        return guest.dry_run(&host.ui).map(|()| PASSED);
    }
    let limits = Limits {
        boot: args.boot_timeout,
        silence: None,
    };
    let mut shell = Shell::new(host.sender.clone());
    let (session, end, ui) = host.play(&guest, limits, &mut shell)?;
    let running = shell.running().map(str::to_owned);
    // The terminal is a person's again before anything is said.
    drop(shell);
    if let End::Signal(_) = end {
        outcome::tell_interrupted(&session, running.as_deref(), &ui);
    }
    outcome::explain(&end, &session, running.as_deref(), &ui);
    // A shell's exit status is that of the last command a person typed: it says nothing about the guest.
    let status = outcome::status(&end, PASSED);
    let logs = outcome::keep_logs(session, status)?;
    if status == BROKEN {
        ui.note(&format!("Logs: {}", logs.display()));
    }
    Ok(status)
}
