// SPDX-License-Identifier: GPL-2.0-only

//! A function is enabled in probe, with the device lock held, and there is nothing to keep: when it
//! is disabled again is not for the driver to say.

use kernel::{
    pci::Device,
    prelude::*, //
};
use pci_recovery::pci::enable;

#[cfg(forbidden)]
type Dev<'a> = &'a Device<kernel::device::Bound>;
#[cfg(not(forbidden))]
type Dev<'a> = &'a Device<kernel::device::Core<'a>>;

pub fn probe(dev: Dev<'_>) -> Result {
    enable(dev)
    //~^ E0308 expected `&Device<Core<'_>>`, found `&Device<Bound>`
}
