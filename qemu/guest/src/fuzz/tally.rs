// SPDX-License-Identifier: GPL-2.0-only

//! Counts the results.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use super::plan::Plan;
use super::plan::Target;
use crate::file::Outcome;

/// So many surprises are enough to look at.
const MOST_UNEXPECTED: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Read,
    Write,
}

impl How {
    fn as_str(self) -> &'static str {
        match self {
            How::Read => "read",
            How::Write => "write",
        }
    }
}

/// The number of each result, by file.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<(usize, How, String), u64>,
    unexpected: Vec<String>,
}

impl Tally {
    /// Counts a result of the file `index` of the plan, `target`.
    pub fn note(
        &mut self,
        index: usize,
        target: &Target,
        how: How,
        result: &io::Result<()>,
        input: &[u8],
    ) {
        let name = Outcome::of(result).to_string();
        if result.is_err() && !target.allowed.contains(&name) {
            let head = &input[..input.len().min(80)];
            self.unexpected.push(format!(
                "{} {} {name} by {} bytes: {}",
                target.path.display(),
                how.as_str(),
                input.len(),
                head.escape_ascii()
            ));
        }
        *self.counts.entry((index, how, name)).or_default() += 1;
    }

    pub fn add(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.unexpected.extend(other.unexpected);
    }

    /// Whether the plan allows every result.
    pub fn is_as_planned(&self) -> bool {
        self.unexpected.is_empty()
    }

    /// Whether to give up.
    pub fn is_hopeless(&self) -> bool {
        self.unexpected.len() >= MOST_UNEXPECTED
    }

    pub fn report(&self, plan: &Plan) -> String {
        let mut text = format!("operations {}\n", self.counts.values().sum::<u64>());
        for ((index, how, name), count) in &self.counts {
            let path = plan.files[*index].path.display();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{path} {} {name} {count}", how.as_str());
        }
        for line in self.unexpected.iter().take(MOST_UNEXPECTED) {
            let _ = writeln!(text, "unexpected {line}");
        }
        text
    }
}
