// SPDX-License-Identifier: GPL-2.0-only

//! Function resets.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    device::Core,
    error::to_result,
    pci::Device,
    prelude::*, //
};

use super::{
    as_raw,
    Exclusive, //
};

/// The second argument of reset methods in `drivers/pci` (`PCI_RESET_PROBE`): only checks whether
/// it is possible.
const PROBE: bool = true;

/// The same (`PCI_RESET_DO_RESET`).
const DO_RESET: bool = false;

/// Resets of a function whose device lock is held.
pub trait Reset {
    /// Resets the function by the first of its reset methods that works (sysfs `reset_method`),
    /// saving config space before and restoring it after (`pci_reset_function_locked()`).
    ///
    /// Calls the driver's own [`reset_prepare`] and [`reset_done`], unless it is in probe.
    ///
    /// Context: device lock held; sleeps, for 100 ms with FLR and for up to 60 s where the function
    /// does not come back. Not below a caller that holds `pci_bus_sem`, as that of the error
    /// handlers does, which therefore get an [`Exclusive`]: a reset of the bus takes it, too.
    ///
    /// # Errors
    ///
    /// `ENOTTY` where the function has no reset method or none is applicable, otherwise that of the
    /// method.
    ///
    /// [`reset_prepare`]: super::ErrorHandler::reset_prepare
    /// [`reset_done`]: super::ErrorHandler::reset_done
    fn reset_function_locked(&self) -> Result;
}

impl Reset for Device<Core<'_>> {
    fn reset_function_locked(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The `Core`
        // context holds the device lock.
        to_result(unsafe { bindings::pci_reset_function_locked(as_raw(self)) })
    }
}

/// Function Level Reset.
pub trait Flr {
    /// Resets the function by FLR (`pcie_reset_flr()`; PCIe r6.0, sec 6.6.2). Saves and restores
    /// nothing, and calls no callback of a driver: config space is wiped afterwards.
    ///
    /// DMA and the legacy interrupt are off before, as the core does it.
    ///
    /// Context: process context; nobody else is at the function, which [`Exclusive`] says. Takes no
    /// lock. Sleeps, for 100 ms and for up to 60 s where the function does not come back.
    ///
    /// # Errors
    ///
    /// `ENOTTY` where the function has no FLR or does not come back.
    fn flr(&self) -> Result;
}

impl Flr for Exclusive<'_> {
    fn flr(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. This resets
        // nothing.
        to_result(unsafe { bindings::pcie_reset_flr(as_raw(self), PROBE) })?;
        // An error is that of a function that is gone, which the reset finds out.
        // CAST: The offset is 4, the value a bit of that word.
        // SAFETY: As above.
        unsafe {
            bindings::pci_write_config_word(
                as_raw(self),
                bindings::PCI_COMMAND as c_int,
                bindings::PCI_COMMAND_INTX_DISABLE as u16,
            )
        };
        // SAFETY: As above. By the type invariant of `Exclusive`, nobody else resets or restores
        // the function meanwhile.
        to_result(unsafe { bindings::pcie_reset_flr(as_raw(self), DO_RESET) })
    }
}
