// SPDX-License-Identifier: GPL-2.0-only

//! Registers read for checking, at offsets that are known at run time only.
//!
//! The kernel crate's `ConfigSpace` is for registers that a driver declares. A check of saved state
//! walks a list instead and wants what the PCI core itself would read: all-ones where there is no
//! function or no such register.
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
    info::{
        is_downstream_port,
        Info, //
    },
    lock::upstream_bridge, //
};

/// Reads of config space at run-time offsets, and the writes that a repair needs.
///
/// Context: any; does not sleep. Not while the channel is frozen.
pub trait Config {
    /// Reads the dword at `offset`, in bytes (`pci_read_config_dword()`), all-ones on error.
    ///
    /// That is also what a function that is gone reads (PCIe r6.0, sec 2.3.2), and what an offset
    /// reads that is not a multiple of 4 or not in config space.
    fn read_config_dword(&self, offset: u16) -> u32;

    /// Writes the dword at `offset`, in bytes (`pci_write_config_dword()`). What is not written is
    /// found by the next read.
    fn write_config_dword(&self, offset: u16, value: u32);

    /// Reads the word at `offset`, in bytes, in the PCI Express capability
    /// (`pcie_capability_read_word()`); 0 where the function does not implement it, and on error.
    fn read_pcie_word(&self, offset: u16) -> u16;

    /// Reads Link Control of the port at the other end of the link (`PCI_EXP_LNKCTL`); [`None`]
    /// where there is no link above the function, or the port does not answer.
    fn read_port_link_control(&self) -> Option<u16>;

    /// Reads L1 PM Substates of the port above: offset and value of `PCI_L1SS_CTL2`, then of
    /// `PCI_L1SS_CTL1`, all-ones where the port does not answer; [`None`] where the core does not
    /// restore them with this function ([`State::port_l1ss`](super::State::port_l1ss)).
    fn read_port_l1ss(&self) -> Option<[(u16, u32); 2]>;

    /// Writes Link Control of the port at the other end of the link (`PCI_EXP_LNKCTL`), where there
    /// is one. Link Disable in `value` cuts the function off.
    fn write_port_link_control(&self, value: u16);
}

/// The port at the other end of the link.
fn port_above(dev: &Device<Bound>) -> Option<*mut bindings::pci_dev> {
    // SAFETY: `upstream_bridge()` returns a valid `struct pci_dev`.
    upstream_bridge(dev).filter(|&port| unsafe { is_downstream_port(port) })
}

impl Config for Device<Bound> {
    fn read_config_dword(&self, offset: u16) -> u32 {
        let mut value = u32::MAX;
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; the core
        // refuses an offset that is not aligned or not in config space.
        let ret =
            unsafe { bindings::pci_read_config_dword(as_raw(self), offset.into(), &mut value) };
        if ret == 0 {
            value
        } else {
            u32::MAX
        }
    }

    fn write_config_dword(&self, offset: u16, value: u32) {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; the core
        // refuses an offset that is not aligned or not in config space.
        unsafe { bindings::pci_write_config_dword(as_raw(self), offset.into(), value) };
    }

    fn read_pcie_word(&self, offset: u16) -> u16 {
        let mut value = 0;
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe {
            bindings::pcie_capability_read_word(as_raw(self), offset.into(), &mut value);
        }
        value
    }

    fn read_port_link_control(&self) -> Option<u16> {
        let port = port_above(self)?;
        let mut value = 0;
        // SAFETY: The bridge is valid, and stays for as long as the function is below it.
        let ret = unsafe {
            bindings::pcie_capability_read_word(port, bindings::PCI_EXP_LNKCTL as c_int, &mut value)
        };
        (ret == 0 && value != u16::MAX).then_some(value)
    }

    fn read_port_l1ss(&self) -> Option<[(u16, u32); 2]> {
        if !self.saves_l1ss() {
            return None;
        }
        let port = upstream_bridge(self)?;
        // SAFETY: The bridge is valid; the field is set when it is added.
        let l1ss = unsafe { (*port).l1ss };
        let registers = [bindings::PCI_L1SS_CTL2, bindings::PCI_L1SS_CTL1];
        Some(registers.map(|register| {
            // CAST: Config space has 4096 bytes.
            let offset = l1ss.wrapping_add(register as u16);
            let mut value = u32::MAX;
            // SAFETY: The bridge is valid; the core refuses an offset that is not in config space,
            // and leaves all-ones then.
            unsafe { bindings::pci_read_config_dword(port, offset.into(), &mut value) };
            (offset, value)
        }))
    }

    fn write_port_link_control(&self, value: u16) {
        let Some(port) = port_above(self) else {
            return;
        };
        // SAFETY: The bridge is valid, and stays for as long as the function is below it. An error
        // says that it does not answer: then it is lost, and the function with it.
        unsafe {
            bindings::pcie_capability_write_word(port, bindings::PCI_EXP_LNKCTL as c_int, value);
        }
    }
}
