// SPDX-License-Identifier: GPL-2.0-only

//! SR-IOV: the virtual functions of a physical one.
//!
//! On a kernel without `CONFIG_PCI_IOV` no function has any (`iov.rs`).
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_driver`.
//! See `Documentation/PCI/pci-iov-howto.rst`.

use kernel::{
    bindings,
    build_error,
    device::{
        Bound,
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
    as_raw,
    context::bound_data,
    info::{
        self,
        BarResource,
        Info, //
    },
    iov,
    lock::{
        try_lock_bound,
        LockScope, //
    },
    runtime::ActiveRef,
    Exclusive, //
};

/// What the kernel knows of a function's virtual functions (PCIe r6.0, sec 9.3.3).
///
/// Context: any; does not sleep.
pub trait Sriov {
    /// How many virtual functions can be enabled (`pci_sriov_get_totalvfs()`), 0 where the function
    /// is not a physical one.
    fn total_vfs(&self) -> u16;

    /// How many virtual functions are enabled (`pci_num_vf()`), 0 where the function is not a
    /// physical one.
    ///
    /// Changes with the device lock held only.
    fn num_vfs(&self) -> u16;

    /// The assigned address of BAR `index`, 0 to 5, of the first virtual function, the others'
    /// follow it; in the function's SR-IOV capability. [`None`] where there is no such BAR or no
    /// address.
    fn vf_bar_resource(&self, index: usize) -> Option<BarResource>;

    /// Looks for the SR-IOV extended capability (`pci_find_ext_capability()`) and returns its
    /// offset, 0 if there is none or the function does not answer.
    fn find_sriov_cap(&self) -> u16;
}

impl Sriov for Device<Bound> {
    fn total_vfs(&self) -> u16 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let total = unsafe { bindings::pci_sriov_get_totalvfs(as_raw(self)) };
        // CAST: The C function returns an `u16`.
        total as u16
    }

    fn num_vfs(&self) -> u16 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let num = unsafe { iov::num_vf(as_raw(self)) };
        // CAST: The C function returns an `u16`.
        num as u16
    }

    fn vf_bar_resource(&self, index: usize) -> Option<BarResource> {
        if index >= bindings::PCI_SRIOV_NUM_BARS as usize || self.is_virtfn() {
            return None;
        }
        // Those of SR-IOV follow the function's own BARs and its ROM.
        info::resource(self, iov::resource_index(index)?)
    }

    fn find_sriov_cap(&self) -> u16 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe {
            bindings::pci_find_ext_capability(as_raw(self), bindings::PCI_EXT_CAP_ID_SRIOV as c_int)
        }
    }
}

/// Enabling and disabling a function's virtual functions.
pub trait SriovControl {
    /// Enables `num_vfs` virtual functions and adds them to the system (`pci_enable_sriov()`),
    /// which may bind drivers to them at once.
    ///
    /// While they are enabled the function itself is not suspended at run time: a physical function
    /// in a low-power state takes its virtual ones with it (PCIe r6.0, sec 9.6.1).
    ///
    /// Context: device lock held; sleeps, for 100 ms and more.
    ///
    /// # Errors
    ///
    /// `ENODEV` where the kernel has no SR-IOV, `ENOSYS` where the function is not a physical one,
    /// `EINVAL` where that many are not possible or some are enabled already, `ENOMEM` where the
    /// BARs or bus numbers do not suffice, `EIO` where the capability makes no sense, as that of a
    /// function that does not answer.
    fn enable_sriov(&self, num_vfs: u16) -> Result;

    /// Removes all virtual functions from the system, unbinding their drivers, and disables them
    /// (`pci_disable_sriov()`). Does nothing where there are none.
    ///
    /// Context: device lock held; sleeps, for 1 s where there are any.
    fn disable_sriov(&self);
}

impl SriovControl for Device<Core<'_>> {
    fn enable_sriov(&self, num_vfs: u16) -> Result {
        let active = ActiveRef::get(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The `Core`
        // context holds the device lock.
        to_result(unsafe { iov::enable(as_raw(self), num_vfs.into()) })?;
        if num_vfs != 0 {
            active.keep();
        }
        Ok(())
    }

    fn disable_sriov(&self) {
        if self.num_vfs() == 0 {
            return;
        }
        // Of `enable_sriov()`, or of `keep_active()`.
        let _active = ActiveRef::from_kept(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The `Core`
        // context holds the device lock.
        unsafe { iov::disable(as_raw(self)) };
    }
}

/// Takes the reference that [`SriovControl::enable_sriov`] takes, for virtual functions that an
/// earlier driver has left enabled.
///
/// Context: probe, of a driver that has [`SriovOps::sriov_configure`].
pub(super) fn keep_active(dev: &Device<Bound>) {
    if dev.num_vfs() != 0 {
        ActiveRef::get(dev).keep();
    }
}

/// The SR-IOV callbacks of a PCI driver, for its physical and its virtual functions.
///
/// Each one is optional. A driver that implements [`SriovOps::sriov_configure`] need not disable
/// virtual functions when it is unbound: [`Adapter`](super::Adapter) does, before it calls
/// `unbind`.
#[vtable]
pub trait SriovOps: for<'a> Driver<Data<'a>: Sync> {
    /// Userspace has written to `sriov_numvfs` of a physical function: so many virtual functions
    /// are to be enabled, or with 0 all to be disabled. It is never called to change their number
    /// otherwise.
    ///
    /// Returns how many are enabled; an error is the errno of the write.
    ///
    /// Context: device lock held, and the lock of `pci_lock_rescan_remove()`.
    fn sriov_configure(
        _dev: &Device<Core<'_>>,
        _this: Pin<&Self::Data<'_>>,
        _num_vfs: u16,
    ) -> Result<u16> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The physical function of this virtual one, bound to the same driver, was reset and restored:
    /// the virtual function is in its power-on state, as after a reset of its own.
    ///
    /// The PCI core has no callback for this. [`Adapter`](super::Adapter) calls it
    /// after the physical function's own `reset_done` and `slot_reset`. It is not called where
    /// somebody else holds the virtual function's device lock, as the core does when it resets the
    /// whole bus, and calls the virtual function's own handlers.
    ///
    /// Context: device lock of both functions held, and after `slot_reset` also `pci_bus_sem`: see
    /// [`ErrorHandler`](super::ErrorHandler).
    fn physfn_reset_done(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Type of `sriov_configure` in `struct pci_driver`.
type Configure = unsafe extern "C" fn(*mut bindings::pci_dev, c_int) -> c_int;

/// Builds the C callbacks of a driver's [`SriovOps`].
pub(super) struct Callbacks<T: SriovOps>(T);

impl<T: SriovOps> Callbacks<T> {
    /// The callback, null where the driver implements none: sysfs then refuses by itself.
    pub(super) const SRIOV_CONFIGURE: Option<Configure> = if T::HAS_SRIOV_CONFIGURE {
        Some(Self::sriov_configure)
    } else {
        None
    };

    /// # Safety
    ///
    /// Must be called by the PCI core only: `pdev` is valid, bound to a driver of type `T`, and its
    /// device lock is held.
    unsafe extern "C" fn sriov_configure(pdev: *mut bindings::pci_dev, num_vfs: c_int) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let dev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };
        // The core holds no reference of runtime PM here.
        let _active = ActiveRef::get(dev);

        from_result(|| {
            // SAFETY: By the safety requirements of this function.
            let data = unsafe { bound_data::<T>(dev) }.ok_or(ENODEV)?;
            let num_vfs = u16::try_from(num_vfs)?;
            T::sriov_configure(dev, data, num_vfs).map(c_int::from)
        })
    }

    /// Calls [`SriovOps::physfn_reset_done`] of each virtual function of `physfn` that is bound to
    /// the same driver.
    ///
    /// # Safety
    ///
    /// `physfn` must be bound to a driver of type `T`, and its device lock held.
    pub(super) unsafe fn physfn_reset_done(physfn: Exclusive<'_>) {
        if !T::HAS_PHYSFN_RESET_DONE || physfn.num_vfs() == 0 {
            return;
        }

        let pf = as_raw(&physfn);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; its driver
        // does not change while the device lock is held.
        let (vendor, driver) = unsafe { ((*pf).vendor, (*pf).driver) };
        let mut vf = core::ptr::null_mut();
        loop {
            // A virtual function has the vendor ID of its physical one. CAST: As in C.
            // SAFETY: `vf` is null or what the last call returned, with a reference, which this one
            // drops. The loop ends with null, and no reference is left.
            vf = unsafe {
                bindings::pci_get_device(vendor.into(), bindings::PCI_ANY_ID as c_uint, vf)
            };
            if vf.is_null() {
                break;
            }
            // SAFETY: `vf` is valid until the next call. `is_virtfn` is set before a function is
            // added to the bus, and looked at first.
            let is_ours =
                unsafe { bindings::pci_dev::is_virtfn_raw(vf) != 0 && iov::physfn(vf) == pf };
            if !is_ours {
                continue;
            }

            // SAFETY: `vf` is valid until the next call.
            let dev = unsafe { &*vf.cast::<Device>() };
            // An error says that it has no driver, or that somebody else holds its lock.
            let _ = try_lock_bound(dev, LockScope::Function, |dev| {
                // SAFETY: `vf` is valid, and its device lock is held.
                if unsafe { (*vf).driver } != driver {
                    return Ok(());
                }
                // SAFETY: `vf` is valid, and bound, by the device lock that is held.
                let internal = unsafe { &*vf.cast::<Device<CoreInternal<'_>>>() };
                // SAFETY: Its driver is that of `physfn`, of type `T` by the safety requirements of
                // this function. The device lock is held until the end of this closure.
                if let Some(data) = unsafe { bound_data::<T>(internal) } {
                    T::physfn_reset_done(dev.into(), data);
                }
                Ok(())
            });
        }
    }
}
