// SPDX-License-Identifier: GPL-2.0-only

//! Who may touch what the PCI core keeps of a function.
//!
//! The kernel crate's [`Core`] says that the device lock is held. Two kinds of callbacks run
//! without it, and are alone with the function nevertheless: those of runtime power management, and
//! those of system sleep with interrupts off. What [`Core`] and they have in common is
//! [`Exclusive`]. The handlers of a recovery run with the device lock held and get no more than
//! that either: see [`ErrorHandler`](super::ErrorHandler).

use core::ops::Deref;

use kernel::{
    bindings,
    device::{
        Bound,
        Core,
        CoreInternal, //
    },
    pci::{
        Device,
        Driver, //
    },
    prelude::*,
    types::NotThreadSafe, //
};

use super::as_raw;

/// A bound function that nobody else saves, restores, resets, or puts into another power state.
///
/// Made from a `&Device<Core<'_>>`, and passed to the callbacks of [`PmOps`](super::PmOps) that run
/// without the device lock, and to the handlers of a recovery.
///
/// # Invariants
///
/// While this exists, only this thread saves, restores or resets the function, loads saved state,
/// and writes `state_saved` and the power state in `struct pci_dev`. That does not cover single
/// registers in the core's buffer, which others write without a lock that a module could take: see
/// [`state`](super::state). One of two things sees to it:
///
/// * The device lock is held, and with it a reference that keeps runtime power management away. The
///   PCI core takes one in probe and remove (`local_pci_probe()`, `pci_device_remove()`), the PM
///   core in system sleep (`device_prepare()`); the error handlers and
///   [`try_lock`](super::try_lock) take one of their own.
/// * This is a callback of runtime power management. The PM core runs one of a device at a time,
///   and by the first point none while somebody is at work with the device lock held.
///
/// `pci_guard.ko` stands in the middle of a `pci_save_state()` or `pci_restore_state()` of somebody
/// else, who owes the PCI core the same; there the function need not be bound, see
/// [`Exclusive::of_caller`].
#[derive(Clone, Copy)]
pub struct Exclusive<'a> {
    dev: &'a Device<Bound>,
    _not_send: NotThreadSafe,
}

impl<'a> Exclusive<'a> {
    /// # Safety
    ///
    /// For as long as the result exists, nobody else may save, restore or reset the function, or
    /// change its power state, see the type invariant.
    pub(super) unsafe fn new(dev: &'a Device<Bound>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            dev,
            _not_send: NotThreadSafe,
        }
    }
}

impl<'a> Exclusive<'a> {
    /// Returns what the caller of `pci_save_state()` or `pci_restore_state()` is: alone with the
    /// function.
    ///
    /// # Safety
    ///
    /// `pdev` must be valid for `'a`. For as long as the result exists, nobody else may save,
    /// restore or reset the function, as above. Nothing may be done with it that needs a driver:
    /// it may have none.
    pub unsafe fn of_caller(pdev: *mut bindings::pci_dev) -> Self {
        // SAFETY: By the safety requirements of this function. CAST: `pci::Device` is a
        // `#[repr(transparent)]` wrapper of `struct pci_dev`.
        unsafe { Self::new(&*pdev.cast::<Device<Bound>>()) }
    }
}

impl<'a> From<&'a Device<Core<'_>>> for Exclusive<'a> {
    fn from(dev: &'a Device<Core<'_>>) -> Self {
        // SAFETY: The `Core` context holds the device lock; each place that a driver gets it from
        // holds a runtime PM reference, too.
        unsafe { Self::new(dev) }
    }
}

impl Deref for Exclusive<'_> {
    type Target = Device<Bound>;

    fn deref(&self) -> &Self::Target {
        self.dev
    }
}

/// Borrows the private data of the driver that is bound to `dev`, [`None`] during its probe: a
/// reset that a driver requests in probe calls its own handlers before there is data.
///
/// # Safety
///
/// `dev` must be bound to a driver of type `T` (or be in its probe), and stay bound for as long as
/// the result is used: the device lock is held, or this is a callback that the core calls of a
/// bound device only and that unbinding waits for.
pub(super) unsafe fn bound_data<'a, T: Driver>(
    dev: &'a Device<CoreInternal<'_>>,
) -> Option<Pin<&'a T::Data<'a>>> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let data = unsafe { bindings::dev_get_drvdata(&raw const (*as_raw(dev)).dev) };
    if data.is_null() {
        return None;
    }

    // SAFETY: The data is set, by `Adapter` after a successful probe, hence of this type. By
    // the safety requirements of this function it is not freed meanwhile, which is after unbinding.
    Some(unsafe { dev.as_ref().drvdata_borrow::<T::Data<'a>>() })
}
