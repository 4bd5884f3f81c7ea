// SPDX-License-Identifier: GPL-2.0-only

//! The results of a stream, and their totals.

use std::fmt;
use std::time::Duration;

use super::line::Directive;
use super::told::Points;
use super::told::Told;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Pass,
    /// It shows a fault that is known; counted as passed.
    Xfail,
    Fail,
    Skip,
}

/// A result with the results nested in it.
#[derive(Debug, PartialEq)]
pub struct Test {
    pub name: String,
    pub verdict: Verdict,
    /// Why it was skipped, or what its directive said.
    pub reason: Option<String>,
    pub notes: Vec<String>,
    pub children: Vec<Test>,
    /// How long it ran; none of a result that nothing announced.
    pub took: Option<Duration>,
    /// It stands for a result that did not come.
    pub missing: bool,
}

impl Test {
    pub(super) fn new(
        name: &str,
        ok: bool,
        directive: Directive,
        notes: Vec<String>,
        children: Vec<Test>,
    ) -> Self {
        let own = if ok { Verdict::Pass } else { Verdict::Fail };
        let missing = !ok && matches!(directive, Directive::Other(_));
        let (verdict, reason) = match directive {
            Directive::None => (own, None),
            Directive::Other(text) => (own, Some(text)),
            Directive::Skip(reason) => (Verdict::Skip, Some(reason)),
            Directive::Xfail(reason) if ok => (Verdict::Xfail, Some(reason)),
            Directive::Todo(reason) if ok => (Verdict::Pass, Some(reason)),
            // A test that is known to fail is no pass when it does.
            Directive::Xfail(reason) | Directive::Todo(reason) => {
                (Verdict::Skip, Some(format!("expected failure: {reason}")))
            }
        };
        Self {
            name: name.into(),
            verdict,
            reason,
            notes,
            children,
            took: None,
            missing,
        }
    }

    /// A failure that stands for a result that did not come.
    pub(super) fn missing(name: &str, note: &str) -> Self {
        let test = Self::new(name, false, Directive::None, vec![note.into()], Vec::new());
        Self {
            missing: true,
            ..test
        }
    }

    /// What follows this test's name in `name`; nothing when it is the name.
    fn strip<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(self.name.as_str())?;
        if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix('.')
        }
    }

    /// The deepest test here that `name`, which starts with this test's name, can mean.
    fn find(&mut self, name: &str) -> &mut Self {
        let rest = self.strip(name).unwrap_or_default();
        match self
            .children
            .iter()
            .position(|child| child.strip(rest).is_some())
        {
            Some(index) => self.children[index].find(rest),
            None => self,
        }
    }

    /// Counts the leaves; a test that failed although none of its leaves did counts as one.
    fn count(&self, totals: &mut Totals) {
        let failed = totals.failed;
        for child in &self.children {
            child.count(totals);
        }
        match self.verdict {
            Verdict::Fail if totals.failed == failed => totals.failed += 1,
            Verdict::Pass | Verdict::Xfail if self.children.is_empty() => totals.passed += 1,
            Verdict::Skip if self.children.is_empty() => totals.skipped += 1,
            _ => {}
        }
    }

    /// Adds the failures here, with their full names and notes.
    fn collect_failures<'a>(&'a self, above: &str, failures: &mut Vec<(String, Vec<&'a str>)>) {
        let name = if above.is_empty() {
            self.name.clone()
        } else {
            format!("{above}: {}", self.name)
        };
        let before = failures.len();
        for child in &self.children {
            child.collect_failures(&name, failures);
        }
        // Children that failed speak for their parent.
        if self.verdict == Verdict::Fail && failures.len() == before {
            let reason = self.reason.iter().map(String::as_str);
            let notes = reason.chain(self.notes.iter().map(String::as_str));
            failures.push((name, notes.collect()));
        }
    }
}

/// How many leaves passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// Everything that a stream said.
#[derive(Debug, Default)]
pub struct Report {
    pub tests: Vec<Test>,
    /// The lines outside every test.
    pub notes: Vec<String>,
    /// What the tests reported.
    pub told: Vec<Told>,
    pub bail: Option<String>,
    /// What ran when the stream ended, or `after NAME`; none before the first test.
    pub now: Option<String>,
}

impl Report {
    /// Puts `prefix` before the name of each test.
    pub fn prefix(&mut self, prefix: &str) {
        for test in &mut self.tests {
            test.name.insert_str(0, prefix);
        }
        for told in &mut self.told {
            if let Some(test) = &mut told.test {
                test.insert_str(0, prefix);
            }
        }
    }

    /// The sum of the losses that the tests have tried.
    pub fn points(&self) -> Option<Points> {
        Points::of(&self.told)
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for test in &self.tests {
            test.count(&mut totals);
        }
        totals
    }

    /// The tests that failed: full name, and what to show about each.
    pub fn failures(&self) -> Vec<(String, Vec<&str>)> {
        let mut failures = Vec::new();
        for test in &self.tests {
            test.collect_failures("", &mut failures);
        }
        failures
    }

    /// Makes a failure of the test `name` (`TEST` or `TEST.SUBTEST`), also when it said that it passed, or adds it.
    pub fn fail(&mut self, name: &str, note: &str) {
        let test = match self
            .tests
            .iter()
            .position(|test| test.strip(name).is_some())
        {
            Some(index) => self.tests[index].find(name),
            None => {
                self.tests.push(Test::new(
                    name,
                    false,
                    Directive::None,
                    Vec::new(),
                    Vec::new(),
                ));
                let last = self.tests.len() - 1;
                &mut self.tests[last]
            }
        };
        test.verdict = Verdict::Fail;
        test.notes.push(note.into());
    }

    /// Whether a failed test has `text` in its notes.
    pub fn mentions(&self, text: &str) -> bool {
        self.failures()
            .iter()
            .any(|(_, notes)| notes.iter().any(|note| note.contains(text)))
    }

    /// Whether the whole test to which `name` belongs has failed, or a part of it.
    pub fn has_failed(&self, name: &str) -> bool {
        self.tests
            .iter()
            .filter(|test| test.strip(name).is_some())
            .any(|test| {
                let mut totals = Totals::default();
                test.count(&mut totals);
                totals.failed > 0
            })
    }
}
