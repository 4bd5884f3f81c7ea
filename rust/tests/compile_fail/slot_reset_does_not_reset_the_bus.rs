// SPDX-License-Identifier: GPL-2.0-only

//! The core holds `pci_bus_sem` when it calls the handlers of a recovery: what they are given
//! resets by FLR, but by no method that takes that lock, and enables no virtual functions. It may
//! be held, too, when virtual functions hear of their physical one's reset.

use core::pin::Pin;

use kernel::{
    macros::vtable,
    pci::Device, //
};
use pci_recovery::pci::{
    ErrorHandler,
    ErsResult,
    Exclusive,
    Flr,
    Reset,
    SriovControl,
    SriovOps,
    State, //
};

include!("common/driver.rs");

#[vtable]
impl ErrorHandler for MyDriver {
    #[cfg(forbidden)]
    fn slot_reset(dev: Exclusive<'_>, this: Pin<&Data>) -> ErsResult {
        let _ = dev.reset_function_locked();
        //~^ E0599 no method named `reset_function_locked` found for struct
        let _ = dev.enable_sriov(1);
        //~^ E0599 no method named `enable_sriov` found for struct
        let _ = this.recovery.reset(&dev);
        //~^ E0308 expected `&Device<Core<'_>>`, found `&Exclusive<'_>`
        ErsResult::Recovered
    }

    #[cfg(not(forbidden))]
    fn slot_reset(dev: Exclusive<'_>, this: Pin<&Data>) -> ErsResult {
        dev.restore_state();
        let _ = dev.flr();
        this.recovery.slot_reset(dev)
    }

    #[cfg(not(forbidden))]
    fn reset_done(dev: &Device<kernel::device::Core<'_>>, this: Pin<&Data>) {
        let _ = dev.reset_function_locked();
        let _ = dev.enable_sriov(1);
        let _ = this.recovery.reset(dev);
    }
}

#[vtable]
impl SriovOps for MyDriver {
    #[cfg(forbidden)]
    fn physfn_reset_done(dev: Exclusive<'_>, _this: Pin<&Data>) {
        let _ = dev.reset_function_locked();
        //~^ E0599 no method named `reset_function_locked` found for struct
    }

    #[cfg(not(forbidden))]
    fn physfn_reset_done(dev: Exclusive<'_>, this: Pin<&Data>) {
        this.recovery.physfn_reset_done(dev);
    }
}
