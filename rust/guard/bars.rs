// SPDX-License-Identifier: GPL-2.0-only

//! BARs and Command against what the kernel assigned and enabled: a wiped function fails here.
//!
//! After a reset without a restore, config space is readable and looks plausible, but the BARs
//! read 0 and Command has lost its enable bits (PCIe r6.0, sec 6.6.1 and 7.5.1.1.3).

use super::{
    header::{
        self,
        COMMAND_MASTER,
        COMMAND_MEMORY,
        COMMAND_WORD,
        FIRST_BAR_WORD, //
    },
    BarKind,
    Function,
    Header,
    HeaderType,
    Refusal, //
};

const TYPE_IO: u32 = 0x1;
const TYPE_MASK_MEM: u32 = 0x7;
const TYPE_MEM64: u32 = 0x4;
const PREFETCH: u32 = 0x8;
const ADDRESS_IO: u32 = !0x3;
/// The address bits of a memory BAR.
pub const ADDRESS_MEM: u32 = !0xf;

/// The assigned BARs of `function`, with the index of their (lower) word in the header.
fn assigned(function: &Function) -> impl Iterator<Item = (usize, super::Bar)> + '_ {
    function
        .bars
        .iter()
        .take(function.header_type.bars())
        .enumerate()
        .filter_map(|(i, bar)| bar.map(|bar| (FIRST_BAR_WORD + i, bar)))
}

/// Word `index` of `header`, 0 if there is no such word.
fn word(header: &Header, index: usize) -> u32 {
    header.get(index).copied().unwrap_or(0)
}

/// The address that the BAR at word `index` holds if it decodes `kind`.
fn address(header: &Header, index: usize, kind: BarKind) -> u64 {
    let low = word(header, index);
    match kind {
        BarKind::Io => (low & ADDRESS_IO).into(),
        BarKind::Mem32 => (low & ADDRESS_MEM).into(),
        BarKind::Mem64 => (u64::from(word(header, index + 1)) << 32) | u64::from(low & ADDRESS_MEM),
    }
}

/// Writes the address that the kernel assigned into the BAR at word `index`, and what it decodes.
pub fn set(header: &mut Header, index: usize, bar: super::Bar) {
    if let Some(low) = header.get_mut(index) {
        // CAST: The lower half.
        *low = bar.address as u32 | flags(*low, bar.kind);
    }
    if let (BarKind::Mem64, Some(high)) = (bar.kind, header.get_mut(index + 1)) {
        // CAST: The upper half.
        *high = (bar.address >> 32) as u32;
    }
}

/// The bits below the address of a BAR whose word is `low`, made right for `kind` if they are not.
fn flags(low: u32, kind: BarKind) -> u32 {
    match kind {
        BarKind::Io => low & !ADDRESS_IO | TYPE_IO,
        BarKind::Mem32 if low & TYPE_IO == 0 && low & TYPE_MASK_MEM != TYPE_MEM64 => {
            low & !ADDRESS_MEM
        }
        BarKind::Mem32 => low & PREFETCH,
        BarKind::Mem64 => low & PREFETCH | TYPE_MEM64,
    }
}

/// Refuses a header in which every base address that the kernel assigned reads 0.
#[inline]
pub fn check_wiped(header: &Header, function: &Function) -> Result<(), Refusal> {
    let mut bars = assigned(function)
        .filter(|(_, bar)| bar.address != 0)
        .peekable();
    if bars.peek().is_some() && bars.all(|(index, bar)| address(header, index, bar.kind) == 0) {
        return Err(Refusal::Wiped);
    }
    Ok(())
}

/// Refuses a header in which the upper half of a 64-bit BAR reads all-ones, where the kernel has
/// not assigned such an address.
#[inline]
pub fn check_upper_halves(header: &Header, function: &Function) -> Result<(), Refusal> {
    for (index, bar) in assigned(function) {
        let upper = index + 1;
        if bar.kind == BarKind::Mem64
            && word(header, upper) == u32::MAX
            // CAST: The upper half.
            && (bar.address >> 32) as u32 != u32::MAX
        {
            return Err(Refusal::AllOnes {
                register: header::name(function.header_type, upper),
            });
        }
    }
    Ok(())
}

/// Refuses a header whose BARs do not hold the addresses that the kernel assigned.
///
/// If every one of them reads 0, the function was wiped ([`Refusal::Wiped`]).
pub fn check(header: &Header, function: &Function) -> Result<(), Refusal> {
    let mut first_wrong = None;

    for (index, bar) in assigned(function) {
        let found = address(header, index, bar.kind);

        // The lower word as it should be: the assigned address, the type, its other flags.
        let low = word(header, index);
        let expected = bar.address as u32 | flags(low, bar.kind);
        if found != bar.address || low != expected {
            first_wrong = first_wrong.or(Some((index, bar, expected)));
        }
    }

    let Some((index, bar, expected)) = first_wrong else {
        return Ok(());
    };
    check_wiped(header, function)?;

    // Name the word that differs, the upper one if the lower one is right.
    let (index, expected) = if word(header, index) == expected {
        (index + 1, (bar.address >> 32) as u32)
    } else {
        (index, expected)
    };
    Err(Refusal::Unexpected {
        register: header::name(function.header_type, index),
        found: word(header, index),
        expected,
    })
}

/// Refuses a Command register that lost what the kernel enabled.
///
/// A driver in Rust can only enable memory decoding (`pci_enable_device_mem()`), so that it is what
/// counts; lost I/O ranges show in the BARs. A virtual function's Memory Space Enable is read-only
/// zero (PCIe r6.0, sec 9.3.4.1.3), only its bus mastering is checked. That of a bridge is not, it
/// follows the kernel ([`super::follow::header`]): what tells a wiped one is its bus numbers.
pub fn check_command(header: &Header, function: &Function) -> Result<(), Refusal> {
    let command = header[COMMAND_WORD] as u16;
    let decodes_memory = assigned(function).any(|(_, bar)| bar.kind != BarKind::Io);
    let lost_decoding =
        function.enabled && decodes_memory && !function.is_vf && command & COMMAND_MEMORY == 0;
    let lost_mastering = function.header_type != HeaderType::Bridge
        && !function.learned.no_bus_master
        && lost_bus_master(header, function);

    if lost_decoding || lost_mastering {
        return Err(Refusal::Disabled { command });
    }
    Ok(())
}

/// Whether Command has bus mastering off where the kernel turned it on.
pub fn lost_bus_master(header: &Header, function: &Function) -> bool {
    function.bus_master && header[COMMAND_WORD] as u16 & COMMAND_MASTER == 0
}
