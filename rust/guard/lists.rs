// SPDX-License-Identifier: GPL-2.0-only

//! The two lists of capabilities, which must lead to every capability that the core saves.
//!
//! The core saves some capabilities from where it found them when the function was added, and looks
//! for others anew each time (PCI-X, LTR, VC): what a list does not lead to is left out without an
//! error, and keeps what an older save read.

use super::{
    capability::{
        Capability,
        Kind,
        Places,
        ERR_KIND,
        EXP_KIND,
        KINDS, //
    },
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

/// Port VC Capability 1, and in it the number of channels beside the first one (PCIe r6.0, sec
/// 7.9.1.2).
const VC_PORT_CAP1: u16 = 0x04;
const VC_CHANNELS: u32 = 0x7;

/// What a walk of the lists found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Where the capabilities are that the core saves.
    pub places: Places,
    /// Why the walk ended where no list ends: a [`Refusal::Loop`] or a [`Refusal::Astray`].
    /// Hardware may be so, and the core copes.
    pub oddity: Option<Refusal>,
}

/// The offsets that a walk has come to.
struct Visited([u32; WORDS]);

impl Visited {
    /// Returns whether `offset` is new.
    fn add(&mut self, offset: u16) -> bool {
        let dword = (usize::from(offset) & 0xfff) / 4;
        let bit = 1 << (dword % 32);
        match self.0.get_mut(dword / 32) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }
}

impl Lists {
    /// Walks the lists (PCIe r6.0, sec 7.5.1.1.11 and 7.6.3) as the core does. `read` returns the
    /// dword at an offset; `header` was read before.
    ///
    /// A list that comes back to where it was, or leads to where nothing answers, ends there. The
    /// walk takes no more reads than there are places for a capability, and one for each Virtual
    /// Channel capability.
    pub fn read(header: &Header, function: &Function, mut read: impl FnMut(u16) -> u32) -> Self {
        let mut this = Self {
            places: Places::default(),
            oddity: None,
        };
        let mut visited = Visited([0; WORDS]);

        if header[COMMAND_WORD] & STATUS_CAP_LIST != 0 {
            this.read_ordinary(header, &mut visited, &mut read);
        }
        if function.extended {
            this.read_extended(&mut visited, &mut read);
        }
        for (kind, at) in this.places.at.iter().enumerate() {
            let is_vc = KINDS.get(kind).is_some_and(Kind::is_vc);
            if let (true, Some(channels)) = (is_vc && *at != 0, this.places.channels.get_mut(kind))
            {
                // CAST: Three bits.
                *channels = (read(at.saturating_add(VC_PORT_CAP1)) & VC_CHANNELS) as u8;
            }
        }
        this
    }

    fn read_ordinary(
        &mut self,
        header: &Header,
        visited: &mut Visited,
        read: &mut impl FnMut(u16) -> u32,
    ) {
        let mut offset = header[CAPABILITY_WORD] as u16 & 0xfc;
        while offset >= FIRST_ORDINARY {
            if !visited.add(offset) {
                self.oddity = Some(Refusal::Loop { offset });
                return;
            }
            let word = read(offset);
            if word & 0xff == 0xff {
                self.oddity = Some(Refusal::Astray { offset });
                return;
            }
            self.places.add(word as u16 & 0xff, false, offset);
            offset = (word >> 8) as u16 & 0xfc;
        }
    }

    fn read_extended(&mut self, visited: &mut Visited, read: &mut impl FnMut(u16) -> u32) {
        let mut offset = FIRST_EXTENDED;
        while offset >= FIRST_EXTENDED {
            let word = read(offset);
            if word == ALL_ONES {
                self.oddity = Some(Refusal::Astray { offset });
                return;
            }
            // Ends the list wherever it is, and is all there is where the list is empty.
            if word == 0 {
                return;
            }
            if !visited.add(offset) {
                self.oddity = Some(Refusal::Loop { offset });
                return;
            }
            self.places.add(word as u16, true, offset);
            offset = (word >> 20) as u16 & 0xffc;
        }
    }

    /// Refuses lists that do not lead to what the core has a buffer for: `saved` are its saved
    /// capabilities.
    ///
    /// # Errors
    ///
    /// [`Self::oddity`] where that is why, otherwise [`Refusal::Truncated`].
    pub fn check<'a>(
        &self,
        function: &Function,
        mut saved: impl Iterator<Item = Capability<'a>>,
    ) -> Result<(), Refusal> {
        let missing = saved.find(|capability| {
            // The list of a virtual function may end before its PCI Express capability from the
            // first day on (`quirk_intel_qat_vf_cap()`).
            if capability.is_exp() && function.is_vf {
                return false;
            }
            let kind = Kind::index(capability.id, capability.extended);
            let at = kind.map(|kind| (kind, self.places.at(kind)));
            match at {
                Some((EXP_KIND, at)) => at != Some(function.pcie_cap),
                Some((ERR_KIND, at)) => at != Some(function.aer_cap),
                Some((_, at)) => at.is_none(),
                // The core saves what this file does not know: nothing is known of it.
                None => false,
            }
        });
        match missing {
            None => Ok(()),
            Some(capability) => Err(self.oddity.unwrap_or(Refusal::Truncated {
                id: capability.id,
                extended: capability.extended,
            })),
        }
    }
}
