// SPDX-License-Identifier: GPL-2.0-only

//! A guarded save needs the device lock: a work item or a file of the driver's has none.

use kernel::{
    pci::Device,
    prelude::*, //
};
use pci_recovery::recovery::Recovery;

#[cfg(forbidden)]
type Dev<'a> = &'a Device<kernel::device::Bound>;
#[cfg(not(forbidden))]
type Dev<'a> = &'a Device<kernel::device::Core<'a>>;

pub fn save(recovery: &Recovery, dev: Dev<'_>) -> Result {
    recovery.save(dev)
    //~^ E0308 expected `&Device<Core<'_>>`, found `&Device<Bound>`
}
