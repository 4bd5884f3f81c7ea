// SPDX-License-Identifier: GPL-2.0-only

//! A verified restore needs the device lock: a device that one has a mere reference to (the normal
//! context) may be bound to another driver by now.

use kernel::{
    pci::Device,
    prelude::*, //
};
use pci_recovery::recovery::Recovery;

#[cfg(forbidden)]
type Dev<'a> = &'a Device<kernel::device::Normal>;
#[cfg(not(forbidden))]
type Dev<'a> = &'a Device<kernel::device::Core<'a>>;

pub fn restore(recovery: &Recovery, dev: Dev<'_>) -> Result {
    recovery.restore(dev)
    //~^ E0308 expected `&Device<Core<'_>>`, found `&Device`
}
