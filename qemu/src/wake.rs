// SPDX-License-Identifier: GPL-2.0-only

//! The ACPI table that ends a suspend to RAM: what QEMU's firmware forgets.
//!
//! After the platform reset SeaBIOS configures q35's chipset anew, but writes through the window of extended configuration
//! space (ECAM), which that reset has switched off. So the window stays off: every extended register reads 0, AER is deaf,
//! and nothing that a driver does can help. The power management ports stay off, too: the next suspend ends at once and
//! nothing is reset. Linux runs `_WAK`, which QEMU's own tables lack, before it resumes devices; this one makes up for it:
//!
//! ```text
//! Scope (\_SB.PCI0) {
//!     Device (MCHW) {
//!         Name (_ADR, Zero)
//!         OperationRegion (HOST, PCI_Config, 0x60, 0x04)
//!         Field (HOST, DWordAcc, NoLock, Preserve) { ECAM, 32 }
//!     }
//! }
//! Scope (\_SB.PCI0.SF8) {
//!     OperationRegion (LPCW, PCI_Config, 0x40, 0x08)
//!     Field (LPCW, DWordAcc, NoLock, Preserve) { PMBW, 32, ACCW, 32 }
//! }
//! OperationRegion (PM1W, SystemIO, 0x0604, 0x02)
//! Field (PM1W, WordAcc, NoLock, Preserve) { CNTW, 16 }
//! Method (\_WAK, 1) {
//!     \_SB.PCI0.MCHW.ECAM = 0xb0000001
//!     \_SB.PCI0.SF8.PMBW = 0x0601
//!     \_SB.PCI0.SF8.ACCW = 0x80
//!     \CNTW = One
//!     Return (Package (2) { Zero, Zero })
//! }
//! ```

/// PCIEXBAR of the host bridge: where the firmware puts the window, and the bit that enables it; 256 buses.
const ECAM: u32 = 0xb000_0000 | 1;

/// PMBASE of the ICH9: where the firmware puts the ports; bit 0 says that they are ports.
const PM_BASE: u32 = PM_PORTS as u32 | 1;
const PM_PORTS: u16 = 0x600;

/// ACPI_CNTL of the ICH9: the ports are on.
const ACPI_ENABLE: u32 = 0x80;

/// Control register among the ports, and in it SCI_EN.
const PM1_CONTROL: u16 = PM_PORTS + 4;
const SCI_ENABLE: u32 = 1;

/// The bytes of an ACPI table's header.
const HEADER: usize = 36;

type Name = [u8; 4];

/// The table, as `-acpitable file=` takes it: QEMU fills in the checksum.
pub fn table() -> Vec<u8> {
    const HOST: &[&Name] = &[b"_SB_", b"PCI0", b"MCHW", b"ECAM"];
    const PM: &[&Name] = &[b"_SB_", b"PCI0", b"SF8_", b"PMBW"];
    const CONTROL: &[&Name] = &[b"_SB_", b"PCI0", b"SF8_", b"ACCW"];

    let body = [
        scope(
            &HOST[..2],
            &device(
                b"MCHW",
                &[
                    region(b"HOST", PCI_CONFIG, 0x60, 4),
                    field(b"HOST", DWORD_ACCESS, &[(b"ECAM", 32)]),
                ]
                .concat(),
            ),
        ),
        scope(
            &PM[..3],
            &[
                region(b"LPCW", PCI_CONFIG, 0x40, 8),
                field(b"LPCW", DWORD_ACCESS, &[(b"PMBW", 32), (b"ACCW", 32)]),
            ]
            .concat(),
        ),
        region(b"PM1W", SYSTEM_IO, PM1_CONTROL, 2),
        field(b"PM1W", WORD_ACCESS, &[(b"CNTW", 16)]),
        method(
            b"_WAK",
            &[
                store(ECAM, HOST),
                store(PM_BASE, PM),
                store(ACPI_ENABLE, CONTROL),
                store(SCI_ENABLE, &[b"CNTW"]),
                // Return (Package (2) { Zero, Zero })
                [&[0xa4, 0x12][..], &package(&[2, 0, 0])].concat(),
            ]
            .concat(),
        ),
    ]
    .concat();

    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    [
        b"SSDT",
        &length.to_le_bytes()[..],
        // Revision, and the checksum.
        &[2, 0],
        b"PCIREC",
        b"WAKE    ",
        &1u32.to_le_bytes(),
        b"PCIR",
        &1u32.to_le_bytes(),
        &body,
    ]
    .concat()
}

