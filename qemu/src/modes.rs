// SPDX-License-Identifier: GPL-2.0-only

//! The three subcommands.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Result;
use anyhow::bail;

use crate::check;
use crate::check::Check;
use crate::cli::GuestArgs;
use crate::demo::Demo;
use crate::guest::Guest;
use crate::ktap::Totals;
use crate::outcome;
use crate::outcome::BROKEN;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::session::End;
use crate::session::Event;
use crate::session::Limits;
use crate::session::Program;
use crate::session::Session;
use crate::shell;
use crate::shell::Shell;
use crate::ui::Ui;

/// What a subcommand gets from the process that it runs in.
pub struct Host {
    pub ui: Ui,
    pub events: Receiver<Event>,
    pub sender: Sender<Event>,
}

impl Host {
    /// Boots the guest and runs `program` with it to the end.
    fn play(
        self,
        guest: &Guest,
        limits: Limits,
        program: &mut dyn Program,
    ) -> Result<(Session, End, Ui)> {
        let mut session = guest.boot(limits, self.events, &self.sender, &self.ui)?;
        let end = session.run(program, &self.ui)?;
        self.ui.done();
        Ok((session, end, self.ui))
    }
}

/// Runs the tests.
pub fn check(host: Host, args: &GuestArgs, silence: Duration, filter: &str) -> Result<u8> {
    let filter = if filter.is_empty() { "*" } else { filter };
    check::check_filter(&args.kselftest, filter)?;
    let guest = Guest::prepare(args, "check", &[("filter", format!("{filter}\n"))])?;
    if args.dry_run {
        return guest.dry_run(&host.ui).map(|()| PASSED);
    }
    let limits = Limits {
        boot: args.boot_timeout,
        silence: Some(silence),
    };
    let mut check = Check::new();
    let (session, end, ui) = host.play(&guest, limits, &mut check)?;
    if let End::Signal(_) = end {
        outcome::tell_interrupted(&session, check.running(), &ui);
        return Ok(outcome::status(&end, FAILED));
    }
    outcome::explain(&end, &session, check.running(), &ui);
    let report = check.finish(&end, &session.console, &ui);
    let totals = report.totals();
    if totals == Totals::default() {
        // The guest's runner has said why.
        let said: Vec<_> = report
            .notes
            .iter()
            .chain(&report.bail)
            .map(String::as_str)
            .collect();
        let logs = session.logs.directory().display();
        bail!("no test was run: {} (logs: {logs})", said.join("; "));
    }
    let status = outcome::status(&end, if totals.failed == 0 { PASSED } else { FAILED });
    let logs = outcome::keep_logs(session, status)?;
    check::summarize(&report, &logs, &ui);
    Ok(status)
}

/// Shows the demonstration.
pub fn demonstrate(host: Host, args: &GuestArgs, silence: Duration) -> Result<u8> {
    let guest = Guest::prepare(args, "run", &[("filter", "*\n".into())])?;
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
    let guest = Guest::prepare(args, "shell", &settings)?;
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
