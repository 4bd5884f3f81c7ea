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
    info::is_downstream_port,
    lock::upstream_bridge, //
};

/// Reads of config space at run-time offsets.
///
/// Context: any; does not sleep. Not while the channel is frozen.
pub trait Config {
    /// Reads the dword at `offset`, in bytes (`pci_read_config_dword()`), all-ones on error.
    ///
    /// That is also what a function that is gone reads (PCIe r6.0, sec 2.3.2), and what an offset
    /// reads that is not a multiple of 4 or not in config space.
    fn read_config_dword(&self, offset: u16) -> u32;

    /// Reads the word at `offset`, in bytes, in the PCI Express capability
    /// (`pcie_capability_read_word()`); 0 where the function does not implement it, and on error.
    fn read_pcie_word(&self, offset: u16) -> u16;

    /// Reads Link Control of the port at the other end of the link (`PCI_EXP_LNKCTL`); [`None`]
    /// where there is no link above the function, or the port does not answer.
    fn read_port_link_control(&self) -> Option<u16>;
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

    fn read_pcie_word(&self, offset: u16) -> u16 {
        let mut value = 0;
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe {
            bindings::pcie_capability_read_word(as_raw(self), offset.into(), &mut value);
        }
        value
    }

    fn read_port_link_control(&self) -> Option<u16> {
        // SAFETY: `upstream_bridge()` returns a valid `struct pci_dev`.
        let port = upstream_bridge(self).filter(|&port| unsafe { is_downstream_port(port) })?;
        let mut value = 0;
        // SAFETY: As above; the bridge stays for as long as the function is below it.
        let ret = unsafe {
            bindings::pcie_capability_read_word(port, bindings::PCI_EXP_LNKCTL as c_int, &mut value)
        };
        (ret == 0 && value != u16::MAX).then_some(value)
    }
}
