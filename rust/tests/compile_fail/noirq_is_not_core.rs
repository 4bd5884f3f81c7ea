// SPDX-License-Identifier: GPL-2.0-only

//! The callbacks that run with interrupts off are not given the context of the device lock,
//! whatever they are for: here the way back from suspend.

use core::pin::Pin;

use kernel::{
    macros::vtable,
    prelude::*, //
};
use pci_recovery::pci::PmOps;

include!("common/driver.rs");

#[cfg(forbidden)]
type Dev<'a> = &'a kernel::pci::Device<kernel::device::Core<'a>>;
#[cfg(not(forbidden))]
type Dev<'a> = pci_recovery::pci::Exclusive<'a>;

#[vtable]
impl PmOps for MyDriver {
    fn resume_noirq(_dev: Dev<'_>, _this: Pin<&Data>) -> Result {
        //~^ E0053 expected `pci_recovery::pci::Exclusive<'_>`, found `&Device<Core<'_>>`
        Ok(())
    }
}
