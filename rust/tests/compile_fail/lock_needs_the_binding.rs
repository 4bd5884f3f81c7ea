// SPDX-License-Identifier: GPL-2.0-only

//! Whoever comes later with a device that he has kept may find it in the hands of another driver: it
//! is a binding that is locked, which ends when the driver is unbound.

use kernel::prelude::*;
use pci_recovery::pci::{
    try_lock,
    LockScope,
    Reset, //
};

#[cfg(forbidden)]
type Kept = kernel::pci::Device;
#[cfg(not(forbidden))]
type Kept = pci_recovery::pci::Binding;

pub fn reset(kept: &Kept) -> Result {
    try_lock(kept, LockScope::Function, |dev| dev.reset_function_locked())
    //~^ E0308 expected `&Binding`, found `&Device`
}
