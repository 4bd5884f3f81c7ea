// SPDX-License-Identifier: GPL-2.0-only

//! `stop` is called where the channel may be frozen, too: its device gives no access to config
//! space, and nothing can be saved with it. `start` is alone with the function, but below the lock
//! that a reset of the bus would take.

use core::pin::Pin;

use kernel::{
    error::Result,
    pci::Device, //
};
use pci_recovery::{
    pci::{
        ChannelState,
        Config,
        Exclusive,
        Flr,
        Reset,
        State, //
    },
    recovery::{
        Recoverable,
        Recovery, //
    }, //
};

include!("common/driver.rs");

impl Recoverable for MyDriver {
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    #[cfg(forbidden)]
    fn stop(dev: &Device, this: Pin<&Data>, _state: ChannelState) {
        let _ = dev.read_config_dword(0);
        //~^ E0599 no method named `read_config_dword` found for reference `&kernel::pci::Device`
        let _ = Exclusive::from(dev);
        //~^ E0277 the trait `From<&kernel::pci::Device>` is not implemented for
        let _ = this.recovery.save(dev);
        //~^ E0308 expected `&Device<Core<'_>>`, found `&Device`
    }

    #[cfg(not(forbidden))]
    fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}

    fn start(dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
        let _ = dev.read_config_dword(0);
        #[cfg(forbidden)]
        dev.reset_function_locked()?;
        //~^ E0599 no method named `reset_function_locked` found for struct
        #[cfg(not(forbidden))]
        dev.flr()?;
        dev.save_state()
    }
}
