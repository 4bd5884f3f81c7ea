// SPDX-License-Identifier: GPL-2.0-only

//! The two lists of capabilities: do they still lead to every capability of the function?
//!
//! The core saves some capabilities from where it found them when the function was added, and looks
//! for others anew each time (PCI-X, LTR, VC): what a list does not lead to any more is left out
//! without an error, and keeps what an older save read.

use super::{
    header::{
        CAPABILITY_WORD,
        COMMAND_WORD,
        STATUS_CAP_LIST, //
    },
    Function,
    Header,
    Refusal,
    ALL_ONES, //
};

/// No ordinary capability lies below it (`PCI_STD_HEADER_SIZEOF`).
const FIRST_ORDINARY: u16 = 0x40;
/// Where the extended capabilities begin (`PCI_CFG_SPACE_SIZE`).
const FIRST_EXTENDED: u16 = 0x100;

/// A capability begins at a multiple of 4: a bit for each of these in 4096 bytes.
const WORDS: usize = 4096 / 4 / 32;

/// Where the capabilities of a function are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    at: [u32; WORDS],
}

/// Index and bit of the place for `offset`.
const fn place(offset: u16) -> (usize, u32) {
    let dword = (offset as usize & 0xfff) / 4;
    (dword / 32, 1 << (dword % 32))
}

impl Lists {
    /// Walks the lists (PCIe r6.0, sec 7.5.1.1.11 and 7.6.3) as the core does. `read` returns the
    /// dword at an offset; `header` was read before.
    ///
    /// Refuses a list that comes back to where it was, or leads to where nothing answers. Neither
    /// takes more reads than there are places for a capability.
    pub fn read(
        header: &Header,
        function: &Function,
        mut read: impl FnMut(u16) -> u32,
    ) -> Result<Self, Refusal> {
        let mut this = Self { at: [0; WORDS] };

        if header[COMMAND_WORD] & STATUS_CAP_LIST != 0 {
            let mut offset = header[CAPABILITY_WORD] as u16 & 0xfc;
            while offset >= FIRST_ORDINARY {
                this.add(offset)?;
                let word = read(offset);
                if word & 0xff == 0xff {
                    return Err(Refusal::Astray { offset });
                }
                offset = (word >> 8) as u16 & 0xfc;
            }
        }
        if function.extended {
            let mut offset = FIRST_EXTENDED;
            while offset >= FIRST_EXTENDED {
                let word = read(offset);
                if word == ALL_ONES {
                    return Err(Refusal::Astray { offset });
                }
                // Ends the list wherever it is, and is all there is where the list is empty.
                if word == 0 {
                    break;
                }
                this.add(offset)?;
                offset = (word >> 20) as u16 & 0xffc;
            }
        }
        Ok(this)
    }

    fn add(&mut self, offset: u16) -> Result<(), Refusal> {
        let (index, bit) = place(offset);
        match self.at.get_mut(index) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                Ok(())
            }
            _ => Err(Refusal::Loop { offset }),
        }
    }

    /// Whether there is a capability at `offset`.
    pub fn contains(&self, offset: u16) -> bool {
        let (index, bit) = place(offset);
        self.at.get(index).is_some_and(|word| word & bit != 0)
    }

    /// The offsets of the capabilities.
    pub fn offsets(&self) -> impl Iterator<Item = u16> + '_ {
        (0..4096).step_by(4).filter(|&offset| self.contains(offset))
    }

    /// Refuses lists that do not lead to a capability that the kernel found in them, or that the
    /// known-good state has.
    pub fn check(&self, function: &Function, known_good: Option<&Lists>) -> Result<(), Refusal> {
        // The list of a virtual function may end before its PCI Express capability from the first
        // day on (`quirk_intel_qat_vf_cap()`).
        let pcie_cap = if function.is_vf { 0 } else { function.pcie_cap };
        let found = [pcie_cap, function.aer_cap]
            .into_iter()
            .filter(|&offset| offset != 0);
        let known = known_good.into_iter().flat_map(Self::offsets);

        match found.chain(known).find(|&offset| !self.contains(offset)) {
            Some(offset) => Err(Refusal::Truncated { offset }),
            None => Ok(()),
        }
    }
}
