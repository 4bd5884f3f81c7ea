// SPDX-License-Identifier: GPL-2.0-only

//! Which registers are compared after a restore, and which of their bits.

use pci_recovery_guard::guard::{
    capability::{EXP as EXP_PLACES, ID_EXP},
    header::verify_mask,
    Capability, HeaderType, Lists, Mismatch, Register, Snapshot, ALL_ONES, HEADER_WORDS,
};

use crate::{
    example::{bridge, endpoint, Example, AER_CAP, PCIE_CAP},
    model::reads::{Saved, ID_LTR},
};

const EXP: [u16; 7] = [0x282f, 0x0040, 0x10, 0x20, 0x0400, 0x0003, 0x30];
const ERR: [u32; 5] = [0x0040_0000, 0x0046_2030, 0xe000, 0x1e0, 0x7];

fn snapshot(example: &Example) -> Snapshot {
    let saved = [
        Saved::exp(&EXP),
        Saved::dwords(ID_LTR, &[0x1003_1003]),
        Saved::err(&ERR),
    ];
    let capabilities = saved.iter().map(Saved::as_guard);
    Snapshot::new(&example.header, capabilities, &example.function)
}

/// The register of that name.
fn register(example: &Example, name: &str) -> Register {
    let snapshot = snapshot(example);
    let mut named = snapshot.registers().filter(|r| r.name == name);
    let register = named.next().expect(name);
    assert_eq!(named.next(), None, "{name} is there once");
    register
}

/// The bits of a register that verification compares, found out one by one.
fn compared(example: &Example, name: &str) -> u32 {
    let register = register(example, name);
    let differs = |bit: &u32| register.verify(register.value ^ bit).is_err();
    (0..8 * u32::from(register.width))
        .map(|bit| 1 << bit)
        .filter(differs)
        .sum()
}

/// The PCI Express capability of QEMU's e1000e lies at 0xe0: its Slot Control 2 would be AER's
/// 0x118.
#[test]
fn no_register_of_pci_express_lies_among_the_extended_capabilities() {
    let mut example = endpoint();
    example.function.pcie_cap = 0xe0;
    let snapshot = snapshot(&example);
    let offsets: Vec<_> = snapshot.registers().map(|r| r.offset).collect();
    let mut unique = offsets.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(offsets.len(), unique.len(), "{offsets:x?}");
    for (name, there) in [
        ("PCI_EXP_DEVCTL", true),
        ("PCI_EXP_RTCTL", true),
        ("PCI_EXP_DEVCTL2", false),
        ("PCI_EXP_SLTCTL2", false),
        ("PCI_ERR_CAP", true),
    ] {
        let found = snapshot.registers().any(|r| r.name == name);
        assert_eq!(found, there, "{name}");
    }
}

#[test]
fn a_snapshot_holds_header_pci_express_and_aer_with_offsets_and_widths() {
    let snapshot = snapshot(&endpoint());
    let found: Vec<_> = snapshot
        .registers()
        .map(|r| (r.offset, r.width, r.value))
        .collect();

    let words = endpoint().header.into_iter().enumerate();
    let mut expected: Vec<_> = words.map(|(i, word)| (4 * i as u16, 4, word)).collect();
    let offsets = [0x08, 0x10, 0x18, 0x1c, 0x28, 0x30, 0x38];
    expected.extend((0..7).map(|i| (PCIE_CAP + offsets[i], 2, EXP[i].into())));
    let offsets = [0x08, 0x0c, 0x14, 0x18, 0x2c];
    expected.extend((0..5).map(|i| (AER_CAP + offsets[i], 4, ERR[i])));
    assert_eq!(found, expected);
}

#[test]
fn capabilities_whose_offset_is_unknown_are_not_compared() {
    let mut example = endpoint();
    example.function.pcie_cap = 0;
    example.function.aer_cap = 0;
    assert_eq!(snapshot(&example).registers().count(), HEADER_WORDS);
}

