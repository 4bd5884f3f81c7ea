// SPDX-License-Identifier: GPL-2.0-only

//! Lets an allocation of this task fail, the Nth from the call on (`/proc/self/fail-nth`, see
//! `Documentation/fault-injection`), and reads what the kernel logs of it; again and again without a fork.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::file;
use crate::file::Outcome;
use crate::log::Findings;
use crate::log::Patterns;
use crate::options::Options;

pub const ABOUT: &str = "\
lets an allocation fail, and finds it in the kernel log

Reads commands, one a line, and answers each with one line:
  write N FILE TEXT  writes TEXT and a newline; the Nth allocation of that fails  -> LEFT ERRNO
  load N FILE        loads a module; the Nth allocation of that fails             -> LEFT ERRNO
  until MARK         reads the kernel log up to the line with MARK                -> CLASS DAMAGE WANTED SITE
LEFT is what is left of N: 0 where the allocation was reached, and failed. ERRNO is OK or the errno. CLASS is `ours` where the
stack of the failed allocation goes through a module that --ours matches, `core` where it does not, `none` where no failure
was logged. DAMAGE is the first line that --damage matches and --forgiven does not, with spaces as `_`, or `-`. WANTED is how
many lines --want matches. SITE names the innermost functions of the stack.";

const FAIL_NTH: &str = "/proc/self/fail-nth";
const KMSG: &str = "/dev/kmsg";

/// The longest record of the kernel log.
const RECORD: usize = 8192;

/// The text of a record of `/dev/kmsg`: behind `PRIORITY,NUMBER,TIME,FLAGS;`, without the lines of keys and values below
/// it.
fn message(record: &str) -> &str {
    let text = record.split_once(';').map_or(record, |(_, text)| text);
    text.lines().next().unwrap_or_default()
}

/// Reads records until the one with `mark`.
fn until(log: &mut impl Read, mark: &str, patterns: &Patterns) -> Result<String> {
    let mut findings = Findings::new();
    let mut record = [0; RECORD];
    loop {
        match log.read(&mut record) {
            Ok(0) => {
                findings.damage("the kernel log ended");
                break;
            }
            Ok(length) => {
                let text = String::from_utf8_lossy(&record[..length]);
                let line = message(&text);
                if line.contains(mark) {
                    break;
                }
                findings.line(line, patterns);
            }
            // Records were overwritten before they were read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                findings.damage("the kernel log was too short")
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot read the kernel log"),
        }
    }
    Ok(findings.answer())
}

/// Runs `operation` with its allocation number `number` failing, and returns what is left of the number, and the result.
fn armed<T>(number: &str, operation: impl FnOnce() -> T) -> Result<(u32, T)> {
    let opened = || -> io::Result<(File, File)> {
        let write = OpenOptions::new().write(true).open(FAIL_NTH)?;
        Ok((File::open(FAIL_NTH)?, write))
    };
    let (mut read, mut write) = opened().context("this kernel has no fail-nth")?;
    let mut left = [0; 32];
    // From here on, only the operation makes the kernel allocate anything for this task.
    write
        .write_all(number.as_bytes())
        .with_context(|| format!("fail-nth does not take `{number}`"))?;
    let result = operation();
    let length = read.read(&mut left)?;
    write.write_all(b"0")?;
    let left = String::from_utf8_lossy(&left[..length]);
    Ok((
        left.trim().parse().context("fail-nth is no number")?,
        result,
    ))
}

fn answer(line: &str, log: &mut File, patterns: &Patterns) -> Result<String> {
    let (left, outcome) = match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
        ["until", mark] => return until(log, mark, patterns),
        ["write", number, path, text] => {
            let text = format!("{text}\n");
            let (left, result) = armed(number, || file::write(path, text.as_bytes()))?;
            (left, Outcome::from(result))
        }
        ["load", number, path] => {
            let module = File::open(path).with_context(|| format!("cannot open {path}"))?;
            let (left, result) = armed(number, || file::load(&module))?;
            (left, Outcome::from(result))
        }
        _ => bail!("unknown command `{line}` (see --help)"),
    };
    Ok(format!("{left} {outcome}"))
}

/// `guest failures`
pub fn command(options: Options) -> Result<ExitCode> {
    let parsed = options.parse(&[], &["ours", "damage", "forgiven", "want"])?;
    parsed.end()?;
    let value = |name| parsed.value(name);
    let patterns = Patterns::new(
        value("ours"),
        value("damage"),
        value("forgiven"),
        value("want"),
    )?;
    // From its first record on: a mark may have been written before this program began.
    let mut log = File::open(KMSG).context("cannot open the kernel log")?;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = answer(
            &line.context("cannot read what to do")?,
            &mut log,
            &patterns,
        )?;
        writeln!(out, "{answer}")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns() -> Patterns {
        Patterns::new(None, Some("BUG:"), None, None).unwrap()
    }

    #[test]
    fn a_record_is_one_line() {
        assert_eq!(
            message("6,339,5140900,-;a; b\n SUBSYSTEM=pci\n DEVICE=+pci:x\n"),
            "a; b"
        );
        assert_eq!(message("no record"), "no record");
    }

    /// One record a read, as the kernel gives them, or an error.
    struct Records(Vec<io::Result<&'static str>>);

    impl Read for Records {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let record = self.0.remove(0)?;
            buffer[..record.len()].copy_from_slice(record.as_bytes());
            Ok(record.len())
        }
    }

    #[test]
    fn the_log_is_read_up_to_the_mark() {
        let mut records = Records(vec![
            Ok("4,1,1,-;BUG: bad\n"),
            Ok("4,2,2,-;mark 7\n"),
            Ok("4,3,3,-;x\n"),
            Err(io::ErrorKind::BrokenPipe.into()),
            Ok("4,9,9,-;mark 8\n"),
        ]);
        assert_eq!(
            until(&mut records, "mark 7", &patterns()).unwrap(),
            "none BUG:_bad 0 -"
        );
        assert_eq!(
            until(&mut records, "mark 8", &patterns()).unwrap(),
            "none the_kernel_log_was_too_short 0 -"
        );
        assert_eq!(
            until(&mut records, "mark 9", &patterns()).unwrap(),
            "none the_kernel_log_ended 0 -"
        );
    }
}
