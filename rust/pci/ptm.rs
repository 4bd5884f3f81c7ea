// SPDX-License-Identifier: GPL-2.0-only

//! Precision Time Measurement (PCIe r6.0, sec 6.21).
//!
//! The core disables it before a function sleeps, and enables it again afterwards where it was
//! enabled (`pci_suspend_ptm()`, `pci_resume_ptm()`), neither of which is exported. So what is
//! saved on the way to sleep has it off, and a restore of that must be followed by this.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Exclusive;

/// Precision Time Measurement.
pub trait Ptm {
    /// Enables it again where the kernel has it enabled (`pcie_ptm_enabled()`) and the function has
    /// not.
    ///
    /// Context: not in the noirq phases of system sleep, where the ports above have it disabled;
    /// does not sleep.
    fn resume_ptm(&self);
}

#[cfg(not(CONFIG_PCIE_PTM))]
impl Ptm for Exclusive<'_> {
    fn resume_ptm(&self) {}
}

#[cfg(CONFIG_PCIE_PTM)]
impl Ptm for Exclusive<'_> {
    fn resume_ptm(&self) {
        use super::{
            as_raw,
            Config, //
        };
        use kernel::bindings::{
            self,
            PCI_PTM_CTRL,
            PCI_PTM_CTRL_ENABLE,
            PCI_PTM_CTRL_ROOT,
            PCI_PTM_GRANULARITY_MASK, //
        };

        let pdev = as_raw(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The fields
        // are written when the function is enumerated.
        let (capability, is_root, granularity) = unsafe {
            (
                (*pdev).ptm_cap,
                bindings::pci_dev::ptm_root_raw(pdev) != 0,
                (*pdev).ptm_granularity,
            )
        };
        // SAFETY: As above.
        if capability == 0 || !unsafe { bindings::pcie_ptm_enabled(pdev) } {
            return;
        }
        // CAST: A small constant.
        let offset = capability.saturating_add(PCI_PTM_CTRL as u16);
        let control = self.read_config_dword(offset);
        if control == u32::MAX || control & PCI_PTM_CTRL_ENABLE != 0 {
            return;
        }
        let granularity = u32::from(granularity) << PCI_PTM_GRANULARITY_MASK.trailing_zeros();
        let root = if is_root { PCI_PTM_CTRL_ROOT } else { 0 };
        let control = control & !PCI_PTM_GRANULARITY_MASK | granularity;
        self.write_config_dword(offset, control | PCI_PTM_CTRL_ENABLE | root);
    }
}
