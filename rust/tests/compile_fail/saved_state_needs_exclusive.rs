// SPDX-License-Identifier: GPL-2.0-only

//! The core's buffer is copied, and replaced, by whoever is alone with the function only.

use kernel::prelude::*;
use pci_recovery::pci::{
    SavedState,
    State, //
};

#[cfg(forbidden)]
type Dev<'a> = &'a kernel::pci::Device<kernel::device::Bound>;
#[cfg(not(forbidden))]
type Dev<'a> = pci_recovery::pci::Exclusive<'a>;

pub fn copy(dev: Dev<'_>) -> Result<bool> {
    let state = SavedState::store(dev)?;
    //~^ E0308 expected `Exclusive<'_>`, found `&Device<Bound>`
    state.load(dev)?;
    //~^ E0308 expected `Exclusive<'_>`, found `&Device<Bound>`
    Ok(dev.state_saved())
    //~^ E0599 no method named `state_saved` found for reference `&kernel::pci::Device<
}
