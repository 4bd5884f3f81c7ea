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

/// The known-good state of a function.
#[derive(Clone, Debug)]
pub struct Snapshot {
    registers: [Register; MAX_REGISTERS],
    len: usize,
}

impl Snapshot {
    /// Takes the registers of a save that [`super::validate`] let pass.
    pub fn new<'a, B: Byte + 'a>(
        header: &Header,
        capabilities: impl Iterator<Item = Capability<'a, B>>,
        function: &Function,
    ) -> Self {
        let empty = Register {
            name: "",
            offset: 0,
            width: 4,
            value: 0,
            mask: 0,
        };
        let mut this = Self {
            registers: [empty; MAX_REGISTERS],
            len: 0,
        };

        for (index, &value) in header.iter().enumerate() {
            this.push(Register {
                name: header::name(function.header_type, index),
                offset: 4 * index as u16,
                width: 4,
                value,
                mask: header::verify_mask(function.header_type, index, value),
            });
        }
        for capability in capabilities {
            if capability.is_exp() && function.pcie_cap != 0 {
                for (spec, value) in EXP.iter().zip(capability.words()) {
                    let offset = function.pcie_cap.saturating_add(spec.offset);
                    // The core saves 0 for a register that the function does not have. The last
                    // ones may lie behind the end of what an ordinary capability can be in.
                    if offset > LAST_ORDINARY_OFFSET {
                        continue;
                    }
                    this.push(Register {
                        name: spec.name,
                        offset,
                        width: 2,
                        value: value.into(),
                        mask: spec.verify_mask.into(),
                    });
                }
            } else if capability.is_err() && function.aer_cap != 0 {
                for (spec, value) in ERR.iter().zip(capability.dwords()) {
                    this.push(Register {
                        name: spec.name,
                        offset: function.aer_cap.saturating_add(spec.offset),
                        width: 4,
                        value,
                        mask: spec.verify_mask,
                    });
                }
            }
        }
        this
    }

    fn push(&mut self, register: Register) {
        if let Some(slot) = self.registers.get_mut(self.len) {
            *slot = register;
            self.len += 1;
        }
    }

    /// The registers, the header's first.
    pub fn registers(&self) -> &[Register] {
        self.registers.get(..self.len).unwrap_or(&[])
    }

    /// The same register as `register` in this state.
    ///
    /// By name, too: the core saves room for registers that a PCI Express capability of version 1
    /// does not have, and another capability may be at their offset.
    pub fn find(&self, register: &Register) -> Option<&Register> {
        self.registers()
            .iter()
            .find(|own| own.offset == register.offset && own.name == register.name)
    }

    /// Word `index` of the header, 0 if there is no such word.
    pub fn header_word(&self, index: usize) -> u32 {
        if index >= HEADER_WORDS {
            return 0;
        }
        self.registers().get(index).map_or(0, |r| r.value)
    }

    /// Whether every saved register of the PCI Express capability is 0 (or there is none).
    pub(super) fn exp_is_zero(&self) -> bool {
        self.registers()
            .iter()
            .filter(|r| r.width == 2)
            .all(|r| r.value == 0)
    }

    /// How many registers [`Self::verify`] compares.
    pub fn verified(&self) -> usize {
        self.registers().iter().filter(|r| r.mask != 0).count()
    }

    /// Compares each register with what `read` returns for it: the first that differs is the error.
    pub fn verify(&self, mut read: impl FnMut(&Register) -> u32) -> Result<(), Mismatch> {
        self.registers()
            .iter()
            .filter(|register| register.mask != 0)
            .try_for_each(|register| register.verify(read(register)))
    }
}
