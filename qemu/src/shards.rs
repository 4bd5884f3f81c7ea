// SPDX-License-Identifier: GPL-2.0-only

//! Shares the tests among several guests, and puts their reports together again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use anyhow::bail;

use crate::ktap::Report;
use crate::suite::Script;

/// Seconds of a boot.
const BOOT: u32 = 15;

/// The tests of each topology. With a topology given it is the only one, and has the tests that name it or none;
/// else each test is in all that it names, or in `usual`.
pub fn by_topology(
    scripts: &[Script],
    given: &str,
    usual: &str,
) -> Result<Vec<(String, Vec<Script>)>> {
    let mut groups: BTreeMap<&str, Vec<Script>> = BTreeMap::new();
    if scripts.is_empty() {
        groups.insert(if given.is_empty() { usual } else { given }, vec![]);
    }
    // A file may stand for the topology that it is named after.
    let stem = Path::new(given).file_stem().and_then(|stem| stem.to_str());
    for script in scripts {
        let names = script.topologies.iter().map(String::as_str);
        if !given.is_empty() {
            if script.topologies.is_empty() || names.into_iter().any(|name| Some(name) == stem) {
                groups.entry(given).or_default().push(script.clone());
            }
        } else if script.topologies.is_empty() {
            groups.entry(usual).or_default().push(script.clone());
        } else {
            for name in names {
                groups.entry(name).or_default().push(script.clone());
            }
        }
    }
    if groups.is_empty() {
        let places =
            |script: &Script| format!("{} ({})", script.name, script.topologies.join(", "));
        let places: Vec<_> = scripts.iter().map(places).collect();
        bail!(
            "none of these tests runs in the topology {given}: {}",
            places.join("; ")
        );
    }
    Ok(groups
        .into_iter()
        .map(|(name, tests)| (name.to_owned(), tests))
        .collect())
}

/// Shares the tests of `groups` among guests of which `jobs` run at the same time, so that all end at about the same
/// time: a group that takes long is shared, and what takes longest comes first.
pub fn share(groups: Vec<(String, Vec<Script>)>, jobs: usize) -> Vec<(String, Vec<Script>)> {
    let sum = |tests: &[Script]| BOOT + tests.iter().map(|test| test.weight).sum::<u32>();
    let total: u32 = groups.iter().map(|(_, tests)| sum(tests)).sum();
    let fair = (total / jobs.max(1) as u32).max(1);
    let mut shares = Vec::new();
    for (topology, tests) in groups {
        let guests = sum(&tests).div_ceil(fair).min(jobs.max(1) as u32) as usize;
        for tests in split(tests, guests) {
            shares.push((topology.clone(), tests));
        }
    }
    shares.sort_by_key(|(_, tests)| std::cmp::Reverse(sum(tests)));
    shares
}

/// Splits `tests` into `guests` parts or fewer that take about as long: the longest first, always to the part that has
/// least to do.
fn split(mut tests: Vec<Script>, guests: usize) -> Vec<Vec<Script>> {
    tests.sort_by_key(|test| std::cmp::Reverse(test.weight));
    let mut shares: Vec<(u32, Vec<Script>)> =
        vec![Default::default(); guests.min(tests.len()).max(1)];
    for test in tests {
        if let Some((busy, share)) = shares.iter_mut().min_by_key(|(busy, _)| *busy) {
            *busy += test.weight;
            share.push(test);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// One report of all.
pub fn merge(reports: Vec<Report>) -> Report {
    let mut merged = Report::default();
    for report in reports {
        merged.tests.extend(report.tests);
        merged.notes.extend(report.notes);
        merged.bail = merged.bail.or(report.bail);
        merged.told.extend(report.told);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(name: &str, topologies: &[&str], weight: u32) -> Script {
        Script {
            name: name.into(),
            topologies: topologies.iter().map(|name| (*name).to_owned()).collect(),
            arches: vec![],
            weight,
        }
    }

    /// Tests with their weights.
    fn group(topology: &str, tests: &[(&str, u32)]) -> (String, Vec<Script>) {
        let tests = tests
            .iter()
            .map(|(name, weight)| script(name, &[], *weight));
        (topology.to_owned(), tests.collect())
    }

    /// Topologies with the names of their tests.
    fn names(shares: Vec<(String, Vec<Script>)>) -> Vec<(String, String)> {
        let names = |tests: Vec<Script>| {
            let names: Vec<_> = tests.into_iter().map(|test| test.name).collect();
            names.join(" ")
        };
        let shares = shares.into_iter();
        shares.map(|(name, tests)| (name, names(tests))).collect()
    }

    fn expected(shares: &[(&str, &str)]) -> Vec<(String, String)> {
        let shares = shares.iter();
        shares
            .map(|(topology, tests)| ((*topology).to_owned(), (*tests).to_owned()))
            .collect()
    }

    #[test]
    fn the_longest_tests_are_apart() {
        let tests = [("a", 60), ("b", 3), ("c", 70), ("d", 10)];
        let shares = share(vec![group("t", &tests)], 2);
        assert_eq!(names(shares), expected(&[("t", "c b"), ("t", "a d")]));
    }

    #[test]
    fn the_longest_group_is_first_and_shared() {
        let groups = vec![
            group("one", &[("c", 40)]),
            group("two", &[("a", 100), ("b", 100)]),
        ];
        assert_eq!(
            names(share(groups, 2)),
            expected(&[("two", "a"), ("two", "b"), ("one", "c")])
        );
    }

    #[test]
    fn every_test_is_in_one_share_and_no_share_is_empty() {
        for guests in 1..6 {
            let shares = share(vec![group("t", &[("a", 3), ("b", 3), ("c", 3)])], guests);
            assert!((1..=guests.min(3)).contains(&shares.len()));
            assert!(shares.iter().all(|(_, share)| !share.is_empty()));
            let all = shares.into_iter().flat_map(|(_, tests)| tests);
            let mut all: Vec<_> = all.map(|test| test.name).collect();
            all.sort();
            assert_eq!(all, ["a", "b", "c"]);
        }
    }

    #[test]
    fn no_test_is_one_empty_share() {
        let groups = by_topology(&[], "", "u").unwrap();
        assert_eq!(share(groups, 2), [("u".to_owned(), vec![])]);
    }

    #[test]
    fn a_test_runs_where_it_says() {
        let scripts = [
            script("a", &[], 3),
            script("b", &["switch", "nvme"], 3),
            script("c", &["nvme"], 3),
        ];
        let by = |given: &str| names(by_topology(&scripts, given, "u").unwrap());
        assert_eq!(
            by(""),
            expected(&[("nvme", "b c"), ("switch", "b"), ("u", "a")])
        );
        assert_eq!(by("switch"), expected(&[("switch", "a b")]));
        assert_eq!(by("/x/nvme.toml"), expected(&[("/x/nvme.toml", "a b c")]));
        let error = by_topology(&scripts[2..], "switch", "u")
            .unwrap_err()
            .to_string();
        assert!(error.contains("switch: c (nvme)"), "{error}");
    }
}
