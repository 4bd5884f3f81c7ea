// SPDX-License-Identifier: GPL-2.0-only

//! Detects regressions: counts of accesses must be the same, those of instructions the same to 2 %, where nothing
//! sleeps: what does is woken by ticks, and takes some percent more or less. A driver that has become cheaper is told as
//! well, for then the file with the results is out of date.

use super::figures::Figure;
use super::results::Results;

/// How much a count of instructions may differ.
const TOLERANCE: f64 = 0.02;

/// Operations that do not sleep.
const STEADY: [&str; 6] = [
    "probe",
    "save",
    "restore",
    "nonfatal",
    "every_save",
    "every_restore",
];

/// The result for one figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Compares the figures of `is` with those of `was`, and looks whether the targets are met; each one with a name for a
/// person.
pub fn compare(is: &Results, was: &Results) -> Vec<(String, Outcome)> {
    let figures = is
        .figures
        .iter()
        .filter_map(|figure| Some((name(&figure), outcome(&figure, is, was)?)));
    let targets = is.targets.iter().map(|target| {
        let outcome = match target.met {
            true => Outcome::Passed,
            false => Outcome::Failed(format!("is {}, should be {}", target.is, target.should)),
        };
        (target.what.clone(), outcome)
    });
    figures.chain(targets).collect()
}

fn name(figure: &Figure) -> String {
    format!(
        "{} {} {} {}",
        figure.topology, figure.operation, figure.who, figure.unit
    )
}

fn outcome(figure: &Figure, is: &Results, was: &Results) -> Option<Outcome> {
    let Figure {
        topology,
        operation,
        who,
        unit,
        value,
    } = figure;
    let tolerance = match unit.as_str() {
        "accesses" | "reads" | "writes" | "registers" => 0.0,
        "instructions" if STEADY.contains(&operation.as_str()) => TOLERANCE,
        // Times and memory are looked at by a person.
        _ => return None,
    };
    let Some(expected) = was.figures.get(topology, operation, unit, who) else {
        return Some(Outcome::Failed(format!(
            "is {value}, which was not measured before: make bench"
        )));
    };
    if unit == "instructions" && is.kernel != was.kernel {
        return Some(Outcome::Skipped(format!(
            "known of Linux {}, this is {}: make bench",
            was.kernel, is.kernel
        )));
    }
    let difference = *value as f64 - expected as f64;
    if difference.abs() > tolerance * expected as f64 {
        let direction = if difference > 0.0 { "more" } else { "less" };
        return Some(Outcome::Failed(format!(
            "is {value}, {direction} than the {expected} of the results; if that is meant: make bench"
        )));
    }
    Some(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::super::targets::Target;
    use super::*;
    use std::collections::BTreeMap;

    fn results(kernel: &str, lines: &[&str]) -> Results {
        Results {
            command: "make bench".into(),
            kernel: kernel.into(),
            qemu: String::new(),
            figures: figures(lines),
            sizes: BTreeMap::new(),
            fits: BTreeMap::new(),
            targets: vec![],
        }
    }

    fn verdict(kernel: &str, is: &str, was: &str) -> Option<Outcome> {
        let outcome = compare(&results(kernel, &[is]), &results("7.3.4", &[was]));
        outcome.into_iter().map(|(_, outcome)| outcome).next()
    }

    #[test]
    fn accesses_are_the_same_or_it_fails() {
        let was = "endpoint save guarded reads 40";
        assert_eq!(verdict("7.3.4", was, was), Some(Outcome::Passed));
        for is in [
            "endpoint save guarded reads 41",
            "endpoint save guarded reads 39",
            "endpoint save plain reads 40",
        ] {
            assert!(
                matches!(verdict("7.3.4", is, was), Some(Outcome::Failed(_))),
                "{is}"
            );
        }
        // Of another kernel as well.
        assert_eq!(verdict("7.3.5", was, was), Some(Outcome::Passed));
    }

    #[test]
    fn instructions_may_differ_a_little() {
        let was = "nvme save guarded instructions 10000";
        let with = |value| {
            verdict(
                "7.3.4",
                &format!("nvme save guarded instructions {value}"),
                was,
            )
        };
        assert_eq!(with(10200), Some(Outcome::Passed));
        assert_eq!(with(9800), Some(Outcome::Passed));
        assert!(matches!(with(10201), Some(Outcome::Failed(_))));
        assert!(matches!(with(9799), Some(Outcome::Failed(_))));
        assert!(matches!(
            verdict("7.3.5", was, was),
            Some(Outcome::Skipped(_))
        ));
    }

    #[test]
    fn a_target_that_is_missed_fails() {
        let line = "endpoint save guarded reads 40";
        let was = results("7.3.4", &[line]);
        let with = |is| {
            let mut now = results("7.3.4", &[line]);
            now.targets = vec![Target::at_most("reads".into(), is, 2.0)];
            compare(&now, &was).pop().map(|(_, outcome)| outcome)
        };
        assert_eq!(with(2.0), Some(Outcome::Passed));
        assert!(matches!(with(3.0), Some(Outcome::Failed(_))));
    }

    #[test]
    fn a_time_is_no_regression_nor_what_sleeps() {
        for (is, was) in [
            ("nvme save plain ns 5", "nvme save plain ns 1"),
            (
                "nvme fatal plain instructions 5",
                "nvme fatal plain instructions 1",
            ),
        ] {
            assert_eq!(verdict("7.3.4", is, was), None);
        }
    }
}
