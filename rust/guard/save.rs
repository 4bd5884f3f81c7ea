// SPDX-License-Identifier: GPL-2.0-only

//! May this save become the known-good state? All rules, in order.

use super::{
    bars,
    capability,
    header,
    Capability,
    Function,
    Header,
    Refusal,
    Snapshot,
    ALL_ONES, //
};

/// Is the function there at all? `command_status` is the dword at `PCI_COMMAND` (PCIe r6.0, sec
/// 7.5.1.1.3 and .4): Status has reserved bits, which no function sets.
///
/// Command/Status and not the vendor ID, which is all-ones for every virtual function.
///
/// # Errors
///
/// [`Refusal::Inaccessible`].
pub fn check_accessible(command_status: u32) -> Result<(), Refusal> {
    if command_status == ALL_ONES {
        return Err(Refusal::Inaccessible);
    }
    Ok(())
}

/// Refuses a header that is poisoned, not this function's, or wiped.
///
/// # Errors
///
/// [`Refusal::AllOnes`], [`Refusal::Unexpected`], [`Refusal::Invalid`], [`Refusal::Wiped`] or
/// [`Refusal::Disabled`].
pub fn check_header(
    header: &Header,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    header::check(header, function)?;
    bars::check(header, function)?;
    bars::check_command(header, function)?;

    let Some(known_good) = known_good else {
        return Ok(());
    };
    let words = header.iter().zip(known_good.header());
    for (index, (&found, &expected)) in words.enumerate() {
        // Most words are as they were.
        if found == expected {
            continue;
        }
        let mask = header::read_only_mask(function.header_type, index, expected);
        if found == ALL_ONES && header::is_seldom_all_ones(function.header_type, index) {
            return Err(Refusal::AllOnes {
                register: header::name(function.header_type, index),
            });
        }
        if (found ^ expected) & mask != 0 {
            return Err(Refusal::Unexpected {
                register: header::name(function.header_type, index),
                found: found & mask,
                expected: expected & mask,
            });
        }
    }
    Ok(())
}

/// Refuses what was saved unless it is this function's state, whole.
///
/// * `header`, `capabilities`: what the PCI core saved.
/// * `command_status`: the dword at `PCI_COMMAND`, read again *after* the save; a function that was
///   lost half-way through reads all-ones here, one that was reset another Command than was saved.
/// * `known_good`: the last state that passed, if there is one. What software cannot change must
///   not differ from it.
///
/// # Errors
///
/// The first of those of [`check_header`]; then [`Refusal::Zeroed`] and [`Refusal::Capability`];
/// then [`Refusal::LostDuringSave`] and [`Refusal::ResetDuringSave`].
pub fn validate<'a>(
    header: &Header,
    capabilities: impl Iterator<Item = Capability<'a>>,
    command_status: u32,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    check_header(header, function, known_good)?;
    for capability in capabilities {
        capability::check(&capability, &function.learned, known_good)?;
    }
    check_after(header, command_status)
}

/// Refuses a save during which the function was lost or reset. It is the last part of [`validate`],
/// and all of it that is left to ask where what was saved is, byte for byte, what passed before, of
/// a function of which the kernel knows the same.
///
/// # Errors
///
/// [`Refusal::LostDuringSave`] and [`Refusal::ResetDuringSave`].
pub fn check_after(header: &Header, command_status: u32) -> Result<(), Refusal> {
    if command_status == ALL_ONES {
        return Err(Refusal::LostDuringSave);
    }
    let (saved, after) = (header[header::COMMAND_WORD] as u16, command_status as u16);
    if saved != after {
        return Err(Refusal::ResetDuringSave { saved, after });
    }
    Ok(())
}
