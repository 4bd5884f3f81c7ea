// SPDX-License-Identifier: GPL-2.0-only

//! Which files, which words, which errnos.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

/// A file of the plan.
#[derive(Debug, PartialEq)]
pub struct Target {
    pub path: PathBuf,
    /// Names of the errnos that may come.
    pub allowed: BTreeSet<String>,
    /// What the file understands; empty where it is only read.
    pub words: Vec<String>,
}

/// The files to work on.
#[derive(Debug, Default)]
pub struct Plan {
    pub files: Vec<Target>,
}

impl Plan {
    /// Reads `PATH<tab>ERRNO,...<tab>WORD|...` lines.
    pub fn parse(text: &str) -> Result<Self> {
        let mut plan = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut parts = line.split('\t');
            let path = parts.next().unwrap_or_default().into();
            let allowed = parts
                .next()
                .with_context(|| format!("the plan has a line without errnos: `{line}`"))?;
            let words = parts.next().unwrap_or_default();
            plan.files.push(Target {
                path,
                allowed: list(allowed, ',').collect(),
                words: list(words, '|').collect(),
            });
        }
        Ok(plan)
    }
}

fn list(text: &str, separator: char) -> impl Iterator<Item = String> {
    text.split(separator)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_three_parts() {
        let plan = Plan::parse("/a b\tEIO,EINVAL\t1|gone ms=1|\n\n/c\t\n").unwrap();
        assert_eq!(plan.files.len(), 2);
        assert_eq!(plan.files[0].path, PathBuf::from("/a b"));
        assert!(plan.files[0].allowed.contains("EIO") && plan.files[0].allowed.len() == 2);
        assert_eq!(plan.files[0].words, ["1", "gone ms=1"]);
        assert!(plan.files[1].allowed.is_empty() && plan.files[1].words.is_empty());
        assert!(Plan::parse("/a").is_err());
    }
}
