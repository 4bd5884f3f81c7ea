// SPDX-License-Identifier: GPL-2.0-only

//! What the guard may cost, and whether it does.

use serde::Deserialize;
use serde::Serialize;

use super::estimate::Estimate;
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

/// Judges what there is; what was not measured has no target.
pub fn judge(figures: &Figures, estimate: &Estimate) -> Vec<Target> {
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
    if let Some(fit) = Fit::of(&points(figures, "instructions", "guarded")) {
        let what = "r² of instructions over the number of functions".into();
        targets.push(Target::above(what, (fit.r2 * 1e6).floor() / 1e6, 0.99));
    }
    let what = "code of the driver to what it would be in C (an estimate)".into();
    targets.push(Target::at_most(what, round(estimate.ratio()), 1.5));
    targets
}

/// Three decimals are what a person reads.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::super::estimate::Part;
    use super::super::figures::tests::figures;
    use super::*;

    const PART: Part = Part { rust: 10, c: 10 };
    const ESTIMATE: Estimate = Estimate {
        decides: PART,
        writes: PART,
        whole: PART,
    };

    /// Whether those that come from the figures are met.
    fn met(lines: &[&str]) -> Vec<bool> {
        let mut targets = judge(&figures(lines), &ESTIMATE);
        assert!(targets.pop().is_some_and(|of_code| of_code.met));
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
