// SPDX-License-Identifier: GPL-2.0-only

//! Results of any part of a run: a file of the harness (.json), KTAP (.ktap), or what `cargo test` printed (.cargo).

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use super::format::Failure;
use super::format::File;
use super::format::Guest;
use super::format::Run;
use super::format::Totals;
use super::record::not_begun;
use super::record::with_report;
use crate::ktap::Parser;

/// What has passed and failed.
#[derive(Debug, Default, PartialEq)]
pub struct Counted {
    pub totals: Totals,
    /// Each with what stands before its name: a kernel, and its architecture where that is not amd64; or nothing.
    pub failures: Vec<(String, Failure)>,
}

impl Counted {
    fn add(&mut self, before: &str, guest: &Guest) {
        self.totals += guest.totals();
        let failures = guest.failures().into_iter();
        self.failures
            .extend(failures.map(|failure| (before.to_owned(), failure)));
    }

    /// What runs of the harness have found.
    pub fn of_runs(runs: &[Run]) -> Self {
        let mut counted = Self::default();
        for run in runs {
            let before = match &run.arch {
                Some(arch) => format!("{} {arch}", run.kernel),
                None => run.kernel.clone(),
            };
            for guest in &run.guests {
                counted.add(&before, guest);
            }
        }
        counted
    }

    /// One more failure, which no test has reported.
    pub fn fail(&mut self, before: &str, reason: String) {
        self.totals.failed += 1;
        let failure = Failure {
            name: String::new(),
            reason,
            missing: true,
        };
        self.failures.push((before.to_owned(), failure));
    }

    /// The results in a file; an error where there are none.
    pub fn load(path: &Path) -> Result<Self> {
        let text = || {
            fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .with_context(|| format!("cannot read the results {}", path.display()))
        };
        let counted = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Self::of_runs(&File::load(path)?.runs),
            Some("ktap") => of_ktap(&text()?),
            Some("cargo") => of_cargo(&text()?),
            _ => bail!("{} is neither .json, .ktap nor .cargo", path.display()),
        };
        if counted == Self::default() {
            bail!("no result");
        }
        Ok(counted)
    }
}

fn of_ktap(text: &str) -> Counted {
    let mut parser = Parser::default();
    for line in text.lines() {
        parser.feed(line);
    }
    let mut counted = Counted::default();
    let report = parser.finish();
    counted.add(
        "",
        &with_report(not_begun("", &[]), &report, Default::default()),
    );
    counted
}

/// Each test program ends with a line `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; before it, there is a line
/// for each test.
fn of_cargo(text: &str) -> Counted {
    let mut counted = Counted::default();
    for line in text.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let number = |word: &str| -> usize {
                let mut words = result
                    .split([' ', ';', '.'])
                    .filter(|word| !word.is_empty());
                let mut before = None;
                loop {
                    match words.next() {
                        Some(this) if this == word => break,
                        Some(this) => before = Some(this),
                        None => return 0,
                    }
                }
                before.and_then(|number| number.parse().ok()).unwrap_or(0)
            };
            counted.totals.passed += number("passed");
            counted.totals.failed += number("failed");
            counted.totals.skipped += number("ignored");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            let failure = Failure {
                name: name.into(),
                reason: String::new(),
                missing: false,
            };
            counted.failures.push((String::new(), failure));
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_prints_is_counted() {
        let text = "running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d ... ignored\n\n\
                    failures:\n    a::c\n\n\
                    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.07s\n\
                    test result: ok. 41 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        let counted = of_cargo(text);
        let totals = Totals {
            passed: 42,
            failed: 1,
            skipped: 1,
        };
        assert_eq!(counted.totals, totals);
        assert_eq!(counted.failures[0].1.name, "a::c");
    }

    #[test]
    fn ktap_is_counted() {
        let counted =
            of_ktap("KTAP version 1\n1..3\nok 1 a\n# why\nnot ok 2 b\nok 3 c # SKIP none\n");
        let totals = Totals {
            passed: 1,
            failed: 1,
            skipped: 1,
        };
        assert_eq!(counted.totals, totals);
        assert_eq!(counted.failures[0].1.name, "b");
        assert_eq!(counted.failures[0].1.reason, "why");
    }
}
