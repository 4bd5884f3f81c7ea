// SPDX-License-Identifier: GPL-2.0-only

//! Files in debugfs may outlive the scope that keeps their directory, where it is forgotten: what
//! they show borrows nothing.

use core::sync::atomic::AtomicU32;

use kernel::prelude::*;
use pci_recovery::pci::debugfs::Dir;

#[cfg(forbidden)]
pub fn show<'a>(dir: &Dir, shown: &'a AtomicU32) -> Result {
    core::mem::forget(dir.scope(shown, c"x", |_, _| ())?);
    //~^ E0521 borrowed data escapes outside of function
    Ok(())
}

#[cfg(not(forbidden))]
pub fn show(dir: &Dir, shown: &'static AtomicU32) -> Result {
    core::mem::forget(dir.scope(shown, c"x", |_, _| ())?);
    Ok(())
}
