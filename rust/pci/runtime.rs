// SPDX-License-Identifier: GPL-2.0-only

//! References that keep a function from being suspended at run time.
//!
//! C header: [`include/linux/pm_runtime.h`](srctree/include/linux/pm_runtime.h)

#[cfg(CONFIG_PM)]
use kernel::{
    bindings,
    prelude::*, //
};
use kernel::{
    device::Bound,
    pci::Device, //
};

#[cfg(CONFIG_PM)]
use super::as_raw;

/// Keeps the function in D0, and puts it there before.
///
/// Held by everybody who works on the function with the device lock, which runtime power management
/// does not look at.
pub(super) struct ActiveRef<'a>(&'a Device);

impl<'a> ActiveRef<'a> {
    /// Takes a reference and resumes the function (`pm_runtime_get_sync()`).
    ///
    /// The reference counts even where the function does not come back: whoever wants to reset it
    /// must be let through.
    ///
    /// Context: process context, sleeps; the function's runtime PM callbacks may run.
    pub(super) fn get(dev: &'a Device) -> Self {
        get(dev);
        Self(dev)
    }

    /// Keeps the reference for another callback, which must call [`Self::from_kept`].
    pub(super) fn keep(self) {
        core::mem::forget(self);
    }

    /// The reference that an earlier callback kept by [`Self::keep`].
    pub(super) fn from_kept(dev: &'a Device) -> Self {
        Self(dev)
    }
}

impl Drop for ActiveRef<'_> {
    fn drop(&mut self) {
        put(self.0);
    }
}

/// Takes a reference and resumes the function (`pm_runtime_get_sync()`).
#[cfg(CONFIG_PM)]
fn get(dev: &Device) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, and it has been
    // added, which initialized its runtime PM.
    unsafe {
        bindings::__pm_runtime_resume(&raw mut (*as_raw(dev)).dev, bindings::RPM_GET_PUT as c_int)
    };
}

/// A kernel without power management suspends nothing, and counts no references.
#[cfg(not(CONFIG_PM))]
fn get(_dev: &Device) {}

/// Takes a reference if the function is not suspended (`pm_runtime_get_if_active()`). Returns
/// whether it is awake, and whether a reference was taken: where runtime PM is disabled the
/// function stays awake without one.
#[cfg(CONFIG_PM)]
pub(super) fn get_if_active(dev: &Device) -> (bool, bool) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let active = unsafe { bindings::pm_runtime_get_if_active(&raw mut (*as_raw(dev)).dev) };
    (active != 0, active > 0)
}

/// As above: the function is always awake.
#[cfg(not(CONFIG_PM))]
pub(super) fn get_if_active(_dev: &Device) -> (bool, bool) {
    (true, false)
}

/// Drops a reference; with the last one the function may be suspended, later (`pm_runtime_put()`).
#[cfg(CONFIG_PM)]
pub(super) fn put(dev: &Device) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The C function
    // refuses to drop a reference that does not exist.
    unsafe {
        bindings::__pm_runtime_idle(
            &raw mut (*as_raw(dev)).dev,
            (bindings::RPM_GET_PUT | bindings::RPM_ASYNC) as c_int,
        )
    };
}

/// As above: there is no reference.
#[cfg(not(CONFIG_PM))]
pub(super) fn put(_dev: &Device) {}

/// Gives up the reference that the PCI core keeps for the driver from before probe until after
/// remove (`local_pci_probe()`).
///
/// It is then userspace that decides, by `power/control` in sysfs, whose default is `on`: the
/// function is never suspended.
///
/// Context: the end of a probe, after its last error; the callbacks may run from now on.
pub(super) fn give_up_reference(dev: &Device<Bound>) {
    put(dev);
}

/// Takes the PCI core's reference back, which it drops after remove (`pci_device_remove()`).
///
/// Context: remove, of a driver whose probe gave the reference up.
pub(super) fn take_back_reference(dev: &Device<Bound>) {
    ActiveRef::get(dev).keep();
}
