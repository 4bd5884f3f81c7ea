// SPDX-License-Identifier: GPL-2.0-only

//! `error_detected` is called while the channel may be frozen: its device gives no access to config
//! space, and nothing can be saved or restored with it.

use core::pin::Pin;

use kernel::{
    macros::vtable,
    pci::Device, //
};
use pci_recovery::pci::{
    ChannelState,
    Config,
    ErrorHandler,
    ErsResult,
    Exclusive, //
};

include!("common/driver.rs");

#[vtable]
impl ErrorHandler for MyDriver {
    #[cfg(forbidden)]
    fn error_detected(dev: &Device, this: Pin<&Data>, _state: ChannelState) -> ErsResult {
        let _ = dev.read_config_dword(0);
        //~^ E0599 no method named `read_config_dword` found for reference `&kernel::pci::Device`
        let _ = Exclusive::from(dev);
        //~^ E0277 the trait `From<&kernel::pci::Device>` is not implemented for
        let _ = this.recovery.save(dev);
        //~^ E0308 expected `&Device<Core<'_>>`, found `&Device`
        ErsResult::CanRecover
    }

    #[cfg(not(forbidden))]
    fn reset_done(dev: &Device<kernel::device::Core<'_>>, this: Pin<&Data>) {
        let _ = dev.read_config_dword(0);
        let _ = Exclusive::from(dev);
        let _ = this.recovery.save(dev);
    }
}
