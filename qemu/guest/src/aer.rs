// SPDX-License-Identifier: GPL-2.0-only

//! Records for the kernel's `aer_inject` (`struct aer_error_inj` of `drivers/pci/pcie/aer_inject.c`).

use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;

use crate::file::Outcome;
use crate::file::whole;
use crate::options::Options;
use crate::options::shell_number;

pub const ABOUT: &str = "\
writes one record to aer_inject, with one write(2); prints OK or the errno

  FUNCTION       its address, 0000:01:00.0
  CORRECTABLE    bits of the AER Correctable Error Status, as 0x1; 0 for none
  UNCORRECTABLE  bits of the AER Uncorrectable Error Status, as 0x4000
  FILE           default /dev/aer_inject; `-` writes the record to standard output";

const FILE: &str = "/dev/aer_inject";
const LENGTH: usize = 32;

/// An address as numbers: domain, bus, device, function.
fn address(text: &str) -> Option<(u32, u8, u8, u8)> {
    let (domain, rest) = text.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let byte = |digits| u8::from_str_radix(digits, 16).ok();
    let domain = (domain.len() >= 4).then(|| u32::from_str_radix(domain, 16).ok())??;
    let (device, function) = (byte(device)?, byte(function)?);
    (device < 32 && function < 8).then_some((domain, byte(bus)?, device, function))
}

/// Bus, device and function, a byte of padding, both status registers, four words of a header log, the domain.
fn record(function: &str, correctable: u32, uncorrectable: u32) -> Result<[u8; LENGTH]> {
    let (domain, bus, device, function) =
        address(function).with_context(|| format!("`{function}` is no address as 0000:01:00.0"))?;
    let mut record = [0; LENGTH];
    record[..3].copy_from_slice(&[bus, device, function]);
    record[4..8].copy_from_slice(&uncorrectable.to_ne_bytes());
    record[8..12].copy_from_slice(&correctable.to_ne_bytes());
    record[28..].copy_from_slice(&domain.to_ne_bytes());
    Ok(record)
}

/// `guest aer-record`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &[])?;
    let function = parsed.word("FUNCTION")?;
    let correctable = shell_number(&parsed.word("CORRECTABLE")?)?;
    let uncorrectable = shell_number(&parsed.word("UNCORRECTABLE")?)?;
    let file = parsed.optional_word().unwrap_or_else(|| FILE.to_owned());
    parsed.end()?;
    let record = record(&function, correctable, uncorrectable)?;
    if file == "-" {
        io::stdout().write_all(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let write = || {
        let mut file = OpenOptions::new().write(true).open(&file)?;
        whole(file.write(&record), LENGTH)
    };
    let outcome = Outcome::from(write());
    println!("{outcome}");
    Ok(if outcome.0.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_the_kernel_has_it() {
        let record = record("0001:0a:1f.7", 1, 0x4000).unwrap();
        assert_eq!(record[..12], [0x0a, 0x1f, 7, 0, 0, 0x40, 0, 0, 1, 0, 0, 0]);
        assert_eq!(record[12..28], [0; 16]);
        assert_eq!(record[28..], [1, 0, 0, 0]);
    }

    #[test]
    fn addresses_are_whole() {
        for wrong in [
            "01:00.0",
            "0000:01:00",
            "0000:01:20.0",
            "0000:01:00.8",
            "x",
            "1:01:00.0",
            "0000:100:00.0",
        ] {
            assert!(record(wrong, 0, 0).is_err(), "{wrong}");
        }
    }
}
