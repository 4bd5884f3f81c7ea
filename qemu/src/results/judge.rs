// SPDX-License-Identifier: GPL-2.0-only

//! Whether a test has caught a mutant, and which.
//!
//! Only a failed test catches one. A guest that does not boot, hangs, panics or gives up does not, whatever failed before;
//! nor does a result that did not come, or a test that took too long.

use std::path::Path;

use anyhow::Result;

use super::format::Ended;
use super::format::File;
use super::format::Run;
use crate::outcome::PASSED;
use crate::ui::Ui;

#[derive(Debug, PartialEq)]
enum Judgement {
    Caught(String),
    Survived(String),
    NotTested(String),
}

/// Prints `caught: TESTS`, `SURVIVED: WHY` or `not tested: WHY`.
pub fn judge(file: &Path, ui: &Ui) -> Result<u8> {
    ui.line(&match judgement(&File::load(file)?.runs) {
        Judgement::Caught(tests) => format!("caught: {tests}"),
        Judgement::Survived(why) => format!("SURVIVED: {why}"),
        Judgement::NotTested(why) => format!("not tested: {why}"),
    });
    Ok(PASSED)
}

fn judgement(runs: &[Run]) -> Judgement {
    let mut caught: Vec<&str> = Vec::new();
    let mut late: Vec<&str> = Vec::new();
    for run in runs {
        let guests = run.guests.iter();
        let why = run.why.as_deref().unwrap_or("status unknown");
        if run.ended == Ended::Error {
            let why = why.split("; the tests are: ").next().unwrap_or(why);
            return Judgement::NotTested(format!("nothing was run: {why}"));
        }
        if run.ended != Ended::Complete {
            let running = guests.clone().find(|guest| guest.ended == run.ended);
            let during = running.and_then(|guest| guest.running.as_deref());
            let during = during.unwrap_or("the boot");
            return Judgement::NotTested(format!("no end of the tests: {why} ({during})"));
        }
        if let Some(bail) = guests.clone().find_map(|guest| guest.bail.as_deref()) {
            return Judgement::NotTested(format!("the tests gave up: {bail}"));
        }
        for test in guests.flat_map(|guest| &guest.tests) {
            if test.is_late() {
                late.push(&test.name);
            } else if test.has_failed() && test.name != crate::check::RUNNER {
                caught.push(&test.name);
            }
        }
    }
    caught.dedup();
    match (&caught[..], &late[..]) {
        ([], []) => Judgement::Survived("no test failed".into()),
        ([], late) => Judgement::Survived(format!(
            "no test failed, but {} took too long",
            late.join(", ")
        )),
        (caught, _) => Judgement::Caught(caught.join(", ")),
    }
}
