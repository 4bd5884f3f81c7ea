// SPDX-License-Identifier: GPL-2.0-only

//! Callbacks may run at the same time: private data that only one thread may use is refused.

use kernel::{
    device::Core,
    macros::vtable,
    pci::{
        Device,
        IdTable, //
    },
    prelude::*, //
};
use pci_recovery::pci::{
    device_id,
    ErrorHandler,
    ProbeInfo, //
};

#[cfg(forbidden)]
type Counter = core::cell::Cell<u32>;
#[cfg(not(forbidden))]
type Counter = kernel::sync::atomic::Atomic<u32>;

include!("common/module.rs");

pub struct MyDriver;

pci_recovery::pci_device_table!(
    PCI_TABLE,
    <MyDriver as kernel::pci::Driver>::IdInfo,
    [(device_id(0x1234, 0x11e8), ())]
);

impl kernel::pci::Driver for MyDriver {
    type IdInfo = ();
    type Data<'bound> = Counter;

    const ID_TABLE: IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        _dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Counter, Error> + 'bound {
        Ok(Counter::new(0))
    }
}

#[vtable]
impl ErrorHandler for MyDriver {}
//~^ E0277 `Cell<u32>` cannot be shared between threads safely
