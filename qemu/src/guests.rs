// SPDX-License-Identifier: GPL-2.0-only

//! Runs the tests, in one guest or shared among several, `--jobs` of them at the same time.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;

use crate::check::Check;
use crate::cli::GuestArgs;
use crate::cli::Jobs;
use crate::guest::Guest;
use crate::host::Host;
use crate::ktap::Report;
use crate::ktap::Totals;
use crate::outcome;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::results;
use crate::results::format::Ended;
use crate::results::record;
use crate::results::record::Record;
use crate::session::Event;
use crate::session::Limits;
use crate::session::Program;
use crate::shards;
use crate::suite;
use crate::suite::Script;
use crate::suite::Selection;
use crate::ui::Ui;

/// The results of the tests in one guest.
struct Checked {
    report: Report,
    status: u8,
    /// The same for the file of results.
    result: results::format::Guest,
}

/// A guest and the tests that run in it.
struct Share {
    guest: Guest,
    topology: String,
    tests: Vec<String>,
    /// Printed before the names of the tests.
    prefix: String,
}

/// The results of the tests in all guests.
pub struct Ran {
    /// None where there are no results: a signal ended the guests, or they did not run.
    pub report: Option<Report>,
    pub status: u8,
    pub logs: String,
    pub ui: Ui,
}

/// Runs the tests, in one guest or shared among several; adds what happened in each to `record`.
pub fn run_tests(
    host: Host,
    args: &GuestArgs,
    silence: Duration,
    mut selection: Selection<'_>,
    jobs: Jobs,
    record: &mut Record,
) -> Result<Ran> {
    if selection.filter.is_empty() {
        selection.filter = "*";
    }
    suite::check_filter(&args.kselftest, selection)?;
    let shares = shares(args, selection, jobs, &host.ui)?;
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
            (vec![Some(Ok(checked))], ui)
        }
        shares => check_side_by_side(host, shares, limits, jobs),
    };

    let mut status = PASSED;
    let mut logs = Vec::new();
    let mut reports = Vec::new();
    let mut first_error = None;
    let mut complete = true;
    for (share, checked) in shares.iter().zip(checked) {
        let not_begun = record::not_begun(&share.topology, &share.tests);
        match checked {
            Some(Ok(one)) => {
                status = status.max(one.status);
                complete &= one.result.ended != Ended::Interrupted;
                let folder = one.result.logs.iter();
                logs.extend(folder.map(|logs| logs.display().to_string()));
                record.guests.push(one.result);
                reports.push(one.report);
            }
            Some(Err(error)) => {
                record.guests.push(results::format::Guest {
                    ended: Ended::Error,
                    why: Some(format!("{error:#}")),
                    ..not_begun
                });
                first_error.get_or_insert(error);
            }
            None => {
                complete = false;
                record.guests.push(not_begun);
            }
        }
    }
    if let Some(error) = first_error {
        return Err(error);
    }
    let logs = logs.join(", ");
    let report = complete.then(|| shards::merge(reports));
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

/// A run of no test is a failure.
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
fn shares(args: &GuestArgs, selection: Selection<'_>, jobs: Jobs, ui: &Ui) -> Result<Vec<Share>> {
    let mut scripts = suite::scripts_matching(&args.kselftest, selection);
    if args.topology.is_empty() {
        suite::keep_for(&mut scripts, args.arch);
        leave_out_unbootable(&mut scripts, &args.kernel, ui)?;
    }
    if selection.first_topology && args.topology.is_empty() {
        scripts
            .iter_mut()
            .for_each(|script| script.topologies.truncate(1));
    }
    let groups = shards::by_topology(&scripts, &args.topology, args.arch.usual_topology())?;
    let several = groups.len() > 1;
    shards::share(groups, jobs.0)
        .into_iter()
        .map(|(topology, tests)| {
            let tests: Vec<_> = tests.into_iter().map(|test| test.name).collect();
            // A folder without tests: the guest's runner reports it.
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
                tests,
                prefix,
            })
        })
        .collect()
}