/// The core restores the first of its kind.
#[test]
fn a_capability_that_is_saved_twice_counts_once() {
    let example = endpoint();
    let saved = [Saved::exp(&EXP), Saved::exp(&[1; 7])];
    let capabilities = saved.iter().map(Saved::as_guard);
    let snapshot = Snapshot::new(&example.header, capabilities, &example.function);
    let values: Vec<_> = snapshot.registers().map(|r| r.value).collect();
    assert_eq!(values[HEADER_WORDS..], EXP.map(u32::from));
}

#[test]
fn more_words_than_there_are_registers_are_dropped() {
    let (example, saved) = (endpoint(), [Saved::exp(&[1; 9]), Saved::err(&[1; 9])]);
    let capabilities = saved.iter().map(Saved::as_guard);
    let snapshot = Snapshot::new(&example.header, capabilities, &example.function);
    assert_eq!(
        snapshot.registers().count(),
        HEADER_WORDS + EXP.len() + ERR.len()
    );
}

#[test]
fn a_capability_that_is_cut_off_has_the_registers_that_are_left() {
    let (example, bytes) = (endpoint(), EXP.map(u16::to_ne_bytes).concat());
    for len in 0..=bytes.len() {
        let data = &bytes[..len];
        let (id, extended) = (ID_EXP, false);
        let capabilities = [Capability { id, extended, data }].into_iter();
        let snapshot = Snapshot::new(&example.header, capabilities, &example.function);
        assert_eq!(snapshot.registers().count(), HEADER_WORDS + len / 2);
    }
}

#[test]
fn a_capability_at_the_end_of_config_space_does_not_overflow() {
    for cap in [0x40, 0xf0, 0xff, 0x100, u16::MAX - 1, u16::MAX] {
        let mut example = endpoint();
        example.function.pcie_cap = cap;
        example.function.aer_cap = cap;
        // An ordinary capability ends with the first 256 bytes.
        let ordinary = snapshot(&example)
            .registers()
            .filter(|r| r.width == 2)
            .count();
        let there = EXP_PLACES
            .iter()
            .filter(|r| cap.saturating_add(r.offset) <= 0xff);
        assert_eq!(ordinary, there.count());
    }
}

#[test]
fn command_is_compared_and_status_is_not() {
    // Both examples have INTx Disable set, which then is not compared.
    assert_eq!(compared(&endpoint(), "PCI_COMMAND"), 0x0000_fbff);
    assert_eq!(compared(&bridge(), "PCI_COMMAND"), 0x0000_fbff);
    let mut example = endpoint();
    example.header[1] &= !0x400;
    assert_eq!(compared(&example, "PCI_COMMAND"), 0x0000_ffff);
}

#[test]
fn bist_is_not_compared() {
    assert_eq!(compared(&endpoint(), "PCI_CACHE_LINE_SIZE"), 0x00ff_ffff);
    assert_eq!(compared(&bridge(), "PCI_CACHE_LINE_SIZE"), 0x00ff_ffff);
}

#[test]
fn secondary_status_is_not_compared_but_the_io_window_is() {
    assert_eq!(compared(&bridge(), "PCI_IO_BASE"), 0x0000_ffff);
}

#[test]
fn word_7_of_an_endpoint_is_a_bar_and_compared_whole() {
    assert_eq!(compared(&endpoint(), "PCI_BASE_ADDRESS_3"), ALL_ONES);
}

#[test]
fn discard_timer_status_of_a_bridge_is_not_compared() {
    assert_eq!(compared(&bridge(), "PCI_INTERRUPT_LINE"), 0xfbff_ffff);
}

#[test]
fn interrupt_line_is_compared_where_there_is_a_pin() {
    assert_eq!(compared(&endpoint(), "PCI_INTERRUPT_LINE"), ALL_ONES);
}

