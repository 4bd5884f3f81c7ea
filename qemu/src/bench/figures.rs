// SPDX-License-Identifier: GPL-2.0-only

//! The figures that the guests measured: lines `figure=VALUE topology=T operation=O who=W unit=U` among what
//! their tests report.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::ktap::Told;

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

fn parse(told: &Told) -> Option<Figure> {
    Some(Figure {
        value: told.value("figure")?.parse().ok()?,
        topology: told.value("topology")?.into(),
        operation: told.value("operation")?.into(),
        who: told.value("who")?.into(),
        unit: told.value("unit")?.into(),
    })
}

impl Figures {
    /// Takes the figures from what was reported, and leaves the rest.
    pub fn take(told: &mut Vec<Told>) -> Self {
        let mut figures = Self::default();
        told.retain(|one| match parse(one) {
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
            // Where reads and writes are separate, their sum.
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

    fn told(text: String) -> Told {
        Told {
            test: Some("operations".into()),
            text,
        }
    }

    /// Figures of lines `TOPOLOGY OPERATION WHO UNIT VALUE`.
    pub fn figures(lines: &[&str]) -> Figures {
        let line = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [topology, operation, who, unit, value] = words[..] else {
                panic!("{line}: not five words");
            };
            told(format!(
                "figure={value} topology={topology} operation={operation} who={who} unit={unit}"
            ))
        };
        Figures::take(&mut lines.iter().map(line).collect())
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
        let mut all: Vec<Told> = [
            "figure=40 topology=endpoint operation=save who=guarded unit=reads",
            "figure=2 topology=endpoint operation=save who=guarded unit=writes",
            "figure=7 topology=switch operation=fatal_8 who=plain unit=accesses",
            "3 benchmarks figure=1",
            "figure=many topology=endpoint operation=save who=guarded unit=reads",
        ]
        .map(|text| told(text.into()))
        .to_vec();
        let figures = Figures::take(&mut all);
        assert_eq!(all.len(), 2);
        let get = |topology, operation, unit, who| figures.get(topology, operation, unit, who);
        assert_eq!(get("endpoint", "save", "reads", "guarded"), Some(40));
        assert_eq!(get("endpoint", "save", "accesses", "guarded"), Some(42));
        assert_eq!(get("switch", "fatal_8", "accesses", "plain"), Some(7));
        assert_eq!(get("endpoint", "save", "accesses", "plain"), None);
        assert_eq!(figures.iter().count(), 3);
    }
}
