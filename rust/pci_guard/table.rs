// SPDX-License-Identifier: GPL-2.0-only

//! Finds a function by its address, in a time that does not depend on how many there are.
//!
//! Open addressing, at most a quarter full: nearly every function is where it is looked for first.
//! The table is not changed but made anew, by who adds or removes a function and may sleep; who
//! looks up does not wait for that.

use kernel::{
    prelude::*,
    sync::Arc, //
};

use super::function::Guarded;

type Slot = Option<(usize, Arc<Guarded>)>;

/// The most memory that the table takes for a function, in bytes.
pub(super) const BYTES: usize = 8 * size_of::<Slot>();

/// The functions, by the address of their `struct pci_dev`.
pub(super) struct Table {
    slots: KVVec<Slot>,
    /// How far the product of an address is shifted right: 64 minus the bits of an index.
    shift: u32,
}

impl Table {
    pub(super) const fn empty() -> Self {
        Self {
            slots: KVVec::new(),
            shift: 63,
        }
    }

    /// Makes a table of `functions`, of which there are `count`.
    ///
    /// Context: process context, sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(count: usize, functions: impl Iterator<Item = Arc<Guarded>>) -> Result<Self> {
        let bits = (4 * count.max(1)).next_power_of_two().trailing_zeros();
        let mut this = Self {
            slots: KVVec::with_capacity(1 << bits, GFP_KERNEL)?,
            shift: 64 - bits,
        };
        for _ in 0..1_usize << bits {
            let _ = this.slots.push_within_capacity(None);
        }
        for function in functions.take(count) {
            this.add(function);
        }
        Ok(this)
    }

    /// Where a function is that has `address`, unless the places from there on are taken.
    fn first(&self, address: usize) -> usize {
        // Odd, and with bits that look random: that of a golden ratio. The best bits are the upper
        // ones.
        ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    fn add(&mut self, function: Arc<Guarded>) {
        let address = address(&function);
        let first = self.first(address).min(self.slots.len());
        let (wrapped, rest) = self.slots.split_at_mut(first);
        let mut slots = Iterator::chain(rest.iter_mut(), wrapped);
        if let Some(slot) = slots.find(|slot| slot.is_none()) {
            *slot = Some((address, function));
        }
    }

    /// Finds the function at `address`.
    ///
    /// Context: any.
    pub(super) fn find(&self, address: usize) -> Option<Arc<Guarded>> {
        let first = self.first(address).min(self.slots.len());
        let (wrapped, rest) = self.slots.split_at(first);
        Iterator::chain(rest.iter(), wrapped)
            .map_while(|slot| slot.as_ref())
            .find(|(found, _)| *found == address)
            .map(|(_, function)| function.clone())
    }
}

/// The address of a function's `struct pci_dev`.
fn address(function: &Guarded) -> usize {
    core::ptr::from_ref::<kernel::pci::Device>(&function.dev) as usize
}
