// SPDX-License-Identifier: GPL-2.0-only

//! QEMU's own account of the accesses to configuration space: what `-trace pci_cfg_*` writes, a line for each.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::qmp::Qmp;
use crate::qmp::QmpError;

const READ: &str = "pci_cfg_read";
const WRITE: &str = "pci_cfg_write";

/// The trace of one machine.
pub struct Trace {
    /// Where QEMU writes it.
    file: PathBuf,
}

impl Trace {
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// From now on accesses are written down.
    pub fn begin(&self, qmp: &mut Qmp) -> Result<String, QmpError> {
        // QEMU appends; an older file is of another trace.
        match fs::File::options().write(true).open(&self.file) {
            Ok(file) => file.set_len(0)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        qmp.trace_event(READ, true)?;
        qmp.trace_event(WRITE, true)?;
        Ok(String::new())
    }

    /// Until now: `READS WRITES` of the function at `address`, as `01:00.0`.
    pub fn end(&self, qmp: &mut Qmp, address: &str) -> Result<String, QmpError> {
        qmp.trace_event(READ, false)?;
        qmp.trace_event(WRITE, false)?;
        let text = fs::read_to_string(&self.file)?;
        Ok(format!(
            "{} {}",
            count(&text, READ, address),
            count(&text, WRITE, address)
        ))
    }
}

/// How many lines `EVENT DRIVER ADDRESS @OFFSET -> VALUE` there are; the process and the time may be before them.
fn count(text: &str, event: &str, address: &str) -> usize {
    text.lines()
        .filter(|line| {
            let mut words = line.split_whitespace();
            words.any(|word| word.ends_with(event)) && words.nth(1) == Some(address)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_one_function_are_counted() {
        let text = "\
pci_cfg_read virtio-rng-pci 01:00.0 @0x4 -> 0x100007
7@1.25:pci_cfg_read virtio-rng-pci 01:00.0 @0x8 -> 0x0
pci_cfg_write virtio-rng-pci 01:00.0 @0x4 <- 0x7
pci_cfg_read virtio-rng-pci 02:00.0 @0x4 -> 0x100007
";
        assert_eq!(count(text, READ, "01:00.0"), 2);
        assert_eq!(count(text, WRITE, "01:00.0"), 1);
        assert_eq!(count(text, WRITE, "03:00.0"), 0);
    }
}