/// Leaves out the tests for whose topologies there is no kernel image, and says which; an error where none is left.
fn leave_out_unbootable(scripts: &mut Vec<Script>, image: &Path, ui: &Ui) -> Result<()> {
    let all: Vec<_> = scripts.iter().map(|test| test.name.clone()).collect();
    let missing = suite::keep_bootable(scripts, image);
    let left_out: Vec<_> = all
        .into_iter()
        .filter(|name| scripts.iter().all(|test| test.name != *name))
        .collect();
    for image in &missing {
        let why = format!(
            "no kernel image at {}: without {}",
            image.display(),
            left_out.join(", ")
        );
        if scripts.is_empty() {
            bail!("{why} there is no test");
        }
        ui.note(&why);
    }
    Ok(())
}

/// Runs the tests that the guest of `share` was prepared for.
fn check_in(host: Host, share: &Share, limits: Limits) -> Result<(Checked, Ui)> {
    let since = Instant::now();
    let mut check = Check::new(&share.prefix);
    let (session, end, ui) = host.play(&share.guest, limits, &mut check)?;
    let (ended, why) = record::ended(&end);
    if ended == Ended::Interrupted {
        outcome::tell_interrupted(&session, check.running(), &ui);
    }
    outcome::explain(&end, &session, check.running(), &ui);
    let mut report = check.finish(&end, &session.console, &ui);
    let own = match report.totals().failed {
        0 => PASSED,
        _ => FAILED,
    };
    let status = outcome::status(&end, own);
    let logs = outcome::keep_logs(session, status)?;
    let result = results::format::Guest {
        ended,
        why,
        logs: Some(logs),
        ..record::not_begun(&share.topology, &share.tests)
    };
    let result = record::with_report(result, &report, since.elapsed());
    report.prefix(&share.prefix);
    let checked = Checked {
        report,
        status,
        result,
    };
    Ok((checked, ui))
}

/// Runs the tests of several guests, `jobs` of them at the same time. What one says about a test is shown when the
/// test is done. After a signal or an error no other guest begins: these have no results.
fn check_side_by_side(
    host: Host,
    shares: &[Share],
    limits: Limits,
    jobs: Jobs,
) -> (Vec<Option<Result<Checked>>>, Ui) {
    let Host { ui, events, .. } = host;
    let (blocks, shown) = mpsc::channel();
    let queue = Queue::new(shares);
    let done = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.0.min(shares.len()))
            .map(|_| {
                let blocks = blocks.clone();
                let queue = &queue;
                scope.spawn(move || {
                    let mut done = Vec::new();
                    while let Some((number, share, host)) = queue.next(&blocks) {
                        let checked = check_in(host, share, limits).map(|(checked, ui)| {
                            ui.end_block();
                            checked
                        });
                        if checked.is_err() {
                            queue.stop();
                        }
                        done.push((number, checked));
                    }
                    done
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
            .flat_map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => resume_unwind(panic),
            })
            .collect::<Vec<_>>()
    });
    ui.done();
    let mut checked: Vec<_> = shares.iter().map(|_| None).collect();
    for (number, one) in done {
        if let Some(place) = checked.get_mut(number) {
            *place = Some(one);
        }
    }
    (checked, ui)
}

/// The guests that wait for their turn, and how those that run are reached.
struct Queue<'a> {
    shares: &'a [Share],
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    begun: usize,
    /// No other guest begins.
    stopped: bool,
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

    /// The next guest, its number, and what it runs in; none after a signal or an error.
    fn next(&self, blocks: &Sender<String>) -> Option<(usize, &'a Share, Host)> {
        let mut state = self.lock();
        let number = state.begun;
        let share = self.shares.get(number).filter(|_| !state.stopped)?;
        let (sender, events) = mpsc::channel();
        state.begun += 1;
        state.senders.push(sender.clone());
        let ui = Ui::held(number + 1, &share.topology, blocks.clone());
        let host = Host { ui, events, sender };
        Some((number, share, host))
    }

    /// No other guest begins.
    fn stop(&self) {
        self.lock().stopped = true;
    }

    /// Passes a signal to the guests that run; no other one begins.
    fn signal(&self, signal: i32) {
        let mut state = self.lock();
        state.stopped = true;
        for sender in &state.senders {
            // One that has ended needs no signal.
            let _ = sender.send(Event::Signal(signal));
        }
    }
}
