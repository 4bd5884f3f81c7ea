// SPDX-License-Identifier: GPL-2.0-only

//! A config space that is valid for a function, made of any bytes: facts as they are, reserved bits
//! 0.

use pci_recovery_guard::guard::{
    capability::{EXP, ID_ERR, ID_EXP},
    Bar, BarKind, Function, Header, HeaderType, ALL_ONES,
};

use super::{
    reads::{ID_DPC, ID_L1SS, ID_LTR, ID_PCIX, ID_PTM, ID_TPH, ID_VC},
    space::{Entry, List, Space},
};

/// Makes any words a header that `function` may have: reserved bits 0, facts as they are.
pub fn header(function: &Function, raw: &Header) -> Header {
    let mut header = *raw;
    header[0] = if function.is_vf {
        ALL_ONES
    } else {
        function.ids
    };
    header[2] = function.class_revision;
    header[3] = raw[3] & 0xff80_ffff | (u32::from(function.header_type.as_raw()) << 16);
    header[13] = raw[13] & 0xbc | 0x40;
    header[15] = raw[15] & 0xffff_03ff;

    let mut upper = false;
    for index in 4..4 + function.header_type.bars() {
        if std::mem::take(&mut upper) {
            continue;
        }
        header[index] = match function.bars[index - 4] {
            None if function.is_vf => 0,
            None => raw[index] & !0xf,
            Some(bar) => {
                let low = bar.address as u32;
                match bar.kind {
                    BarKind::Io => low | 0x1,
                    BarKind::Mem32 => low | raw[index] & 0x8,
                    BarKind::Mem64 => {
                        upper = true;
                        header[index + 1] = (bar.address >> 32) as u32;
                        low | raw[index] & 0x8 | 0x4
                    }
                }
            }
        };
    }

    // Command is what the kernel enabled and perhaps more; two bits of Status are reserved.
    header[1] = raw[1] & 0xfff9_ffff;
    if function.enabled && !function.is_vf {
        header[1] |= 0x2;
    }
    if function.bus_master {
        header[1] |= 0x4;
    }

    match function.header_type {
        HeaderType::Normal => {
            header[11] = function.subsystem;
            header[12] = raw[12] & 0xffff_f801;
        }
        HeaderType::Bridge => {
            header[6] = match function.buses {
                None => raw[6] & 0x7fff_ffff,
                Some(buses) => {
                    let bytes = [buses.primary, buses.secondary, buses.subordinate, 0];
                    raw[6] & 0xff00_0000 | u32::from_le_bytes(bytes)
                }
            };
            header[7] = raw[7] & 0xffe0_f1f1;
            header[8] = raw[8] & 0xfff0_fff0;
            header[9] = raw[9] & 0xfff1_fff1;
            header[14] = raw[14] & 0xffff_f801;
            // Secondary Bus Reset.
            header[15] &= !0x0040_0000;
        }
    }
    header
}

/// BARs that fit into `header_type`, an upper half of a 64-bit one left free.
pub fn fit_bars(header_type: HeaderType, raw: &[Option<(BarKind, u64)>; 6]) -> [Option<Bar>; 6] {
    let count = header_type.bars();
    let mut bars = [None; 6];
    let mut index = 0;
    while index < count {
        let bar = raw[index].map(|(kind, address)| match kind {
            BarKind::Mem64 if index + 1 < count => (kind, address & !0xf),
            BarKind::Io => (kind, address & 0xffff_fffc),
            _ => (BarKind::Mem32, address & 0xffff_fff0),
        });
        // The kernel never assigns 0.
        let bar = bar.filter(|&(_, address)| address != 0);
        bars[index] = bar.map(|(kind, address)| Bar { address, kind });
        index += match bar {
            Some((BarKind::Mem64, _)) => 2,
            _ => 1,
        };
    }
    bars
}

/// The capabilities of a function that is made up, and the bytes that each takes.
const ORDINARY: [(u16, u16); 5] = [
    (0x01, 0x08),
    (ID_EXP, 0x3c),
    (ID_PCIX, 0x08),
    (0x05, 0x18),
    (0x09, 0x10),
];
const EXTENDED: [(u16, u16); 8] = [
    (ID_ERR, 0x48),
    (ID_LTR, 0x08),
    (ID_VC, 0x70),
    (ID_PTM, 0x0c),
    (0x03, 0x0c),
    (ID_DPC, 0x10),
    (ID_L1SS, 0x10),
    (ID_TPH, 0x0c),
];

/// Some of the capabilities of `menu`, one behind the other with gaps; `choice` says which, and how
/// the list goes through them.
fn chain(list: List, menu: &[(u16, u16)], first: u16, choice: u32) -> Vec<Entry> {
    let mut offset = first;
    let mut entries = Vec::new();
    for (number, &(id, size)) in menu.iter().enumerate() {
        if choice >> number & 1 != 0 {
            entries.push(Entry { list, id, offset });
            offset += size + 4 * (choice >> (8 + 2 * number) & 3) as u16;
        }
    }
    // The extended list begins where it begins.
    let fixed = usize::from(list == List::Extended).min(entries.len());
    if let Some(count @ 1..) = entries.len().checked_sub(fixed) {
        entries[fixed..].rotate_left((choice >> 24) as usize % count);
    }
    entries
}

/// A config space that is valid for `function`.
pub fn space(function: &Function, raw: &[u8]) -> Space {
    let mut space = Space::new(raw, function.extended);
    let choice = [space.dword(0x38), space.dword(0x3c)];
    let mut words = header(function, &space.header());

    // No register that the core saves is all-ones.
    for offset in (0x40..space.bytes().len() as u16).step_by(4) {
        space.set(offset, 0x8000_8000, 0);
    }
    let ordinary = chain(List::Ordinary, &ORDINARY, 0x40, choice[0]);
    match ordinary.first() {
        Some(first) => {
            words[1] |= 0x10_0000;
            words[13] = words[13] & !0xff | u32::from(first.offset);
        }
        None => words[1] &= !0x10_0000,
    }
    space.set_header(&words);

    let mut extended = Vec::new();
    if function.extended {
        extended = chain(List::Extended, &EXTENDED, 0x100, choice[1]);
        space.set(0x100, ALL_ONES, 0);
    }
    for entries in [ordinary, extended] {
        for (number, entry) in entries.iter().enumerate() {
            let mask = if entry.list == List::Ordinary {
                0xff
            } else {
                0xf_ffff
            };
            space.set(entry.offset, mask, u32::from(entry.id) | 0x1_0000);
            space.set_link(
                *entry,
                entries.get(number + 1).map_or(0, |next| next.offset),
            );
            if entry.list == List::Ordinary && entry.id == ID_EXP {
                limit_device_control(&mut space, entry.offset + EXP[0].offset);
            }
        }
    }
    space
}

/// Max_Payload_Size and Max_Read_Request_Size have encodings up to 5.
fn limit_device_control(space: &mut Space, offset: u16) {
    let value = space.read(offset, 2);
    let (payload, request) = ((value >> 5 & 7) % 6, (value >> 12 & 7) % 6);
    space.set(offset, 0x70e0, payload << 5 | request << 12);
}
