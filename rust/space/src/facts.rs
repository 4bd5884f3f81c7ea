// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of a function, as far as its config space or the kernel's file `resource`
//! tells.

use pci_recovery_guard::guard::{
    Bar, BarKind, Buses, Function, Header, HeaderType, Learned, Refusal, Windows, ALL_ONES,
};

use crate::space::Space;

/// What a kernel would know of the function that has this config space and is on `bus`: a BAR that
/// is not 0 counts as assigned, what Command has on as enabled.
///
/// # Errors
///
/// [`Refusal::Invalid`] where the header is neither that of an endpoint nor of a bridge.
pub fn of_space(space: &Space, bus: u8) -> Result<Function, Refusal> {
    let header = space.header();
    let header_type = match space.read(0x0e, 1) & 0x7f {
        0 => HeaderType::Normal,
        1 => HeaderType::Bridge,
        found => {
            return Err(Refusal::Invalid {
                register: "PCI_HEADER_TYPE",
                found,
            })
        }
    };
    let [_, secondary, subordinate, _] = header[6].to_le_bytes();
    let buses = Buses {
        primary: bus,
        secondary,
        subordinate,
    };
    Ok(Function {
        header_type,
        is_vf: header[0] == ALL_ONES,
        ids: header[0],
        class_revision: header[2],
        subsystem: match header_type {
            HeaderType::Normal => header[11],
            HeaderType::Bridge => 0,
        },
        bars: bars_of_header(&header, header_type),
        enabled: header[1] & 0x2 != 0,
        bus_master: header[1] & 0x4 != 0,
        msi: false,
        rom_enabled: true,
        l1ss: false,
        tph: false,
        buses: (header_type == HeaderType::Bridge && secondary != 0).then_some(buses),
        windows: Windows::default(),
        // What `Device::add` finds.
        extended: false,
        pcie_cap: 0,
        aer_cap: 0,
        saved_before: [0; 16],
        learned: Learned::default(),
    })
}

/// The BARs that are not 0.
fn bars_of_header(header: &Header, header_type: HeaderType) -> [Option<Bar>; 6] {
    let mut bars = [None; 6];
    let mut index = 0;
    while index < header_type.bars() {
        let (low, high) = (header[4 + index], header[5 + index]);
        let (address, kind) = match low & 0x7 {
            _ if low & 1 != 0 => (u64::from(low & !0x3), BarKind::Io),
            4 => (
                u64::from(high) << 32 | u64::from(low & !0xf),
                BarKind::Mem64,
            ),
            _ => (u64::from(low & !0xf), BarKind::Mem32),
        };
        bars[index] = (address != 0).then_some(Bar { address, kind });
        index += if kind == BarKind::Mem64 { 2 } else { 1 };
    }
    bars
}

/// A BAR from a line of the file `resource` in sysfs: first address, last address, flags.
///
/// The same as `resource()` in `rust/pci/info.rs`, where CPU and bus have the same addresses.
pub fn bar_of_resource(start: u64, end: u64, flags: u64) -> Option<Bar> {
    let kind = match flags {
        // Unset, disabled, fixed, enhanced allocation.
        _ if flags & 0x3000_0030 != 0 || (start == 0 && end == 0) => return None,
        _ if flags & 0x100 != 0 => BarKind::Io,
        _ if flags & 0x200 == 0 => return None,
        _ if flags & 0x10_0000 != 0 => BarKind::Mem64,
        _ => BarKind::Mem32,
    };
    Some(Bar {
        address: start,
        kind,
    })
}

/// A number as the kernel's files have it: decimal, or hexadecimal behind `0x`.
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
