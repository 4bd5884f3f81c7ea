// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the guard's cost, and whether they are met.

use serde::Deserialize;
use serde::Serialize;

use super::figures::Figures;
use super::fit::Fit;

/// The topologies of which one function is measured.
pub const OF_ONE: [&str; 3] = ["endpoint", "nvme", "switch"];

/// How many functions recover at once, and in which topology.
pub const OF_MANY: [(u32, &str); 4] = [
    (1, "switch"),
    (8, "fleet64"),
    (64, "fleet64"),
    (256, "fleet256"),
];

/// A target and what was measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Target {
    pub what: String,
    pub is: f64,
    pub should: String,
    pub met: bool,
}

impl Target {
    pub fn at_most(what: String, is: f64, limit: f64) -> Self {
        Self {
            what,
            is,
            should: format!("at most {limit}"),
            met: is <= limit,
        }
    }

    fn above(what: String, is: f64, limit: f64) -> Self {
        Self {
            what,
            is,
            should: format!("above {limit}"),
            met: is > limit,
        }
    }
}

/// The points of a cost over the number of functions.
pub fn points(figures: &Figures, unit: &str, who: &str) -> Vec<(f64, f64)> {
    OF_MANY
        .iter()
        .filter_map(|(count, topology)| {
            let value = figures.get(topology, &format!("fatal_{count}"), unit, who)?;
            Some((f64::from(*count), value as f64))
        })
        .collect()
}

/// Judges the figures; a target without figures is left out.
pub fn judge(figures: &Figures) -> Vec<Target> {
    let mut targets = Vec::new();
    for topology in OF_ONE {
        let get = |operation, unit, who| {
            figures
                .get(topology, operation, unit, who)
                .map(|value| value as f64)
        };
        let pair = |operation, unit| {
            Some((
                get(operation, unit, "guarded")?,
                get(operation, unit, "plain")?,
            ))
        };

        if let Some((guarded, plain)) = pair("save", "reads") {
            let what = format!("{topology}: reads of a guarded save more than of a plain one");
            targets.push(Target::at_most(what, guarded - plain, 2.0));
        }
        if let (Some((guarded, plain)), Some(registers)) = (
            pair("restore", "reads"),
            get("verified", "registers", "guarded"),
        ) {
            let what = format!(
                "{topology}: reads of a verified restore more than of a plain one, for each register"
            );
            targets.push(Target::at_most(
                what,
                round((guarded - plain) / registers),
                1.0,
            ));
        }
        if let Some((guarded, plain)) = pair("save", "instructions") {
            let what =
                format!("{topology}: instructions of a guarded save to those of a plain one");
            targets.push(Target::at_most(what, round(guarded / plain), 1.25));
        }
        if let Some((guarded, plain)) = pair("fatal", "ns") {
            let what = format!("{topology}: time of a fatal recovery to that of plain C");
            targets.push(Target::at_most(what, round(guarded / plain), 1.02));
        }
    }
    if let Some(bytes) = figures.get("endpoint", "memory", "bytes", "guarded") {
        let what = "bytes of memory for a bound function".into();
        targets.push(Target::at_most(what, bytes as f64, 4096.0));
    }
    targets.extend(every(figures));
    if let Some(fit) = Fit::of(&points(figures, "instructions", "guarded")) {
        let what = "r² of instructions over the number of functions".into();
        targets.push(Target::above(what, (fit.r2 * 1e6).floor() / 1e6, 0.99));
    }
    targets
}

