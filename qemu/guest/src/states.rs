// SPDX-License-Identifier: GPL-2.0-only

//! Names the state that each of three files holds: what the driver knows (`saved`), what a plain restore would write
//! (`would`) and what the function holds (`registers`). It does so again and again, so that a sweep makes no fork a run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::options::Options;

pub const ABOUT: &str = "\
names the state, of those it has learnt, that each of three files holds

SAVED, WOULD and REGISTERS are files of the driver and of the fault injector: what the driver knows, what a plain restore
would write, what the function holds. Reads commands, one a line, and answers each with one line:
  learn L     what they hold now is the state L         -> learnt L
  name        names the state of each                   -> SAVED WOULD REGISTERS [DIFFERENCE]
A name is L, `-` where there is no such file, or `?` for no state that was learnt: a mixture, or poison. DIFFERENCE says
what is wrong then, with spaces as `_`.
  --skip LIST   offsets, as the files write them, of registers that change by themselves
  --half LIST   of those whose upper half does
A function without a driver (there is no SAVED) is no bus master: that bit of Command counts as 0 then.";

const WHAT: [&str; 3] = ["known good", "buffer", "registers"];

/// Bus Master Enable, in the last digit of Command.
const MASTER: u32 = 4;

/// What the three files hold.
type Texts = [String; 3];

struct States {
    files: [String; 3],
    skip: BTreeSet<String>,
    half: BTreeSet<String>,
    /// By name: as they are, and as they are without a driver.
    known: BTreeMap<String, (Texts, Texts)>,
}

/// The line of Command without bus mastering.
fn no_master(line: &str) -> String {
    let (rest, last) = line.split_at(line.len().saturating_sub(1));
    match u32::from_str_radix(last, 16) {
        Ok(digit) => format!("{rest}{:x}", digit & !MASTER),
        Err(_) => line.to_owned(),
    }
}

/// A whole file of debugfs, in as few reads as can be.
fn read(file: &str) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut bytes = Vec::with_capacity(1 << 16);
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl States {
    /// The text of a file, without what changes by itself; empty where there is no such file.
    fn text(&self, file: &str, unbound: bool) -> String {
        let text = read(file).unwrap_or_default();
        let mut kept = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let offset = words.next().unwrap_or_default();
            if self.skip.contains(offset) {
                continue;
            }
            if self.half.contains(offset) {
                let lower = line.get(line.len().saturating_sub(4)..).unwrap_or(line);
                // The files leave out a dword that is 0.
                if lower == "0000" {
                    continue;
                }
                let second = words.next().unwrap_or_default();
                kept += &format!("{offset} {second} ....{lower}");
            } else {
                kept += line;
            }
            if unbound && offset == "0x004" {
                kept = no_master(&kept);
            }
            kept.push('\n');
        }
        kept
    }

    fn texts(&self, unbound: bool) -> Texts {
        [0, 1, 2].map(|which| self.text(&self.files[which], unbound))
    }

    fn learn(&mut self, name: &str) {
        self.known
            .insert(name.to_owned(), (self.texts(false), self.texts(true)));
    }

    /// Answers `name`.
    fn name(&self) -> String {
        let saved = self.text(&self.files[0], false);
        let unbound = saved.is_empty();
        let texts = [
            saved,
            self.text(&self.files[1], unbound),
            self.text(&self.files[2], unbound),
        ];
        let mut answer = String::new();
        let mut differences = String::new();
        for (which, text) in texts.iter().enumerate() {
            let known = |states: &(Texts, Texts)| {
                let texts = if unbound { &states.1 } else { &states.0 };
                texts[which] == *text
            };
            let found = self.known.iter().rev().find(|(_, states)| known(states));
            answer += match found {
                _ if text.is_empty() => "-",
                Some((name, _)) => name,
                None => {
                    differences += " ";
                    differences += &self.difference(which, text, unbound);
                    "?"
                }
            };
            answer.push(' ');
        }
        answer + &differences
    }

    /// The first line in which a text differs from the state that it is most like.
    fn difference(&self, which: usize, text: &str, unbound: bool) -> String {
        let mut best: Option<(usize, String)> = None;
        for (name, states) in &self.known {
            let known = if unbound {
                &states.1[which]
            } else {
                &states.0[which]
            };
            let lines: Vec<_> = text.lines().collect();
            let wanted: Vec<_> = known.lines().collect();
            let length = lines.len().max(wanted.len());
            let at = |lines: &[&str], number: usize| {
                lines.get(number).copied().unwrap_or_default().to_owned()
            };
            let mut differ = (0..length).filter(|&n| at(&lines, n) != at(&wanted, n));
            let Some(first) = differ.next() else { continue };
            let count = 1 + differ.count();
            if best.as_ref().is_none_or(|(least, _)| count < *least) {
                let (is, should) = (at(&lines, first), at(&wanted, first));
                let what = WHAT[which];
                let difference = format!(
                    "{what} has {is}, should be {should} ({count} lines differ from state {name})"
                );
                best = Some((count, difference));
            }
        }
        best.map_or_else(String::new, |(_, difference)| difference.replace(' ', "_"))
    }

    fn answer(&mut self, line: &str) -> Result<String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["learn", name] => {
                self.learn(name);
                Ok(format!("learnt {name}"))
            }
            ["name"] => Ok(self.name()),
            _ => bail!("unknown command `{line}` (see --help)"),
        }
    }
}

