// SPDX-License-Identifier: GPL-2.0-only

//! Decodes a config space: walks both lists of capabilities, and shows the registers so that two prints can be compared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::config;
use crate::layout;
use crate::layout::Register;
use crate::layout::dword;
use crate::options::Options;
use crate::options::Parsed;
use crate::options::shell_number;

pub const ABOUT: &str = "\
prints the registers, one a line, so that two prints can be compared

A line is `0x010 PCI_BASE_ADDRESS_0 0xfebff000`. Bits that hardware changes by itself (status, logged errors) read 0. Only
the header and capabilities with a known layout.
  --bytes N   reads that many bytes only
  --fleet     of each FUNCTION, with its address and `/` before each line";

pub const CAPABILITIES: &str = "\
prints `ID OFFSET` of each capability, or how many there are

ID has two hexadecimal digits for an ordinary one, four for an extended one; of several with one ID the first is printed.
  --bytes N   reads that many bytes only
  --count     prints how many there are in both lists";

pub const SAVED: &str = "\
compares the registers with a file in the form of the driver's `saved`

A line of the file is `0x04 4 PCI_COMMAND 0x00100507`. Prints one line for each register that differs in bits that hardware
does not change by itself, then `compared N`.
  --bytes N   reads that many bytes only";

/// A walk ends after this many capabilities: a broken device may make the lists circular.
const MOST_ORDINARY: usize = 48;
const MOST_EXTENDED: usize = 96;

/// A config space and what it says of itself.
pub struct Space {
    bytes: Vec<u8>,
    registers: Vec<Register>,
    /// The first of each ID, in the order of the lists.
    capabilities: Vec<(String, usize)>,
    /// Where there is a capability.
    places: BTreeSet<usize>,
}

impl Space {
    /// Decodes these bytes; nothing is decoded where they are no whole header.
    pub fn decode(bytes: Vec<u8>) -> Self {
        let mut space = Self {
            bytes,
            registers: Vec::new(),
            capabilities: Vec::new(),
            places: BTreeSet::new(),
        };
        if space.bytes.len() >= 64 {
            space.registers = layout::header(&space.bytes);
            let express = space.walk_ordinary();
            space.walk_extended(express);
        }
        space
    }

    /// Notes a capability; false where there is one already, or no room for one.
    fn enter(&mut self, at: usize, least: usize) -> bool {
        at >= least && at + 4 <= self.bytes.len() && self.places.insert(at)
    }

    fn found(&mut self, id: String, at: usize) {
        if !self.capabilities.iter().any(|(known, _)| *known == id) {
            self.capabilities.push((id, at));
        }
    }

    /// Returns where PCI Express is.
    fn walk_ordinary(&mut self) -> Option<usize> {
        let mut express = None;
        let mut at = usize::from(self.bytes[0x34]);
        for _ in 0..MOST_ORDINARY {
            if at < 64 || self.bytes.get(at) == Some(&0xff) || !self.enter(at, 64) {
                break;
            }
            let id = self.bytes[at];
            if id == 0x10 {
                express = Some(at);
            }
            self.found(format!("{id:02x}"), at);
            self.registers
                .extend(layout::capability(&self.bytes, at, id));
            at = usize::from(self.bytes[at + 1] & !3);
        }
        express
    }

    fn walk_extended(&mut self, express: Option<usize>) {
        let mut at = 0x100;
        for _ in 0..MOST_EXTENDED {
            let head = dword(&self.bytes, at).unwrap_or(0);
            if matches!(head, 0 | 0xffff_ffff) || !self.enter(at, 0x100) {
                break;
            }
            let id = (head & 0xffff) as u16;
            self.found(format!("{id:04x}"), at);
            self.registers
                .extend(layout::extended(&self.bytes, at, id, express));
            at = (head >> 20) as usize & !3;
        }
    }

    /// The comparable registers, a line for each, with `prefix` before it. What is behind the end of what was read is
    /// left out.
    fn print(&self, prefix: &str) -> String {
        let mut text = String::new();
        for register in &self.registers {
            if let Some(value) = dword(&self.bytes, register.offset) {
                let (offset, name, value) =
                    (register.offset, &register.name, value & register.mask);
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{prefix}{offset:#05x} {name} {value:#010x}");
            }
        }
        text
    }

    /// The bits of a register that count.
    fn masks(&self) -> BTreeMap<usize, u32> {
        self.registers
            .iter()
            .map(|register| (register.offset, register.mask))
            .collect()
    }

    /// What differs from the lines of a file in the form of `saved`, and how many registers there are in it.
    fn compare(&self, saved: &str) -> Result<String> {
        let masks = self.masks();
        let mut text = String::new();
        let mut compared = 0;
        for line in saved.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let [offset, size, name, value, ..] = words[..] else {
                continue;
            };
            let wrong = || format!("no line of a saved state: `{line}`");
            let offset = shell_number(offset).with_context(wrong)? as usize;
            let size = shell_number(size).with_context(wrong)? as usize;
            let saved = shell_number(value).with_context(wrong)?;
            let (base, from) = (offset & !3, offset % 4);
            ensure!(matches!(size, 1..=4) && from + size <= 4, wrong());
            compared += 1;
            let bits = u32::MAX >> (32 - 8 * size);
            let mask = masks.get(&base).copied().unwrap_or(!0) >> (8 * from) & bits;
            // Behind the end of what was read nothing is as it was saved.
            let is = dword(&self.bytes, base).map(|dword| dword >> (8 * from) & bits);
            if is.is_none_or(|is| is & mask != saved & mask) {
                let digits = 2 * size;
                let is = is.map_or("not there".to_owned(), |is| format!("0x{is:0digits$x}"));
                let _ = writeln!(
                    text,
                    "{offset:#05x} {name} is {is}, saved 0x{saved:0digits$x}"
                );
            }
        }
        let _ = writeln!(text, "compared {compared}");
        Ok(text)
    }
}

