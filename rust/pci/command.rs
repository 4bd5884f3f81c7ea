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
    info,
    Exclusive, //
};

/// `PCI_COMMAND_MEMORY`.
const MEMORY: u16 = bindings::PCI_COMMAND_MEMORY as u16;
/// `PCI_COMMAND_MASTER`.
const MASTER: u16 = bindings::PCI_COMMAND_MASTER as u16;
/// `PCI_COMMAND_INTX_DISABLE`, which the core clears of a function with an interrupt pin.
const INTX_DISABLE: u16 = bindings::PCI_COMMAND_INTX_DISABLE as u16;

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

/// Verifies, and repairs if needed, what the core has made of Command by enabling a function:
/// `before` is what it was.
///
/// The core reads it and writes it back with bits added, several times (`pci_enable_resources()`,
/// `do_pci_enable_device()`, `pci_set_master()`). A function that does not answer one of these
/// reads is written all-ones, or not at all.
///
/// Bus Master Enable may be hard-wired to 0, see [`Command::takes_bus_master`]. Whether the
/// function still answers is what the first save asks, which says so in the log.
pub(super) fn verify_enabled(dev: &Device<Bound>, before: u16) {
    let memory = if info::decodes_memory(dev) { MEMORY } else { 0 };
    let wanted = (before | memory | MASTER) & !INTX_DISABLE;

    let found = read(dev);
    if found & !INTX_DISABLE == wanted {
        return;
    }
    let intx = if found == u16::MAX { before } else { found } & INTX_DISABLE;
    write(dev, wanted | intx);
}

/// What Command takes.
pub trait Command {
    /// Returns whether Bus Master Enable takes a 1: sets it, and reads it back.
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
