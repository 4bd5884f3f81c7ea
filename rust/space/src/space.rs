// SPDX-License-Identifier: GPL-2.0-only

//! A config space.

use std::collections::HashSet;

use pci_recovery_guard::guard::{Header, ALL_ONES, HEADER_WORDS};

/// The size of a config space with extended capabilities.
pub const EXTENDED: usize = 4096;
/// The size of one without.
pub const CONVENTIONAL: usize = 256;

/// Which of the two lists a capability is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Ordinary,
    Extended,
}

/// A capability in one of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub list: List,
    pub id: u16,
    pub offset: u16,
}

/// A config space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    bytes: Vec<u8>,
}

impl Space {
    /// One that begins with `bytes` and is 0 behind them.
    pub fn new(bytes: &[u8], extended: bool) -> Self {
        let mut bytes = bytes.to_vec();
        bytes.resize(if extended { EXTENDED } else { CONVENTIONAL }, 0);
        Self { bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn is_extended(&self) -> bool {
        self.bytes.len() == EXTENDED
    }

    /// What a read of `width` bytes at `offset` returns; all-ones behind the end.
    pub fn read(&self, offset: u16, width: u16) -> u32 {
        let at = usize::from(offset);
        let Some(bytes) = self.bytes.get(at..at + usize::from(width)) else {
            return ALL_ONES >> (32 - 8 * u32::from(width));
        };
        bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| (value << 8) | u32::from(byte))
    }

    pub fn dword(&self, offset: u16) -> u32 {
        self.read(offset, 4)
    }

    /// Sets the bits in `mask` of the dword at `offset` to those of `value`.
    pub fn set(&mut self, offset: u16, mask: u32, value: u32) {
        let value = (self.dword(offset) & !mask) | (value & mask);
        let at = usize::from(offset);
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn header(&self) -> Header {
        std::array::from_fn(|index| self.dword(4 * index as u16))
    }

    pub fn set_header(&mut self, header: &Header) {
        for (index, &word) in header.iter().enumerate().take(HEADER_WORDS) {
            self.set(4 * index as u16, ALL_ONES, word);
        }
    }

    /// Where the list begins; 0 where there is none.
    fn first(&self, list: List) -> u16 {
        match list {
            List::Ordinary if self.dword(4) & 0x10_0000 != 0 => self.read(0x34, 1) as u16 & 0xfc,
            List::Extended if self.is_extended() => 0x100,
            _ => 0,
        }
    }

    /// The ID of the capability at `offset`, and where it points to.
    fn link(&self, list: List, offset: u16) -> (u16, u16) {
        let word = self.dword(offset);
        match list {
            List::Ordinary => (word as u16 & 0xff, (word >> 8) as u16 & 0xfc),
            List::Extended => (word as u16, (word >> 20) as u16 & 0xffc),
        }
    }

    /// Lets the capability at `entry` point to `next`.
    pub fn set_link(&mut self, entry: Entry, next: u16) {
        match entry.list {
            List::Ordinary => self.set(entry.offset, 0xff00, u32::from(next) << 8),
            List::Extended => self.set(entry.offset, 0xfff0_0000, u32::from(next) << 20),
        }
    }

    /// The capabilities of a list, as far as the core finds them.
    pub fn list(&self, list: List) -> Vec<Entry> {
        let lowest = if list == List::Ordinary { 0x40 } else { 0x100 };
        let mut entries = Vec::new();
        let mut been = HashSet::new();
        let mut offset = self.first(list);
        while offset >= lowest && been.insert(offset) {
            let (id, next) = self.link(list, offset);
            let ends = match list {
                List::Ordinary => id == 0xff,
                List::Extended => matches!(self.dword(offset), 0 | ALL_ONES),
            };
            if ends {
                break;
            }
            entries.push(Entry { list, id, offset });
            offset = next;
        }
        entries
    }

    /// The offset of the first capability with this ID, 0 where there is none.
    pub fn find(&self, list: List, id: u16) -> u16 {
        let entries = self.list(list);
        let found = entries.iter().find(|entry| entry.id == id);
        found.map_or(0, |entry| entry.offset)
    }
}
