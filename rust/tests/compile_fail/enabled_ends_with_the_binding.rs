// SPDX-License-Identifier: GPL-2.0-only

//! A function is disabled when it is unbound: what does so cannot live longer.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};
use pci_recovery::pci::Enabled;

#[cfg(forbidden)]
type MyEnabled<'a> = Enabled<'static>;
#[cfg(not(forbidden))]
type MyEnabled<'a> = Enabled<'a>;

pub fn enable<'bound>(dev: &'bound Device<Core<'_>>) -> Result<MyEnabled<'bound>> {
    Enabled::new(dev)
    //~^ - lifetime may not live long enough
}
