// SPDX-License-Identifier: GPL-2.0-only

//! Whoever is alone with a function is so until the callback returns, and cannot keep it.

use kernel::prelude::*;
use pci_recovery::pci::{
    try_lock,
    Binding,
    Exclusive,
    LockScope,
    State, //
};

pub fn keep(binding: &Binding) -> Result<bool> {
    #[cfg(forbidden)]
    let mut kept = None;

    let saved = try_lock(binding, LockScope::Function, |dev| {
        let exclusive = Exclusive::from(dev);
        #[cfg(forbidden)]
        kept.replace(exclusive);
        //~^ E0521 borrowed data escapes outside of closure
        Ok(exclusive.state_saved())
    });

    #[cfg(forbidden)]
    let saved = kept
        .map(|exclusive: Exclusive<'_>| exclusive.state_saved())
        .ok_or(ENODEV);
    saved
}
