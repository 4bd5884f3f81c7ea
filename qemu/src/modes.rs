// SPDX-License-Identifier: GPL-2.0-only

//! The three subcommands.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use anyhow::bail;

use crate::check;
use crate::check::Check;
use crate::cli::GuestArgs;
use crate::cli::Jobs;
use crate::demo::Demo;
use crate::guest::Guest;
use crate::ktap::Report;
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
use crate::shards;
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

/// What came of the tests in one guest.
struct Checked {
    /// None where a signal ended them.
    report: Option<Report>,
    status: u8,
    logs: PathBuf,
}

/// Runs the tests, in one guest or shared among several.
pub fn check(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    filter: &str,
    jobs: Jobs,
) -> Result<u8> {
    let filter = if filter.is_empty() { "*" } else { filter };
    check::check_filter(&args.kselftest, filter)?;
    let shares = shards::share(
        &check::tests_matching(&args.kselftest, filter),
        &shards::weights(&args.kselftest),
        jobs.0,
    );
    let filters = match &shares[..] {
        [_, _, ..] => shares.iter().map(|share| share.join(" ")).collect(),
        _ => vec![filter.to_owned()],
    };
    let guests = filters
        .iter()
        .map(|filter| Guest::prepare(args, "check", &[("filter", format!("{filter}\n"))]))
        .collect::<Result<Vec<_>>>()?;
    if args.dry_run {
        return guests
            .iter()
            .try_for_each(|guest| guest.dry_run(&host.ui))
            .map(|()| PASSED);
    }
    let limits = Limits {
        boot: args.boot_timeout,
        silence: Some(silence),
    };
    let (checked, ui) = match &guests[..] {
        [guest] => {
            let (checked, ui) = check_in(host, guest, limits)?;
            (vec![checked], ui)
        }
        guests => check_side_by_side(host, guests, limits)?,
    };

    let status = checked.iter().map(|one| one.status).max().unwrap_or(FAILED);
    let logs: Vec<_> = checked
        .iter()
        .map(|one| one.logs.display().to_string())
        .collect();
    let logs = logs.join(", ");
    let Some(reports) = checked
        .into_iter()
        .map(|one| one.report)
        .collect::<Option<Vec<_>>>()
    else {
        return Ok(status);
    };
    let report = shards::merge(reports);
    if report.totals() == Totals::default() {
        // The guest's runner has said why.
        let said: Vec<_> = report
            .notes
            .iter()
            .chain(&report.bail)
            .map(String::as_str)
            .collect();
        bail!("no test was run: {} (logs: {logs})", said.join("; "));
    }
    check::summarize(&report, &logs, &ui);
    Ok(status)
}

/// Runs the tests that `guest` was prepared for.
fn check_in(host: Host, guest: &Guest, limits: Limits) -> Result<(Checked, Ui)> {
    let mut check = Check::new();
    let (session, end, ui) = host.play(guest, limits, &mut check)?;
    if let End::Signal(_) = end {
        outcome::tell_interrupted(&session, check.running(), &ui);
        let checked = Checked {
            report: None,
            status: outcome::status(&end, FAILED),
            logs: session.logs.directory().to_owned(),
        };
        return Ok((checked, ui));
    }
    outcome::explain(&end, &session, check.running(), &ui);
    let report = check.finish(&end, &session.console, &ui);
    let own = match report.totals().failed {
        0 => PASSED,
        _ => FAILED,
    };
    let status = outcome::status(&end, own);
    let checked = Checked {
        report: Some(report),
        status,
        logs: outcome::keep_logs(session, status)?,
    };
    Ok((checked, ui))
}

/// Runs the tests of several guests at the same time. What one says about a test is shown when the test is done.
fn check_side_by_side(host: Host, guests: &[Guest], limits: Limits) -> Result<(Vec<Checked>, Ui)> {
    let Host { ui, events, .. } = host;
    let (blocks, shown) = mpsc::channel();
    let checked = thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for (index, guest) in guests.iter().enumerate() {
            let (sender, events) = mpsc::channel();
            senders.push(sender.clone());
            let host = Host {
                ui: Ui::held(index + 1, blocks.clone()),
                events,
                sender,
            };
            threads.push(scope.spawn(move || {
                let (checked, ui) = check_in(host, guest, limits)?;
                ui.end_block();
                Ok(checked)
            }));
        }
        // The guests hold the others: the last one to end closes the channel.
        drop(blocks);
        ui.status(&format!("{} guests share the tests", guests.len()));
        loop {
            match shown.recv_timeout(Duration::from_millis(100)) {
                Ok(block) => ui.line(&block),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for event in events.try_iter() {
                if let Event::Signal(signal) = event {
                    for sender in &senders {
                        // One that has ended needs no signal.
                        let _ = sender.send(Event::Signal(signal));
                    }
                }
            }
        }
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(checked) => checked,
                Err(panic) => resume_unwind(panic),
            })
            .collect::<Result<Vec<_>>>()
    });
    ui.done();
    Ok((checked?, ui))
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
