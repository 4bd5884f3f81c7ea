// SPDX-License-Identifier: GPL-2.0-only

//! Virtual functions are enabled and disabled with the device lock held.

use kernel::{
    pci::Device,
    prelude::*, //
};
use pci_recovery::pci::SriovControl;

#[cfg(forbidden)]
type Dev<'a> = &'a Device<kernel::device::Bound>;
#[cfg(not(forbidden))]
type Dev<'a> = &'a Device<kernel::device::Core<'a>>;

pub fn enable(dev: Dev<'_>) -> Result {
    dev.enable_sriov(4)
    //~^ E0599 no method named `enable_sriov` found for reference `&kernel::pci::Device<
}
