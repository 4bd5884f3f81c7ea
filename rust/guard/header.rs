// SPDX-License-Identifier: GPL-2.0-only

//! The header, word by word: names, values that it may not have, bits that are compared.
//!
//! Sources: PCIe r6.0, sec 7.5.1.1 (common), 7.5.1.2 (type 0), 7.5.1.3 (type 1).

use super::{
    Function,
    Header,
    HeaderType,
    Refusal,
    ALL_ONES,
    HEADER_WORDS, //
};

/// `PCI_COMMAND_IO`.
const COMMAND_IO: u16 = 0x1;
/// `PCI_COMMAND_MEMORY`.
pub const COMMAND_MEMORY: u16 = 0x2;
/// `PCI_COMMAND_MASTER`.
pub const COMMAND_MASTER: u16 = 0x4;
/// `PCI_COMMAND_INTX_DISABLE`.
pub const COMMAND_INTX_DISABLE: u16 = 0x400;
/// `PCI_BRIDGE_CTL_BUS_RESET`, as a bit of the word of `PCI_INTERRUPT_LINE`.
const BRIDGE_CTL_BUS_RESET: u32 = 0x0040_0000;
/// `PCI_ROM_ADDRESS_ENABLE`.
pub const ROM_ENABLE: u32 = 0x1;
/// The address in an expansion ROM BAR (`PCI_ROM_ADDRESS_MASK`). Bits 7:1 are its validation status
/// (PCIe r6.0, sec 7.5.1.2.4), which hardware changes.
const ROM_ADDRESS: u32 = 0xffff_f800;
/// What the IDs read while the function is not ready after a reset (PCIe r6.0, sec 2.3.2).
const IDS_NOT_READY: u32 = 0xffff_0001;
/// `PCI_STATUS_CAP_LIST`, as a bit of the Command/Status word.
pub const STATUS_CAP_LIST: u32 = 0x0010_0000;

/// Index of the Command/Status word.
pub const COMMAND_WORD: usize = 1;
/// Index of the word of cache line size, latency timer, header type and BIST.
const HEADER_TYPE_WORD: usize = 3;
/// Index of the word of the first BAR.
pub const FIRST_BAR_WORD: usize = 4;
/// Index of a bridge's word of bus numbers.
pub const BUSES_WORD: usize = 6;
/// Index of the word with the capability pointer.
pub const CAPABILITY_WORD: usize = 13;
/// Index of the word of interrupt line and pin.
const INTERRUPT_WORD: usize = 15;

const NAMES_NORMAL: [&str; HEADER_WORDS] = [
    "PCI_VENDOR_ID",
    "PCI_COMMAND",
    "PCI_CLASS_REVISION",
    "PCI_CACHE_LINE_SIZE",
    "PCI_BASE_ADDRESS_0",
    "PCI_BASE_ADDRESS_1",
    "PCI_BASE_ADDRESS_2",
    "PCI_BASE_ADDRESS_3",
    "PCI_BASE_ADDRESS_4",
    "PCI_BASE_ADDRESS_5",
    "PCI_CARDBUS_CIS",
    "PCI_SUBSYSTEM_VENDOR_ID",
    "PCI_ROM_ADDRESS",
    "PCI_CAPABILITY_LIST",
    "reserved",
    "PCI_INTERRUPT_LINE",
];

const NAMES_BRIDGE: [&str; HEADER_WORDS] = [
    "PCI_VENDOR_ID",
    "PCI_COMMAND",
    "PCI_CLASS_REVISION",
    "PCI_CACHE_LINE_SIZE",
    "PCI_BASE_ADDRESS_0",
    "PCI_BASE_ADDRESS_1",
    "PCI_PRIMARY_BUS",
    "PCI_IO_BASE",
    "PCI_MEMORY_BASE",
    "PCI_PREF_MEMORY_BASE",
    "PCI_PREF_BASE_UPPER32",
    "PCI_PREF_LIMIT_UPPER32",
    "PCI_IO_BASE_UPPER16",
    "PCI_CAPABILITY_LIST",
    "PCI_ROM_ADDRESS1",
    "PCI_INTERRUPT_LINE",
];

/// Index of the word of the expansion ROM BAR (`PCI_ROM_ADDRESS`, `PCI_ROM_ADDRESS1`).
pub const fn rom_word(header_type: HeaderType) -> usize {
    match header_type {
        HeaderType::Normal => 12,
        HeaderType::Bridge => 14,
    }
}

/// The PCI_* name of the register at word `index` (the first register of the word).
pub fn name(header_type: HeaderType, index: usize) -> &'static str {
    let names = match header_type {
        HeaderType::Normal => &NAMES_NORMAL,
        HeaderType::Bridge => &NAMES_BRIDGE,
    };
    names.get(index).copied().unwrap_or("unknown")
}

