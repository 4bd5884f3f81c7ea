// SPDX-License-Identifier: GPL-2.0-only

//! What the core has saved is looked at in a copy, and that is not replaced by the next save while
//! somebody looks at its bytes.

use kernel::prelude::*;
use pci_recovery::pci::{
    Exclusive,
    SavedState,
    State, //
};

pub fn first_byte(dev: Exclusive<'_>) -> Result<u8> {
    let mut state = SavedState::store(dev)?;
    let saved = state.capabilities().next().ok_or(ENOENT)?;
    let first = saved.data.first();
    #[cfg(not(forbidden))]
    let first = first.copied();

    dev.save_state()?;
    state.replace(dev)?;
    //~^ E0502 cannot borrow `state` as mutable because it is also borrowed as immutable
    #[cfg(forbidden)]
    let first = first.copied();
    first.ok_or(ENOENT)
}
