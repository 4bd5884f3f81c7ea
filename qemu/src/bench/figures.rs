// SPDX-License-Identifier: GPL-2.0-only

//! What the guests measured: lines `bench TOPOLOGY OPERATION WHO UNIT VALUE` among what their tests report.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

/// Before this there is the name of the test.
const MARK: &str = "bench ";

/// Whether a line that a test reports is for the table.
pub fn is_figure(text: &str) -> bool {
    parse(text).is_some()
}

/// The values of one unit, by who was measured: `guarded`, `plain`, `core`, `stock`.
pub type Values = BTreeMap<String, u64>;

/// By topology, operation and unit.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Figures(pub BTreeMap<String, BTreeMap<String, BTreeMap<String, Values>>>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub topology: String,
    pub operation: String,
    pub who: String,
    pub unit: String,
    pub value: u64,
}

fn parse(text: &str) -> Option<Figure> {
    let rest = match text.split_once(MARK) {
        Some((before, rest)) if before.is_empty() || before.ends_with(": ") => rest,
        _ => return None,
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [topology, operation, who, unit, value] = words[..] else {
        return None;
    };
    Some(Figure {
        topology: topology.into(),
        operation: operation.into(),
        who: who.into(),
        unit: unit.into(),
        value: value.parse().ok()?,
    })
}

impl Figures {
    /// Takes the figures from what was reported, and leaves the rest.
    pub fn take(told: &mut Vec<String>) -> Self {
        let mut figures = Self::default();
        told.retain(|text| match parse(text) {
            Some(figure) => {
                figures.add(figure);
                false
            }
            None => true,
        });
        figures
    }

    /// These, and in their place what `newer` has of the same operations.
    pub fn with(mut self, newer: Self) -> Self {
        for (topology, operations) in newer.0 {
            self.0.entry(topology).or_default().extend(operations);
        }
        self
    }

    fn add(&mut self, figure: Figure) {
        let units = self.0.entry(figure.topology).or_default();
        let values = units.entry(figure.operation).or_default();
        let values = values.entry(figure.unit).or_default();
        values.insert(figure.who, figure.value);
    }

    pub fn get(&self, topology: &str, operation: &str, unit: &str, who: &str) -> Option<u64> {
        let units = self.0.get(topology)?.get(operation)?;
        match unit {
            // Where it is told apart, the sum.
            "accesses" if !units.contains_key(unit) => {
                Some(*units.get("reads")?.get(who)? + *units.get("writes")?.get(who)?)
            }
            unit => units.get(unit)?.get(who).copied(),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Figure> + '_ {
        self.0.iter().flat_map(|(topology, operations)| {
            operations.iter().flat_map(move |(operation, units)| {
                units.iter().flat_map(move |(unit, values)| {
                    values.iter().map(move |(who, value)| Figure {
                        topology: topology.clone(),
                        operation: operation.clone(),
                        who: who.clone(),
                        unit: unit.clone(),
                        value: *value,
                    })
                })
            })
        })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn figures(lines: &[&str]) -> Figures {
        Figures::take(&mut lines.iter().map(|line| format!("bench {line}")).collect())
    }

    #[test]
    fn what_is_newer_takes_the_place_of_the_same() {
        let old = figures(&["nvme save plain reads 1", "endpoint save plain reads 2"]);
        let new = figures(&["nvme save plain reads 3", "nvme probe plain reads 4"]);
        let both = old.with(new);
        assert_eq!(both.get("nvme", "save", "reads", "plain"), Some(3));
        assert_eq!(both.get("nvme", "probe", "reads", "plain"), Some(4));
        assert_eq!(both.get("endpoint", "save", "reads", "plain"), Some(2));
    }

    #[test]
    fn figures_are_taken_and_the_rest_is_left() {
        let mut told: Vec<String> = [
            "endpoint/operations: bench endpoint save guarded reads 40",
            "operations: bench endpoint save guarded writes 2",
            "bench switch fatal_8 plain accesses 7",
            "operations: 3 benchmarks bench",
            "bench endpoint save guarded reads many",
        ]
        .map(String::from)
        .to_vec();
        let figures = Figures::take(&mut told);
        assert_eq!(told.len(), 2);
        let get = |topology, operation, unit, who| figures.get(topology, operation, unit, who);
        assert_eq!(get("endpoint", "save", "reads", "guarded"), Some(40));
        assert_eq!(get("endpoint", "save", "accesses", "guarded"), Some(42));
        assert_eq!(get("switch", "fatal_8", "accesses", "plain"), Some(7));
        assert_eq!(get("endpoint", "save", "accesses", "plain"), None);
        assert_eq!(figures.iter().count(), 3);
    }
}
