// SPDX-License-Identifier: GPL-2.0-only

//! Which registers a function has, and which of their bits hardware does not change by itself: the header, and
//! capabilities of a layout that is known (PCIe Base Specification 7.5 to 7.9, `include/uapi/linux/pci_regs.h`).

/// A register of four bytes.
#[derive(Debug, PartialEq)]
pub struct Register {
    pub offset: usize,
    pub name: String,
    /// The bits that count: the others are status, and logs of errors.
    pub mask: u32,
}

/// A capability: how many bytes of it are registers, and the masks of those in which not all bits count. A register of
/// mask 0 is there, and reads 0.
struct Layout {
    name: String,
    length: usize,
    masks: &'static [(usize, u32)],
}

/// The dword at `offset` of a config space; `None` behind its end.
pub fn dword(space: &[u8], offset: usize) -> Option<u32> {
    let bytes = space.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn word(space: &[u8], offset: usize) -> usize {
    let byte = |at: usize| usize::from(space.get(at).copied().unwrap_or(0));
    byte(offset) | byte(offset + 1) << 8
}

/// The registers of the header.
pub fn header(space: &[u8]) -> Vec<Register> {
    let mut registers = Vec::new();
    let mut add = |offset: usize, name: &str, mask: u32| {
        registers.push(Register {
            offset,
            name: name.to_owned(),
            mask,
        });
    };
    let bridge = space.get(14).is_some_and(|header| header & 0x7f == 1);
    add(0x00, "PCI_VENDOR_ID", !0);
    add(0x04, "PCI_COMMAND", 0x00f0_ffff);
    add(0x08, "PCI_CLASS_REVISION", !0);
    add(0x0c, "PCI_CACHE_LINE_SIZE", 0x00ff_ffff);
    for bar in 0..if bridge { 2 } else { 6 } {
        add(0x10 + 4 * bar, &format!("PCI_BASE_ADDRESS_{bar}"), !0);
    }
    if bridge {
        add(0x18, "PCI_PRIMARY_BUS", !0);
        add(0x1c, "PCI_IO_BASE", 0x0000_ffff);
        add(0x20, "PCI_MEMORY_BASE", !0);
        add(0x24, "PCI_PREF_MEMORY_BASE", !0);
        add(0x28, "PCI_PREF_BASE_UPPER32", !0);
        add(0x2c, "PCI_PREF_LIMIT_UPPER32", !0);
        add(0x30, "PCI_IO_BASE_UPPER16", !0);
        add(0x34, "PCI_CAPABILITY_LIST", !0);
        add(0x38, "PCI_ROM_ADDRESS1", 0xffff_f801);
    } else {
        add(0x28, "PCI_CARDBUS_CIS", !0);
        add(0x2c, "PCI_SUBSYSTEM_VENDOR_ID", !0);
        add(0x30, "PCI_ROM_ADDRESS", 0xffff_f801);
        add(0x34, "PCI_CAPABILITY_LIST", !0);
        add(0x38, "PCI_RESERVED_38", !0);
    }
    add(0x3c, "PCI_INTERRUPT_LINE", !0);
    registers
}

/// The registers of the capability `id` at `at`.
pub fn capability(space: &[u8], at: usize, id: u8) -> Vec<Register> {
    let flags = word(space, at + 2);
    let bit = |number: u32| flags >> number & 1;
    let (name, length, masks): (_, _, &[(usize, u32)]) = match id {
        0x01 => ("PM", 8, &[(0x04, 0x00ff_7fff)]),
        0x03 => ("VPD", 4, &[(0x00, 0x0000_ffff)]),
        0x05 => ("MSI", 12 + 4 * bit(7) + 4 * bit(8), &[]),
        0x07 => ("PCIX", 8, &[(0x04, 0)]),
        0x09 => ("VENDOR", 4, &[]),
        0x0d => ("SSVID", 8, &[]),
        0x10 => return express(at, flags),
        0x11 => ("MSIX", 12, &[]),
        0x12 => ("SATA", 8, &[]),
        0x13 => ("AF", 8, &[(0x04, 0x0000_00ff)]),
        _ => (&*format!("CAP{id:02x}"), 4, &[]),
    };
    Layout {
        name: name.to_owned(),
        length,
        masks,
    }
    .registers(at)
}

/// PCI Express: Device Status, Link Status, Slot Status and so on are the upper halves.
fn express(at: usize, flags: usize) -> Vec<Register> {
    let length = match (flags & 0xf, flags >> 4 & 0xf) {
        (2.., _) => 60,
        (_, 4 | 6) => 36,
        _ => 20,
    };
    let masks = &[
        (0x08, 0x0000_ffff),
        (0x10, 0x0000_ffff),
        (0x18, 0x0000_ffff),
        (0x20, 0),
        (0x28, 0x0000_ffff),
        (0x30, 0x0000_ffff),
        (0x38, 0x0000_ffff),
    ];
    let mut registers = Layout {
        name: "PCIE".to_owned(),
        length,
        masks,
    }
    .registers(at);
    // Link Capabilities are read-only, and yet QEMU zeroes them: it writes four bytes to Device Status when an
    // uncorrectable error is injected.
    registers.retain(|register| register.offset != at + 0x0c);
    registers
}

/// The registers of the extended capability `id` at `at`, of a function with PCI Express at `express`.
pub fn extended(space: &[u8], at: usize, id: u16, express: Option<usize>) -> Vec<Register> {
    let (name, length, masks): (_, _, &[(usize, u32)]) = match id {
        0x0001 => return errors(space, at, express),
        0x0002 => return channels(space, at),
        0x0003 => ("DSN", 12, &[]),
        0x000d => ("ACS", 8, &[]),
        0x000e => ("ARI", 8, &[]),
        0x000f => ("ATS", 8, &[]),
        0x0010 => ("SRIOV", 64, &[]),
        0x0013 => ("PRI", 16, &[(0x04, 0x0000_ffff)]),
        0x0015 => ("REBAR", 4 + 8 * (word(space, at + 8) >> 5 & 7), &[]),
        0x0017 => ("TPH", 12, &[]),
        0x0018 => ("LTR", 8, &[]),
        0x0019 => ("SECPCI", 8, &[]),
        0x001b => ("PASID", 8, &[]),
        0x001d => ("DPC", 8, &[]),
        0x001e => ("L1SS", 16, &[]),
        0x001f => ("PTM", 12, &[]),
        _ => (&*format!("EXT{id:04x}"), 4, &[]),
    };
    Layout {
        name: name.to_owned(),
        length,
        masks,
    }
    .registers(at)
}

/// AER: both status registers, and the first error pointer. Root Error Command only of ports that have it.
fn errors(space: &[u8], at: usize, express: Option<usize>) -> Vec<Register> {
    let masks = &[(0x04, 0), (0x10, 0), (0x18, 0xffff_ffe0)];
    let mut registers = Layout {
        name: "AER".to_owned(),
        length: 28,
        masks,
    }
    .registers(at);
    let kind = express.map_or(0, |express| word(space, express + 2) >> 4 & 0xf);
    if matches!(kind, 4 | 10) {
        registers.push(Register {
            offset: at + 0x2c,
            name: "AER+2c".to_owned(),
            mask: !0,
        });
    }
    registers
}

/// Virtual Channels: one resource more than the extended count says; their status is the upper half.
fn channels(space: &[u8], at: usize) -> Vec<Register> {
    let length = 16 + 12 * (word(space, at + 4) % 8 + 1);
    let mut registers = Layout {
        name: "VC".to_owned(),
        length,
        masks: &[(0x0c, 0x0000_ffff)],
    }
    .registers(at);
    for register in &mut registers {
        let offset = register.offset - at;
        if offset >= 24 && (offset - 24) % 12 == 0 {
            register.mask = 0x0000_ffff;
        }
    }
    registers
}

impl Layout {
    fn registers(&self, at: usize) -> Vec<Register> {
        let mask = |offset| {
            let found = self.masks.iter().find(|(masked, _)| *masked == offset);
            found.map_or(!0, |(_, mask)| *mask)
        };
        (0..self.length)
            .step_by(4)
            .map(|offset| Register {
                offset: at + offset,
                name: format!("{}+{offset:02x}", self.name),
                mask: mask(offset),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(registers: &[Register]) -> Vec<&str> {
        registers
            .iter()
            .map(|register| register.name.as_str())
            .collect()
    }

    #[test]
    fn a_bridge_has_two_bars() {
        let mut space = [0; 64];
        assert_eq!(header(&space).len(), 16);
        assert!(names(&header(&space)).contains(&"PCI_BASE_ADDRESS_5"));
        space[14] = 0x81;
        let header = header(&space);
        assert_eq!(header.len(), 16);
        assert!(!names(&header).contains(&"PCI_BASE_ADDRESS_2"));
        assert!(names(&header).contains(&"PCI_MEMORY_BASE"));
    }

    #[test]
    fn flags_say_how_long_a_capability_is() {
        let mut space = [0; 256];
        assert_eq!(
            names(&capability(&space, 0x40, 0x05)),
            ["MSI+00", "MSI+04", "MSI+08"]
        );
        space[0x42] = 0x80;
        space[0x43] = 0x01;
        assert_eq!(capability(&space, 0x40, 0x05).len(), 5);
        // Version 1 of an endpoint, of a root port, and version 2.
        for (flags, length) in [(0x01, 4), (0x41, 8), (0x02, 14)] {
            space[0x42] = flags;
            let registers = capability(&space, 0x40, 0x10);
            assert_eq!(registers.len(), length, "{flags:#x}");
            assert!(!names(&registers).contains(&"PCIE+0c"));
        }
        assert_eq!(names(&capability(&space, 0x40, 0x42)), ["CAP42+00"]);
    }

    #[test]
    fn extended_ones_know_their_function() {
        let mut space = [0; 1024];
        assert_eq!(extended(&space, 0x100, 1, Some(0x40)).len(), 7);
        space[0x42] = 0x42;
        let errors = extended(&space, 0x100, 1, Some(0x40));
        assert_eq!(errors.last().unwrap().offset, 0x12c);
        assert_eq!(
            errors[1],
            Register {
                offset: 0x104,
                name: "AER+04".into(),
                mask: 0
            }
        );
        space[0x204] = 1;
        let channels = extended(&space, 0x200, 2, None);
        assert_eq!(channels.len(), 10);
        assert_eq!(
            (channels[6].mask, channels[7].mask, channels[9].mask),
            (0xffff, !0, 0xffff)
        );
        space[0x308] = 2 << 5;
        assert_eq!(extended(&space, 0x300, 0x15, None).len(), 5);
        assert_eq!(names(&extended(&space, 0x300, 0x99, None)), ["EXT0099+00"]);
    }
}