// The language's terms; their codes are in the ACPI specification, chapter 20 (AML).

const SYSTEM_IO: u8 = 1;
const PCI_CONFIG: u8 = 2;
const WORD_ACCESS: u8 = 2;
const DWORD_ACCESS: u8 = 3;

/// `body` with its length before it, which counts itself.
fn package(body: &[u8]) -> Vec<u8> {
    let length = body.len() + 1;
    if length < 0x40 {
        [&[length as u8], body].concat()
    } else {
        // Four bits in the first byte, eight in the second.
        let length = length + 1;
        [&[0x40 | (length & 0xf) as u8, (length >> 4) as u8], body].concat()
    }
}

/// A name from the root on.
fn path(names: &[&Name]) -> Vec<u8> {
    let prefix: &[u8] = match names.len() {
        1 => &[],
        2 => &[0x2e],
        count => &[0x2f, count as u8],
    };
    let mut path = [b"\\", prefix].concat();
    path.extend(names.iter().copied().flatten());
    path
}

fn scope(of: &[&Name], body: &[u8]) -> Vec<u8> {
    [&[0x10][..], &package(&[&path(of), body].concat())].concat()
}

/// A device at address 0 of its bus.
fn device(name: &Name, body: &[u8]) -> Vec<u8> {
    let address = [0x08, b'_', b'A', b'D', b'R', 0];
    let body = [&name[..], &address, body].concat();
    [&[0x5b, 0x82][..], &package(&body)].concat()
}

fn region(name: &Name, space: u8, offset: u16, length: u8) -> Vec<u8> {
    let [low, high] = offset.to_le_bytes();
    [
        &[0x5b, 0x80],
        &name[..],
        &[space, 0x0b, low, high, 0x0a, length],
    ]
    .concat()
}

/// Registers of a region, with their bits.
fn field(region: &Name, access: u8, registers: &[(&Name, u8)]) -> Vec<u8> {
    let mut body = [&region[..], &[access]].concat();
    for (name, bits) in registers {
        body.extend_from_slice(&name[..]);
        body.push(*bits);
    }
    [&[0x5b, 0x81][..], &package(&body)].concat()
}

/// A method at the root, of one argument.
fn method(name: &Name, body: &[u8]) -> Vec<u8> {
    let body = [&path(&[name])[..], &[1], body].concat();
    [&[0x14][..], &package(&body)].concat()
}

fn store(value: u32, to: &[&Name]) -> Vec<u8> {
    [&[0x70, 0x0c], &value.to_le_bytes()[..], &path(to)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_long_as_it_says() {
        let table = table();
        assert_eq!(&table[..4], b"SSDT");
        assert_eq!(table[4..8], (table.len() as u32).to_le_bytes());
    }

    #[test]
    fn lengths_count_themselves() {
        assert_eq!(package(&[7; 62])[..2], [63, 7]);
        // 65 bytes: 0x41.
        assert_eq!(package(&[7; 63])[..3], [0x41, 0x04, 7]);
    }

    #[test]
    fn names_say_how_many_they_are() {
        assert_eq!(path(&[b"CNTW"]), b"\\CNTW");
        assert_eq!(path(&[b"_SB_", b"PCI0"]), b"\\\x2e_SB_PCI0");
        assert_eq!(
            path(&[b"_SB_", b"PCI0", b"SF8_"]),
            b"\\\x2f\x03_SB_PCI0SF8_"
        );
    }
}
