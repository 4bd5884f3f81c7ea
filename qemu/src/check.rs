// SPDX-License-Identifier: GPL-2.0-only

//! The tests: shows each result as it comes, and the totals.

use std::fs;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::anyhow;
use anyhow::bail;
use glob::Pattern;

use crate::bench::figures::is_figure;
use crate::console::Console;
use crate::console::Lines;
use crate::ktap::Parser;
use crate::ktap::Report;
use crate::ktap::Step;
use crate::ktap::Test;
use crate::ktap::Verdict;
use crate::session::End;
use crate::session::Program;
use crate::ui::Color;
use crate::ui::Ui;

/// The exit status of a kselftest that was skipped as a whole.
const KSELFTEST_SKIP: i32 = 4;

/// Where a test runs that does not say it.
pub const USUAL_TOPOLOGY: &str = "endpoint";

/// What begins the line by which a test says in which topologies it runs.
const TOPOLOGY_LINE: &str = "# topology:";

/// The folders that tests are in.
#[derive(Clone, Copy)]
pub enum Suite {
    Tests,
    /// Endurance: these take minutes each.
    Soak,
    /// Dumps for the tests on the host.
    Corpus,
    /// Every device by every path; a test is a device.
    Models,
    /// What it costs.
    Bench,
}

impl Suite {
    fn folder(self) -> &'static str {
        match self {
            Suite::Tests => "tests",
            Suite::Soak => "soak",
            Suite::Corpus => "corpus",
            Suite::Models => "models",
            Suite::Bench => "bench",
        }
    }

    /// What the guest is told to do.
    pub fn mode(self) -> &'static str {
        match self {
            Suite::Tests => "check",
            Suite::Soak => "soak",
            Suite::Corpus => "corpus",
            Suite::Models => "models",
            Suite::Bench => "bench",
        }
    }
}

/// The tests of a suite whose names match `filter`.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    pub suite: Suite,
    pub filter: &'a str,
    /// Whether each test runs in the first topology that it names only.
    pub first_topology: bool,
}

/// A script of the folder of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub name: String,
    /// The topologies that it names; a test that names none runs in every one.
    pub topologies: Vec<String>,
}

/// The patterns of a filter, of which a name has to match one; as the runner in the guest takes them.
fn patterns(filter: &str) -> Result<Vec<Pattern>> {
    if filter.contains(char::is_control) {
        bail!("the filter must be one line");
    }
    filter
        .split_whitespace()
        .map(|word| {
            Pattern::new(word)
                .map_err(|error| anyhow!("the filter `{word}` is not a pattern: {error}"))
        })
        .collect()
}

fn matches(patterns: &[Pattern], script: &Script) -> bool {
    patterns.iter().any(|pattern| pattern.matches(&script.name))
}

/// Finds out before a guest is booted that a pattern of a filter matches nothing.
pub fn check_filter(kselftest: &Path, selection: Selection<'_>) -> Result<()> {
    let patterns = patterns(selection.filter)?;
    let scripts = scripts_in(kselftest, selection.suite);
    let unmatched = patterns
        .iter()
        .find(|pattern| !scripts.iter().any(|test| pattern.matches(&test.name)));
    if let (Some(pattern), false) = (unmatched, scripts.is_empty()) {
        let names: Vec<_> = scripts.into_iter().map(|test| test.name).collect();
        bail!(
            "no test matches `{pattern}`; the tests are: {}",
            names.join(", ")
        );
    }
    Ok(())
}

/// The selected tests of `kselftest`, in alphabetical order.
pub fn scripts_matching(kselftest: &Path, selection: Selection<'_>) -> Vec<Script> {
    let patterns = patterns(selection.filter).unwrap_or_default();
    let mut scripts = scripts_in(kselftest, selection.suite);
    scripts.retain(|test| matches(&patterns, test));
    scripts
}

/// The tests of a list beside a script: what a line begins with, where that is a name.
fn names_in(list: &str) -> Vec<String> {
    list.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The scripts of a suite; one with a list beside it stands for each test of the list.
fn scripts_in(kselftest: &Path, suite: Suite) -> Vec<Script> {
    let mut scripts: Vec<Script> = fs::read_dir(kselftest.join(suite.folder()))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".sh")?.to_owned();
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let topologies: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix(TOPOLOGY_LINE))
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect();
            let names = match fs::read_to_string(entry.path().with_extension("list")) {
                Ok(list) => names_in(&list),
                Err(_) => vec![name],
            };
            Some(names.into_iter().map(move |name| Script {
                name,
                topologies: topologies.clone(),
            }))
        })
        .flatten()
        .collect();
    scripts.sort_by(|one, other| one.name.cmp(&other.name));
    scripts
}

/// The tests that run in the guest.
pub struct Check {
    lines: Lines,
    parser: Parser,
    /// When the running test began.
    since: Instant,
    /// What is shown before the name of each test.
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
            // What is reported of the whole run is told at its end, of all guests together.
            Some(Step::Report { depth: 0, .. }) => {}
            // What was measured is told in a table.
            Some(Step::Report { text, .. }) if is_figure(text) => {}
            Some(Step::Report { depth, text }) => ui.line(&format!("{}{text}", indent(depth))),
            Some(Step::Bail(reason)) => {
                ui.line(&format!("{} {reason}", ui.paint(Color::Red, "Bail out!")))
            }
            None => {}
        }
    }

    /// What the guest said and what became of it.
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
        report.prefix(&self.prefix);
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
        End::Exit(code) => report.fail(
            "run_kselftest.sh",
            &format!("exit status {code}, but no test failed"),
        ),
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
        for text in &report.told {
            ui.line(&format!("  {text}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_list_are_the_names_that_its_lines_begin_with() {
        let list = "# SPDX\n#\n\nigb\nigb-vf vf igb\n  indented\nq35-mch at 0000:00:00.0\n";
        assert_eq!(names_in(list), ["igb", "igb-vf", "q35-mch"]);
    }

    #[test]
    fn each_line_of_a_list_is_a_test_in_the_topology_of_its_script() {
        let directory = tempfile::tempdir().unwrap();
        let models = directory.path().join("models");
        fs::create_dir(&models).unwrap();
        fs::write(models.join("a.sh"), "# topology: t\n").unwrap();
        fs::write(models.join("a.list"), "y\nx\n").unwrap();
        fs::write(models.join("b.sh"), "").unwrap();
        let names: Vec<_> = scripts_in(directory.path(), Suite::Models)
            .into_iter()
            .map(|script| (script.name, script.topologies))
            .collect();
        let t = vec!["t".to_owned()];
        assert_eq!(
            names,
            [
                ("b".into(), vec![]),
                ("x".into(), t.clone()),
                ("y".into(), t)
            ]
        );
    }
}