fn read(parsed: &Parsed, function: &str) -> Result<Space> {
    let bytes = parsed.number("bytes")?.unwrap_or(config::MOST_BYTES);
    Ok(Space::decode(config::read(function, bytes)?))
}

/// `guest registers`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&["fleet"], &["bytes"])?;
    if parsed.flag("fleet") {
        for function in parsed.rest() {
            print!(
                "{}",
                read(&parsed, &function)?.print(&format!("{function}/"))
            );
        }
    } else {
        let function = parsed.word("FUNCTION")?;
        parsed.end()?;
        print!("{}", read(&parsed, &function)?.print(""));
    }
    Ok(ExitCode::SUCCESS)
}

/// `guest capabilities`
pub fn capabilities_command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&["count"], &["bytes"])?;
    let function = parsed.word("FUNCTION")?;
    parsed.end()?;
    let space = read(&parsed, &function)?;
    if parsed.flag("count") {
        println!("{}", space.places.len());
    } else {
        for (id, at) in &space.capabilities {
            println!("{id} {at}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `guest saved-diff`
pub fn saved_command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &["bytes"])?;
    let (function, saved) = (parsed.word("FUNCTION")?, parsed.word("SAVED")?);
    parsed.end()?;
    let saved = fs::read_to_string(&saved).with_context(|| format!("cannot read {saved}"))?;
    print!("{}", read(&parsed, &function)?.compare(&saved)?);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An endpoint with PM, which leads to PCI Express, and AER.
    fn endpoint() -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        bytes[..8].copy_from_slice(&[0x36, 0x1b, 0x10, 0x00, 0x07, 0x05, 0x10, 0xf9]);
        bytes[0x34] = 0x40;
        bytes[0x40..0x48].copy_from_slice(&[0x01, 0x60, 0x03, 0x00, 0x08, 0x80, 0xff, 0xff]);
        bytes[0x60..0x64].copy_from_slice(&[0x10, 0x00, 0x02, 0x00]);
        bytes[0x68..0x6c].copy_from_slice(&[0x10, 0x29, 0x34, 0x12]);
        bytes[0x100..0x104].copy_from_slice(&[0x01, 0x00, 0x01, 0x00]);
        bytes[0x104] = 0x10;
        bytes
    }

    #[test]
    fn what_hardware_changes_reads_0() {
        let text = Space::decode(endpoint()).print("");
        for line in [
            "0x000 PCI_VENDOR_ID 0x00101b36\n",
            "0x004 PCI_COMMAND 0x00100507\n",
            "0x044 PM+04 0x00ff0008\n",
            "0x068 PCIE+08 0x00002910\n",
            "0x104 AER+04 0x00000000\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(
            Space::decode(endpoint())
                .print("x/")
                .starts_with("x/0x000 ")
        );
    }

    #[test]
    fn both_lists_are_walked() {
        let space = Space::decode(endpoint());
        let expected = [
            ("01".to_owned(), 0x40),
            ("10".to_owned(), 0x60),
            ("0001".to_owned(), 0x100),
        ];
        assert_eq!(space.capabilities, expected);
        assert_eq!(space.places.len(), 3);
    }

    #[test]
    fn broken_lists_end() {
        let mut bytes = endpoint();
        bytes[0x61] = 0x40;
        bytes[0x102..0x104].copy_from_slice(&[0x01, 0x10]);
        let space = Space::decode(bytes.clone());
        assert_eq!(space.places.len(), 3);
        // To itself, out of bounds, into the header.
        for next in [0x60, 0xfc, 0x10] {
            bytes[0x61] = next;
            assert!(Space::decode(bytes[..0x100].to_vec()).places.len() <= 3);
        }
        for length in [0, 63, 64, 0x41, 0x62, 0x102] {
            Space::decode(bytes[..length].to_vec()).print("");
        }
        assert_eq!(Space::decode(vec![0xff; 4096]).places.len(), 0);
    }

    #[test]
    fn saved_is_compared_without_what_changes_by_itself() {
        let space = Space::decode(endpoint());
        let saved = "offset size name value\n\
            0x00 4 PCI_VENDOR_ID 0x00101b36\n0x04 4 PCI_COMMAND 0x00300507\n0x0c 1 PCI_CACHE_LINE_SIZE 0x10\n\
            0x6a 2 PCI_EXP_DEVSTA 0xFFFF\n0x68 2 PCI_EXP_DEVCTL 0x2911\n";
        let saved = saved.split_once('\n').unwrap().1;
        assert_eq!(
            space.compare(saved).unwrap(),
            "0x004 PCI_COMMAND is 0xf9100507, saved 0x00300507\n\
             0x00c PCI_CACHE_LINE_SIZE is 0x00, saved 0x10\n\
             0x068 PCI_EXP_DEVCTL is 0x2910, saved 0x2911\ncompared 5\n"
        );
        assert!(space.compare("0x00 4 NAME x").is_err());
        assert!(space.compare("0x03 2 NAME 0").is_err());
        assert_eq!(space.compare("one word").unwrap(), "compared 0\n");
    }
}
