// SPDX-License-Identifier: GPL-2.0-only

//! `cor_error_detected` runs without the device lock and may race the unbind: there is no private
//! data for it.

use kernel::{
    macros::vtable,
    pci::Device, //
};
use pci_recovery::pci::ErrorHandler;

include!("common/driver.rs");

#[vtable]
impl ErrorHandler for MyDriver {
    #[cfg(forbidden)]
    fn cor_error_detected(_dev: &Device, _this: core::pin::Pin<&Data>) {}
    //~^ E0050 has 2 parameters but the declaration in trait `cor_error_detected` has 1

    #[cfg(not(forbidden))]
    fn cor_error_detected(_dev: &Device) {}
}
