// SPDX-License-Identifier: GPL-2.0-only

//! A driver is registered with all three traits of callbacks: one that was forgotten is not taken
//! for one that is empty.

use kernel::macros::vtable;
use pci_recovery::pci::{
    Adapter,
    ErrorHandler,
    PmOps, //
};

include!("common/driver.rs");

#[vtable]
impl ErrorHandler for MyDriver {}

#[vtable]
impl PmOps for MyDriver {}

#[cfg(not(forbidden))]
#[vtable]
impl pci_recovery::pci::SriovOps for MyDriver {}

pub type Registered = kernel::driver::Registration<Adapter<MyDriver>>;

pub fn register(_: Registered) {}
//~^ E0277 the trait bound `MyDriver: SriovOps` is not satisfied
