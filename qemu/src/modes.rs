// SPDX-License-Identifier: GPL-2.0-only

//! The subcommands that run the tests, the demonstration and the shell.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
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
use crate::check::Selection;
use crate::check::Suite;
use crate::cli::GuestArgs;
use crate::cli::Jobs;
use crate::demo::Demo;
use crate::guest::Guest;
use crate::ktap::Report;
use crate::ktap::Totals;
use crate::matrix;
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

/// A guest and the tests that run in it.
struct Share {
    guest: Guest,
    topology: String,
    /// What is shown before the names of the tests.
    prefix: String,
}

/// What came of the tests in all guests.
pub struct Ran {
    /// None where there is nothing to be told: a signal ended them, or they were not to run.
    pub report: Option<Report>,
    pub status: u8,
    pub logs: String,
    pub ui: Ui,
}

/// Runs the tests, and tells what came of them.
pub fn check(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    selection: Selection<'_>,
    jobs: Jobs,
) -> Result<u8> {
    let ran = run_tests(host, args, silence, selection, jobs)?;
    if let Some(report) = &ran.report {
        if let Suite::Models = selection.suite {
            ran.ui.line("");
            for line in matrix::lines(report) {
                ran.ui.line(&line);
            }
        }
        check::summarize(report, &ran.logs, &ran.ui);
    }
    Ok(ran.status)
}

/// Runs the tests, in one guest or shared among several.
pub fn run_tests(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    mut selection: Selection<'_>,
    jobs: Jobs,
) -> Result<Ran> {
    if selection.filter.is_empty() {
        selection.filter = "*";
    }
    check::check_filter(&args.kselftest, selection)?;
    let shares = shares(args, selection, jobs)?;
    if args.dry_run {
        shares
            .iter()
            .try_for_each(|share| share.guest.dry_run(&host.ui))?;
        return Ok(Ran {
            report: None,
            status: PASSED,
            logs: String::new(),
            ui: host.ui,
        });
    }
    let limits = Limits {
        boot: args.boot_timeout,
        silence: Some(silence),
    };
    let (checked, ui) = match &shares[..] {
        [share] => {
            let (checked, ui) = check_in(host, share, limits)?;
            (vec![checked], ui)
        }
        shares => check_side_by_side(host, shares, limits, jobs)?,
    };

    let status = checked.iter().map(|one| one.status).max().unwrap_or(FAILED);
    let logs: Vec<_> = checked
        .iter()
        .map(|one| one.logs.display().to_string())
        .collect();
    let logs = logs.join(", ");
    let reports: Option<Vec<_>> = checked.into_iter().map(|one| one.report).collect();
    let report = reports.map(shards::merge);
    if let Some(report) = &report {
        check_not_empty(report, &logs)?;
    }
    Ok(Ran {
        report,
        status,
        logs,
        ui,
    })
}

/// That nothing was run is no result.
fn check_not_empty(report: &Report, logs: &str) -> Result<()> {
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
    Ok(())
}

/// Shares the selected tests among guests, and prepares these.
fn shares(args: &GuestArgs, selection: Selection<'_>, jobs: Jobs) -> Result<Vec<Share>> {
    let mut scripts = check::scripts_matching(&args.kselftest, selection);
    if selection.first_topology && args.topology.is_empty() {
        scripts
            .iter_mut()
            .for_each(|script| script.topologies.truncate(1));
    }
    let groups = shards::by_topology(&scripts, &args.topology)?;
    let weights = shards::weights(&args.kselftest);
    let several = groups.len() > 1;
    shards::share(groups, &weights, jobs.0)
        .into_iter()
        .map(|(topology, tests)| {
            // A folder without tests leaves it to the guest's runner what there is.
            let filter = if tests.is_empty() {
                selection.filter.to_owned()
            } else {
                tests.join(" ")
            };
            let settings = [("filter", format!("{filter}\n"))];
            let prefix = if several {
                format!("{topology}/")
            } else {
                String::new()
            };
            Ok(Share {
                guest: Guest::prepare(args, &topology, selection.suite.mode(), &settings)?,
                topology,
                prefix,
            })
        })
        .collect()
}

/// Runs the tests that the guest of `share` was prepared for.
fn check_in(host: Host, share: &Share, limits: Limits) -> Result<(Checked, Ui)> {
    let mut check = Check::new(&share.prefix);
    let (session, end, ui) = host.play(&share.guest, limits, &mut check)?;
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

/// Runs the tests of several guests, `jobs` of them at the same time. What one says about a test is shown when the
/// test is done.
fn check_side_by_side(
    host: Host,
    shares: &[Share],
    limits: Limits,
    jobs: Jobs,
) -> Result<(Vec<Checked>, Ui)> {
    let Host { ui, events, .. } = host;
    let (blocks, shown) = mpsc::channel();
    let queue = Queue::new(shares);
    let checked = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.0.min(shares.len()))
            .map(|_| {
                let blocks = blocks.clone();
                let queue = &queue;
                scope.spawn(move || {
                    let mut checked = Vec::new();
                    while let Some((number, share, host)) = queue.next(&blocks) {
                        let (one, ui) = check_in(host, share, limits)?;
                        ui.end_block();
                        checked.push((number, one));
                    }
                    Ok(checked)
                })
            })
            .collect();
        // The workers hold the others: the last one to end closes the channel.
        drop(blocks);
        ui.status(&format!("{} guests share the tests", shares.len()));
        loop {
            match shown.recv_timeout(Duration::from_millis(100)) {
                Ok(block) => ui.line(&block),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for event in events.try_iter() {
                if let Event::Signal(signal) = event {
                    queue.signal(signal);
                }
            }
        }
        workers
            .into_iter()
            .map(|worker| match worker.join() {
                Ok(checked) => checked,
                Err(panic) => resume_unwind(panic),
            })
            .collect::<Result<Vec<_>>>()
    });
    ui.done();
    let mut checked: Vec<_> = checked?.into_iter().flatten().collect();
    checked.sort_by_key(|(number, _)| *number);
    Ok((checked.into_iter().map(|(_, one)| one).collect(), ui))
}

/// The guests that wait for their turn, and how those that run are reached.
struct Queue<'a> {
    shares: &'a [Share],
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    begun: usize,
    signalled: bool,
    senders: Vec<Sender<Event>>,
}

impl<'a> Queue<'a> {
    fn new(shares: &'a [Share]) -> Self {
        Self {
            shares,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next guest, its number, and what it runs in; none after a signal.
    fn next(&self, blocks: &Sender<String>) -> Option<(usize, &'a Share, Host)> {
        let mut state = self.lock();
        let number = state.begun;
        let share = self.shares.get(number).filter(|_| !state.signalled)?;
        let (sender, events) = mpsc::channel();
        state.begun += 1;
        state.senders.push(sender.clone());
        let ui = Ui::held(number + 1, &share.topology, blocks.clone());
        let host = Host { ui, events, sender };
        Some((number, share, host))
    }

    /// Passes a signal to the guests that run; no other one begins.
    fn signal(&self, signal: i32) {
        let mut state = self.lock();
        state.signalled = true;
        for sender in &state.senders {
            // One that has ended needs no signal.
            let _ = sender.send(Event::Signal(signal));
        }
    }
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
