// SPDX-License-Identifier: GPL-2.0-only

//! Writes to a file of the kernel, and tells what that took: the time of the processor that this thread had, and the
//! time that went by. In a guest whose time counts instructions, a nanosecond of either is an instruction.
//!
//! The first write is not counted: it finds nothing in any cache.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use clap::Parser;
use nix::errno::Errno;
use nix::time::ClockId;
use nix::time::clock_gettime;

const OUTPUT: &str = "\
Prints one line: cpu MIN MEDIAN MAX time MIN MEDIAN MAX ERRNO, in nanoseconds;
ERRNO is OK, or that of the write that came last.";

/// Writes to a file of the kernel, and tells what that took
#[derive(Debug, Parser)]
#[command(after_help = OUTPUT)]
struct Cli {
    /// How often it is measured
    #[arg(long, value_name = "NUMBER", default_value = "21", value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
    /// Before each time, write the same text to this file: bind after unbind
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// The file to write to
    file: PathBuf,
    /// What is written, in one write
    text: String,
}

/// What one write took, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Took {
    cpu: u64,
    time: u64,
}

fn now(clock: ClockId) -> Result<u64> {
    let now = clock_gettime(clock).with_context(|| format!("cannot read the clock {clock}"))?;
    let (seconds, rest) = (u64::try_from(now.tv_sec())?, u64::try_from(now.tv_nsec())?);
    Ok(seconds * 1_000_000_000 + rest)
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// One write, and what came of it.
fn measure(file: &mut File, text: &[u8]) -> Result<(Took, io::Result<usize>)> {
    let time = now(ClockId::CLOCK_MONOTONIC)?;
    let cpu = now(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let result = file.write(text);
    let took = Took {
        cpu: now(ClockId::CLOCK_THREAD_CPUTIME_ID)? - cpu,
        time: now(ClockId::CLOCK_MONOTONIC)? - time,
    };
    Ok((took, result))
}

/// The least, the median and the most.
fn spread(mut values: Vec<u64>) -> Option<[u64; 3]> {
    values.sort_unstable();
    let median = *values.get(values.len() / 2)?;
    Some([*values.first()?, median, *values.last()?])
}

fn errno(result: &io::Result<usize>) -> String {
    match result {
        Ok(_) => "OK".into(),
        Err(error) => format!("{:?}", Errno::from_raw(error.raw_os_error().unwrap_or(0))),
    }
}

fn run(cli: &Cli) -> Result<String> {
    let text = cli.text.as_bytes();
    let mut took = Vec::new();
    let mut last = String::new();
    for number in 0..=cli.times {
        if let Some(before) = &cli.before {
            open(before)?
                .write_all(text)
                .with_context(|| format!("cannot write {} to {}", cli.text, before.display()))?;
        }
        // Opened each time: unbind takes some files away.
        let mut file = open(&cli.file)?;
        let (one, result) = measure(&mut file, text)?;
        last = errno(&result);
        if number > 0 {
            took.push(one);
        }
    }
    let cpu = spread(took.iter().map(|took| took.cpu).collect()).context("nothing was measured")?;
    let time =
        spread(took.iter().map(|took| took.time).collect()).context("nothing was measured")?;
    let words = |[min, median, max]: [u64; 3]| format!("{min} {median} {max}");
    Ok(format!("cpu {} time {} {last}", words(cpu), words(time)))
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("measure: error: {error:#}");
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

    #[test]
    fn the_spread_is_in_order() {
        assert_eq!(spread(vec![5, 1, 9]), Some([1, 5, 9]));
        assert_eq!(spread(vec![]), None);
    }

    #[test]
    fn writes_once_more_than_it_measures() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let before = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let before = before.path().to_str().unwrap();
        let words = ["measure", "--times", "3", "--before", before, path, "1"];
        let line = run(&Cli::parse_from(words)).unwrap();
        assert!(line.starts_with("cpu ") && line.ends_with(" OK"), "{line}");
        assert_eq!(line.split_whitespace().count(), 9);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "1");
    }

    #[test]
    fn a_refused_write_is_told_by_its_errno() {
        let cli = Cli::parse_from(["measure", "--times", "2", "/dev/full", "1"]);
        assert!(run(&cli).unwrap().ends_with(" ENOSPC"));
        assert!(run(&Cli::parse_from(["measure", "/does/not/exist", "1"])).is_err());
    }
}
