// SPDX-License-Identifier: GPL-2.0-only

//! An interrupt comes at any time, on any CPU.

use pci_recovery::pci::IrqHandler;

#[cfg(forbidden)]
type Counter = core::cell::Cell<u32>;
#[cfg(not(forbidden))]
type Counter = kernel::sync::atomic::Atomic<u32>;

pub struct Handler(Counter);

impl IrqHandler for Handler {
    //~^ E0277 `Cell<u32>` cannot be shared between threads safely
    fn interrupt(&self) {
        let _ = &self.0;
    }
}
