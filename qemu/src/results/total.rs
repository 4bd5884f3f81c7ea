// SPDX-License-Identifier: GPL-2.0-only

//! The sum of several results, and what failed.

use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::format::File;
use super::format::Totals;
use super::parts::Counted;
use crate::outcome::FAILED;
use crate::outcome::PASSED;
use crate::ui::Ui;

/// The longest reason that is shown.
const REASON: usize = 200;

/// A part of what was run, given as four words.
struct Part<'a> {
    name: &'a str,
    status: i32,
    seconds: u64,
    file: &'a Path,
}

impl<'a> Part<'a> {
    fn parse(words: &'a [String]) -> Result<Self> {
        let [name, status, seconds, file] = words else {
            anyhow::bail!("--part needs NAME STATUS SECONDS FILE");
        };
        Ok(Self {
            name,
            status: status
                .parse()
                .with_context(|| format!("--part {name}: STATUS must be a number"))?,
            seconds: seconds
                .parse()
                .with_context(|| format!("--part {name}: SECONDS must be a number"))?,
            file: Path::new(file),
        })
    }

    /// A part that has failed without a failed test counts as one failure, as does one without results.
    fn count(&self) -> Counted {
        let status = self.status;
        let mut counted = match Counted::load(self.file) {
            Ok(counted) => counted,
            Err(error) => {
                let mut counted = Counted::default();
                counted.fail(self.name, format!("status {status}, {error:#}"));
                counted
            }
        };
        if status != 0 && counted.totals.failed == 0 {
            counted.fail(
                self.name,
                format!("status {status} without a failed test: counted as one failure"),
            );
        }
        counted
    }
}

/// Prints what has failed, a line for each part, and the sum. `parts` are groups of four words, `skipped` of two: what
/// was not run, and why. With `merged` the runs in the parts' files are written into one file.
pub fn total(parts: &[String], skipped: &[String], merged: &Path, ui: &Ui) -> Result<u8> {
    let parts = parts
        .chunks(4)
        .map(Part::parse)
        .collect::<Result<Vec<_>>>()?;
    ensure!(!parts.is_empty(), "there is nothing to sum up");
    let mut sum = Totals::default();
    let mut times = Vec::new();
    let mut failed = Vec::new();
    for part in &parts {
        let counted = part.count();
        sum += counted.totals;
        times.push(format!(
            "{}: {} in {} s, status {}",
            part.name, counted.totals, part.seconds, part.status
        ));
        for (before, failure) in counted.failures {
            let before = match &before[..] {
                "" => format!("{}:", part.name),
                kernel => kernel.to_owned(),
            };
            let name = [&before[..], &failure.name]
                .iter()
                .filter(|word| !word.is_empty())
                .copied()
                .collect::<Vec<_>>()
                .join(" ");
            let reason: String = failure.reason.chars().take(REASON).collect();
            failed.push(match &reason[..] {
                "" => format!("failed: {name}"),
                reason => format!("failed: {name}: {reason}"),
            });
        }
    }
    for words in skipped.chunks(2) {
        sum.skipped += 1;
        times.push(format!("{}: skipped", words.join(": ")));
    }
    ui.line("");
    failed.iter().chain(&times).for_each(|line| ui.line(line));
    if !merged.as_os_str().is_empty() {
        let runs = parts.iter().filter_map(|part| File::load(part.file).ok());
        File::of(runs.flat_map(|file| file.runs).collect()).save(merged)?;
    }
    ui.line(&sum.to_string());
    Ok(if sum.failed > 0 { FAILED } else { PASSED })
}
