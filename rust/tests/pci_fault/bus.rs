// SPDX-License-Identifier: GPL-2.0-only

//! A bus of functions that remember what is written to them, and the faults that are armed for it.

use std::collections::HashMap;

use pci_recovery_guard::pci_fault::{
    fault::{Access, Armed, Decision, Effect, Fault, Faults, Kind, Phase},
    spec::parse,
};

/// The function that the tests use, 01.0, and its neighbour, 01.1.
pub const FUNCTION: u8 = 0x08;
pub const NEIGHBOUR: u8 = 0x09;

pub const MS: u64 = 1_000_000;

/// All sizes of an access.
pub const SIZES: [u8; 3] = [1, 2, 4];

pub const fn read(offset: u16, size: u8) -> Access {
    Access {
        devfn: FUNCTION,
        offset,
        size,
        write: false,
    }
}

pub const fn write(offset: u16, size: u8) -> Access {
    Access {
        write: true,
        ..read(offset, size)
    }
}

pub const fn of(devfn: u8, access: Access) -> Access {
    Access { devfn, ..access }
}

/// The offsets of an access's bytes.
pub fn bytes(access: &Access) -> impl Iterator<Item = u16> {
    access.offset..access.offset + u16::from(access.size)
}

/// A fault that the test knows to be right.
pub fn fault(text: &str) -> Fault {
    parse(text).unwrap_or_else(|error| panic!("'{text}': {error}"))
}

/// The access failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The bus. A byte that was not written reads what no fault makes of it: neither 0 nor 0xff.
#[derive(Default)]
pub struct Bus {
    pub faults: Faults,
    pub now_ns: u64,
    written: HashMap<(u8, u16), u8>,
}

impl Bus {
    /// A bus for which these faults are armed, in this order.
    pub fn with(texts: &[&str]) -> Self {
        let mut bus = Self::default();
        for text in texts {
            bus.arm(text);
        }
        bus
    }

    pub fn arm(&mut self, text: &str) {
        assert!(self.faults.arm(fault(text)), "no room for '{text}'");
    }

    /// The byte that the function has, whatever the faults say.
    pub fn byte(&self, devfn: u8, offset: u16) -> u8 {
        let original = 0x11 + ((u32::from(offset) * 7 + u32::from(devfn)) % 0xdd) as u8;
        *self.written.get(&(devfn, offset)).unwrap_or(&original)
    }

    /// What the function would answer, whatever the faults say.
    pub fn right(&self, access: Access) -> u32 {
        let byte = |offset| self.byte(access.devfn, offset);
        join(bytes(&access).map(byte))
    }

    pub fn decide(&mut self, access: Access) -> Decision {
        self.faults.decide(&access, self.now_ns)
    }

    /// Returns whether a fault affects this access.
    pub fn hits(&mut self, access: Access) -> bool {
        self.decide(access) != Decision::default()
    }

    /// Reads as the kernel would.
    pub fn read(&mut self, access: Access) -> Result<u32, Failed> {
        assert!(!access.write);
        let right = self.right(access);
        match self.decide(access).effect {
            None => Ok(right),
            Some((_, Effect::Answer(answer))) => Ok(answer),
            Some((_, Effect::Fail)) => Err(Failed),
            Some((_, Effect::Replace { mask, value })) => Ok(right & !mask | value & mask),
            Some((kind, Effect::Dropped)) => panic!("{kind:?} dropped a read"),
        }
    }

    /// Writes as the kernel would.
    pub fn write(&mut self, access: Access, value: u32) -> Result<(), Failed> {
        assert!(access.write);
        match self.decide(access).effect {
            None => {
                for (offset, byte) in bytes(&access).zip(value.to_le_bytes()) {
                    self.written.insert((access.devfn, offset), byte);
                }
                Ok(())
            }
            Some((_, Effect::Dropped)) => Ok(()),
            Some((_, Effect::Fail)) => Err(Failed),
            Some((kind, effect)) => panic!("{kind:?} did {effect:?} to a write"),
        }
    }

    /// The fault in this place of the list.
    pub fn armed(&self, index: usize) -> Armed {
        *self.faults.iter().nth(index).expect("so many faults")
    }

    /// Phase, seen and hits of the only fault.
    pub fn state(&self) -> (Phase, u64, u64) {
        assert_eq!(self.faults.iter().count(), 1);
        let armed = self.armed(0);
        (armed.phase, armed.seen, armed.hits)
    }

    /// The kinds that are armed, in their order.
    pub fn kinds(&self) -> Vec<Kind> {
        self.faults.iter().map(|armed| armed.fault.kind).collect()
    }
}

/// Bytes as a register, lowest first.
pub fn join(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes
        .enumerate()
        .fold(0, |value, (i, byte)| value | u32::from(byte) << (8 * i))
}