#[test]
fn interrupt_line_is_not_compared_where_there_is_no_pin() {
    let mut example = endpoint();
    example.header[15] = 0x0000_00ff;
    assert_eq!(compared(&example, "PCI_INTERRUPT_LINE"), 0xffff_ff00);
    let mut example = bridge();
    example.header[15] = 0x0002_00ff;
    assert_eq!(compared(&example, "PCI_INTERRUPT_LINE"), 0xfbff_ff00);
}

#[test]
fn the_reserved_word_of_an_endpoint_is_not_compared_but_a_bridges_rom_is() {
    assert_eq!(compared(&endpoint(), "reserved"), 0);
    assert_eq!(compared(&bridge(), "PCI_ROM_ADDRESS1"), 0xffff_f800);
}

#[test]
fn all_other_words_are_compared_whole() {
    for index in [0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13] {
        assert_eq!(verify_mask(HeaderType::Normal, index, 0), ALL_ONES);
    }
    for index in [0, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13] {
        assert_eq!(verify_mask(HeaderType::Bridge, index, 0), ALL_ONES);
    }
}

#[test]
fn the_bit_that_starts_an_flr_is_not_compared() {
    assert_eq!(compared(&endpoint(), "PCI_EXP_DEVCTL"), 0x7fff);
}

#[test]
fn the_bit_that_retrains_the_link_is_not_compared() {
    assert_eq!(compared(&endpoint(), "PCI_EXP_LNKCTL"), 0xffdf);
}

#[test]
fn the_address_of_an_expansion_rom_is_compared_and_nothing_else_of_it() {
    assert_eq!(compared(&endpoint(), "PCI_ROM_ADDRESS"), 0xffff_f800);
}

#[test]
fn other_pci_express_registers_are_compared_whole() {
    let names = ["SLTCTL", "RTCTL", "DEVCTL2", "LNKCTL2", "SLTCTL2"];
    for name in names {
        assert_eq!(compared(&endpoint(), &format!("PCI_EXP_{name}")), 0xffff);
    }
}

#[test]
fn masks_and_severities_of_aer_are_compared_whole() {
    for name in ["UNCOR_MASK", "UNCOR_SEVER", "COR_MASK", "ROOT_COMMAND"] {
        assert_eq!(compared(&endpoint(), &format!("PCI_ERR_{name}")), ALL_ONES);
    }
}

#[test]
fn only_the_ecrc_enables_of_aers_control_are_compared() {
    assert_eq!(compared(&endpoint(), "PCI_ERR_CAP"), 0x0000_0140);
}

#[test]
fn the_first_vital_register_that_differs_is_the_mismatch() {
    let snapshot = snapshot(&endpoint());
    let zeros = snapshot.verify(|register| match register.name {
        "PCI_CACHE_LINE_SIZE" | "PCI_BASE_ADDRESS_2" | "PCI_EXP_DEVCTL" => 0,
        _ => register.value,
    });
    let expected = Mismatch {
        register: register(&endpoint(), "PCI_BASE_ADDRESS_2"),
        found: 0,
    };
    assert_eq!(zeros, Err(expected));
}

#[test]
fn a_register_without_compared_bits_is_not_read() {
    let mut read = Vec::new();
    let verdict = snapshot(&endpoint()).verify(|register| {
        read.push(register.name);
        register.value
    });
    assert_eq!(verdict, Ok(None));
    assert_eq!(read.len(), snapshot(&endpoint()).registers().count() - 1);
    assert_eq!(read.len(), snapshot(&endpoint()).verified());
    assert!(!read.contains(&"reserved"));
}

#[test]
fn each_register_is_compared_with_its_own() {
    for pcie_cap in [0x40, 0xe0] {
        let mut example = endpoint();
        example.function.pcie_cap = pcie_cap;
        let good = snapshot(&example);
        assert_eq!(good.differences(&good).next(), None);
        for (index, register) in good.registers().enumerate().take(HEADER_WORDS) {
            let mut other = endpoint();
            other.function.pcie_cap = pcie_cap;
            other.header[index] = !register.value;
            let found = !register.value;
            let expected = (register.mask != 0).then_some(Mismatch { register, found });
            assert_eq!(good.differences(&snapshot(&other)).next(), expected);
        }
    }
}

