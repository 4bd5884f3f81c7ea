// SPDX-License-Identifier: GPL-2.0-only

//! The Command register, where what is read back decides.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    device::Bound,
    pci::Device,
    prelude::*, //
};

use super::{
    as_raw,
    Exclusive, //
};

/// `PCI_COMMAND_MASTER`.
const MASTER: u16 = bindings::PCI_COMMAND_MASTER as u16;

/// Reads Command; all-ones where the function does not answer.
pub(super) fn read(dev: &Device<Bound>) -> u16 {
    let mut value = u16::MAX;
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. An error leaves
    // all-ones.
    unsafe {
        bindings::pci_read_config_word(as_raw(dev), bindings::PCI_COMMAND as c_int, &mut value)
    };
    value
}

/// Writes Command.
pub(super) fn write(dev: &Device<Bound>, value: u16) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. An error says
    // that the function does not answer, which the next read finds.
    unsafe { bindings::pci_write_config_word(as_raw(dev), bindings::PCI_COMMAND as c_int, value) };
}

/// What Command takes.
pub trait Command {
    /// Does Bus Master Enable take a 1? Sets it, and reads it back.
    ///
    /// A function that never masters the bus may have it hard-wired to 0 (PCIe r6.0, sec
    /// 7.5.1.1.3).
    ///
    /// Context: process context; nobody else is at the function, which [`Exclusive`] says. One that
    /// does not answer counts as taking it.
    fn takes_bus_master(&self) -> bool;
}

impl Command for Exclusive<'_> {
    fn takes_bus_master(&self) -> bool {
        let before = read(self);
        if before & MASTER != 0 {
            return true;
        }
        write(self, before | MASTER);
        read(self) & MASTER != 0
    }
}
