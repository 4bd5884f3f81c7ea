// SPDX-License-Identifier: GPL-2.0-only

//! Saved capabilities: the values that their registers cannot have.

use super::{
    capability::{
        Capability,
        ERR,
        EXP,
        ID_TPH, //
    },
    function::Learned,
    Refusal,
    Snapshot, //
};

/// Refuses a saved capability that the function cannot have.
pub fn check(
    capability: &Capability<'_>,
    learned: &Learned,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    if capability.is_exp() {
        check_exp(capability, known_good)
    } else if capability.is_err() {
        check_err(capability, learned)
    } else {
        check_other(capability)
    }
}

/// Refuses a saved capability with a register that reads all-ones and cannot. It is the part of
/// [`check`] that asks nothing else.
#[inline]
pub fn check_all_ones(capability: &Capability<'_>, learned: &Learned) -> Result<(), Refusal> {
    if capability.is_exp() {
        check_exp_ones(capability)
    } else if capability.is_err() {
        check_err(capability, learned)
    } else {
        check_other(capability)
    }
}

/// Every register of the PCI Express capability has reserved bits.
fn check_exp_ones(capability: &Capability<'_>) -> Result<(), Refusal> {
    for (register, value) in EXP.iter().zip(capability.words()) {
        if value == u16::MAX {
            return Err(Refusal::AllOnes {
                register: register.name,
            });
        }
    }
    Ok(())
}

/// The encodings of Max_Payload_Size and Max_Read_Request_Size in Device Control end at 5 (PCIe
/// r6.0, sec 7.5.3.4).
///
/// A function that the kernel marked disconnected is saved as zeros, not as ones
/// (`pcie_capability_read_word()`): registers that were not zero cannot all have become so.
fn check_exp(capability: &Capability<'_>, known_good: Option<&Snapshot>) -> Result<(), Refusal> {
    check_exp_ones(capability)?;
    let is_zero = EXP
        .iter()
        .zip(capability.words())
        .all(|(_, value)| value == 0);

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
pub fn check_exp_kept(
    saved: &Capability<'_>,
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

/// AER's masks and severities have reserved bits (PCIe r6.0, sec 7.8.4.3 to 7.8.4.7), which some
/// hardware sets nevertheless: such a register is known from the first save.
fn check_err(capability: &Capability<'_>, learned: &Learned) -> Result<(), Refusal> {
    for (index, (register, value)) in ERR.iter().zip(capability.dwords()).enumerate() {
        if value == u32::MAX && learned.aer_ones & (1 << index) == 0 {
            return Err(Refusal::AllOnes {
                register: register.name,
            });
        }
    }
    Ok(())
}

/// Finds the AER registers that read all-ones for good: those that were saved so and that `read`,
/// by offset in the capability, returns so once more. The result is that of [`Learned::aer_ones`].
pub fn learn_aer_ones(saved: &Capability<'_>, mut read: impl FnMut(u16) -> u32) -> u8 {
    if !saved.is_err() {
        return 0;
    }
    let ones = ERR.iter().zip(saved.dwords()).enumerate();
    ones.filter(|(_, (register, value))| *value == u32::MAX && read(register.offset) == u32::MAX)
        .fold(0, |found, (index, _)| found | 1 << index)
}

/// Refuses an AER register that was saved as all-ones, which is what it was learned to read, and
/// that `read`, by offset in the capability, does not return so once more: it has become something
/// else since, and this read of it was lost.
///
/// # Errors
///
/// [`Refusal::AllOnes`].
pub fn check_aer_ones(
    saved: &Capability<'_>,
    learned: &Learned,
    read: impl FnMut(u16) -> u32,
) -> Result<(), Refusal> {
    if learned.aer_ones == 0 {
        return Ok(());
    }
    let again = Learned {
        aer_ones: learn_aer_ones(saved, read),
        ..*learned
    };
    if saved.is_err() {
        check_err(saved, &again)?;
    }
    Ok(())
}

/// The other capabilities that the core saves (PCI-X, LTR, L1 PM Substates, PTM, DPC, VC, TPH) have
/// reserved bits in every word, but for TPH's steering tags behind its first register.
fn check_other(capability: &Capability<'_>) -> Result<(), Refusal> {
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
    if capability.is_vc() && capability.words().next() == Some(u16::MAX) {
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
