// SPDX-License-Identifier: GPL-2.0-only

//! PCI error handlers.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_error_handlers`.
//! See `Documentation/PCI/pci-error-recovery.rst` for the order of the callbacks.

use kernel::{
    bindings,
    build_error,
    device::{
        Core,
        CoreInternal, //
    },
    error::VTABLE_DEFAULT_ERROR,
    pci::{
        Device,
        Driver, //
    },
    prelude::*, //
};

use super::{
    as_raw,
    context::bound_data,
    runtime::ActiveRef,
    sriov::{
        self,
        SriovOps, //
    },
    Exclusive, //
};

/// The state of the channel between the CPU and a function (`pci_channel_state_t`).
///
/// See `Documentation/PCI/pci-error-recovery.rst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ChannelState {
    /// I/O works.
    Normal = bindings::pci_channel_io_normal,
    /// I/O is blocked: no access to config space or MMIO.
    Frozen = bindings::pci_channel_io_frozen,
    /// The function is gone for good.
    PermanentFailure = bindings::pci_channel_io_perm_failure,
}

impl ChannelState {
    /// An unknown value is taken for the worst.
    fn from_raw(state: bindings::pci_channel_state_t) -> Self {
        match state {
            bindings::pci_channel_io_normal => Self::Normal,
            bindings::pci_channel_io_frozen => Self::Frozen,
            _ => Self::PermanentFailure,
        }
    }

    /// The state's name in logs and debugfs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Frozen => "frozen",
            Self::PermanentFailure => "perm_failure",
        }
    }
}

/// A driver's vote on how recovery goes on (`enum pci_ers_result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErsResult {
    /// No vote.
    None = bindings::pci_ers_result_PCI_ERS_RESULT_NONE,
    /// The driver can recover without a reset.
    CanRecover = bindings::pci_ers_result_PCI_ERS_RESULT_CAN_RECOVER,
    /// The function needs a reset.
    NeedReset = bindings::pci_ers_result_PCI_ERS_RESULT_NEED_RESET,
    /// The function has failed; the driver gives it up.
    Disconnect = bindings::pci_ers_result_PCI_ERS_RESULT_DISCONNECT,
    /// The function works again.
    Recovered = bindings::pci_ers_result_PCI_ERS_RESULT_RECOVERED,
}

impl ErsResult {
    /// What is no vote, as that of a function without a driver that recovers
    /// (`PCI_ERS_RESULT_NO_AER_DRIVER`), is none.
    pub fn from_raw(result: bindings::pci_ers_result_t) -> Self {
        match result {
            bindings::pci_ers_result_PCI_ERS_RESULT_CAN_RECOVER => Self::CanRecover,
            bindings::pci_ers_result_PCI_ERS_RESULT_NEED_RESET => Self::NeedReset,
            bindings::pci_ers_result_PCI_ERS_RESULT_DISCONNECT => Self::Disconnect,
            bindings::pci_ers_result_PCI_ERS_RESULT_RECOVERED => Self::Recovered,
            _ => Self::None,
        }
    }

    /// CAST: The discriminants are the C enum's values.
    fn into_raw(self) -> bindings::pci_ers_result_t {
        self as bindings::pci_ers_result_t
    }

    /// The vote's name in logs and debugfs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::CanRecover => "can_recover",
            Self::NeedReset => "need_reset",
            Self::Disconnect => "disconnect",
            Self::Recovered => "recovered",
        }
    }
}

/// Returns whether the function has a driver that restores it after an error's reset
/// (`slot_reset`).
///
/// Context: any, nobody binds or unbinds a driver, which [`Exclusive`] says. Does not touch the
/// function.
pub fn has_slot_reset(dev: Exclusive<'_>) -> bool {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. Its driver stays
    // for as long as the device lock is held.
    let driver = unsafe { (*as_raw(&dev)).driver };
    if driver.is_null() {
        return false;
    }
    // SAFETY: As above; a driver's fields are written before it is registered.
    let handlers = unsafe { (*driver).err_handler };
    // SAFETY: As above; the handlers live as long as the driver.
    !handlers.is_null() && unsafe { (*handlers).slot_reset }.is_some()
}

