// SPDX-License-Identifier: GPL-2.0-only

//! System sleep callbacks of PCI drivers.
//!
//! C header: [`include/linux/pm.h`](srctree/include/linux/pm.h), `struct dev_pm_ops`.
//! See `Documentation/power/pci.rst`, section 3.

use kernel::{
    bindings,
    build_error,
    container_of,
    device::{
        Core,
        CoreInternal, //
    },
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    pci::{
        Device,
        Driver, //
    },
    prelude::*, //
};

use super::{
    adapter::bound_data,
    as_raw, //
};

/// The system sleep callbacks of a PCI driver (`struct dev_pm_ops`).
///
/// Each one is optional. Both are called with the device lock held.
#[vtable]
pub trait PmOps: for<'a> Driver<Data<'a>: Sync> {
    /// The system goes to sleep (`dev_pm_ops.suspend`, the first of three phases).
    ///
    /// A driver that saves config space here and leaves `state_saved` set takes over the transition
    /// to low power too ([`Power::prepare_to_sleep`]); otherwise the core saves and does it later,
    /// in the noirq phase. An error aborts the suspend.
    fn suspend(dev: &Device<Core<'_>>, this: Pin<&Self::Data<'_>>) -> Result {
        let _ = (dev, this);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The system is awake again (`dev_pm_ops.resume`, the last of three phases).
    ///
    /// The core has restored config space in the noirq phase, unless the function stayed in D0
    /// during suspend-to-idle.
    fn resume(dev: &Device<Core<'_>>, this: Pin<&Self::Data<'_>>) -> Result {
        let _ = (dev, this);
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Transitions between power states.
pub trait Power {
    /// Puts the function into D0 (`pci_set_power_state()`), and tells the core that it is there.
    ///
    /// The core takes a function that does not answer for one in D3cold, and goes on doing so when
    /// it is back.
    ///
    /// # Errors
    ///
    /// `EIO` where the function does not answer.
    fn power_up(&self) -> Result;

    /// The transition to low power that a driver owes once it has saved config space itself.
    ///
    /// Puts the function into the low-power state that suits the system's sleep state, with wake-up
    /// enabled where it is allowed (`pci_prepare_to_sleep()`).
    ///
    /// # Errors
    ///
    /// `EIO` where no state is suitable, or that of the failed transition.
    fn prepare_to_sleep(&self) -> Result;
}

impl Power for Device<Core<'_>> {
    fn power_up(&self) -> Result {
        /// `PCI_D0`, a cast in C and therefore not in the bindings.
        const D0: bindings::pci_power_t = 0;

        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_set_power_state(as_raw(self), D0) })
    }

    fn prepare_to_sleep(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_prepare_to_sleep(as_raw(self)) })
    }
}

/// Builds the C vtable of a driver's sleep callbacks.
pub(super) struct Callbacks<T: PmOps>(T);

impl<T: PmOps> Callbacks<T> {
    const VTABLE: &'static bindings::dev_pm_ops = &bindings::dev_pm_ops {
        suspend: if T::HAS_SUSPEND {
            Some(Self::suspend)
        } else {
            None
        },
        resume: if T::HAS_RESUME {
            Some(Self::resume)
        } else {
            None
        },
        ..pin_init::zeroed()
    };

    /// The vtable, null where the driver implements no callback at all: the PCI bus then does
    /// everything by itself.
    pub(super) fn as_ptr() -> *const bindings::dev_pm_ops {
        if T::HAS_SUSPEND || T::HAS_RESUME {
            Self::VTABLE
        } else {
            core::ptr::null()
        }
    }

    /// # Safety
    ///
    /// Must be called by the PM core only: `dev` is embedded in a valid `struct pci_dev` that is
    /// bound to a driver of type `T`, and its device lock is held.
    unsafe extern "C" fn suspend(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { container_of!(dev, bindings::pci_dev, dev) };
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };

        // SAFETY: By the safety requirements of this function.
        from_result(|| match unsafe { bound_data::<T>(pdev) } {
            Some(data) => T::suspend(pdev, data).map(|()| 0),
            None => Ok(0),
        })
    }

    /// # Safety
    ///
    /// As for [`Self::suspend`].
    unsafe extern "C" fn resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { container_of!(dev, bindings::pci_dev, dev) };
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };

        // SAFETY: By the safety requirements of this function.
        from_result(|| match unsafe { bound_data::<T>(pdev) } {
            Some(data) => T::resume(pdev, data).map(|()| 0),
            None => Ok(0),
        })
    }
}
