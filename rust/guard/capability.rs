// SPDX-License-Identifier: GPL-2.0-only

//! Saved capabilities: what the PCI core saved of each, and the values that it cannot have.

use core::{
    cell::Cell,
    iter, //
};

use super::{
    Refusal,
    Snapshot, //
};

/// `PCI_CAP_ID_EXP`.
pub const ID_EXP: u16 = 0x10;
/// `PCI_EXT_CAP_ID_ERR`.
pub const ID_ERR: u16 = 0x01;
/// `PCI_EXT_CAP_ID_TPH`.
const ID_TPH: u16 = 0x17;

/// `PCI_EXT_CAP_ID_VC`, `PCI_EXT_CAP_ID_MFVC`, `PCI_EXT_CAP_ID_VC9`.
const IDS_VC: [u16; 3] = [0x02, 0x08, 0x09];

/// How many 16-bit registers the core saves of the PCI Express capability.
pub const EXP_REGISTERS: usize = 7;
/// How many 32-bit registers the core saves of the AER capability at the most.
pub const ERR_REGISTERS: usize = 5;

/// A saved 16-bit register of the PCI Express capability (PCIe r6.0, sec 7.5.3).
pub struct ExpRegister {
    /// Its PCI_* name.
    pub name: &'static str,
    /// Its offset in the capability.
    pub offset: u16,
    /// The bits compared after a restore.
    pub verify_mask: u16,
}

/// The registers of the PCI Express capability in the order in which the core saves them.
pub const EXP: [ExpRegister; EXP_REGISTERS] = [
    // Bit 15 starts an FLR and reads 0.
    exp("PCI_EXP_DEVCTL", 0x08, 0x7fff),
    // Bit 5 retrains the link and reads 0.
    exp("PCI_EXP_LNKCTL", 0x10, 0xffdf),
    exp("PCI_EXP_SLTCTL", 0x18, 0xffff),
    exp("PCI_EXP_RTCTL", 0x1c, 0xffff),
    exp("PCI_EXP_DEVCTL2", 0x28, 0xffff),
    exp("PCI_EXP_LNKCTL2", 0x30, 0xffff),
    exp("PCI_EXP_SLTCTL2", 0x38, 0xffff),
];

const fn exp(name: &'static str, offset: u16, verify_mask: u16) -> ExpRegister {
    ExpRegister {
        name,
        offset,
        verify_mask,
    }
}

/// A saved 32-bit register of the AER capability (PCIe r6.0, sec 7.8.4).
pub struct ErrRegister {
    /// Its PCI_* name.
    pub name: &'static str,
    /// Its offset in the capability.
    pub offset: u16,
    /// The bits compared after a restore.
    pub verify_mask: u32,
}

/// The registers of the AER capability in the order in which the core saves them; the last one only
/// of root ports and event collectors.
pub const ERR: [ErrRegister; ERR_REGISTERS] = [
    err("PCI_ERR_UNCOR_MASK", 0x08, u32::MAX),
    err("PCI_ERR_UNCOR_SEVER", 0x0c, u32::MAX),
    err("PCI_ERR_COR_MASK", 0x14, u32::MAX),
    // Only the enable bits for ECRC are kept; the rest is capabilities and the first error pointer.
    err("PCI_ERR_CAP", 0x18, 0x0000_0140),
    err("PCI_ERR_ROOT_COMMAND", 0x2c, u32::MAX),
];

const fn err(name: &'static str, offset: u16, verify_mask: u32) -> ErrRegister {
    ErrRegister {
        name,
        offset,
        verify_mask,
    }
}

/// A byte of what was saved: of a copy, or of the core's buffer, which the next save changes.
pub trait Byte {
    /// What it is now.
    fn value(&self) -> u8;
}

impl Byte for u8 {
    fn value(&self) -> u8 {
        *self
    }
}

impl Byte for Cell<u8> {
    fn value(&self) -> u8 {
        self.get()
    }
}

/// What the core saved of one capability: `struct pci_cap_saved_data` without its header.
#[derive(Clone, Copy, Debug)]
pub struct Capability<'a, B = u8> {
    /// Capability ID.
    pub id: u16,
    /// An extended capability (offset 0x100 and above)?
    pub extended: bool,
    /// The saved registers, in the CPU's byte order.
    pub data: &'a [B],
}

impl<B: Byte> Capability<'_, B> {
    /// Is it the PCI Express capability?
    pub fn is_exp(&self) -> bool {
        !self.extended && self.id == ID_EXP
    }

    /// Is it the AER capability?
    pub fn is_err(&self) -> bool {
        self.extended && self.id == ID_ERR
    }

    /// The saved 16-bit words.
    pub fn words(&self) -> impl Iterator<Item = u16> + '_ {
        arrays(self.data).map(|[a, b]| u16::from_ne_bytes([a.value(), b.value()]))
    }

    /// The saved 32-bit words.
    pub fn dwords(&self) -> impl Iterator<Item = u32> + '_ {
        arrays(self.data)
            .map(|[a, b, c, d]| u32::from_ne_bytes([a.value(), b.value(), c.value(), d.value()]))
    }
}