/// Where the core has not saved a capability there is nothing to compare.
#[test]
fn what_the_other_state_does_not_have_is_not_compared() {
    let example = endpoint();
    let good = snapshot(&example);
    let none = [].into_iter();
    let bare = Snapshot::new(&example.header, none, &example.function);
    assert_eq!(good.differences(&bare).next(), None);
    assert_eq!(bare.differences(&good).next(), None);

    let differs = |saved: [Saved; 2]| {
        let capabilities = saved.iter().map(Saved::as_guard);
        let other = Snapshot::new(&example.header, capabilities, &example.function);
        let mut names = good.differences(&other).map(|m| m.register.name);
        names.next()
    };
    assert_eq!(differs([Saved::exp(&EXP), Saved::err(&ERR)]), None);
    assert_eq!(
        differs([Saved::exp(&EXP), Saved::err(&[0; 5])]),
        Some("PCI_ERR_UNCOR_MASK")
    );
    assert_eq!(
        differs([Saved::exp(&[0; 7]), Saved::err(&ERR)]),
        Some("PCI_EXP_DEVCTL")
    );
}

/// A state of which every kind of capability is saved, with `data` of that many bytes.
fn of_kind(id: u16, extended: bool, data: &[u8], change: impl Fn(&mut Example)) -> Vec<Register> {
    let mut example = endpoint();
    let mut at = 0x200;
    // A list with that one capability.
    let lists = Lists::read(
        &[0; HEADER_WORDS],
        &example.function,
        |offset| match offset {
            0x100 => 0x2000_0003,
            0x200 => u32::from(id) | 0x1_0000,
            // Three virtual channels beside the first.
            0x204 => 3,
            _ => 0,
        },
    );
    example.function.learned.places = lists.places;
    if !extended {
        at = 0x60;
        example.header[13] = 0x60;
        let lists = Lists::read(&example.header, &example.function, |offset| match offset {
            0x60 => id.into(),
            _ => 0,
        });
        example.function.learned.places = lists.places;
    }
    change(&mut example);
    let capability = Capability { id, extended, data };
    let snapshot = Snapshot::new(&example.header, [capability].into_iter(), &example.function);
    let registers: Vec<_> = snapshot.registers().skip(HEADER_WORDS).collect();
    assert!(registers
        .iter()
        .all(|r| (at..at + 0x50).contains(&r.offset)));
    registers
}

/// Offsets in the capability and values.
fn found(registers: &[Register], at: u16) -> Vec<(u16, u32)> {
    registers.iter().map(|r| (r.offset - at, r.value)).collect()
}

/// Bytes of which each dword is another one.
fn dwords(count: u32) -> Vec<u8> {
    (1..=count)
        .flat_map(|n| (0x0101_0101 * n).to_ne_bytes())
        .collect()
}

#[test]
fn latencies_dpc_and_tph_are_compared() {
    let same = |_: &mut Example| ();
    let ltr = of_kind(0x18, true, &dwords(1), same);
    assert_eq!(found(&ltr, 0x200), [(0x04, 0x0101_0101)]);
    // PTM is the kernel's to disable and enable.
    assert_eq!(of_kind(0x1f, true, &dwords(1), same), []);
    let dpc = of_kind(0x1d, true, &0x1234_u16.to_ne_bytes(), same);
    assert_eq!(found(&dpc, 0x200), [(0x06, 0x1234)]);
    assert_eq!((dpc[0].width, dpc[0].mask), (2, 0xffbf));

    // Only while a driver has it enabled does the core save and restore it.
    assert_eq!(of_kind(0x17, true, &dwords(2), same), []);
    let tph = of_kind(0x17, true, &dwords(2), |e| e.function.tph = true);
    assert_eq!(found(&tph, 0x200), [(0x08, 0x0101_0101)]);
}

