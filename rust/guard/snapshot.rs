// SPDX-License-Identifier: GPL-2.0-only

//! The known-good state as a list of registers: what is dumped, and compared after a restore.
//!
//! Compared are the registers of the header and of the capabilities in [`KINDS`]. Not compared are
//! the bits that hardware changes, arbitration tables of virtual channels, steering tags of TPH,
//! and what the core restores from its own record without saving it (MSI, ATS, PRI, PASID, ACS,
//! resizable BARs).

use core::fmt;

use super::{
    capability::{
        CapRegister,
        Capability,
        Kind,
        ERR_KIND,
        EXP,
        EXP_KIND,
        KINDS,
        KIND_COUNT, //
    },
    header,
    Function,
    Header,
    HeaderType,
    Refusal,
    HEADER_WORDS, //
};

/// How many registers of capabilities there are in [`KINDS`].
const CAP_REGISTERS: usize = {
    let mut count = 0;
    let mut kind = 0;
    while kind < KIND_COUNT {
        count += KINDS[kind].registers.len();
        kind += 1;
    }
    count
};

/// The registers of [`KINDS`], one kind behind the other, each with the index of its kind.
const REGISTERS: [(usize, &CapRegister); CAP_REGISTERS] = {
    let mut table: [(usize, &CapRegister); CAP_REGISTERS] = [(0, &EXP[0]); CAP_REGISTERS];
    let mut count = 0;
    let mut kind = 0;
    while kind < KIND_COUNT {
        let registers = KINDS[kind].registers;
        let mut index = 0;
        while index < registers.len() {
            table[count] = (kind, &registers[index]);
            count += 1;
            index += 1;
        }
        kind += 1;
    }
    table
};

// `Snapshot` has a bit for each.
const _: () = assert!(CAP_REGISTERS <= 64);

/// How many registers a snapshot holds at the most.
pub const MAX_REGISTERS: usize = HEADER_WORDS + CAP_REGISTERS;

/// A register of the known-good state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its PCI_* name (the first one of its word).
    pub name: &'static str,
    /// Its offset in config space.
    pub offset: u16,
    /// Its width in bytes, 2 or 4.
    pub width: u8,
    /// It belongs to the PCI Express capability.
    pub express: bool,
    /// Its known-good value.
    pub value: u32,
    /// The bits that are compared after a restore.
    pub mask: u32,
    /// Those of them without which the function cannot be used, or must not be.
    pub vital: u32,
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

impl Mismatch {
    /// Returns whether a vital bit differs.
    pub fn is_vital(&self) -> bool {
        (self.register.value ^ self.found) & self.register.vital != 0
    }
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

/// The known-good state of a function: values only; [`Self::registers`] names their registers.
#[derive(Clone, Debug)]
pub struct Snapshot {
    header_type: HeaderType,
    /// The kernel has INTx disabled along with MSI, which it does after each restore.
    msi: bool,
    header: Header,
    /// Where each kind of capability is, 0 where nothing is saved of it.
    at: [u16; KIND_COUNT],
    /// The registers of [`KINDS`], one kind behind the other.
    values: [u32; CAP_REGISTERS],
    /// Bit `i` says that `values[i]` was saved.
    saved: u64,
}

impl Snapshot {
    /// Takes the registers of a save that [`super::validate`] let pass.
    pub fn new<'a>(
        header: &Header,
        capabilities: impl Iterator<Item = Capability<'a>>,
        function: &Function,
    ) -> Self {
        let mut this = Self {
            header_type: function.header_type,
            msi: function.msi,
            header: *header,
            at: [0; KIND_COUNT],
            values: [0; CAP_REGISTERS],
            saved: 0,
        };
        for capability in capabilities {
            this.add(&capability, function);
        }
        this
    }

    /// Adds what was saved of a capability, where the core restores it and its place is known.
    fn add(&mut self, capability: &Capability<'_>, function: &Function) {
        let Some(index) = Kind::index(capability.id, capability.extended) else {
            return;
        };
        let Some(kind) = KINDS.get(index) else { return };
        let places = &function.learned.places;
        let at = match index {
            EXP_KIND => function.pcie_cap,
            ERR_KIND => function.aer_cap,
            _ => places.at(index).unwrap_or(0),
        };
        let is_restored = !(kind.is_l1ss() && !function.l1ss
            || kind.is_tph() && !function.tph
            || kind.is_pcix() && function.header_type == HeaderType::Bridge);
        // The core restores the first one of a kind.
        match self.at.get_mut(index) {
            Some(place) if *place == 0 && at != 0 && is_restored => *place = at,
            _ => return,
        }

        let count = kind.saved(capability.data, places.channels(index));
        let registers = REGISTERS.iter().zip(&mut self.values).enumerate();
        let own = registers.filter(|(_, ((kind, _), _))| *kind == index);
        for (number, ((_, register), slot)) in own.take(count) {
            if let Some(value) = capability.value(register) {
                *slot = value;
                self.saved |= 1 << number;
            }
        }
    }

