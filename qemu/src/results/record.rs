// SPDX-License-Identifier: GPL-2.0-only

//! Makes the file of what the guests reported.

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;

use super::format::Ended;
use super::format::File;
use super::format::Guest;
use super::format::Points;
use super::format::Run;
use super::format::Test;
use super::format::Totals;
use super::format::Verdict;
use crate::arch::Arch;
use crate::cli::GuestArgs;
use crate::ktap;
use crate::ktap::Told;
use crate::outcome::UNUSABLE;
use crate::session::End;

/// The file of a run. It is there from the beginning of the run on, so that one that was killed left something, too.
pub struct Record {
    path: Option<PathBuf>,
    since: Instant,
    suite: &'static str,
    kernel: String,
    arch: Arch,
    /// What happened in each guest.
    pub guests: Vec<Guest>,
}

impl Record {
    /// Writes the file, unless `path` is empty, as a Makefile gives it for a variable that is not set.
    pub fn begin(path: &Path, suite: &'static str, args: &GuestArgs) -> Result<Self> {
        let path = Some(path).filter(|path| !path.as_os_str().is_empty() && !args.dry_run);
        let record = Self {
            path: path.map(Path::to_owned),
            since: Instant::now(),
            suite,
            // That there is no kernel is found where one is needed.
            kernel: args.arch.kernel_release(&args.kernel).unwrap_or_default(),
            arch: args.arch,
            guests: Vec::new(),
        };
        record.write(Ended::Running, None, 0, vec![])?;
        Ok(record)
    }

    /// Writes the file of a run that has ended with this result, and returns it.
    pub fn end(mut self, result: Result<u8>) -> Result<u8> {
        let guests = mem::take(&mut self.guests);
        let interrupted = |guest: &&Guest| guest.ended == Ended::Interrupted;
        // Others have not begun because of it.
        let cause = guests
            .iter()
            .find(interrupted)
            .or_else(|| guests.iter().find(|guest| guest.ended != Ended::Complete));
        let (ended, why, status) = match (&result, cause) {
            (Err(error), _) => (Ended::Error, Some(format!("{error:#}")), UNUSABLE),
            (Ok(status), Some(guest)) => (guest.ended, guest.why.clone(), *status),
            (Ok(status), None) => (Ended::Complete, None, *status),
        };
        let written = self.write(ended, why, status, guests);
        // The error of the run is the first one.
        result.and_then(|status| written.map(|()| status))
    }

    fn write(
        &self,
        ended: Ended,
        why: Option<String>,
        status: u8,
        guests: Vec<Guest>,
    ) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut totals = Totals::default();
        for guest in &guests {
            totals += guest.totals();
        }
        let run = Run {
            suite: self.suite.into(),
            kernel: self.kernel.clone(),
            arch: Some(self.arch.to_string()).filter(|_| !self.arch.is_default()),
            ended,
            why,
            status,
            seconds: rounded(self.since.elapsed()),
            totals,
            points: points(&guests),
            guests,
        };
        File::of(vec![run]).save(path)
    }
}

/// Milliseconds are enough.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// The sum of the losses that the tests have tried; none where there were none.
fn points(guests: &[Guest]) -> Option<Points> {
    let mut sum: Option<ktap::Points> = None;
    for guest in guests {
        let lines: Vec<Told> = guest
            .tests
            .iter()
            .flat_map(|test| {
                test.values.iter().map(|line| Told {
                    test: Some(test.name.clone()),
                    text: words(line),
                })
            })
            .collect();
        if let Some(points) = ktap::Points::of(&lines) {
            sum.get_or_insert_default().add(points);
        }
    }
    sum.map(|sum| Points {
        points: sum.points,
        paths: sum.paths,
        poisoned: sum.poisoned,
    })
}

fn words<'a>(line: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let words: Vec<_> = line.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    words.join(" ")
}

/// How a session ended, and what a person is told of it.
pub fn ended(end: &End) -> (Ended, Option<String>) {
    match end {
        End::Exit(0) | End::Left => (Ended::Complete, None),
        End::Exit(code) => (Ended::Complete, Some(format!("exit status {code}"))),
        End::Hang(limit) => (
            Ended::Hang,
            Some(format!("no output for {} s", limit.as_secs())),
        ),
        End::NoBoot(limit) => (
            Ended::NoBoot,
            Some(format!("no test began within {} s", limit.as_secs())),
        ),
        End::Panic(message) => (Ended::Panic, Some(message.clone())),
        End::Died(how) => (Ended::Died, Some(how.clone())),
        End::Signal(signal) => (Ended::Interrupted, Some(format!("signal {signal}"))),
    }
}

/// A guest of the topology that has not begun.
pub fn not_begun(topology: &str, selected: &[String]) -> Guest {
    Guest {
        topology: topology.into(),
        ended: Ended::NotBegun,
        why: None,
        seconds: 0.0,
        logs: None,
        selected: selected.to_vec(),
        running: None,
        bail: None,
        notes: vec![],
        reports: vec![],
        tests: vec![],
    }
}

/// Adds what the guest has reported, before its names get a prefix.
pub fn with_report(guest: Guest, report: &ktap::Report, took: Duration) -> Guest {
    let of = |name: Option<&str>| {
        let told: Vec<&Told> = report
            .told
            .iter()
            .filter(|told| told.test.as_deref() == name)
            .collect();
        told
    };
    let tests = report.tests.iter().map(|test| {
        let mut result = result(test);
        for told in of(Some(&test.name)) {
            match values(&told.text) {
                Some(line) => result.values.push(line),
                None => result.reports.push(told.text.clone()),
            }
        }
        result
    });
    Guest {
        seconds: rounded(took),
        running: report.now.clone(),
        bail: report.bail.clone(),
        notes: report.notes.clone(),
        reports: of(None).iter().map(|told| told.text.clone()).collect(),
        tests: tests.collect(),
        ..guest
    }
}

/// The words of a line that has words `KEY=VALUE` only.
fn values(text: &str) -> Option<BTreeMap<String, String>> {
    text.split_whitespace()
        .map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect()
}

fn result(test: &ktap::Test) -> Test {
    Test {
        name: test.name.clone(),
        verdict: match test.verdict {
            ktap::Verdict::Pass => Verdict::Pass,
            ktap::Verdict::Xfail => Verdict::Xfail,
            ktap::Verdict::Fail => Verdict::Fail,
            ktap::Verdict::Skip => Verdict::Skip,
        },
        reason: test.reason.clone(),
        seconds: test.took.map(rounded),
        missing: test.missing,
        notes: test.notes.clone(),
        reports: vec![],
        values: vec![],
        subtests: test.children.iter().map(result).collect(),
    }
}