/// Returns the arrays of `N` values that follow each other in `values`, without a shorter rest.
///
/// `chunks_exact()` keeps its length and divides by it: in a kernel that is optimized for size the
/// panic for a length of 0 stays in the code, and objtool does not know that this one
/// (`panic_const_div_by_zero`) does not return: "falls through to next function".
fn arrays<T, const N: usize>(mut values: &[T]) -> impl Iterator<Item = &[T; N]> {
    iter::from_fn(move || {
        let (array, rest) = values.split_first_chunk()?;
        values = rest;
        Some(array)
    })
}

/// Refuses a saved capability that the function cannot have.
pub fn check<B: Byte>(
    capability: &Capability<'_, B>,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    if capability.is_exp() {
        check_exp(capability, known_good)
    } else if capability.is_err() {
        check_err(capability)
    } else {
        check_other(capability)
    }
}

/// Every register of the PCI Express capability has reserved bits; the encodings of
/// Max_Payload_Size and Max_Read_Request_Size in Device Control end at 5 (PCIe r6.0, sec 7.5.3.4).
///
/// A function that the kernel marked disconnected is saved as zeros, not as ones
/// (`pcie_capability_read_word()`): registers that were not zero cannot all have become so.
fn check_exp<B: Byte>(
    capability: &Capability<'_, B>,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    let mut is_zero = true;
    for (register, value) in EXP.iter().zip(capability.words()) {
        if value == u16::MAX {
            return Err(Refusal::AllOnes {
                register: register.name,
            });
        }
        is_zero &= value == 0;
    }

    let device_control = capability.words().next().unwrap_or(0);
    let (payload, read_request) = ((device_control >> 5) & 7, (device_control >> 12) & 7);
    if payload > 5 || read_request > 5 {
        return Err(Refusal::Invalid {
            register: "PCI_EXP_DEVCTL",
            found: device_control.into(),
        });
    }

    if is_zero && known_good.is_some_and(|known_good| !known_good.exp_is_zero()) {
        return Err(Refusal::Zeroed {
            capability: "PCI Express",
        });
    }
    Ok(())
}

/// Refuses a function whose PCI Express capability reads 0 (`read`, by offset in the capability)
/// where what was saved of it does not.
///
/// A function that was reset shows in its BARs and in Command; a virtual one that has no driver has
/// neither, but Device Control, in which the kernel enables error reporting.
pub fn check_exp_kept<B: Byte>(
    saved: &Capability<'_, B>,
    mut read: impl FnMut(u16) -> u16,
) -> Result<(), Refusal> {
    let was_zero = !saved.is_exp() || saved.words().all(|value| value == 0);
    if !was_zero && EXP.iter().all(|register| read(register.offset) == 0) {
        return Err(Refusal::Zeroed {
            capability: "PCI Express",
        });
    }
    Ok(())
}

/// AER's masks and severities have reserved bits (PCIe r6.0, sec 7.8.4.3 to 7.8.4.7).
fn check_err<B: Byte>(capability: &Capability<'_, B>) -> Result<(), Refusal> {
    for (register, value) in ERR.iter().zip(capability.dwords()) {
        if value == u32::MAX {
            return Err(Refusal::AllOnes {
                register: register.name,
            });
        }
    }
    Ok(())
}

/// The other capabilities that the core saves (PCI-X, LTR, L1 PM substates, PTM, DPC, VC, TPH) have
/// reserved bits in every word, but for TPH's steering tags behind its first register.
fn check_other<B: Byte>(capability: &Capability<'_, B>) -> Result<(), Refusal> {
    let refusal = Err(Refusal::Capability {
        id: capability.id,
        extended: capability.extended,
    });

    if capability.data.len() < 4 {
        if capability.words().any(|word| word == u16::MAX) {
            return refusal;
        }
        return Ok(());
    }
    // VC's first register is 16 bits wide, in a slot of 32 (`pci_vc_do_save_buffer()`).
    let is_vc = capability.extended && IDS_VC.contains(&capability.id);
    if is_vc && capability.words().next() == Some(u16::MAX) {
        return refusal;
    }
    let count = if capability.extended && capability.id == ID_TPH {
        1
    } else {
        usize::MAX
    };
    if capability.dwords().take(count).any(|word| word == u32::MAX) {
        return refusal;
    }
    Ok(())
}
