// SPDX-License-Identifier: GPL-2.0-only

//! A driver that is `Recoverable` says how to stop and how to start: that it need not is written
//! down, too, as `pci_recovery` does. With both it has all callbacks of errors and sleep.

use core::pin::Pin;

use kernel::{
    error::Result,
    macros::vtable,
    pci::Device, //
};
use pci_recovery::{
    pci::{
        Adapter,
        ChannelState,
        Exclusive, //
    },
    recovery::{
        Recoverable,
        Recovery, //
    }, //
};

include!("common/driver.rs");

impl Recoverable for MyDriver {
    //~^ E0046 missing: `stop`, `start`
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    #[cfg(not(forbidden))]
    fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}

    #[cfg(not(forbidden))]
    fn start(_dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
        Ok(())
    }
}

#[vtable]
impl pci_recovery::pci::SriovOps for MyDriver {}

pub type Registered = kernel::driver::Registration<Adapter<MyDriver>>;

pub fn register(_: Registered) {}
