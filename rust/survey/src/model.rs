// SPDX-License-Identifier: GPL-2.0-only

//! A model of a function, for the fault injector (`rust/pci_fault/model.rs`).

use std::fmt::Write;

use anyhow::{bail, Result};
use pci_recovery_guard::pci_fault::{
    model,
    registers::{Device, RegisterFile},
};
use pci_recovery_space::{
    dump::HEADER,
    space::{Space, EXTENDED},
};

/// How many bytes a row has.
const ROW: usize = 16;

/// There is none below a model that is only looked at.
struct Nothing;

impl Device for Nothing {
    fn read(&mut self, _offset: u16, _size: u8) -> u32 {
        0
    }

    fn write(&mut self, _offset: u16, _size: u8, _value: u32) {}
}

/// The model of `space`, a function in use at `address`, of which the first `length` bytes are
/// known. `sizes` are those of its BARs, where they are known.
///
/// # Errors
///
/// What of the function cannot be presented.
pub fn of_space(
    address: &str,
    space: &Space,
    length: usize,
    sizes: [Option<u64>; 6],
) -> Result<String> {
    if length <= HEADER {
        bail!("only {length} bytes of {address} are known: `lspci -xxxx` needs root");
    }
    if matches!(space.read(0x0e, 1) & 0x7f, 1 | 2) {
        bail!(
            "{address} is a bridge: a model of one is written by hand, on a bridge of QEMU's, as \
             bridge.model"
        );
    }
    let mut text = format!("# {address}, a function in use (survey --model).\nrunning\n");
    for offset in (0..length.min(EXTENDED)).step_by(ROW) {
        let row: Vec<u32> = (offset..offset + ROW)
            .filter_map(|at| u16::try_from(at).ok())
            .map(|at| space.read(at, 1))
            .collect();
        if row.iter().all(|&byte| byte == 0) {
            continue;
        }
        write!(text, "{offset:02x}:")?;
        for byte in row {
            write!(text, " {byte:02x}")?;
        }
        text.push('\n');
    }
    for (n, size) in sizes.into_iter().enumerate() {
        if let Some(size) = size {
            writeln!(text, "bar {n} size={size:#x}")?;
        }
    }
    text.push_str("end\n");

    let mut file = Box::new(RegisterFile::new());
    if let Err(error) = model::load(&text, &mut file, &mut Nothing) {
        bail!("{address} cannot be presented: {error}");
    }
    Ok(text)
}
