// SPDX-License-Identifier: GPL-2.0-only

//! All rules, in order, for a save that may become the known-good state.

use super::{
    bars,
    header,
    plausible,
    Capability,
    Function,
    Header,
    Refusal,
    Snapshot,
    ALL_ONES, //
};

/// Refuses a function that does not answer. `command_status` is the dword at `PCI_COMMAND` (PCIe
/// r6.0, sec 7.5.1.1.3 and .4): Status has reserved bits, which no function sets.
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
    check_become_all_ones(header, function, known_good)?;
    let words = header.iter().zip(known_good.header());
    for (index, (&found, &expected)) in words.enumerate() {
        // Most words are as they were.
        if found == expected {
            continue;
        }
        let mask = header::read_only_mask(function.header_type, index, expected);
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
        plausible::check(&capability, &function.learned, known_good)?;
    }
    check_after(header, command_status)
}

/// Refuses what was saved where it is certain that no function of this kind has such a state, on
/// whatever hardware and with whatever driver: a register reads all-ones and cannot, the function
/// was lost half-way through, or every assigned BAR reads 0 while the kernel has decoding enabled.
///
/// For a guard that stands behind drivers which it does not know. They may change what
/// [`validate`] takes for a sign of loss, as bus mastering; of what that refuses, this is the part
/// that none of them can have meant. The arguments are those of [`validate`].
///
/// # Errors
///
/// [`Refusal::AllOnes`], [`Refusal::Wiped`], [`Refusal::Capability`] or
/// [`Refusal::LostDuringSave`].
pub fn check_certain<'a>(
    header: &Header,
    mut capabilities: impl Iterator<Item = Capability<'a>>,
    command_status: u32,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    header::check_all_ones(header, function)?;
    bars::check_upper_halves(header, function)?;
    if let Some(known_good) = known_good {
        check_become_all_ones(header, function, known_good)?;
    }
    if function.enabled {
        bars::check_wiped(header, function)?;
    }
    capabilities
        .try_for_each(|capability| plausible::check_all_ones(&capability, &function.learned))?;
    check_lost(command_status)
}

/// Refuses a word that reads all-ones and did not in the known-good state, of those that may be so
/// and do not become so.
#[inline]
fn check_become_all_ones(
    header: &Header,
    function: &Function,
    known_good: &Snapshot,
) -> Result<(), Refusal> {
    let words = header.iter().zip(known_good.header()).enumerate();
    for (index, (&found, &expected)) in words {
        if found == ALL_ONES
            && expected != ALL_ONES
            && header::is_seldom_all_ones(function.header_type, index)
        {
            return Err(Refusal::AllOnes {
                register: header::name(function.header_type, index),
            });
        }
    }
    Ok(())
}

/// Refuses a save after which the function does not answer.
#[inline]
fn check_lost(command_status: u32) -> Result<(), Refusal> {
    if command_status == ALL_ONES {
        return Err(Refusal::LostDuringSave);
    }
    Ok(())
}

/// Refuses a save during which the function was lost or reset. It is the last part of [`validate`],
/// and all of it that is left to ask where what was saved is, byte for byte, what passed before, of
/// a function of which the kernel knows the same.
///
/// # Errors
///
/// [`Refusal::LostDuringSave`] and [`Refusal::ResetDuringSave`].
pub fn check_after(header: &Header, command_status: u32) -> Result<(), Refusal> {
    check_lost(command_status)?;
    let (saved, after) = (header[header::COMMAND_WORD] as u16, command_status as u16);
    if saved != after {
        return Err(Refusal::ResetDuringSave { saved, after });
    }
    Ok(())
}
