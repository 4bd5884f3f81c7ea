// SPDX-License-Identifier: GPL-2.0-only

//! A driver cannot ask `stop` and `start` for more than all their callers have: some run without
//! the device lock.

use core::pin::Pin;

use kernel::{
    error::Result,
    pci::Device, //
};
use pci_recovery::{
    pci::{
        ChannelState,
        Exclusive, //
    },
    recovery::{
        Recoverable,
        Recovery, //
    }, //
};

include!("common/driver.rs");

#[cfg(forbidden)]
type Stopped<'a> = &'a Device<kernel::device::Core<'a>>;
#[cfg(not(forbidden))]
type Stopped<'a> = &'a Device;

#[cfg(forbidden)]
type Started<'a> = &'a Device<kernel::device::Core<'a>>;
#[cfg(not(forbidden))]
type Started<'a> = Exclusive<'a>;

impl Recoverable for MyDriver {
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: Stopped<'_>, _this: Pin<&Data>, _state: ChannelState) {}
    //~^ E0053 expected `kernel::device::Normal`, found `kernel::device::Core<'_>`

    fn start(_dev: Started<'_>, _this: Pin<&Data>) -> Result {
        //~^ E0053 expected `pci_recovery::pci::Exclusive<'_>`, found `&Device<Core<'_>>`
        Ok(())
    }
}