    /// The registers, the header's first.
    pub fn registers(&self) -> impl Iterator<Item = Register> + Clone + '_ {
        (0..MAX_REGISTERS).filter_map(|index| self.register(index))
    }

    /// The bits of word `index` that the core sets by itself after it has restored the header
    /// (`__pci_restore_msix_state()`), whatever was saved.
    fn set_by_core(&self, index: usize) -> u32 {
        if self.msi && index == header::COMMAND_WORD {
            header::COMMAND_INTX_DISABLE.into()
        } else {
            0
        }
    }

    /// The register at `index` of those that may be saved of any function.
    fn register(&self, index: usize) -> Option<Register> {
        if let Some(&value) = self.header.get(index) {
            return Some(Register {
                name: header::name(self.header_type, index),
                // CAST: Below 64.
                offset: 4 * index as u16,
                width: 4,
                express: false,
                value,
                mask: header::verify_mask(self.header_type, index, value)
                    & !self.set_by_core(index),
                vital: header::vital_mask(self.header_type, index),
            });
        }

        let index = index.checked_sub(HEADER_WORDS)?;
        let (kind, spec) = *REGISTERS.get(index)?;
        let offset = self.at.get(kind)?.saturating_add(spec.offset);
        // The core saves 0 for a register that the function does not have. The last ones may lie
        // behind the end of what an ordinary capability can be in.
        let exists = KINDS.get(kind)?.extended || offset <= LAST_ORDINARY_OFFSET;
        (self.saved & 1 << index != 0 && exists).then_some(Register {
            name: spec.name,
            offset,
            width: spec.width,
            express: kind == EXP_KIND,
            value: *self.values.get(index)?,
            mask: spec.mask,
            vital: spec.vital,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether every saved register of the PCI Express capability is 0 (or there is none).
    pub(super) fn exp_is_zero(&self) -> bool {
        let mut registers = REGISTERS.iter().zip(&self.values);
        registers.all(|((kind, _), value)| *kind != EXP_KIND || *value == 0)
    }

    /// How many registers [`Self::verify`] compares.
    pub fn verified(&self) -> usize {
        self.registers().filter(|r| r.mask != 0).count()
    }

    /// Compares each register with what `read` returns for it.
    ///
    /// Returns the first one that differs in bits that are not vital, if there is any: the function
    /// can be used without.
    ///
    /// # Errors
    ///
    /// The first register that differs in vital bits: address decoding, bus mastering, bus numbers
    /// and windows, the payload size, a link that is disabled. The function must not be used.
    pub fn verify(
        &self,
        mut read: impl FnMut(&Register) -> u32,
    ) -> Result<Option<Mismatch>, Mismatch> {
        let mut minor = None;
        for register in self.registers().filter(|register| register.mask != 0) {
            if let Err(mismatch) = register.verify(read(&register)) {
                if mismatch.is_vital() {
                    return Err(mismatch);
                }
                minor = minor.or(Some(mismatch));
            }
        }
        Ok(minor)
    }

    /// Compares the control registers of Virtual Channels with what `read` returns for them, unless
    /// they are those of the known-good state.
    ///
    /// # Errors
    ///
    /// [`Refusal::Capability`] of the first one that was saved otherwise than it reads.
    pub fn check_channels(
        &self,
        known_good: Option<&Self>,
        mut read: impl FnMut(&Register) -> u32,
    ) -> Result<(), Refusal> {
        let channels = REGISTERS
            .iter()
            .zip(HEADER_WORDS..)
            .filter_map(|((kind, _), index)| Some((KINDS.get(*kind)?, index)))
            .filter(|(kind, _)| kind.is_vc());
        for (kind, index) in channels {
            let Some(register) = self.register(index) else {
                continue;
            };
            if known_good.and_then(|known_good| known_good.register(index)) == Some(register) {
                continue;
            }
            if register.verify(read(&register)).is_err() {
                return Err(Refusal::Capability {
                    id: kind.id,
                    extended: true,
                });
            }
        }
        Ok(())
    }

    /// Compares with another state of the same function: the registers that both have and that
    /// differ.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Mismatch> + 'a {
        (0..MAX_REGISTERS)
            .filter_map(|index| Some((self.register(index)?, other.register(index)?)))
            .filter(|(own, other)| own.offset == other.offset)
            .filter_map(|(own, other)| own.verify(other.value).err())
    }
}
