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

use super::as_raw;

/// Resets of a function whose device lock is held.
pub trait Reset {
    /// Resets the function by the first of its reset methods that works (sysfs `reset_method`),
    /// saving config space before and restoring it after (`pci_reset_function_locked()`).
    ///
    /// Calls the driver's own [`reset_prepare`] and [`reset_done`], unless it is in probe.
    ///
    /// Context: device lock held; sleeps, for 100 ms with FLR and for up to 60 s where the function
    /// does not come back.
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