#[test]
fn l1_pm_substates_are_compared_where_the_core_restores_them() {
    assert_eq!(of_kind(0x1e, true, &dwords(2), |_| ()), []);
    let l1ss = of_kind(0x1e, true, &dwords(2), |e| e.function.l1ss = true);
    // The second register is saved first.
    assert_eq!(
        found(&l1ss, 0x200),
        [(0x0c, 0x0101_0101), (0x08, 0x0202_0202)]
    );
    // Link Activation Control clears itself.
    assert_eq!(l1ss[1].mask & 0x20, 0);
}

#[test]
fn pci_x_is_compared_of_an_endpoint_only() {
    let command = 0x0008_u16.to_ne_bytes();
    let pcix = of_kind(0x07, false, &command, |_| ());
    assert_eq!(found(&pcix, 0x60), [(0x02, 0x0008)]);
    let bridge = |e: &mut Example| e.function.header_type = HeaderType::Bridge;
    assert_eq!(of_kind(0x07, false, &command, bridge), []);
}

#[test]
fn virtual_channels_are_compared_unless_tables_lie_between_them() {
    for id in [0x02, 0x08, 0x09] {
        // The control of the port, then that of each channel.
        let channels = of_kind(id, true, &dwords(5), |_| ());
        let offsets: Vec<_> = found(&channels, 0x200).iter().map(|f| f.0).collect();
        assert_eq!(offsets, [0x0c, 0x14, 0x20, 0x2c, 0x38]);
        assert_eq!(channels[4].value, 0x0505_0505);
        let tables = of_kind(id, true, &dwords(9), |_| ());
        assert_eq!(found(&tables, 0x200), [(0x0c, 0x0101)]);
    }
}

#[test]
fn what_makes_a_function_unusable_is_vital_and_the_rest_is_not() {
    let vital = |example: &Example, name: &str| register(example, name).vital;
    let (endpoint, bridge) = (endpoint(), bridge());
    assert_eq!(vital(&endpoint, "PCI_VENDOR_ID"), ALL_ONES);
    assert_eq!(vital(&endpoint, "PCI_COMMAND"), 0x7);
    assert_eq!(vital(&endpoint, "PCI_BASE_ADDRESS_0"), ALL_ONES);
    assert_eq!(vital(&endpoint, "PCI_EXP_DEVCTL"), 0xe0);
    assert_eq!(vital(&bridge, "PCI_PRIMARY_BUS"), 0x00ff_ff00);
    assert_eq!(vital(&bridge, "PCI_MEMORY_BASE"), ALL_ONES);
    assert_eq!(vital(&bridge, "PCI_IO_BASE"), 0xffff);
    assert_eq!(vital(&bridge, "PCI_INTERRUPT_LINE"), 0x0040_0000);
    for name in [
        "PCI_CACHE_LINE_SIZE",
        "PCI_INTERRUPT_LINE",
        "PCI_ROM_ADDRESS",
        "PCI_SUBSYSTEM_VENDOR_ID",
        "PCI_EXP_LNKCTL2",
        "PCI_ERR_UNCOR_MASK",
        "PCI_ERR_COR_MASK",
    ] {
        // But for the header type in the word of Cache Line Size.
        assert_eq!(vital(&endpoint, name) & 0xff00_ffff, 0, "{name}");
    }
}

#[test]
fn a_register_that_is_not_vital_is_told_and_is_no_error() {
    let snapshot = snapshot(&endpoint());
    let verdict = snapshot.verify(|register| match register.name {
        "PCI_EXP_LNKCTL2" | "PCI_ERR_COR_MASK" => 0,
        _ => register.value,
    });
    let expected = Mismatch {
        register: register(&endpoint(), "PCI_EXP_LNKCTL2"),
        found: 0,
    };
    assert_eq!(verdict, Ok(Some(expected)));
}
