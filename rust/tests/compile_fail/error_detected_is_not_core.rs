// SPDX-License-Identifier: GPL-2.0-only

//! A driver cannot ask for more than a callback has: `error_detected` is not given the context that
//! config space could be read with.

use core::pin::Pin;

use kernel::{
    macros::vtable,
    pci::Device, //
};
use pci_recovery::pci::{
    ChannelState,
    ErrorHandler,
    ErsResult, //
};

include!("common/driver.rs");

#[cfg(forbidden)]
type Context<'a> = kernel::device::Core<'a>;
#[cfg(not(forbidden))]
type Context<'a> = kernel::device::Normal;

#[vtable]
impl ErrorHandler for MyDriver {
    fn error_detected(
        _dev: &Device<Context<'_>>,
        //~^ E0053 expected `kernel::device::Normal`, found `kernel::device::Core<'_>`
        _this: Pin<&Data>,
        _state: ChannelState,
    ) -> ErsResult {
        ErsResult::CanRecover
    }
}
