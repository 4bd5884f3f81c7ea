// SPDX-License-Identifier: GPL-2.0-only

//! All callbacks of errors, sleep and runtime power management, for a driver that says how to stop
//! its I/O and how to start it.
//!
//! The order is the same in each: stop, then what [`Recovery`] does; or what it does, then start.

use kernel::{
    device::Core,
    pci::{
        Device,
        Driver, //
    },
    prelude::*, //
};

use super::{
    report::corrected,
    sleep::OnRefusal,
    Recovery, //
};
use crate::pci::{
    Channel,
    ChannelState,
    ErrorHandler,
    ErsResult,
    Exclusive,
    PmOps, //
};

/// A driver whose callbacks stop I/O, call [`Recovery`], and start I/O again.
///
/// It has all callbacks of [`ErrorHandler`] and [`PmOps`] by that, those of runtime power
/// management where [`Self::RUNTIME_PM`] says so. A driver that needs more of a callback, or some
/// of them only, implements those two traits instead.
///
/// The context of each function is what its callers have in common: the types give no more. A
/// module that is declared by the kernel's `module!` has to be of a public type, since the
/// callbacks here name it.
///
/// # Examples
///
/// A driver with registers, which it does not access while `running` is false:
///
/// ```
/// # use kernel::{
/// #     device::Core,
/// #     pci::{Device, Driver, IdTable},
/// #     prelude::*,
/// #     sync::{atomic::{Atomic, Relaxed}, Arc},
/// # };
/// # use pci_recovery::{
/// #     module_recoverable_pci_driver, pci, pci_device_table,
/// #     pci::{ChannelState, Exclusive, SriovOps},
/// #     recovery::{Recoverable, Recovery},
/// # };
/// # struct MyDriver;
/// # struct Data {
/// #     recovery: Arc<Recovery>,
/// #     running: Atomic<bool>,
/// # }
/// # pci_device_table!(IDS, <MyDriver as Driver>::IdInfo, [(pci::device_id(0x1234, 0x11e8), ())]);
/// # impl Driver for MyDriver {
/// #     type IdInfo = ();
/// #     type Data<'bound> = Data;
/// #     const ID_TABLE: IdTable<Self::IdInfo> = &IDS;
/// #     fn probe<'bound>(
/// #         _dev: &'bound Device<Core<'_>>,
/// #         _info: pci::ProbeInfo<'bound, Self::IdInfo>,
/// #     ) -> impl PinInit<Data, Error> + 'bound {
/// #         Err(ENODEV)
/// #     }
/// # }
/// # #[vtable]
/// # impl SriovOps for MyDriver {}
/// # module_recoverable_pci_driver! { type: MyDriver, name: "my_driver", license: "GPL", }
/// impl Recoverable for MyDriver {
///     fn recovery(this: Pin<&Data>) -> &Recovery {
///         &this.get_ref().recovery
///     }
///
///     fn stop(_dev: &Device, this: Pin<&Data>, _state: ChannelState) {
///         this.running.store(false, Relaxed);
///     }
///
///     fn start(_dev: Exclusive<'_>, this: Pin<&Data>) -> Result {
///         this.running.store(true, Relaxed);
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
pub trait Recoverable: for<'a> Driver<Data<'a>: Sync> {
    /// Whether the function is suspended at run time while nobody uses it. The callbacks are null
    /// otherwise, and the PCI core's reference keeps the function awake.
    const RUNTIME_PM: bool = false;

    /// Returns the function's known-good state, of [`Recovery::new`] in probe.
    fn recovery<'a>(this: Pin<&'a Self::Data<'_>>) -> &'a Recovery;

