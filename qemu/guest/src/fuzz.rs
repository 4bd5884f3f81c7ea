// SPDX-License-Identifier: GPL-2.0-only

//! Reads and writes files of the kernel in every way that comes to mind: several threads, inputs from a seed. Says what
//! came of it, and fails where an errno came that the plan does not allow.
//!
//! | file | |
//! |---|---|
//! | `plan.rs` | which files, which words, which errnos |
//! | `input.rs` | what is written |
//! | `operation.rs` | how it is written, and read |
//! | `tally.rs` | the results |

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use fastrand::Rng;

use crate::options::Options;

mod input;
mod operation;
mod plan;
mod tally;

use input::Inputs;
use plan::Plan;
use tally::Tally;

pub const ABOUT: &str = "\
reads and writes files of the kernel in every way that comes to mind

The plan has a line for each file, of three parts with a tab in between: the file's path; the errnos that are allowed, with
commas in between; the words that the file understands, with | in between, or nothing. The output has lines
`PATH read|write OK|ERRNO COUNT`, and `unexpected ...` for what the plan does not allow; the exit status is 1 if there was any
of those.
  --seed N      the same seed gives the same inputs
  --seconds N   how long (default 5)
  --least N     but so many operations of each thread, however long it takes
  --while FILE  only while this file is there
  --threads N   how many at the same time, 1 to 64 (default 4)
  --words       writes only the words of the plan, each in one write";

/// What a run is to do.
struct Run {
    seed: u64,
    seconds: u64,
    least: u64,
    r#while: Option<PathBuf>,
    threads: u64,
    inputs: Inputs,
}

/// Does random things with the files of `plan` as long as `go_on` says so.
fn work(plan: &Plan, inputs: Inputs, mut rng: Rng, go_on: impl Fn(u64) -> bool) -> Tally {
    let mut tally = Tally::default();
    let mut done = 0;
    while go_on(done) && !tally.is_hopeless() {
        done += 1;
        let index = rng.usize(..plan.files.len());
        operation::one(index, &plan.files[index], inputs, &mut rng, &mut tally);
    }
    tally
}

impl Run {
    /// Works on the files of `plan`, and returns the results.
    fn work(&self, plan: &Plan) -> Tally {
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let go_on = |done| {
            (Instant::now() < end || done < self.least)
                && self.r#while.as_ref().is_none_or(|file| file.exists())
        };
        let mut total = Tally::default();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|number| {
                    let rng = Rng::with_seed(self.seed.wrapping_add(number));
                    scope.spawn(move || work(plan, self.inputs, rng, go_on))
                })
                .collect();
            for thread in threads {
                if let Ok(tally) = thread.join() {
                    total.add(tally);
                }
            }
        });
        total
    }
}

/// `guest fuzz`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(
        &["words"],
        &["seed", "seconds", "least", "while", "threads"],
    )?;
    let path = parsed.word("PLAN")?;
    parsed.end()?;
    let run = Run {
        seed: parsed.number("seed")?.context("--seed is missing")?,
        seconds: parsed.number("seconds")?.unwrap_or(5),
        least: parsed.number("least")?.unwrap_or(0),
        r#while: parsed.value("while").map(PathBuf::from),
        threads: parsed.number("threads")?.unwrap_or(4),
        inputs: if parsed.flag("words") {
            Inputs::Words
        } else {
            Inputs::Anything
        },
    };
    ensure!(
        (1..=64).contains(&run.threads),
        "1 to 64 threads, not {}",
        run.threads
    );
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read the plan {path}"))?;
    let plan = Plan::parse(&text)?;
    ensure!(!plan.files.is_empty(), "{path}: the plan names no file");
    println!("seed {}", run.seed);
    let total = run.work(&plan);
    print!("{}", total.report(&plan));
    Ok(if total.is_as_planned() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_does_its_least() {
        let run = Run {
            seed: 1,
            seconds: 0,
            least: 5,
            r#while: None,
            threads: 2,
            inputs: Inputs::Words,
        };
        let plan = Plan::parse("/dev/null\t\t1|2").unwrap();
        let report = run.work(&plan).report(&plan);
        assert!(
            report.starts_with("operations 10\n/dev/null write OK 10\n"),
            "{report}"
        );
        let run = Run {
            r#while: Some("/does/not/exist".into()),
            ..run
        };
        assert_eq!(run.work(&plan).report(&plan), "operations 0\n");
    }
}
