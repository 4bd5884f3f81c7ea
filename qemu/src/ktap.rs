// SPDX-License-Identifier: GPL-2.0-only

//! Reads KTAP (Documentation/dev-tools/ktap.rst), line by line, while it arrives.
//!
//! No crate reads KTAP: those for TAP want the whole document, and TAP nests in another way.

mod line;
mod report;
mod told;

use std::time::Instant;

use line::Directive;
use line::Line;
pub use report::Report;
pub use report::Test;
pub use report::Totals;
pub use report::Verdict;
pub use told::Points;
pub use told::Told;
pub use told::value;

/// The meaning of a line, for a person who watches.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// A test has begun.
    Running { depth: usize, name: &'a str },
    /// A group of results has begun.
    Group { depth: usize, name: &'a str },
    /// A result, at this depth of nesting.
    Result { depth: usize, test: &'a Test },
    /// A report of a test, printed however the test ends.
    Report { depth: usize, text: &'a str },
    /// The guest gave up.
    Bail(&'a str),
}

/// The results at one depth of nesting that have not been given to a parent yet.
#[derive(Debug, Default)]
struct Level {
    plan: Option<usize>,
    name: Option<String>,
    tests: Vec<Test>,
    /// Diagnostics that belong to the next result.
    notes: Vec<String>,
}

/// A test that has begun.
#[derive(Debug)]
struct Running {
    name: String,
    since: Instant,
}

/// A stream that is being read.
#[derive(Debug, Default)]
pub struct Parser {
    levels: Vec<Level>,
    /// The tests that have begun and have no result yet, at each depth.
    running: Vec<Running>,
    /// The deepest of it, or `after NAME` between two tests.
    now: Option<String>,
    told: Vec<Told>,
    bail: Option<String>,
}

impl Parser {
    /// What runs (`TEST` or `TEST.SUBTEST`), or `after TEST` between two tests; none before the first.
    pub fn now(&self) -> Option<&str> {
        self.now.as_deref()
    }

    /// Reads one line, without its end.
    pub fn feed<'a>(&'a mut self, text: &'a str) -> Option<Step<'a>> {
        let text = text.trim_end();
        let body = text.trim_start_matches(' ');
        // At most one level deeper than what is open, so that text that is merely indented nests nothing.
        let depth = ((text.len() - body.len()) / 2).min(self.levels.len());
        match Line::parse(body) {
            Line::Version => {
                self.open(depth);
                None
            }
            Line::Plan { count, reason } => {
                let level = self.open(depth);
                level.plan = Some(count);
                level.notes.extend(reason);
                None
            }
            Line::Running(name) => {
                self.running.truncate(depth);
                self.running.push(Running {
                    name: name.into(),
                    since: Instant::now(),
                });
                self.now = Some(name.into());
                Some(Step::Running { depth, name })
            }
            Line::Subtest(name) => {
                let level = self.open(depth);
                level.name = Some(name.into());
                level
                    .name
                    .as_deref()
                    .map(|name| Step::Group { depth, name })
            }
            Line::Result {
                ok,
                name,
                directive,
            } => {
                let test = self.close(depth, ok, name, directive);
                Some(Step::Result { depth, test })
            }
            Line::Bail(reason) => {
                self.bail = Some(reason.into());
                self.bail.as_deref().map(Step::Bail)
            }
            Line::Report(text) => {
                let test = self.running.first().filter(|_| depth > 0);
                self.told.push(Told {
                    test: test.map(|test| test.name.clone()),
                    text: text.into(),
                });
                Some(Step::Report { depth, text })
            }
            Line::Note(note) => {
                // Deeper than what is open: it belongs to what is open.
                if self.levels.is_empty() {
                    self.open(0);
                }
                let level = depth.min(self.levels.len().saturating_sub(1));
                if let Some(level) = self.levels.get_mut(level) {
                    level.notes.push(note.into());
                }
                None
            }
            Line::Empty => None,
        }
    }

    /// The level at `depth`, which `feed` keeps at most one deeper than what is open.
    fn open(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[depth.min(last)]
    }

    /// What runs at `depth`, without the names above it.
    fn running_at(&self, depth: usize) -> Option<String> {
        let name = &self.running.get(depth)?.name;
        let above = depth
            .checked_sub(1)
            .and_then(|above| self.running.get(above));
        let short =
            above.and_then(|above| name.strip_prefix(above.name.as_str())?.strip_prefix('.'));
        Some(short.unwrap_or(name).to_owned())
    }

    /// Ends a test: what was read deeper are its children.
    fn close(&mut self, depth: usize, ok: bool, name: &str, directive: Directive) -> &Test {
        let mut children = Vec::new();
        let mut notes = Vec::new();
        while self.levels.len() > depth + 1 {
            let running = self.running_at(self.levels.len() - 1);
            if let Some(level) = self.levels.pop() {
                // A level that was skipped over cannot hold results of its own.
                let (tests, more) = level.finish(children.is_empty(), running);
                notes.splice(0..0, more);
                children.splice(0..0, tests);
            }
        }
        let took = self.running.get(depth).map(|test| test.since.elapsed());
        self.running.truncate(depth);
        self.now = Some(match self.running.last() {
            Some(test) => test.name.clone(),
            None => format!("after {name}"),
        });
        let level = self.open(depth);
        let mut own = std::mem::take(&mut level.notes);
        own.append(&mut notes);
        let name = if name.is_empty() { "(no name)" } else { name };
        let mut test = Test::new(name, ok, directive, own, children);
        test.took = took;
        level.tests.push(test);
        let last = level.tests.len() - 1;
        &level.tests[last]
    }

    /// Ends the stream, wherever it is: results that were announced and did not come have failed.
    pub fn finish(mut self) -> Report {
        let now = self.now.clone();
        while self.levels.len() > 1 {
            let depth = self.levels.len() - 2;
            let named = self.levels.last().and_then(|level| level.name.clone());
            let name = self.running_at(depth).or(named).unwrap_or_default();
            self.close(depth, false, &name, Directive::None);
            if let Some(test) = self.levels[depth].tests.last_mut() {
                test.notes
                    .push("its result is missing: the output ended early".into());
            }
        }
        let running = self.running_at(0);
        let level = self.levels.pop();
        let (tests, notes) = level
            .map(|level| level.finish(true, running))
            .unwrap_or_default();
        Report {
            tests,
            notes,
            told: self.told,
            bail: self.bail,
            now,
        }
    }
}

impl Level {
    /// The tests of this level, those that are missing as failures, and what else was said.
    /// `running` began last: it is the first that is missing, unless it has a result.
    fn finish(mut self, plan_needed: bool, running: Option<String>) -> (Vec<Test>, Vec<String>) {
        let count = self.tests.len();
        let running = running.filter(|name| self.tests.iter().all(|test| test.name != *name));
        match self.plan {
            None if plan_needed && count > 0 => {
                self.tests.push(Test::missing(
                    "(plan)",
                    "the plan is missing (a line `1..N`)",
                ));
            }
            Some(plan) if count > plan => {
                let note = format!("{count} results, but {plan} were planned");
                self.tests.push(Test::missing("(plan)", &note));
            }
            Some(plan) => {
                for number in count + 1..=plan {
                    let name = match &running {
                        Some(name) if number == count + 1 => name.clone(),
                        _ => format!("(test {number} of {plan})"),
                    };
                    self.tests.push(Test::missing(&name, "no result"));
                }
            }
            None => {}
        }
        (self.tests, self.notes)
    }
}

#[cfg(test)]
mod tests;
