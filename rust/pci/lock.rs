// SPDX-License-Identifier: GPL-2.0-only

//! The device lock, taken by a driver's own code.
//!
//! Bus callbacks run with the device lock held, which [`Core`] says. A debugfs file or a work item
//! does not; it must not wait for the lock either, since unbinding waits for it while holding the
//! lock. And it may come when the function is another driver's: so it is not a device that is
//! locked, but a [`Binding`].
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    device::Core,
    devres,
    pci::Device,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::ScopeGuard, //
};

use super::{
    as_raw,
    runtime::ActiveRef, //
};

/// One binding of a driver to a function: from its probe until it is unbound. If the same driver is
/// bound to the same function again, that is another one.
#[derive(Clone)]
pub struct Binding(Arc<Inner>);

struct Inner {
    dev: ARef<Device>,
    /// Written and read with the device lock held.
    has_ended: Atomic<bool>,
}

/// Belongs to the device, and ends the binding with it.
struct End(Arc<Inner>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Relaxed);
    }
}

impl Binding {
    /// Returns the binding that `dev` is in.
    ///
    /// Context: probe; may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        let inner = Arc::new(
            Inner {
                dev: ARef::from(dev),
                has_ended: Atomic::new(false),
            },
            GFP_KERNEL,
        )?;
        devres::register(dev.as_ref(), End(inner.clone()), GFP_KERNEL)?;
        Ok(Self(inner))
    }

    /// Returns the function, which may be another driver's by now.
    pub fn device(&self) -> &Device {
        &self.0.dev
    }

    /// Returns whether the driver has lost the function. Only with the device lock held does
    /// the answer stay right.
    fn has_ended(&self) -> bool {
        self.0.has_ended.load(Relaxed)
    }
}

/// What [`try_lock`] locks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LockScope {
    /// The function.
    Function,
    /// The bridge above it too, as `pci_reset_function()` does: its configuration must not change
    /// while the secondary bus is reset.
    FunctionAndBridge,
}

/// Calls `f` with the device lock held and userspace kept from config space
/// (`pci_dev_trylock()`), if nobody else holds the lock, and if the driver has not been unbound
/// since it got `binding`.
///
/// A function that is suspended at run time is resumed first, and stays in D0 while `f` runs. That
/// it does not come back is for `f` to find out.
///
/// Context: process context, device lock not held.
///
/// # Errors
///
/// `EBUSY` where the lock is taken, `ENODEV` where the binding has ended, or that of `f`.
///
/// # Examples
///
/// A work item, or a file in debugfs, that resets the function:
///
/// ```
/// use kernel::prelude::*;
/// use pci_recovery::pci::{try_lock, Binding, LockScope, Reset};
///
/// // The binding is of `Binding::new()`, in probe.
/// fn reset(binding: &Binding) -> Result {
///     try_lock(binding, LockScope::FunctionAndBridge, |dev| dev.reset_function_locked())
/// }
/// ```
pub fn try_lock<R>(
    binding: &Binding,
    scope: LockScope,
    f: impl FnOnce(&Device<Core<'_>>) -> Result<R>,
) -> Result<R> {
    try_lock_bound(binding.device(), scope, |dev| {
        if binding.has_ended() {
            return Err(ENODEV);
        }
        f(dev)
    })
}

/// As [`try_lock`], whichever driver is bound: `f` must look whose the function is.
pub(super) fn try_lock_bound<R>(
    dev: &Device,
    scope: LockScope,
    f: impl FnOnce(&Device<Core<'_>>) -> Result<R>,
) -> Result<R> {
    let _active = ActiveRef::get(dev);
    let _bridge = match upstream_bridge(dev) {
        // SAFETY: The function keeps its bus, and the bus the bridge above it, for longer than the
        // guard lives.
        Some(bridge) if scope == LockScope::FunctionAndBridge => Some(unsafe { lock(bridge) }?),
        _ => None,
    };
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; `dev` is
    // borrowed for longer than the guard lives.
    let _dev = unsafe { lock(as_raw(dev)) }?;

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. `driver` is
    // written under the device lock, which is held.
    if unsafe { (*as_raw(dev)).driver }.is_null() {
        return Err(ENODEV);
    }

    // SAFETY: The device lock is held until the guards above are dropped, and a driver is bound:
    // this is what the `Core` context says. `f` cannot keep the reference, its lifetime is the
    // closure's.
    f(unsafe { &*as_raw(dev).cast::<Device<Core<'_>>>() })
}

/// Takes the lock of `pdev`, if nobody else holds it.
///
/// # Safety
///
/// `pdev` must be valid for as long as the guard lives.
pub(super) unsafe fn lock(pdev: *mut bindings::pci_dev) -> Result<ScopeGuard<(), impl FnOnce(())>> {
    // SAFETY: By the safety requirements of this function.
    if unsafe { bindings::pci_dev_trylock(pdev) } == 0 {
        return Err(EBUSY);
    }
    Ok(ScopeGuard::new(move || {
        // SAFETY: By the safety requirements of this function; it was locked above.
        unsafe { bindings::pci_dev_unlock(pdev) };
    }))
}

/// The bridge above `dev` (`pci_upstream_bridge()`, for a virtual function that of its bus).
pub(super) fn upstream_bridge(dev: &Device) -> Option<*mut bindings::pci_dev> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. It holds its
    // bus, and a bus the bridge above it.
    let bridge = unsafe {
        let bus = (*as_raw(dev)).bus;
        if (*bus).parent.is_null() {
            return None;
        }
        (*bus).self_
    };
    (!bridge.is_null()).then_some(bridge)
}