    /// Stops I/O: when this returns, the driver accesses the function no more, and has no DMA
    /// under way. Comes before errors, resets and sleep, also where I/O is stopped already.
    ///
    /// `state` is the channel's: the function must not be touched unless it is
    /// [`ChannelState::Normal`], and `dev` gives no access to its config space. After
    /// [`ChannelState::PermanentFailure`] the function does not come back, unless somebody resets
    /// it.
    ///
    /// Context: process context, may sleep. The device lock is held, but for runtime power
    /// management.
    fn stop(dev: &Device, this: Pin<&Self::Data<'_>>, state: ChannelState);

    /// Starts I/O. Comes only where the function has its known-good state ([`Recovery::is_ok`]),
    /// also where I/O was not stopped.
    ///
    /// The device's own registers are as a reset or a loss of power has left them.
    ///
    /// Context: process context, may sleep. The device lock is held, but for runtime power
    /// management; in a recovery `pci_bus_sem`, too: see [`ErrorHandler`].
    ///
    /// # Errors
    ///
    /// That the device does not work; I/O must then be stopped. The PM core logs it in a resume of
    /// the system; elsewhere nobody does.
    fn start(dev: Exclusive<'_>, this: Pin<&Self::Data<'_>>) -> Result;

    /// Returns what a refused save does to a suspend or a hibernation.
    fn on_refusal() -> OnRefusal {
        OnRefusal::Continue
    }
}

/// Stops I/O before a callback that the channel's state does not come with.
fn stop<'a, T: Recoverable>(dev: &Device, this: Pin<&'a T::Data<'_>>) -> &'a Recovery {
    T::stop(dev, this, dev.channel_state());
    T::recovery(this)
}

/// Starts I/O, unless the function is not well, which [`Recovery`] has reported.
fn start<T: Recoverable>(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
    if T::recovery(this).is_ok() {
        T::start(dev, this)
    } else {
        Ok(())
    }
}

/// Starts I/O again where the function does not go to sleep: no callback follows.
fn start_if_awake<T: Recoverable>(
    asleep: Result,
    dev: Exclusive<'_>,
    this: Pin<&T::Data<'_>>,
) -> Result {
    asleep.inspect_err(|_| {
        let _ = start::<T>(dev, this);
    })
}

#[vtable]
impl<T: Recoverable> ErrorHandler for T {
    fn error_detected(dev: &Device, this: Pin<&T::Data<'_>>, state: ChannelState) -> ErsResult {
        T::stop(dev, this, state);
        T::recovery(this).error_detected(dev, state)
    }

    fn mmio_enabled(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> ErsResult {
        T::recovery(this).mmio_enabled(dev)
    }

    fn slot_reset(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> ErsResult {
        T::recovery(this).slot_reset(dev)
    }

    fn reset_prepare(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) {
        stop::<T>(dev, this).reset_prepare(dev);
    }

    fn reset_done(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) {
        T::recovery(this).reset_done(dev);
        let _ = start::<T>(dev.into(), this);
    }

    fn resume(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) {
        T::recovery(this).resume(dev);
        let _ = start::<T>(dev, this);
    }

    fn cor_error_detected(dev: &Device) {
        corrected(dev);
    }
}

#[vtable]
impl<T: Recoverable> PmOps for T {
    const HAS_RUNTIME_SUSPEND: bool = T::RUNTIME_PM;
    const HAS_RUNTIME_RESUME: bool = T::RUNTIME_PM;

    fn suspend(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        let asleep = stop::<T>(dev, this).suspend(dev, T::on_refusal());
        start_if_awake::<T>(asleep, dev.into(), this)
    }

    fn suspend_noirq(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).suspend_noirq(dev)
    }

    fn resume_noirq(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).resume_noirq(dev);
        Ok(())
    }

    fn resume(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).pm_resume(dev);
        start::<T>(dev.into(), this)
    }

    fn freeze(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        let asleep = stop::<T>(dev, this).freeze(dev, T::on_refusal());
        start_if_awake::<T>(asleep, dev.into(), this)
    }

    fn freeze_noirq(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).freeze_noirq(dev)
    }

    fn thaw_noirq(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).thaw_noirq(dev);
        Ok(())
    }

    fn thaw(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).thaw(dev);
        start::<T>(dev.into(), this)
    }

    fn poweroff(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        stop::<T>(dev, this).poweroff(dev);
        Ok(())
    }

    fn restore_noirq(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).restore_noirq(dev);
        Ok(())
    }

    fn restore(dev: &Device<Core<'_>>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).pm_restore(dev);
        start::<T>(dev.into(), this)
    }

    fn runtime_suspend(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        let asleep = stop::<T>(&dev, this).runtime_suspend(dev);
        start_if_awake::<T>(asleep, dev, this)
    }

    fn runtime_resume(dev: Exclusive<'_>, this: Pin<&T::Data<'_>>) -> Result {
        T::recovery(this).runtime_resume(dev);
        // An error would end runtime power management, and with it what may still help.
        let _ = start::<T>(dev, this);
        Ok(())
    }
}
