// SPDX-License-Identifier: GPL-2.0-only

//! Shares the tests among several guests, and puts their reports together again.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::ktap::Report;

/// Seconds of a test that nobody has measured.
const USUAL: u32 = 3;

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

/// Shares `tests` among `guests` or fewer, so that each is busy for about as long: the longest first, always to the
/// guest that has least to do.
pub fn share(tests: &[String], weights: &HashMap<String, u32>, guests: usize) -> Vec<Vec<String>> {
    let weight = |test: &String| weights.get(test).copied().unwrap_or(USUAL);
    let mut tests = tests.to_vec();
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

    #[test]
    fn the_longest_tests_are_apart() {
        let weights = HashMap::from([("a".into(), 60), ("c".into(), 70), ("d".into(), 10)]);
        let shares = share(&names(&["a", "b", "c", "d"]), &weights, 2);
        assert_eq!(shares, [names(&["c", "b"]), names(&["a", "d"])]);
    }

    #[test]
    fn every_test_is_in_one_share_and_no_share_is_empty() {
        for guests in 1..6 {
            let tests = names(&["a", "b", "c"]);
            let shares = share(&tests, &HashMap::new(), guests);
            assert_eq!(shares.len(), guests.min(3));
            assert!(shares.iter().all(|share| !share.is_empty()));
            let mut all = shares.concat();
            all.sort();
            assert_eq!(all, tests);
        }
    }

    #[test]
    fn no_test_is_one_empty_share() {
        assert_eq!(share(&[], &HashMap::new(), 2), [Vec::<String>::new()]);
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
