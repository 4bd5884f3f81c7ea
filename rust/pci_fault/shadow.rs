// SPDX-License-Identifier: GPL-2.0-only

//! What answers in place of a function while a plain restore of it is being watched.

use kernel::prelude::*;

use super::fault::{
    Access,
    LAST_OFFSET, //
};

/// A register and what it holds, or is to hold.
pub(crate) struct Register {
    pub(crate) offset: u16,
    pub(crate) size: u8,
    pub(crate) value: u32,
}

impl Register {
    /// Returns the access of a function that reads or writes it.
    pub(crate) fn access(&self, devfn: u8, write: bool) -> Access {
        Access {
            devfn,
            offset: self.offset,
            size: self.size,
            write,
        }
    }
}

/// Stands for one function while the core restores it: nothing that is written reaches the
/// function.
///
/// The core writes a register of the header only where it reads something else, so these read zero
/// until they are written. The others are the function's own until they are written: the core looks
/// for capabilities in them.
pub(crate) struct Shadow {
    devfn: u8,
    bytes: KVVec<Option<u8>>,
    writes: KVec<Register>,
}

impl Shadow {
    /// More writes than a restore makes.
    const MAX_WRITES: usize = 256;

    /// Where the header ends.
    const HEADER_END: u16 = 0x40;

    pub(crate) fn new(devfn: u8) -> Result<Self> {
        Ok(Self {
            devfn,
            bytes: KVVec::from_elem(None, usize::from(LAST_OFFSET) + 1, GFP_KERNEL)?,
            writes: KVec::with_capacity(Self::MAX_WRITES, GFP_KERNEL)?,
        })
    }

    /// Returns what was written.
    pub(crate) fn into_writes(self) -> KVec<Register> {
        self.writes
    }

    /// Answers an access; [`None`] where it is the function's to answer.
    pub(crate) fn access(&mut self, access: &Access, value: u32) -> Option<u32> {
        if access.devfn != self.devfn {
            return None;
        }
        let first = usize::from(access.offset);
        let bytes = self
            .bytes
            .get_mut(first..first + usize::from(access.size))?;
        if access.write {
            let value = value & access.mask();
            for (byte, new) in bytes.iter_mut().zip(value.to_le_bytes()) {
                *byte = Some(new);
            }
            // A restore that writes more is cut off, which the reader sees by its length.
            let _ = self.writes.push_within_capacity(Register {
                offset: access.offset,
                size: access.size,
                value,
            });
            return Some(value);
        }

        let restored = access.size == 4 && access.offset < Self::HEADER_END;
        if !restored && bytes.iter().any(Option::is_none) {
            return None;
        }
        Some(bytes.iter().rev().fold(0, |read, byte| {
            read << 8 | u32::from(byte.unwrap_or_default())
        }))
    }
}
