// SPDX-License-Identifier: GPL-2.0-only

//! The record of a bus: its last accesses, and how many there were.

use core::fmt;

use kernel::prelude::*;

use super::{
    fault::{
        Access,
        Kind, //
    },
    spec::DevFn, //
};

/// How many accesses are kept.
const CAPACITY: usize = 8192;

/// An access that was made.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// When, in nanoseconds since boot.
    pub(crate) ns: u64,
    pub(crate) access: Access,
    /// What was written, or what the reader got.
    pub(crate) value: u32,
    /// What was wrong with it.
    pub(crate) fault: Option<Kind>,
}

/// One line: `NS DD.F r|w OFFSET SIZE VALUE FAULT`, the last one `-` where there was none.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access {
            devfn,
            offset,
            size,
            write,
        } = self.access;
        write!(
            f,
            "{} {} {} {:#05x} {} {:#0width$x} {}",
            self.ns,
            DevFn(devfn),
            if write { 'w' } else { 'r' },
            offset,
            size,
            self.value,
            self.fault.map_or("-", Kind::as_str),
            width = 2 + 2 * usize::from(size),
        )
    }
}

/// How many accesses there were since the last clear.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Those that met a fault.
    pub(crate) faulted: u64,
    /// Writes of all-ones that reached the function.
    pub(crate) ones_written: u64,
}

/// A ring of accesses, and the counters.
pub(crate) struct Record {
    ring: KVVec<Entry>,
    /// Where the next one goes, once the ring is full.
    next: usize,
    pub(crate) counters: Counters,
}

impl Record {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            ring: KVVec::with_capacity(CAPACITY, GFP_KERNEL)?,
            next: 0,
            counters: Counters::default(),
        })
    }

    /// Adds an access; the oldest is dropped. `reached`: the access reached the function.
    pub(crate) fn push(&mut self, entry: Entry, reached: bool) {
        let counters = &mut self.counters;
        if entry.access.write {
            counters.writes += 1;
        } else {
            counters.reads += 1;
        }
        counters.faulted += u64::from(entry.fault.is_some());
        let ones = entry.access.write && reached && entry.value == entry.access.mask();
        counters.ones_written += u64::from(ones && entry.access.size > 1);

        if self.ring.push_within_capacity(entry).is_ok() {
            return;
        }
        if let Some(oldest) = self.ring.get_mut(self.next) {
            *oldest = entry;
        }
        self.next = (self.next + 1) % CAPACITY;
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
        self.next = 0;
        self.counters = Counters::default();
    }

    /// Copies the accesses into `copy`, oldest first, as many as have room there.
    pub(crate) fn copy_into(&self, copy: &mut KVVec<Entry>) {
        let (newer, older) = self.ring.split_at(self.next.min(self.ring.len()));
        for &entry in Iterator::chain(older.iter(), newer) {
            if copy.push_within_capacity(entry).is_err() {
                break;
            }
        }
    }

    /// An empty buffer for [`Self::copy_into`].
    pub(crate) fn buffer() -> Result<KVVec<Entry>> {
        Ok(KVVec::with_capacity(CAPACITY, GFP_KERNEL)?)
    }
}