/// The channel of a function.
pub trait Channel {
    /// Returns the state of the channel (`pci_dev.error_state`).
    ///
    /// It may change at any time; the callbacks of [`ErrorHandler`] report the changes in order.
    ///
    /// Context: any. Does not touch the function.
    fn channel_state(&self) -> ChannelState;
}

impl Channel for Device {
    fn channel_state(&self) -> ChannelState {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The field is
        // a word that the core writes with `WRITE_ONCE`-like `xchg()`, hence the volatile read.
        ChannelState::from_raw(unsafe {
            core::ptr::read_volatile(&raw const (*as_raw(self)).error_state)
        })
    }
}

/// The error handlers of a PCI driver (`struct pci_error_handlers`).
///
/// Each one is optional. A driver that implements none of them votes
/// `PCI_ERS_RESULT_NO_AER_DRIVER`.
///
/// All but [`ErrorHandler::cor_error_detected`] are called with the device lock held, and may
/// sleep. No two of a function run at the same time. The C functions that are named are those of
/// AER and DPC (`drivers/pci/pcie/err.c`); EEH and s390 have their own.
///
/// Those of a recovery (`error_detected`, `mmio_enabled`, `slot_reset`, `resume`) are called with
/// `pci_bus_sem` held for reading as well (`pci_walk_bus()`). To take it once more is a deadlock as
/// soon as somebody waits to change the bus, and to enable virtual functions changes it. So what
/// touches the function there gets an [`Exclusive`], which saves, restores, and resets by
/// [`Flr`](super::Flr), but by no method that takes that lock.
#[vtable]
pub trait ErrorHandler: for<'a> Driver<Data<'a>: Sync> {
    /// An error was reported on the function's bus (`report_error_detected()`).
    ///
    /// The function must not be touched where the state is not [`ChannelState::Normal`]: the device
    /// is in the normal context, which gives no access to config space or MMIO.
    ///
    /// Returns [`CanRecover`](ErsResult::CanRecover), [`NeedReset`](ErsResult::NeedReset) or
    /// [`Disconnect`](ErsResult::Disconnect); of all votes on the bus the worst counts.
    fn error_detected(
        _dev: &Device,
        _this: Pin<&Self::Data<'_>>,
        _state: ChannelState,
    ) -> ErsResult {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Every driver on the bus can recover without a reset; MMIO works again, DMA does not
    /// (`report_mmio_enabled()`).
    ///
    /// Returns [`Recovered`](ErsResult::Recovered), [`NeedReset`](ErsResult::NeedReset) or
    /// [`Disconnect`](ErsResult::Disconnect).
    fn mmio_enabled(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> ErsResult {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The function was reset and is in its power-on state (PCIe r6.0, sec 6.6.1). The PCI core has
    /// restored nothing (`report_slot_reset()`).
    ///
    /// Returns [`Recovered`](ErsResult::Recovered) or [`Disconnect`](ErsResult::Disconnect).
    fn slot_reset(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) -> ErsResult {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// A requested reset (sysfs, VFIO, the driver itself) is about to happen. The PCI core
    /// saves config space after this (`pci_dev_save_and_disable()`).
    ///
    /// Not called for a reset that the driver requests in its own probe: it has no data yet.
    fn reset_prepare(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The reset is over, whether it worked or not, and the PCI core has restored config space
    /// (`pci_dev_restore()`).
    ///
    /// Not called for a reset that the driver requests in its own probe: it has no data yet.
    fn reset_done(_dev: &Device<Core<'_>>, _this: Pin<&Self::Data<'_>>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Recovery is over and I/O may start again (`report_resume()`).
    fn resume(_dev: Exclusive<'_>, _this: Pin<&Self::Data<'_>>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The function reported a correctable error, which hardware has corrected
    /// (`pci_aer_handle_error()`; PCIe r6.0, sec 6.2.2.1).
    ///
    /// Context: process context, may sleep. The device lock is not held, and the driver may be
    /// about to be unbound: there is no private data.
    fn cor_error_detected(_dev: &Device) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Builds the C vtable of a driver's error handlers.
pub(super) struct Handlers<T: ErrorHandler + SriovOps>(T);

impl<T: ErrorHandler + SriovOps> Handlers<T> {
    c_vtable! {
        pci_error_handlers:
        error_detected if HAS_ERROR_DETECTED,
        mmio_enabled if HAS_MMIO_ENABLED,
        slot_reset if HAS_SLOT_RESET,
        reset_prepare if HAS_RESET_PREPARE,
        reset_done if HAS_RESET_DONE,
        resume if HAS_RESUME,
        cor_error_detected if HAS_COR_ERROR_DETECTED,
    }

    /// Calls `callback` with what it needs; returns [`None`] while the driver is in its probe.
    ///
    /// # Safety
    ///
    /// Must be called from a callback of the PCI core: `pdev` is valid, bound to a driver of type
    /// `T`, and its device lock is held.
    unsafe fn call<R>(
        pdev: *mut bindings::pci_dev,
        callback: impl FnOnce(&Device<Core<'_>>, Pin<&T::Data<'_>>) -> R,
    ) -> Option<R> {
        // SAFETY: By the safety requirements of this function.
        let dev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };

        // SAFETY: By the safety requirements of this function.
        unsafe { bound_data::<T>(dev) }.map(|data| callback(dev, data))
    }

    /// As [`Self::call`], for a handler of a recovery that touches the function.
    ///
    /// The AER and DPC code keeps it from being suspended at run time meanwhile; that of other
    /// platforms need not.
    ///
    /// # Safety
    ///
    /// As for [`Self::call`]; the callback must be one of a recovery.
    unsafe fn call_in_recovery<R>(
        pdev: *mut bindings::pci_dev,
        callback: impl FnOnce(Exclusive<'_>, Pin<&T::Data<'_>>) -> R,
    ) -> Option<R> {
        let call = |dev: &Device<Core<'_>>, data: Pin<&T::Data<'_>>| {
            let _active = ActiveRef::get(dev);
            callback(dev.into(), data)
        };
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::call(pdev, call) }
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn error_detected(
        pdev: *mut bindings::pci_dev,
        state: bindings::pci_channel_state_t,
    ) -> bindings::pci_ers_result_t {
        let state = ChannelState::from_raw(state);
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::call(pdev, |dev, data| T::error_detected(dev, data, state)) }
            .unwrap_or(ErsResult::None)
            .into_raw()
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn mmio_enabled(pdev: *mut bindings::pci_dev) -> bindings::pci_ers_result_t {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::call_in_recovery(pdev, |dev, data| T::mmio_enabled(dev, data)) }
            .unwrap_or(ErsResult::None)
            .into_raw()
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn slot_reset(pdev: *mut bindings::pci_dev) -> bindings::pci_ers_result_t {
        // SAFETY: By the safety requirements of this function.
        unsafe {
            Self::call_in_recovery(pdev, |dev, data| {
                let vote = T::slot_reset(dev, data);
                // Those on the function's own bus have a handler called of their own, later.
                sriov::Callbacks::<T>::physfn_reset_done(dev);
                vote
            })
        }
        .unwrap_or(ErsResult::None)
        .into_raw()
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn reset_prepare(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the safety requirements of this function.
        unsafe {
            Self::call(pdev, |dev, data| {
                let active = ActiveRef::get(dev);
                T::reset_prepare(dev, data);
                // The function must not be suspended while it is reset; sysfs sees to that, another
                // driver that resets the bus does not. The core calls the two in pairs, with the
                // device lock held from the one to the other.
                if T::HAS_RESET_DONE {
                    active.keep();
                }
            })
        };
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn reset_done(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the safety requirements of this function.
        unsafe {
            Self::call(pdev, |dev, data| {
                let _active = if T::HAS_RESET_PREPARE {
                    ActiveRef::from_kept(dev)
                } else {
                    ActiveRef::get(dev)
                };
                T::reset_done(dev, data);
                sriov::Callbacks::<T>::physfn_reset_done(dev.into());
            })
        };
    }

    /// # Safety
    ///
    /// As for [`Self::call`].
    unsafe extern "C" fn resume(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::call_in_recovery(pdev, |dev, data| T::resume(dev, data)) };
    }

    /// # Safety
    ///
    /// Must be called by the PCI core only: `pdev` is valid.
    unsafe extern "C" fn cor_error_detected(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the safety requirements of this function.
        T::cor_error_detected(unsafe { &*pdev.cast::<Device>() });
    }
}
