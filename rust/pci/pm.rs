// SPDX-License-Identifier: GPL-2.0-only

//! Power management callbacks of PCI drivers.
//!
//! C header: [`include/linux/pm.h`](srctree/include/linux/pm.h), `struct dev_pm_ops`.
//! See `Documentation/power/pci.rst`, section 3, and `drivers/pci/pci-driver.c`, whose functions
//! call these.

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
        VTABLE_DEFAULT_ERROR, //
    },
    pci::{
        Device,
        Driver, //
    },
    prelude::*, //
};

use super::{
    context::bound_data,
    lock,
    power,
    Exclusive, //
};

/// The power management callbacks of a PCI driver (`struct dev_pm_ops`).
///
/// Each one is optional.
///
/// Those of the first and last phase of system sleep are called with the device lock held, those of
/// the phases with interrupts off and of runtime power management without it, but with nobody else
/// at work on the function. All may sleep, those with interrupts off too: it is the device's own
/// interrupts that are off.
#[vtable]
pub trait PmOps: for<'a> Driver<Data<'a>: Sync> {
    /// The system goes to sleep, first phase (`pci_pm_suspend()`).
    ///
    /// The core has resumed the function at run time if need be, and cleared `state_saved`. A
    /// driver that saves config space and leaves the flag set takes over the transition to low
    /// power too, here or in [`Self::suspend_noirq`]; otherwise the core saves and does it, after
    /// that one. An error aborts the suspend.
    fn suspend(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The system goes to sleep, last phase, interrupts are off (`pci_pm_suspend_noirq()`).
    ///
    /// Afterwards the core saves config space, whatever it reads, and does the transition to low
    /// power, unless `state_saved` is set: then the driver owes it
    /// ([`Power::prepare_to_sleep`](super::Power::prepare_to_sleep)). An error aborts the suspend.
    fn suspend_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The system wakes up, first phase, interrupts are off (`pci_pm_resume_noirq()`).
    ///
    /// The core has powered the function up and restored config space from what was saved, unless
    /// the function stayed in D0 during suspend-to-idle. An error is logged, and the resume goes
    /// on.
    fn resume_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The system wakes up, last phase (`pci_pm_resume()`).
    ///
    /// After a suspend that was aborted before its last phase, this comes without
    /// [`Self::resume_noirq`]; the core restores before it where `state_saved` is set. An error is
    /// logged, and the resume goes on.
    fn resume(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Hibernation is about to copy the memory, first phase (`pci_pm_freeze()`).
    ///
    /// As [`Self::suspend`], without a transition to low power.
    fn freeze(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Hibernation is about to copy the memory, last phase (`pci_pm_freeze_noirq()`).
    ///
    /// Afterwards the core saves config space, whatever it reads, unless `state_saved` is set.
    fn freeze_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The memory was copied, or could not be; first phase (`pci_pm_thaw_noirq()`).
    ///
    /// The core has powered the function up and restored config space from what was saved.
    fn thaw_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The memory was copied, or could not be; last phase (`pci_pm_thaw()`).
    ///
    /// The core has done nothing before it: after a hibernation that was aborted early, nothing was
    /// restored.
    fn thaw(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Hibernation is about to switch off, first phase (`pci_pm_poweroff()`).
    ///
    /// The core has cleared `state_saved`. It does not save, here or later: what will be restored
    /// is what was saved in [`Self::freeze`].
    fn poweroff(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Hibernation is about to switch off, last phase (`pci_pm_poweroff_noirq()`).
    ///
    /// Afterwards the core does the transition to low power, unless `state_saved` is set: then the
    /// driver owes it.
    fn poweroff_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The memory is what hibernation copied, first phase (`pci_pm_restore_noirq()`).
    ///
    /// The core has powered the function up and restored config space from what was saved when it
    /// froze.
    fn restore_noirq(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The memory is what hibernation copied, last phase (`pci_pm_restore()`).
    ///
    /// The core restores before it where `state_saved` is still set, that is where
    /// [`Self::restore_noirq`] was not called.
    fn restore(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The function is idle and userspace allows to suspend it (`pci_pm_runtime_suspend()`).
    ///
    /// Its presence makes the driver one with runtime power management: [`Adapter`](super::Adapter)
    /// gives up the PCI core's reference at the end of probe. The core has cleared `state_saved`;
    /// where it is not set afterwards, the core saves, whatever it reads, and does the transition
    /// to low power; where it is, the driver owes it
    /// ([`Power::runtime_sleep`](super::Power::runtime_sleep)).
    ///
    /// # Errors
    ///
    /// `EBUSY` and `EAGAIN` leave the function as it is, and suspending is tried again when it is
    /// idle again. Any other one disables runtime power management of the function, until userspace
    /// resets it.
    fn runtime_suspend(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The function is needed again (`pci_pm_runtime_resume()`).
    ///
    /// The core has powered it up and restored config space from what was saved. An error disables
    /// runtime power management of the function.
    fn runtime_resume(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Builds the C vtable of a driver's power management callbacks.
pub(super) struct Callbacks<T: PmOps>(T);

impl<T: PmOps> Callbacks<T> {
    c_vtable! {
        dev_pm_ops:
        suspend if HAS_SUSPEND,
        suspend_noirq if HAS_SUSPEND_NOIRQ,
        resume_noirq if HAS_RESUME_NOIRQ,
        resume if HAS_RESUME,
        freeze if HAS_FREEZE,
        freeze_noirq if HAS_FREEZE_NOIRQ,
        thaw_noirq if HAS_THAW_NOIRQ,
        thaw if HAS_THAW,
        poweroff if HAS_POWEROFF,
        poweroff_noirq if HAS_POWEROFF_NOIRQ,
        restore_noirq if HAS_RESTORE_NOIRQ,
        restore if HAS_RESTORE,
        runtime_suspend if HAS_RUNTIME_SUSPEND,
        runtime_resume if HAS_RUNTIME_RESUME,
        ..pin_init::zeroed()
    }

    /// The device and its private data, [`None`] while the driver is in its probe.
    ///
    /// # Safety
    ///
    /// `dev` must be embedded in a valid `struct pci_dev` that is bound to a driver of type `T` and
    /// stays so for `'a`, see [`bound_data`].
    unsafe fn bound<'a>(
        dev: *mut bindings::device,
    ) -> (&'a Device<CoreInternal<'a>>, Option<Pin<&'a T::Data<'a>>>) {
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { container_of!(dev, bindings::pci_dev, dev) };
        // SAFETY: By the safety requirements of this function.
        let pdev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };
        // SAFETY: By the safety requirements of this function.
        (pdev, unsafe { bound_data::<T>(pdev) })
    }

    /// Calls `callback` of a phase with the device lock held.
    ///
    /// # Safety
    ///
    /// Must be called from such a callback of the PM core: `dev` is embedded in a valid
    /// `struct pci_dev` that is bound to a driver of type `T`, and its device lock is held.
    unsafe fn locked(
        dev: *mut bindings::device,
        callback: impl FnOnce(&Device<Core<'_>>, Pin<&T::Data<'_>>) -> Result,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function; unbinding needs the device lock.
        let (pdev, data) = unsafe { Self::bound(dev) };
        from_result(|| data.map_or(Ok(0), |data| callback(pdev, data).map(|()| 0)))
    }

    /// Calls `callback` of a phase with interrupts off, or returns `if_busy`.
    ///
    /// Userspace is frozen, the function's interrupt handlers have ended and do not run, runtime PM
    /// is disabled: whoever could still be at the function, like the recovery from an error that
    /// firmware reported, holds the device lock. So it is taken here, by trylock.
    ///
    /// # Safety
    ///
    /// Must be called from such a callback of the PM core: `dev` is embedded in a valid
    /// `struct pci_dev` that is bound to a driver of type `T`.
    unsafe fn noirq(
        dev: *mut bindings::device,
        callback: impl FnOnce(Exclusive<'_>, Pin<&T::Data<'_>>) -> Result,
        if_busy: Result,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the safety requirements of this function; the PM core holds a reference on
            // the device for longer than the guard lives.
            let guard = unsafe { lock::lock(container_of!(dev, bindings::pci_dev, dev)) };
            let Ok(_guard) = guard else {
                return if_busy.map(|()| 0);
            };

            // SAFETY: By the safety requirements of this function; unbinding needs the device lock.
            let (pdev, data) = unsafe { Self::bound(dev) };
            let pdev: &Device<Core<'_>> = pdev;
            data.map_or(Ok(0), |data| callback(pdev.into(), data).map(|()| 0))
        })
    }

    /// Calls `callback` of runtime power management, or returns `if_probing`.
    ///
    /// # Safety
    ///
    /// Must be called from such a callback of the PM core: `dev` is embedded in a valid
    /// `struct pci_dev` that is bound to a driver of type `T`, and the PM core runs no other
    /// callback of it.
    unsafe fn runtime(
        dev: *mut bindings::device,
        callback: impl FnOnce(Exclusive<'_>, Pin<&T::Data<'_>>) -> Result,
        if_probing: Result,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function; unbinding waits for the callback
        // (`pm_runtime_barrier()` in `pci_device_remove()`), and no other follows, since it holds a
        // reference until the PCI core calls the driver no more.
        let (pdev, data) = unsafe { Self::bound(dev) };
        // SAFETY: The PM core runs one callback at a time. Everybody else holds a runtime PM
        // reference from before the function is resumed, so that this is not called while they are
        // at work, unless they are waiting for this very call.
        let exclusive = unsafe { Exclusive::new(pdev) };
        from_result(|| {
            data.map_or(if_probing, |data| callback(exclusive, data))
                .map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn suspend(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::suspend) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn suspend_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::suspend_noirq, Err(EBUSY)) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn resume_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::resume_noirq, Ok(())) }
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::resume) }
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn freeze(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::freeze) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn freeze_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::freeze_noirq, Err(EBUSY)) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn thaw_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::thaw_noirq, Ok(())) }
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn thaw(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::thaw) }
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn poweroff(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::poweroff) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn poweroff_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::poweroff_noirq, Err(EBUSY)) }
    }

    /// # Safety
    ///
    /// As for [`Self::noirq`].
    unsafe extern "C" fn restore_noirq(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::noirq(dev, T::restore_noirq, Ok(())) }
    }

    /// # Safety
    ///
    /// As for [`Self::locked`].
    unsafe extern "C" fn restore(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::locked(dev, T::restore) }
    }

    /// # Safety
    ///
    /// As for [`Self::runtime`].
    unsafe extern "C" fn runtime_suspend(dev: *mut bindings::device) -> c_int {
        // A function that stays awake needs no wake-up.
        let suspend = |dev: Exclusive<'_>, data: Pin<&T::Data<'_>>| {
            T::runtime_suspend(dev, data).inspect_err(|_| power::disarm(&dev))
        };
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::runtime(dev, suspend, Err(EBUSY)) }
    }

    /// # Safety
    ///
    /// As for [`Self::runtime`].
    unsafe extern "C" fn runtime_resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::runtime(dev, T::runtime_resume, Ok(())) }
    }
}
