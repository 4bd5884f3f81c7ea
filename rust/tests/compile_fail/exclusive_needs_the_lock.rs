// SPDX-License-Identifier: GPL-2.0-only

//! That a function is bound does not say that one is alone with it.

use kernel::pci::Device;
use pci_recovery::pci::Exclusive;

#[cfg(forbidden)]
type Dev<'a> = &'a Device<kernel::device::Bound>;
#[cfg(not(forbidden))]
type Dev<'a> = &'a Device<kernel::device::Core<'a>>;

pub fn exclusive(dev: Dev<'_>) -> Exclusive<'_> {
    dev.into()
    //~^ E0277 the trait `From<&kernel::pci::Device<kernel::device::Bound>>` is not implemented for
}
