// SPDX-License-Identifier: GPL-2.0-only

//! A driver that does no runtime power management has no callbacks for it, and all others; one that
//! says that it does has both.

use core::pin::Pin;

use kernel::{
    error::Result,
    pci::Device, //
};
use pci_recovery::{
    pci::{
        ChannelState,
        ErrorHandler,
        Exclusive,
        PmOps, //
    },
    recovery::{
        Recoverable,
        Recovery, //
    }, //
};

include!("common/driver.rs");

impl Recoverable for MyDriver {
    #[cfg(forbidden)]
    const RUNTIME_PM: bool = true;

    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}

    fn start(_dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
        Ok(())
    }
}

const _: () = assert!(!<MyDriver as PmOps>::HAS_RUNTIME_SUSPEND);
//~^ E0080 assertion failed: !<MyDriver as PmOps>::HAS_RUNTIME_SUSPEND
const _: () = assert!(!<MyDriver as PmOps>::HAS_RUNTIME_RESUME);
//~^ E0080 assertion failed: !<MyDriver as PmOps>::HAS_RUNTIME_RESUME
const _: () = assert!(<MyDriver as PmOps>::HAS_SUSPEND && <MyDriver as PmOps>::HAS_RESTORE);
const _: () = assert!(<MyDriver as ErrorHandler>::HAS_SLOT_RESET);
