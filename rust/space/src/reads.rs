// SPDX-License-Identifier: GPL-2.0-only

//! The reads that a save is made of, so that a test can lose some of them.
//!
//! The same as `pci_save_state()` of Linux 7.3: 16 dwords of the header, then the capabilities,
//! each register with its own width. One more read is the guard's own: Command/Status afterwards.

use std::ops::Range;

use pci_recovery_guard::guard::{
    capability::{ID_ERR, ID_EXP},
    validate, Capability, Function, Header, Refusal, Snapshot, ALL_ONES, HEADER_WORDS,
};

/// `PCI_CAP_ID_PCIX`.
pub const ID_PCIX: u16 = 0x07;
/// `PCI_EXT_CAP_ID_VC`.
pub const ID_VC: u16 = 0x02;
/// `PCI_EXT_CAP_ID_MFVC`.
pub const ID_VC_MF: u16 = 0x08;
/// `PCI_EXT_CAP_ID_VC9`.
pub const ID_VC9: u16 = 0x09;
/// `PCI_EXT_CAP_ID_TPH`.
pub const ID_TPH: u16 = 0x17;
/// `PCI_EXT_CAP_ID_LTR`.
pub const ID_LTR: u16 = 0x18;
/// `PCI_EXT_CAP_ID_DPC`.
pub const ID_DPC: u16 = 0x1d;
/// `PCI_EXT_CAP_ID_L1SS`.
pub const ID_L1SS: u16 = 0x1e;
/// `PCI_EXT_CAP_ID_PTM`.
pub const ID_PTM: u16 = 0x1f;

/// A capability with the registers that the core saved of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub id: u16,
    pub extended: bool,
    pub data: Vec<u8>,
}

impl Saved {
    /// The PCI Express capability with these registers.
    pub fn exp(words: &[u16]) -> Self {
        Self::words(ID_EXP, false, words)
    }

    /// The AER capability with these registers.
    pub fn err(dwords: &[u32]) -> Self {
        Self::dwords(ID_ERR, dwords)
    }

    /// A capability of 16-bit registers.
    pub fn words(id: u16, extended: bool, words: &[u16]) -> Self {
        Self {
            id,
            extended,
            data: words.iter().flat_map(|word| word.to_ne_bytes()).collect(),
        }
    }

    /// An extended capability of 32-bit registers.
    pub fn dwords(id: u16, dwords: &[u32]) -> Self {
        Self {
            id,
            extended: true,
            data: dwords.iter().flat_map(|word| word.to_ne_bytes()).collect(),
        }
    }

    /// TPH: its control register, then steering tags.
    pub fn tph(control: u32, tags: &[u16]) -> Self {
        let mut this = Self::dwords(ID_TPH, &[control]);
        this.data
            .extend(tags.iter().flat_map(|tag| tag.to_ne_bytes()));
        this
    }

    /// As the guard sees it.
    pub fn as_guard(&self) -> Capability<'_> {
        Capability {
            id: self.id,
            extended: self.extended,
            data: &self.data,
        }
    }

    /// The bytes that each read fills, in the order of the reads.
    fn reads(&self) -> Vec<Range<usize>> {
        let first = match (self.extended, self.id) {
            (false, ID_EXP | ID_PCIX) | (true, ID_DPC | ID_VC | ID_VC_MF | ID_VC9) => 2,
            _ => 4,
        };
        // Port VC Control is 16 bits wide and has a slot of 32.
        let (second, others) = match (self.extended, self.id) {
            (false, ID_EXP) | (true, ID_TPH) => (first, 2),
            _ => (4, 4),
        };
        let starts = (second..self.data.len()).step_by(others);
        std::iter::once(0..first)
            .chain(starts.map(|start| start..start + others))
            .collect()
    }

    fn is_exp(&self) -> bool {
        !self.extended && self.id == ID_EXP
    }
}

/// What `pcie_capability_read_word()` makes of a lost read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function does not answer: all-ones.
    Ones,
    /// The kernel knows that it does not (`pci_dev_is_disconnected()`): 0.
    Zeros,
}

/// What a save read, and Command/Status after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Save {
    pub header: Header,
    pub capabilities: Vec<Saved>,
    pub command_status: u32,
}

impl Save {
    /// The guard's verdict.
    pub fn validate(
        &self,
        function: &Function,
        known_good: Option<&Snapshot>,
    ) -> Result<(), Refusal> {
        validate(
            &self.header,
            self.capabilities.iter().map(Saved::as_guard),
            self.command_status,
            function,
            known_good,
        )
    }

    /// The known-good state that it makes.
    pub fn snapshot(&self, function: &Function) -> Snapshot {
        Snapshot::new(
            &self.header,
            self.capabilities.iter().map(Saved::as_guard),
            function,
        )
    }

    /// How many reads it is made of, with the one of Command/Status at the end.
    pub fn reads(&self) -> usize {
        let capabilities = self.capabilities.iter().map(|saved| saved.reads().len());
        HEADER_WORDS + capabilities.sum::<usize>() + 1
    }

    /// The same save, had the function not answered the reads in `lost`.
    pub fn losing(&self, lost: Range<usize>, answer: Answer) -> Self {
        let mut this = self.clone();
        let mut read = 0;
        let mut is_lost = || {
            read += 1;
            lost.contains(&(read - 1))
        };

        for word in &mut this.header {
            if is_lost() {
                *word = ALL_ONES;
            }
        }
        for saved in &mut this.capabilities {
            let fill = match answer {
                Answer::Zeros if saved.is_exp() => 0,
                _ => 0xff,
            };
            for bytes in saved.reads() {
                if is_lost() {
                    saved.data[bytes].fill(fill);
                }
            }
        }
        if is_lost() {
            this.command_status = ALL_ONES;
        }
        this
    }
}
