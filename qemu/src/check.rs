// SPDX-License-Identifier: GPL-2.0-only

//! The tests: shows each result as it comes, and the totals.

use std::time::Duration;
use std::time::Instant;

use crate::console::Console;
use crate::console::Lines;
use crate::ktap;
use crate::ktap::Parser;
use crate::ktap::Report;
use crate::ktap::Step;
use crate::ktap::Test;
use crate::ktap::Verdict;
use crate::session::End;
use crate::session::Program;
use crate::ui::Color;
use crate::ui::Ui;
use anyhow::Result;

/// The exit status of a kselftest that was skipped as a whole.
const KSELFTEST_SKIP: i32 = 4;

/// The name that a failure gets which only the runner's exit status shows.
pub const RUNNER: &str = "run_kselftest.sh";

/// The tests that run in the guest.
pub struct Check {
    lines: Lines,
    parser: Parser,
    /// When the running test began.
    since: Instant,
    /// Printed before the name of each test.
    prefix: String,
}

impl Check {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
            lines: Lines::default(),
            parser: Parser::default(),
            since: Instant::now(),
        }
    }

    fn line(&mut self, line: &str, ui: &Ui) {
        match self.parser.feed(line) {
            Some(Step::Running { depth, name }) => {
                if depth == 0 {
                    self.since = Instant::now();
                }
                ui.status(&format!("running {name}"));
            }
            Some(Step::Group { depth, name }) => {
                let prefix = if depth <= 1 { &self.prefix } else { "" };
                ui.line(&format!("{}{prefix}{name}", indent(depth - depth.min(1))))
            }
            Some(Step::Result { depth, test }) => {
                let prefix = if depth == 0 { &self.prefix } else { "" };
                show(depth, prefix, test, self.since.elapsed(), ui);
                if depth == 0 {
                    ui.end_block();
                }
            }
            // Run-wide reports are printed once, after merging.
            Some(Step::Report { depth: 0, .. }) => {}
            // Figures are printed in a table.
            Some(Step::Report { text, .. }) if ktap::value(text, "figure").is_some() => {}
            Some(Step::Report { depth, text }) => ui.line(&format!("{}{text}", indent(depth))),
            Some(Step::Bail(reason)) => {
                ui.line(&format!("{} {reason}", ui.paint(Color::Red, "Bail out!")))
            }
            None => {}
        }
    }

    /// The guest's report and its outcome, with the tests' own names.
    pub fn finish(mut self, end: &End, console: &Console, ui: &Ui) -> Report {
        if let Some(rest) = self.lines.rest().map(str::to_owned) {
            self.line(&rest, ui);
        }
        let mut report = self.parser.finish();
        judge(&mut report, end);
        for damage in console.damage() {
            // During the boot it is no test's fault.
            let Some(name) = &damage.during else { continue };
            // The guest looks at its log too, and the console may be late.
            if !report.has_failed(name) && !report.mentions(&damage.line) {
                report.fail(name, &format!("kernel log: {}", damage.line));
            }
        }
        report
    }
}

impl Program for Check {
    fn begin(&mut self, ui: &Ui) -> Result<()> {
        ui.status("the tests start");
        Ok(())
    }

    fn output(&mut self, bytes: &[u8], ui: &Ui) {
        for line in self.lines.feed(bytes) {
            self.line(&line, ui);
        }
    }

    fn running(&self) -> Option<&str> {
        self.parser.now()
    }
}

/// Adds the failures that the guest could not report itself.
fn judge(report: &mut Report, end: &End) {
    let silent = report.tests.is_empty() && report.notes.is_empty();
    let before = if silent { "boot" } else { "start of the tests" };
    let running = report.now.clone().unwrap_or_else(|| before.into());
    let failed = report.totals().failed > 0;
    match end {
        End::Exit(0) | End::Exit(KSELFTEST_SKIP) => {}
        // Nothing to judge, or judged already.
        End::Exit(_) if failed || report.tests.is_empty() => {}
        End::Exit(code) => report.fail(RUNNER, &format!("exit status {code}, but no test failed")),
        End::Hang(limit) => report.fail(
            &running,
            &format!("hung: no output for {} s", limit.as_secs()),
        ),
        End::Panic(message) => report.fail(&running, message),
        End::Died(how) => report.fail(&running, how),
        End::NoBoot(limit) => report.fail(
            &running,
            &format!("no test began within {} s", limit.as_secs()),
        ),
        End::Signal(_) | End::Left => {}
    }
}

fn show(depth: usize, prefix: &str, test: &Test, took: Duration, ui: &Ui) {
    let (word, color) = match test.verdict {
        Verdict::Pass => ("ok  ", Color::Green),
        Verdict::Xfail => ("xfail", Color::Yellow),
        Verdict::Fail => ("FAIL", Color::Red),
        Verdict::Skip => ("skip", Color::Yellow),
    };
    let word = ui.paint(color, word);
    let mut text = format!("{}{word} {prefix}{}", indent(depth), test.name);
    if let Some(reason) = &test.reason {
        text.push_str(&format!(" # {reason}"));
    }
    if depth == 0 {
        text.push_str(&format!(" ({:.1} s)", took.as_secs_f64()));
    }
    ui.line(&text);
    if test.verdict == Verdict::Fail && test.children.is_empty() {
        for note in &test.notes {
            ui.line(&format!("{}     # {note}", indent(depth)));
        }
    }
}

fn indent(depth: usize) -> String {
    "    ".repeat(depth)
}

/// Shows what was reported, what failed, and the totals. The totals are the last line.
pub fn summarize(report: &Report, logs: &str, ui: &Ui) {
    if !report.told.is_empty() {
        ui.line("");
        ui.line("Reported:");
        for told in &report.told {
            ui.line(&format!("  {told}"));
        }
        if let Some(points) = report.points() {
            ui.line(&format!("  {points}"));
        }
    }
    let failures = report.failures();
    if !failures.is_empty() {
        ui.line("");
        ui.line("Failed:");
        for (name, notes) in failures {
            ui.line(&format!("  {name}"));
            for note in notes {
                ui.line(&format!("      # {note}"));
            }
        }
        if let Some(reason) = &report.bail {
            ui.line(&format!("  the tests gave up: {reason}"));
        }
        ui.line(&format!("Logs: {logs}"));
    }
    if !report.told.is_empty() || report.totals().failed > 0 {
        ui.line("");
    }
    ui.line(&report.totals().to_string());
}
