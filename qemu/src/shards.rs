// SPDX-License-Identifier: GPL-2.0-only

//! Shares the tests among several guests, and puts their reports together again.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use anyhow::bail;

use crate::check::Script;
use crate::check::USUAL_TOPOLOGY;
use crate::ktap::Report;

/// Seconds of a test that nobody has measured, and of a boot.
const USUAL: u32 = 3;
const BOOT: u32 = 15;

/// How long tests take, roughly: the lines `weight_NAME=SECONDS` of the file `settings`.
pub fn weights(kselftest: &Path) -> HashMap<String, u32> {
    let settings = fs::read_to_string(kselftest.join("settings")).unwrap_or_default();
    settings
        .lines()
        .filter_map(|line| {
            let (name, seconds) = line.strip_prefix("weight_")?.split_once('=')?;
            Some((name.to_owned(), seconds.trim().parse().ok()?))
        })
        .collect()
}

/// The tests of each topology. With a topology given it is the only one, and has the tests that name it or none;
/// else each test is in all that it names, or the usual one.
pub fn by_topology(scripts: &[Script], given: &str) -> Result<Vec<(String, Vec<String>)>> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    if scripts.is_empty() {
        groups.insert(
            if given.is_empty() {
                USUAL_TOPOLOGY
            } else {
                given
            },
            vec![],
        );
    }
    // A file may stand for the topology that it is named after.
    let stem = Path::new(given).file_stem().and_then(|stem| stem.to_str());
    for script in scripts {
        let names = script.topologies.iter().map(String::as_str);
        if !given.is_empty() {
            if script.topologies.is_empty() || names.into_iter().any(|name| Some(name) == stem) {
                groups.entry(given).or_default().push(script.name.clone());
            }
        } else if script.topologies.is_empty() {
            let usual = groups.entry(USUAL_TOPOLOGY).or_default();
            usual.push(script.name.clone());
        } else {
            for name in names {
                groups.entry(name).or_default().push(script.name.clone());
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
pub fn share(
    groups: Vec<(String, Vec<String>)>,
    weights: &HashMap<String, u32>,
    jobs: usize,
) -> Vec<(String, Vec<String>)> {
    let weight = |test: &String| weights.get(test).copied().unwrap_or(USUAL);
    let sum = |tests: &[String]| BOOT + tests.iter().map(weight).sum::<u32>();
    let total: u32 = groups.iter().map(|(_, tests)| sum(tests)).sum();
    let fair = (total / jobs.max(1) as u32).max(1);
    let mut shares = Vec::new();
    for (topology, tests) in groups {
        let guests = sum(&tests).div_ceil(fair).min(jobs.max(1) as u32) as usize;
        for tests in split(tests, &weight, guests) {
            shares.push((topology.clone(), tests));
        }
    }
    shares.sort_by_key(|(_, tests)| std::cmp::Reverse(sum(tests)));
    shares
}

/// Splits `tests` into `guests` parts or fewer that take about as long: the longest first, always to the part that has
/// least to do.
fn split(
    mut tests: Vec<String>,
    weight: &impl Fn(&String) -> u32,
    guests: usize,
) -> Vec<Vec<String>> {
    tests.sort_by_key(|test| std::cmp::Reverse(weight(test)));
    let mut shares: Vec<(u32, Vec<String>)> =
        vec![Default::default(); guests.min(tests.len()).max(1)];
    for test in tests {
        if let Some((busy, share)) = shares.iter_mut().min_by_key(|(busy, _)| *busy) {
            *busy += weight(&test);
            share.push(test);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// One report of all.
pub fn merge(reports: Vec<Report>) -> Report {
    let mut merged = Report::default();
    let mut points = None;
    for report in reports {
        merged.tests.extend(report.tests);
        merged.notes.extend(report.notes);
        merged.bail = merged.bail.or(report.bail);
        for text in report.told {
            match points_of(&text) {
                Some(more) => points = Some(add(points, more)),
                None => merged.told.push(text),
            }
        }
    }
    if let Some([points, paths, poisoned]) = points {
        merged.told.push(format!(
            "{points} injection points in {paths} paths, {poisoned} poisoned"
        ));
    }
    merged
}

/// The numbers of the line with which a guest's runner adds up what its tests have reported.
fn points_of(text: &str) -> Option<[u64; 3]> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [
            points,
            "injection",
            "points",
            "in",
            paths,
            "paths,",
            poisoned,
            "poisoned",
        ] => Some([
            points.parse().ok()?,
            paths.parse().ok()?,
            poisoned.parse().ok()?,
        ]),
        _ => None,
    }
}

fn add(one: Option<[u64; 3]>, other: [u64; 3]) -> [u64; 3] {
    let one = one.unwrap_or_default();
    [one[0] + other[0], one[1] + other[1], one[2] + other[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tests: &[&str]) -> Vec<String> {
        tests.iter().map(|test| (*test).to_owned()).collect()
    }

    fn group(topology: &str, tests: &[&str]) -> (String, Vec<String>) {
        (topology.to_owned(), names(tests))
    }

    fn script(name: &str, topologies: &[&str]) -> Script {
        Script {
            name: name.into(),
            topologies: names(topologies),
        }
    }

    #[test]
    fn the_longest_tests_are_apart() {
        let weights = HashMap::from([("a".into(), 60), ("c".into(), 70), ("d".into(), 10)]);
        let shares = share(vec![group("t", &["a", "b", "c", "d"])], &weights, 2);
        assert_eq!(shares, [group("t", &["c", "b"]), group("t", &["a", "d"])]);
    }

    #[test]
    fn the_longest_group_is_first_and_shared() {
        let weights = HashMap::from([("a".into(), 100), ("b".into(), 100), ("c".into(), 40)]);
        let groups = vec![group("one", &["c"]), group("two", &["a", "b"])];
        let shares = share(groups, &weights, 2);
        let expected = [
            group("two", &["a"]),
            group("two", &["b"]),
            group("one", &["c"]),
        ];
        assert_eq!(shares, expected);
    }

    #[test]
    fn every_test_is_in_one_share_and_no_share_is_empty() {
        for guests in 1..6 {
            let tests = ["a", "b", "c"];
            let shares = share(vec![group("t", &tests)], &HashMap::new(), guests);
            assert!((1..=guests.min(3)).contains(&shares.len()));
            assert!(shares.iter().all(|(_, share)| !share.is_empty()));
            let mut all: Vec<_> = shares.into_iter().flat_map(|(_, tests)| tests).collect();
            all.sort();
            assert_eq!(all, tests);
        }
    }

    #[test]
    fn no_test_is_one_empty_share() {
        let groups = by_topology(&[], "").unwrap();
        assert_eq!(
            share(groups, &HashMap::new(), 2),
            [(USUAL_TOPOLOGY.to_owned(), vec![])]
        );
    }

    #[test]
    fn a_test_runs_where_it_says() {
        let scripts = [
            script("a", &[]),
            script("b", &["switch", "nvme"]),
            script("c", &["nvme"]),
        ];
        let expected = [
            group(USUAL_TOPOLOGY, &["a"]),
            group("nvme", &["b", "c"]),
            group("switch", &["b"]),
        ];
        assert_eq!(by_topology(&scripts, "").unwrap(), expected);
        assert_eq!(
            by_topology(&scripts, "switch").unwrap(),
            [group("switch", &["a", "b"])]
        );
        let file = "/x/nvme.toml";
        assert_eq!(
            by_topology(&scripts, file).unwrap(),
            [group(file, &["a", "b", "c"])]
        );
        let error = by_topology(&scripts[2..], "switch")
            .unwrap_err()
            .to_string();
        assert!(error.contains("switch: c (nvme)"), "{error}");
    }

    #[test]
    fn points_are_added_up_and_told_last() {
        let told = |lines: &[&str]| Report {
            told: names(lines),
            ..Report::default()
        };
        let merged = merge(vec![
            told(&["a: x", "7 injection points in 2 paths, 0 poisoned"]),
            told(&["b: y"]),
            told(&["5 injection points in 1 paths, 1 poisoned", "c: z"]),
        ]);
        assert_eq!(
            merged.told,
            [
                "a: x",
                "b: y",
                "c: z",
                "12 injection points in 3 paths, 1 poisoned"
            ]
        );
        assert!(merge(vec![told(&["a: x"])]).told == ["a: x"]);
    }
}
