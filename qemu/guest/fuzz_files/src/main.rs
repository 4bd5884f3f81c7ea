// SPDX-License-Identifier: GPL-2.0-only

//! Reads and writes files of the kernel in every way that comes to mind: several threads, inputs from a seed. Says what
//! came of it, and fails where an errno came that the plan does not allow.
//!
//! | file | |
//! |---|---|
//! | `main.rs` | the command line, the threads |
//! | `plan.rs` | which files, which words, which errnos |
//! | `input.rs` | what is written |
//! | `operation.rs` | how it is written, and read |
//! | `tally.rs` | what came of it |

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use clap::Parser;
use fastrand::Rng;

mod input;
mod operation;
mod plan;
mod tally;

use input::Inputs;
use plan::Plan;
use tally::Tally;

const PLAN: &str = "\
The plan has a line for each file, of three parts with a tab in between:
  the file's path
  the errnos that are allowed, with commas in between
  the words that the file understands, with | in between; may be missing
The output has lines `PATH read|write OK|ERRNO COUNT`, and `unexpected ...` for
what the plan does not allow. The exit status is 1 if there was any of those.";

/// Reads and writes files of the kernel in every way that comes to mind, from a seed
#[derive(Debug, Parser)]
#[command(after_help = PLAN)]
struct Cli {
    /// What the random numbers begin with: the same for the same inputs
    #[arg(long, value_name = "NUMBER")]
    seed: u64,
    /// How long
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    seconds: u64,
    /// But so many operations of each thread, however long it takes
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    least: u64,
    /// Only while this file is there
    #[arg(long, value_name = "FILE")]
    r#while: Option<PathBuf>,
    /// How many at the same time
    #[arg(long, value_name = "NUMBER", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Write nothing but the words of the plan, each in one write
    #[arg(long)]
    words: bool,
    /// The file with the plan
    plan: PathBuf,
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

fn run(cli: &Cli) -> Result<bool> {
    let text = fs::read_to_string(&cli.plan)
        .with_context(|| format!("cannot read the plan {}", cli.plan.display()))?;
    let plan = Plan::parse(&text)?;
    ensure!(
        !plan.files.is_empty(),
        "{}: the plan names no file",
        cli.plan.display()
    );
    let inputs = if cli.words {
        Inputs::Words
    } else {
        Inputs::Anything
    };
    println!("seed {}", cli.seed);

    let end = Instant::now() + Duration::from_secs(cli.seconds);
    let go_on = |done| {
        (Instant::now() < end || done < cli.least)
            && cli.r#while.as_ref().is_none_or(|file| file.exists())
    };
    let mut total = Tally::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cli.threads)
            .map(|number| {
                let rng = Rng::with_seed(cli.seed.wrapping_add(number));
                let plan = &plan;
                scope.spawn(move || work(plan, inputs, rng, go_on))
            })
            .collect();
        for thread in threads {
            if let Ok(tally) = thread.join() {
                total.add(tally);
            }
        }
    });
    print!("{}", total.report(&plan));
    Ok(total.is_as_planned())
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz_files: error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
