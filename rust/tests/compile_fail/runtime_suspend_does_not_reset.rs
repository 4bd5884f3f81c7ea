// SPDX-License-Identifier: GPL-2.0-only

//! Runtime PM callbacks run without the device lock: what they are given saves and restores, but
//! resets by no method that needs the lock, and is not taken for it.

use core::pin::Pin;

use kernel::{
    macros::vtable,
    prelude::*, //
};
use pci_recovery::pci::{
    Exclusive,
    PmOps,
    Reset,
    State, //
};

include!("common/driver.rs");

#[vtable]
impl PmOps for MyDriver {
    #[cfg(forbidden)]
    fn runtime_suspend(dev: Exclusive<'_>, this: Pin<&Data>) -> Result {
        dev.save_state()?;
        dev.reset_function_locked()?;
        //~^ E0599 no method named `reset_function_locked` found for struct
        this.recovery.reset(&dev)
        //~^ E0308 expected `&Device<Core<'_>>`, found `&Exclusive<'_>`
    }

    #[cfg(not(forbidden))]
    fn suspend(dev: &kernel::pci::Device<kernel::device::Core<'_>>, this: Pin<&Data>) -> Result {
        Exclusive::from(dev).save_state()?;
        dev.reset_function_locked()?;
        this.recovery.reset(dev)
    }
}
