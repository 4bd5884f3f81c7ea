// SPDX-License-Identifier: GPL-2.0-only

//! The file with results. What is added does not change `version`; readers pass over what they do not know.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::ops::AddAssign;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use serde::Deserialize;
use serde::Serialize;

/// Changes when a reader of the format before it would read something wrong.
pub const VERSION: u32 = 1;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct File {
    pub version: u32,
    pub runs: Vec<Run>,
}

/// How a run or a guest ended.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The program of each guest ended by itself.
    Complete,
    /// The guest's program was silent for too long.
    Hang,
    /// The guest's program did not begin.
    NoBoot,
    Panic,
    /// QEMU ended too early.
    Died,
    /// A signal came.
    Interrupted,
    /// It could not be run.
    Error,
    /// It has not begun.
    NotBegun,
    /// It had not ended when the file was written: whoever wrote it was killed.
    Running,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Xfail,
    Fail,
    Skip,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Points {
    pub points: u64,
    pub paths: u64,
    pub poisoned: u64,
}

/// Of one kernel.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// What the guests did: `check`, `soak`, `models`, `corpus`, `bench`.
    pub suite: String,
    /// Its release.
    pub kernel: String,
    /// The guest's architecture, where it is not amd64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    pub ended: Ended,
    /// What a person is told of how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The exit status of the harness.
    pub status: u8,
    pub seconds: f64,
    pub totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
    pub guests: Vec<Guest>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Guest {
    pub topology: String,
    pub ended: Ended,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub seconds: f64,
    /// The folder with its logs; none of a guest that has not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<PathBuf>,
    /// The tests that were selected for it; none where the guest's runner selects them.
    pub selected: Vec<String>,
    /// What ran when it ended, or `after NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// Why the guest's runner gave up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bail: Option<String>,
    pub notes: Vec<String>,
    /// What was reported of the whole guest.
    pub reports: Vec<String>,
    pub tests: Vec<Test>,
}

/// A test or, nested in it, a subtest.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Test {
    pub name: String,
    pub verdict: Verdict,
    /// Why it was skipped, or what is known of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// None of a result that nothing announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// It stands for a result that did not come.
    #[serde(default, skip_serializing_if = "is_false")]
    pub missing: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The texts that it reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
    /// The words `KEY=VALUE` that it reported, a line each: injection points, figures, a time that is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtests: Vec<Test>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A test that failed.
#[derive(Debug, PartialEq)]
pub struct Failure {
    /// `TOPOLOGY/TEST: SUBTEST`, as far as there are such.
    pub name: String,
    /// A line; empty where nothing is known.
    pub reason: String,
    /// It stands for a result that did not come.
    pub missing: bool,
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

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Test {
    /// A result without subtests.
    pub fn new(name: String, verdict: Verdict, reason: Option<String>) -> Self {
        Self {
            name,
            verdict,
            reason,
            seconds: None,
            missing: false,
            notes: vec![],
            reports: vec![],
            values: vec![],
            subtests: vec![],
        }
    }

    fn count(&self, totals: &mut Totals) {
        let failed = totals.failed;
        for subtest in &self.subtests {
            subtest.count(totals);
        }
        match self.verdict {
            // Although none of its subtests did.
            Verdict::Fail if totals.failed == failed => totals.failed += 1,
            Verdict::Pass | Verdict::Xfail if self.subtests.is_empty() => totals.passed += 1,
            Verdict::Skip if self.subtests.is_empty() => totals.skipped += 1,
            _ => {}
        }
    }

    fn failures(&self, above: &str, failures: &mut Vec<Failure>) {
        let name = format!("{above}{}", self.name);
        let before = failures.len();
        for subtest in &self.subtests {
            subtest.failures(&format!("{name}: "), failures);
        }
        if self.verdict == Verdict::Fail && failures.len() == before {
            let reason = self.reason.iter().chain(&self.notes).next();
            failures.push(Failure {
                name,
                reason: reason.cloned().unwrap_or_default(),
                missing: self.missing,
            });
        }
    }

    /// Whether a result says so: one that did not come says nothing.
    pub fn has_failed(&self) -> bool {
        let mut failures = Vec::new();
        self.failures("", &mut failures);
        failures.iter().any(|failure| !failure.missing)
    }

    /// Whether the guest's runner has ended it, since it took too long.
    pub fn is_late(&self) -> bool {
        self.values.iter().any(|line| line.contains_key("timeout"))
    }
}

impl Guest {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for test in &self.tests {
            test.count(&mut totals);
        }
        totals
    }

    /// What has failed in this guest.
    pub fn failures(&self) -> Vec<Failure> {
        let above = match &self.topology[..] {
            "" => String::new(),
            topology => format!("{topology}/"),
        };
        let mut failures = Vec::new();
        for test in &self.tests {
            test.failures(&above, &mut failures);
        }
        failures
    }
}

impl File {
    pub fn of(runs: Vec<Run>) -> Self {
        Self {
            version: VERSION,
            runs,
        }
    }

    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the results {}", path.display()))?;
        let file: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no file of results", path.display()))?;
        ensure!(
            file.version == VERSION,
            "{} has results of version {}, not {VERSION}",
            path.display(),
            file.version
        );
        Ok(file)
    }

    /// Writes the file as a whole: whoever reads it finds the one before, or this.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut new = OsString::from(path);
        new.push(".new");
        let write = || {
            let text = serde_json::to_string_pretty(self)? + "\n";
            fs::write(&new, text)?;
            fs::rename(&new, path)?;
            anyhow::Ok(())
        };
        write().with_context(|| format!("cannot write the results to {}", path.display()))
    }
}
