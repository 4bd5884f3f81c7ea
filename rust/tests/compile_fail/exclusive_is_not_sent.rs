// SPDX-License-Identifier: GPL-2.0-only

//! What is true of one thread is not true of another: neither moved to it nor shared with it.

use pci_recovery::pci::Exclusive;

fn send<T: Send>(_: T) {}
fn share<T: Sync>(_: &T) {}

pub fn to_another_thread(dev: Exclusive<'_>) {
    #[cfg(forbidden)]
    let what = dev;
    #[cfg(not(forbidden))]
    let what: &kernel::pci::Device<kernel::device::Bound> = &dev;

    share(&what);
    //~^ E0277 cannot be shared between threads safely
    send(what);
    //~^ E0277 cannot be sent between threads safely
}