/// `guest states`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &["skip", "half"])?;
    let list = |name| {
        let value: Option<&str> = parsed.value(name);
        value
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let (skip, half) = (list("skip"), list("half"));
    let files = [
        parsed.word("SAVED")?,
        parsed.word("WOULD")?,
        parsed.word("REGISTERS")?,
    ];
    parsed.end()?;
    let mut states = States {
        files,
        skip,
        half,
        known: BTreeMap::new(),
    };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = states.answer(&line.context("cannot read what to do")?)?;
        writeln!(out, "{answer}")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Files {
        dir: tempfile::TempDir,
        states: States,
    }

    impl Files {
        fn new(skip: &str, half: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            let files = ["saved", "would", "registers"]
                .map(|name| dir.path().join(name).to_str().unwrap().to_owned());
            let states = States {
                files,
                skip: list(skip),
                half: list(half),
                known: BTreeMap::new(),
            };
            Self { dir, states }
        }

        fn write(&self, saved: &str, would: &str, registers: &str) {
            for (name, text) in [("saved", saved), ("would", would), ("registers", registers)] {
                fs::write(self.dir.path().join(name), text).unwrap();
            }
        }

        fn two_states() -> Self {
            let mut files = Self::new("0x030", "0x004");
            for (name, value) in [("B", 1), ("A", 0)] {
                let registers =
                    format!("0x004 4 0x00100507\n0x00c 1 0x{value:02x}\n0x030 4 0x12\n");
                files.write(&format!("0x00c 1 {value}\n"), &registers, &registers);
                assert_eq!(
                    files.states.answer(&format!("learn {name}")).unwrap(),
                    format!("learnt {name}")
                );
            }
            files
        }
    }

    #[test]
    fn a_state_is_named() {
        let mut files = Files::two_states();
        assert_eq!(files.states.answer("name").unwrap().trim(), "A A A");
        // Status, and what is skipped, do not matter.
        let other = "0x004 4 0xffff0507\n0x00c 1 0x01\n0x030 4 0x99\n";
        files.write("0x00c 1 1\n", other, other);
        assert_eq!(files.states.answer("name").unwrap().trim(), "B B B");
    }

    #[test]
    fn half_a_dword_that_is_0_may_be_left_out() {
        let mut files = Files::new("", "0x00c");
        files.write("x\n", "0x00c 4 0x00000000\n0x010 4 0x1\n", "y\n");
        files.states.learn("A");
        files.write("x\n", "0x010 4 0x1\n", "y\n");
        assert_eq!(files.states.answer("name").unwrap().trim(), "A A A");
    }

    #[test]
    fn a_mixture_is_none() {
        let mut files = Files::two_states();
        let registers = "0x004 4 0x00100507\n0x00c 1 0x00\n0x030 4 0x12\n";
        files.write(
            "0x00c 1 0\n",
            "0x004 4 0x0010ffff\n0x00c 1 0x01\n",
            registers,
        );
        let answer = files.states.answer("name").unwrap();
        let difference =
            "buffer_has_0x004_4_....ffff,_should_be_0x004_4_....0507_(1_lines_differ_from_state_B)";
        assert_eq!(
            answer.split_whitespace().collect::<Vec<_>>(),
            ["A", "?", "A", difference]
        );
    }

    #[test]
    fn without_a_driver_it_is_no_bus_master() {
        let mut files = Files::two_states();
        fs::remove_file(files.dir.path().join("saved")).unwrap();
        let registers = "0x004 4 0x00100503\n0x00c 1 0x01\n0x030 4 0x12\n";
        for name in ["would", "registers"] {
            fs::write(files.dir.path().join(name), registers).unwrap();
        }
        assert_eq!(files.states.answer("name").unwrap().trim(), "- B B");
        // With one, it is.
        files.write("0x00c 1 1\n", registers, registers);
        assert!(files.states.answer("name").unwrap().starts_with("B ? ?"));
    }

    #[test]
    fn unknown_commands_are_refused() {
        assert!(Files::new("", "").states.answer("judge").is_err());
    }

    #[test]
    fn one_bit_of_a_digit() {
        assert_eq!(no_master("0x004 2 0x0507"), "0x004 2 0x0503");
        assert_eq!(no_master("0x004 2 0x050f"), "0x004 2 0x050b");
        assert_eq!(no_master("x"), "x");
        assert_eq!(no_master(""), "");
    }
}
