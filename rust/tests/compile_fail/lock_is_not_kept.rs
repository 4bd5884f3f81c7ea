// SPDX-License-Identifier: GPL-2.0-only

//! The device lock is held while the closure of `try_lock` runs, and no longer.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};
use pci_recovery::pci::{
    try_lock,
    Binding,
    LockScope,
    Reset, //
};

pub fn reset(binding: &Binding) -> Result {
    #[cfg(forbidden)]
    {
        let dev: &Device<Core<'_>> = try_lock(binding, LockScope::Function, |dev| Ok(dev))?;
        //~^ - lifetime may not live long enough
        dev.reset_function_locked()
    }

    #[cfg(not(forbidden))]
    try_lock(binding, LockScope::Function, |dev: &Device<Core<'_>>| {
        dev.reset_function_locked()
    })
}
