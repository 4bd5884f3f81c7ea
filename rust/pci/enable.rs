// SPDX-License-Identifier: GPL-2.0-only

//! Enabling a function for as long as it is bound.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    device::{
        Bound,
        Core, //
    },
    pci::Device,
    prelude::*, //
};

use super::as_raw;

/// A function with memory decoding and bus mastering on; dropping it disables the function again
/// (`pci_disable_device()`), which `pci::Device::enable_device_mem` leaves to nobody.
pub struct Enabled<'a>(&'a Device<Bound>);

impl<'a> Enabled<'a> {
    /// Enables memory decoding and bus mastering (`pci_enable_device_mem()`, `pci_set_master()`).
    ///
    /// Context: probe, device lock held; sleeps.
    ///
    /// # Errors
    ///
    /// Those of `pci_enable_device_mem()`: `EINVAL` where a BAR has no address, `EIO` where the
    /// function does not leave a low-power state.
    pub fn new(dev: &'a Device<Core<'_>>) -> Result<Self> {
        dev.enable_device_mem()?;
        dev.set_master();
        Ok(Self(dev))
    }
}

impl Drop for Enabled<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. It was
        // enabled in `new()`, and the driver is still bound, as `'a` says.
        unsafe { bindings::pci_disable_device(as_raw(self.0)) };
    }
}
