// SPDX-License-Identifier: GPL-2.0-only

//! A driver has its callbacks from `Recoverable`, or its own: not both.

use core::pin::Pin;

use kernel::{
    error::Result,
    macros::vtable,
    pci::Device, //
};
use pci_recovery::{
    pci::{
        ChannelState,
        Exclusive,
        PmOps, //
    },
    recovery::{
        Recoverable,
        Recovery, //
    }, //
};

include!("common/driver.rs");

#[cfg(forbidden)]
impl Recoverable for MyDriver {
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}

    fn start(_dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
        Ok(())
    }
}

#[vtable]
impl PmOps for MyDriver {
    //~^ E0119 conflicting implementations of trait `PmOps` for type `MyDriver`
    fn resume(_dev: &Device<kernel::device::Core<'_>>, _this: Pin<&Data>) -> Result {
        Ok(())
    }
}
