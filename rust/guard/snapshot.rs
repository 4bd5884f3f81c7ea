// SPDX-License-Identifier: GPL-2.0-only

//! The known-good state as a list of registers: what is dumped, and compared after a restore.

use core::fmt;

use super::{
    capability::{
        Byte,
        ERR,
        ERR_REGISTERS,
        EXP,
        EXP_REGISTERS, //
    },
    header,
    Capability,
    Function,
    Header,
    HeaderType,
    HEADER_WORDS, //
};

/// How many registers a snapshot holds at the most.
pub const MAX_REGISTERS: usize = HEADER_WORDS + EXP_REGISTERS + ERR_REGISTERS;

/// A register of the known-good state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its PCI_* name (the first one of its word).
    pub name: &'static str,
    /// Its offset in config space.
    pub offset: u16,
    /// Its width in bytes, 2 or 4.
    pub width: u8,
    /// Its known-good value.
    pub value: u32,
    /// The bits that are compared after a restore.
    pub mask: u32,
}

impl Register {
    /// Compares with what the register reads now.
    pub fn verify(&self, found: u32) -> Result<(), Mismatch> {
        if (self.value ^ found) & self.mask != 0 {
            return Err(Mismatch {
                register: *self,
                found,
            });
        }
        Ok(())
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = 2 + 2 * usize::from(self.width);
        write!(
            f,
            "{:#05x} {} {} {:#0digits$x}",
            self.offset, self.width, self.name, self.value
        )
    }
}

/// A register that reads something else than its known-good value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The register, with its known-good value.
    pub register: Register,
    /// What it reads.
    pub found: u32,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = 2 + 2 * usize::from(self.register.width);
        write!(
            f,
            "{} at {:#05x} reads {:#0digits$x}, known good is {:#0digits$x}",
            self.register.name, self.register.offset, self.found, self.register.value
        )
    }
}

/// Extended capabilities begin behind it (PCIe r6.0, sec 7.2.1).
const LAST_ORDINARY_OFFSET: u16 = 0xff;

/// Up to `N` saved registers of a capability.
#[derive(Clone, Debug)]
struct Saved<T, const N: usize> {
    /// Where the capability is.
    cap: u16,
    values: [T; N],
    /// How many of them there are.
    len: u8,
}

impl<T: Copy + Default, const N: usize> Saved<T, N> {
    /// None is saved.
    fn none() -> Self {
        Self {
            cap: 0,
            values: [T::default(); N],
            len: 0,
        }
    }

    /// What was saved of the capability at `cap`.
    fn of(cap: u16, saved: impl Iterator<Item = T>) -> Self {
        let mut this = Self {
            cap,
            ..Self::none()
        };
        for (slot, value) in this.values.iter_mut().zip(saved) {
            *slot = value;
            this.len += 1;
        }
        this
    }

    fn get(&self, index: usize) -> Option<T> {
        self.values.get(..self.len.into())?.get(index).copied()
    }
}

/// The known-good state of a function: values only; [`Self::registers`] tells what they are of.
#[derive(Clone, Debug)]
pub struct Snapshot {
    header_type: HeaderType,
    header: Header,
    exp: Saved<u16, EXP_REGISTERS>,
    err: Saved<u32, ERR_REGISTERS>,
}

impl Snapshot {
    /// Takes the registers of a save that [`super::validate`] let pass.
    pub fn new<'a, B: Byte + 'a>(
        header: &Header,
        capabilities: impl Iterator<Item = Capability<'a, B>>,
        function: &Function,
    ) -> Self {
        let mut this = Self {
            header_type: function.header_type,
            header: *header,
            exp: Saved::none(),
            err: Saved::none(),
        };
        for capability in capabilities {
            if capability.is_exp() && function.pcie_cap != 0 && this.exp.len == 0 {
                this.exp = Saved::of(function.pcie_cap, capability.words());
            } else if capability.is_err() && function.aer_cap != 0 && this.err.len == 0 {
                this.err = Saved::of(function.aer_cap, capability.dwords());
            }
        }
        this
    }

    /// The registers, the header's first.
    pub fn registers(&self) -> impl Iterator<Item = Register> + Clone + '_ {
        (0..MAX_REGISTERS).filter_map(|index| self.register(index))
    }

    /// The register at `index` of those that may be saved of any function.
    fn register(&self, index: usize) -> Option<Register> {
        if let Some(&value) = self.header.get(index) {
            return Some(Register {
                name: header::name(self.header_type, index),
                offset: 4 * index as u16,
                width: 4,
                value,
                mask: header::verify_mask(self.header_type, index, value),
            });
        }

        let index = index.checked_sub(HEADER_WORDS)?;
        if let Some(spec) = EXP.get(index) {
            let offset = self.exp.cap.saturating_add(spec.offset);
            // The core saves 0 for a register that the function does not have. The last ones may
            // lie behind the end of what an ordinary capability can be in.
            if offset > LAST_ORDINARY_OFFSET {
                return None;
            }
            return Some(Register {
                name: spec.name,
                offset,
                width: 2,
                value: self.exp.get(index)?.into(),
                mask: spec.verify_mask.into(),
            });
        }

        let index = index.checked_sub(EXP_REGISTERS)?;
        let spec = ERR.get(index)?;
        Some(Register {
            name: spec.name,
            offset: self.err.cap.saturating_add(spec.offset),
            width: 4,
            value: self.err.get(index)?,
            mask: spec.verify_mask,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether every saved register of the PCI Express capability is 0 (or there is none).
    pub(super) fn exp_is_zero(&self) -> bool {
        self.exp.values.iter().all(|&value| value == 0)
    }

    /// How many registers [`Self::verify`] compares.
    pub fn verified(&self) -> usize {
        self.registers().filter(|r| r.mask != 0).count()
    }

    /// Compares each register with what `read` returns for it: the first that differs is the error.
    pub fn verify(&self, mut read: impl FnMut(&Register) -> u32) -> Result<(), Mismatch> {
        self.registers()
            .filter(|register| register.mask != 0)
            .try_for_each(|register| register.verify(read(&register)))
    }

    /// Compares with another state of the same function: the first register that both have and that
    /// differs is the error.
    pub fn compare(&self, other: &Self) -> Result<(), Mismatch> {
        (0..MAX_REGISTERS)
            .filter_map(|index| Some((self.register(index)?, other.register(index)?)))
            .filter(|(own, other)| own.offset == other.offset)
            .try_for_each(|(own, other)| own.verify(other.value))
    }
}