/// Whether word `index` may legitimately read all-ones.
///
/// A word may where the kernel knows that it does (`function`), or has seen it so before.
fn may_be_all_ones(function: &Function, index: usize) -> bool {
    match (function.header_type, index) {
        // Only a virtual function's IDs do: PCIe r6.0, sec 9.3.4.1.1.
        (_, 0) => function.is_vf,
        (_, 2) => function.class_revision == ALL_ONES,
        // Status has reserved bits, the header type is known, a BAR and the interrupt pin too.
        (_, COMMAND_WORD | HEADER_TYPE_WORD | CAPABILITY_WORD | INTERRUPT_WORD) => false,
        // The upper half of a 64-bit BAR may, if that is the address (see `bars`); a low one
        // has reserved low bits.
        (HeaderType::Normal, 4..=9) | (HeaderType::Bridge, 4 | 5) => is_upper_half(function, index),
        (HeaderType::Normal, 11) => function.subsystem == ALL_ONES,
        // Expansion ROM: reserved low bits.
        (HeaderType::Normal, 12) | (HeaderType::Bridge, 14) => false,
        // Bus numbers: the kernel never assigned 255 to all three. Windows: reserved low bits.
        (HeaderType::Bridge, BUSES_WORD | 7..=9) => false,
        // Upper halves of the windows; the CIS pointer; a type 0 header's word 14 is reserved, and
        // devices put anything there.
        _ => function.saved_before.get(index) == Some(&ALL_ONES),
    }
}

fn is_upper_half(function: &Function, index: usize) -> bool {
    let Some(low) = index.checked_sub(FIRST_BAR_WORD + 1) else {
        return false;
    };
    matches!(
        function.bars.get(low),
        Some(Some(bar)) if bar.kind == super::BarKind::Mem64
    )
}

/// Refuses a header with a word that reads all-ones and cannot.
#[inline]
pub fn check_all_ones(header: &Header, function: &Function) -> Result<(), Refusal> {
    for (index, &value) in header.iter().enumerate() {
        if value == ALL_ONES && !may_be_all_ones(function, index) {
            return Err(Refusal::AllOnes {
                register: name(function.header_type, index),
            });
        }
    }
    Ok(())
}

/// Refuses a header with a word that this function's header cannot have.
///
/// BARs are checked by [`super::bars::check`], the Command register by
/// [`super::bars::check_command`].
pub fn check(header: &Header, function: &Function) -> Result<(), Refusal> {
    check_all_ones(header, function)?;

    let header_type = ((header[HEADER_TYPE_WORD] >> 16) & 0x7f) as u8;
    if header_type != function.header_type.as_raw() {
        return Err(Refusal::Unexpected {
            register: "PCI_HEADER_TYPE",
            found: header_type.into(),
            expected: function.header_type.as_raw().into(),
        });
    }

    // Read-only registers cannot change. An all-zero read is no function either: vendor ID 0 is
    // not assigned, and a function that is not ready shows a device ID of ones. A quirk may have
    // changed what the kernel remembers, so that only values that no function has are compared
    // here; `save` compares with the known-good state.
    if matches!(header[0], 0 | IDS_NOT_READY) && header[0] != function.ids {
        return Err(Refusal::Unexpected {
            register: name(function.header_type, 0),
            found: header[0],
            expected: function.ids,
        });
    }

    let pointer = header[CAPABILITY_WORD] & 0xff;
    if header[COMMAND_WORD] & STATUS_CAP_LIST != 0 && pointer < 0x40 {
        return Err(Refusal::Invalid {
            register: name(function.header_type, CAPABILITY_WORD),
            found: pointer,
        });
    }

    if let Some(buses) = function.buses {
        let expected = buses.as_raw();
        let found = header[BUSES_WORD] & 0x00ff_ffff;
        // Some bridges have Primary Bus hard-wired to 0; the core knows them by the other two,
        // which are not 0 then (`pci_scan_bridge_extend()`).
        let is_hard_wired = found == expected & 0x00ff_ff00 && found != 0;
        if found != expected && !is_hard_wired {
            return Err(Refusal::Unexpected {
                register: name(function.header_type, BUSES_WORD),
                found,
                expected,
            });
        }
    }

    if function.header_type == HeaderType::Bridge
        && header[INTERRUPT_WORD] & BRIDGE_CTL_BUS_RESET != 0
    {
        return Err(Refusal::Invalid {
            register: "PCI_BRIDGE_CONTROL",
            found: header[INTERRUPT_WORD] >> 16,
        });
    }

    Ok(())
}

