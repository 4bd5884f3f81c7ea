// SPDX-License-Identifier: GPL-2.0-only

//! What the core has saved is written by the next save: nobody keeps it as bytes that do not
//! change.

use kernel::prelude::*;
use pci_recovery::pci::{
    Exclusive,
    State, //
};

pub fn first_byte(dev: Exclusive<'_>) -> Result<u8> {
    let mut capabilities = dev.saved_capabilities();
    let saved = capabilities.next().ok_or(ENOENT)?;

    #[cfg(not(forbidden))]
    let first = saved.data.first();
    #[cfg(forbidden)]
    let first: Option<&u8> = saved.data.first();
    //~^ E0308 mismatched types

    dev.save_state()?;
    #[cfg(not(forbidden))]
    let first = first.map(|byte| byte.get());
    #[cfg(forbidden)]
    let first = first.copied();
    first.ok_or(ENOENT)
}
