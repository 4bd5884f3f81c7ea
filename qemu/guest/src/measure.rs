// SPDX-License-Identifier: GPL-2.0-only

//! Writes to a file of the kernel, and prints the time that it took: the processor time of this thread, and the
//! elapsed time. In a guest whose time counts instructions, a nanosecond of either is an instruction.
//!
//! The first write is not counted: it starts with cold caches.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use nix::time::ClockId;
use nix::time::clock_gettime;

use crate::file::Outcome;
use crate::options::Options;

pub const ABOUT: &str = "\
writes to a file of the kernel, and prints the time that it took

Prints one line: cpu MIN MEDIAN MAX time MIN MEDIAN MAX ERRNO, in nanoseconds; ERRNO is OK, or that of the write that came
last. TEXT is written in one write.
  --times N      how often it is measured (default 21)
  --before FILE  before each time, writes the same text to this file: bind after unbind";

/// How often it is measured, if nothing is said.
const TIMES: u16 = 21;

/// The time of one write, in nanoseconds.
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

/// One write, and its result.
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

/// Measures `times` writes of `text`, and returns the line that says what they took.
fn run(path: &Path, text: &str, times: u16, before: Option<&Path>) -> Result<String> {
    let bytes = text.as_bytes();
    let mut took = Vec::new();
    let mut last = String::new();
    for number in 0..=times {
        if let Some(before) = before {
            open(before)?
                .write_all(bytes)
                .with_context(|| format!("cannot write {text} to {}", before.display()))?;
        }
        // Opened each time: unbind takes some files away.
        let mut file = open(path)?;
        let (one, result) = measure(&mut file, bytes)?;
        last = Outcome::from(result.map(drop)).to_string();
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

/// `guest measure`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &["times", "before"])?;
    let (file, text) = (parsed.word("FILE")?, parsed.word("TEXT")?);
    parsed.end()?;
    let times = parsed.number("times")?.unwrap_or(TIMES);
    let before = parsed.value("before").map(Path::new);
    println!("{}", run(Path::new(&file), &text, times, before)?);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_in_order() {
        assert_eq!(spread(vec![5, 1, 9]), Some([1, 5, 9]));
        assert_eq!(spread(vec![]), None);
    }

    #[test]
    fn writes_once_more_than_it_measures() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let before = tempfile::NamedTempFile::new().unwrap();
        let line = run(file.path(), "1", 3, Some(before.path())).unwrap();
        assert!(line.starts_with("cpu ") && line.ends_with(" OK"), "{line}");
        assert_eq!(line.split_whitespace().count(), 9);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "1");
        assert!(run(file.path(), "1", 0, None).is_err());
    }

    #[test]
    fn a_refused_write_is_told_by_its_errno() {
        assert!(
            run(Path::new("/dev/full"), "1", 2, None)
                .unwrap()
                .ends_with(" ENOSPC")
        );
        assert!(run(Path::new("/does/not/exist"), "1", 2, None).is_err());
    }
}