/// Whether word `index` may be all-ones, but does not become so: the upper half of a bridge's
/// window, which firmware may have closed with all-ones and the kernel never writes so, and what
/// has no writer at all.
pub fn is_seldom_all_ones(header_type: HeaderType, index: usize) -> bool {
    matches!(
        (header_type, index),
        (HeaderType::Bridge, 10..=12) | (HeaderType::Normal, 10 | 14)
    )
}

/// The bits of word `index` that software cannot change and that therefore stay as they are for as
/// long as it is the same function. `expected` is what the word was.
pub fn read_only_mask(header_type: HeaderType, index: usize, expected: u32) -> u32 {
    match (header_type, index) {
        (_, 0 | 2) => ALL_ONES,
        // Header type.
        (_, HEADER_TYPE_WORD) => 0x00ff_0000,
        // Capability pointer.
        (_, CAPABILITY_WORD) => 0x0000_00ff,
        // CIS pointer and subsystem IDs.
        (HeaderType::Normal, 10 | 11) => ALL_ONES,
        // A Primary Bus that is not hard-wired to 0.
        (HeaderType::Bridge, BUSES_WORD) if expected & 0xff != 0 => 0x0000_00ff,
        // Interrupt pin.
        (_, INTERRUPT_WORD) => 0x0000_ff00,
        _ => 0,
    }
}

/// Takes over from `found`, which was accepted after a restore, what software cannot change and the
/// function can do without: some lose subsystem IDs that firmware has put there in each reset. Not
/// the capability pointer, since the lists that it leads to are known, nor Primary Bus, which the
/// kernel writes. Returns whether anything differed.
pub fn accept(header: &mut Header, header_type: HeaderType, found: &Header) -> bool {
    let old = *header;
    for (index, (kept, &found)) in header.iter_mut().zip(found).enumerate() {
        let is_kept = matches!(
            (header_type, index),
            (_, CAPABILITY_WORD) | (HeaderType::Bridge, BUSES_WORD)
        );
        if !is_kept && found != ALL_ONES {
            let mask = read_only_mask(header_type, index, *kept) & !vital_mask(header_type, index);
            *kept = *kept & !mask | found & mask;
        }
    }
    old != *header
}

/// The bits of word `index` that are compared after a restore: all but those that hardware changes.
pub fn verify_mask(header_type: HeaderType, index: usize, value: u32) -> u32 {
    match (header_type, index) {
        // Status: RW1C bits and the interrupt status. INTx Disable: hardware without it reads 0
        // (PCI r2.2), and an interrupt that is not disabled does no harm to who uses MSI.
        (_, COMMAND_WORD) => 0x0000_ffff & !(value & u32::from(COMMAND_INTX_DISABLE)),
        // BIST: starts a self test, clears itself.
        (_, HEADER_TYPE_WORD) => 0x00ff_ffff,
        // Secondary Status: RW1C bits.
        (HeaderType::Bridge, 7) => 0x0000_ffff,
        // The interrupt line is scratch space for software where there is a pin (PCIe r6.0, sec
        // 7.5.1.1.12), and anything otherwise. A bridge's Bridge Control has one RW1C bit,
        // Discard Timer Status.
        (_, INTERRUPT_WORD) => {
            let line = if value & 0x0000_ff00 != 0 { 0xff } else { 0 };
            let upper = match header_type {
                HeaderType::Normal => 0xffff_0000,
                HeaderType::Bridge => 0xfbff_0000,
            };
            upper | 0xff00 | line
        }
        // A reader of the file `rom` in sysfs enables it, without any lock.
        (HeaderType::Normal, 12) | (HeaderType::Bridge, 14) => ROM_ADDRESS,
        (HeaderType::Normal, 14) => 0,
        _ => ALL_ONES,
    }
}

/// The bits of word `index` without which the function cannot be used, or must not be: who it is,
/// what it decodes and forwards, bus mastering as it was.
pub fn vital_mask(header_type: HeaderType, index: usize) -> u32 {
    match (header_type, index) {
        (_, 0) => ALL_ONES,
        (_, COMMAND_WORD) => u32::from(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER),
        // Header type, without the bit that says whether there are more functions.
        (_, HEADER_TYPE_WORD) => 0x007f_0000,
        (HeaderType::Normal, 4..=9) | (HeaderType::Bridge, 4 | 5) => ALL_ONES,
        // Secondary and subordinate bus, by which it forwards; not its Secondary Latency Timer.
        (HeaderType::Bridge, BUSES_WORD) => 0x00ff_ff00,
        (HeaderType::Bridge, 7) => 0x0000_ffff,
        (HeaderType::Bridge, 8..=12) => ALL_ONES,
        (HeaderType::Bridge, INTERRUPT_WORD) => BRIDGE_CTL_BUS_RESET,
        _ => 0,
    }
}
