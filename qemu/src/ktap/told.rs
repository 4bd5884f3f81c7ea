// SPDX-License-Identifier: GPL-2.0-only

//! What tests report (`# report: TEXT`): a text for a person, or words `KEY=VALUE` that are counted.

use std::collections::BTreeSet;
use std::fmt;

/// A line that a test reported, or the guest's runner.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// None where it is about the whole run.
    pub test: Option<String>,
    pub text: String,
}

impl Told {
    /// The value of the word `KEY=VALUE`; none where it is another one, or the line a text.
    pub fn value(&self, key: &str) -> Option<&str> {
        value(&self.text, key)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Some(test) => write!(f, "{test}: {}", self.text),
            None => write!(f, "{}", self.text),
        }
    }
}

/// The value of the word `KEY=VALUE` of a line that has such words only.
pub fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=')?;
        if name == key {
            found = Some(value);
        }
    }
    found
}

/// The losses that tests have tried, in lines `points=N path=NAME` and `poisoned=N`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Points {
    pub points: u64,
    /// How many paths they lie in: a path of a test, with one kind of loss.
    pub paths: u64,
    pub poisoned: u64,
}

impl Points {
    /// The sum of all lines; none where no test has reported any.
    pub fn of<'a>(told: impl IntoIterator<Item = &'a Told>) -> Option<Self> {
        let mut sum = Self::default();
        let mut paths = BTreeSet::new();
        for told in told {
            let number = |key| told.value(key)?.parse::<u64>().ok();
            if let Some(points) = number("points") {
                sum.points += points;
                paths.insert((&told.test, told.value("path")));
            }
            sum.poisoned += number("poisoned").unwrap_or(0);
        }
        sum.paths = paths.len() as u64;
        (sum.paths > 0).then_some(sum)
    }

    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.paths += other.paths;
        self.poisoned += other.poisoned;
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} injection points in {} paths, {} poisoned",
            self.points, self.paths, self.poisoned
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(test: &str, text: &str) -> Told {
        Told {
            test: Some(test.into()),
            text: text.into(),
        }
    }

    #[test]
    fn a_line_has_values_or_is_a_text() {
        assert_eq!(value("points=138 path=suspend", "points"), Some("138"));
        assert_eq!(value("points=138 path=suspend", "poisoned"), None);
        assert_eq!(value("seed 1 a=2", "a"), None);
        assert_eq!(value("", "a"), None);
    }

    #[test]
    fn points_are_added_up_once() {
        let all = [
            told("a", "points=7 path=x"),
            told("a", "points=2 path=x"),
            told("a", "points=1 path=y"),
            told("b", "points=5 path=x"),
            told("b", "poisoned=3"),
            told("b", "points many=1"),
            told("b", "points=many path=z"),
        ];
        let sum = Points {
            points: 15,
            paths: 3,
            poisoned: 3,
        };
        assert_eq!(Points::of(&all), Some(sum));
        assert_eq!(Points::of(&[told("a", "seed 1")]), None);
    }
}