/// What pci_guard may cost a driver that knows nothing of it. What the verification of a restore costs has no target.
fn every(figures: &Figures) -> Vec<Target> {
    /// Operation, with which parameters of the guard, how many reads more, how many times the instructions.
    const LIMITS: [(&str, &str, f64, f64); 2] = [
        ("save", "every", 2.0, 1.20),
        ("restore", "every0", 1.0, 1.15),
    ];

    let mut targets = Vec::new();
    for (operation, who, reads, times) in LIMITS {
        let pair = |unit| {
            let get = |who| figures.get("endpoint", &format!("every_{operation}"), unit, who);
            Some((get(who)? as f64, get("plain")? as f64))
        };
        if let Some((guarded, plain)) = pair("reads") {
            let what = format!("pci_guard: reads of a {operation} more than without");
            targets.push(Target::at_most(what, guarded - plain, reads));
        }
        if let Some((guarded, plain)) = pair("instructions") {
            let what = format!("pci_guard: instructions of a {operation} to those without");
            targets.push(Target::at_most(what, round(guarded / plain), times));
        }
    }
    let suspend = |who| figures.get("fleet64", "every_suspend", "ns", who);
    if let (Some(guarded), Some(core)) = (suspend("every"), suspend("core")) {
        let what = "pci_guard: time of a suspend of 64 functions to that without".into();
        targets.push(Target::at_most(
            what,
            round(guarded as f64 / core as f64),
            1.02,
        ));
    }
    let load = |topology: &str, unit| figures.get(topology, "every_load", unit, "every");
    if let Some(ns) = load("fleet256", "ns") {
        let what = "pci_guard: seconds to load with 256 functions".into();
        targets.push(Target::at_most(what, round(ns as f64 / 1e9), 1.0));
    }
    let points: Vec<(f64, f64)> = figures
        .0
        .keys()
        .filter_map(|topology| {
            Some((
                load(topology, "functions")? as f64,
                load(topology, "ns")? as f64,
            ))
        })
        .collect();
    if let Some(fit) = Fit::of(&points) {
        let what = "pci_guard: r² of the time to load over the number of functions".into();
        targets.push(Target::above(what, (fit.r2 * 1e6).floor() / 1e6, 0.99));
    }
    if let Some(bytes) = figures.get("endpoint", "every_memory", "bytes", "every") {
        let what = "pci_guard: bytes of memory for a function".into();
        targets.push(Target::at_most(what, bytes as f64, 2048.0));
    }
    targets
}

/// Three decimals are what a person reads.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::*;

    /// Whether they are met.
    fn met(lines: &[&str]) -> Vec<bool> {
        let targets = judge(&figures(lines));
        targets.iter().map(|one| one.met).collect()
    }

    #[test]
    fn two_reads_more_are_allowed_and_three_are_not() {
        let plain = "endpoint save plain reads 38";
        assert_eq!(met(&[plain, "endpoint save guarded reads 40"]), [true]);
        assert_eq!(met(&[plain, "endpoint save guarded reads 41"]), [false]);
        assert!(met(&[plain]).is_empty());
    }

    #[test]
    fn ratios_are_judged() {
        let plain = [
            "nvme save plain instructions 1000",
            "nvme fatal plain ns 1000",
        ];
        let with = |more: &[&'static str]| met(&[&plain[..], more].concat());
        assert_eq!(with(&["nvme save guarded instructions 1250"]), [true]);
        assert_eq!(with(&["nvme save guarded instructions 1260"]), [false]);
        assert_eq!(with(&["nvme fatal guarded ns 1020"]), [true]);
        assert_eq!(with(&["nvme fatal guarded ns 1030"]), [false]);
    }

    #[test]
    fn a_restore_reads_each_register_once_more() {
        let lines = [
            "switch restore plain reads 40",
            "switch verified guarded registers 26",
        ];
        let with = |more| met(&[lines[0], lines[1], more]);
        assert_eq!(with("switch restore guarded reads 66"), [true]);
        assert_eq!(with("switch restore guarded reads 67"), [false]);
    }

    #[test]
    fn what_the_guard_of_every_function_costs_is_judged() {
        let plain = [
            "endpoint every_save plain instructions 1000",
            "endpoint every_restore plain instructions 1000",
            "endpoint every_save plain reads 38",
        ];
        let with = |more: &[&'static str]| met(&[&plain[..], more].concat());
        assert_eq!(
            with(&["endpoint every_save every instructions 1200"]),
            [true]
        );
        assert_eq!(
            with(&["endpoint every_save every instructions 1201"]),
            [false]
        );
        assert_eq!(with(&["endpoint every_save every reads 41"]), [false]);
        assert_eq!(
            with(&["endpoint every_restore every0 instructions 1151"]),
            [false]
        );
        assert_eq!(
            met(&[
                "fleet64 every_suspend core ns 1000",
                "fleet64 every_suspend every ns 1021",
            ]),
            [false]
        );
        assert_eq!(met(&["fleet256 every_load every ns 999000000"]), [true]);
        // The verification is asked for.
        assert!(with(&["endpoint every_restore every instructions 3000"]).is_empty());
        assert_eq!(with(&["endpoint every_memory every bytes 2048"]), [true]);
        assert_eq!(with(&["endpoint every_memory every bytes 2049"]), [false]);
    }

    #[test]
    fn many_functions_are_a_line_or_not() {
        let lines = |values: [u32; 4]| -> Vec<String> {
            OF_MANY
                .iter()
                .zip(values)
                .map(|((count, topology), value)| {
                    format!("{topology} fatal_{count} guarded instructions {value}")
                })
                .collect()
        };
        let judged = |values| {
            let lines = lines(values);
            met(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(judged([10, 80, 640, 2560]), [true]);
        assert_eq!(judged([10, 640, 800, 1000]), [false]);
    }
}
