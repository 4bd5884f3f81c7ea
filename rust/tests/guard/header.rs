// SPDX-License-Identifier: GPL-2.0-only

//! The header, word by word: which words cannot read all-ones, and the other impossible values.

use pci_recovery_guard::guard::{
    header::{accept, name, read_only_mask, verify_mask},
    Bar, BarKind, HeaderType, Refusal, ALL_ONES, HEADER_WORDS,
};

use crate::example::{all_ones, bridge, endpoint, unexpected, virtual_function};

/// One test for each word that cannot read all-ones: the refusal names its register.
macro_rules! never_all_ones {
    ($($test:ident: $example:ident word $word:literal is $register:literal;)*) => {$(
        #[test]
        fn $test() {
            assert_eq!($example().check_with($word, ALL_ONES), all_ones($register));
        }
    )*};
}

/// One test for each word that may read all-ones: where it has before, and only there.
macro_rules! may_be_all_ones {
    ($($test:ident: $example:ident word $word:literal;)*) => {$(
        #[test]
        fn $test() {
            let mut example = $example();
            let register = name(example.function.header_type, $word);
            assert_eq!(example.check_with($word, ALL_ONES), all_ones(register));
            example.function.saved_before[$word] = ALL_ONES;
            assert_eq!(example.check_with($word, ALL_ONES), Ok(()));
        }
    )*};
}

never_all_ones! {
    endpoint_ids_are_never_all_ones: endpoint word 0 is "PCI_VENDOR_ID";
    endpoint_command_is_never_all_ones: endpoint word 1 is "PCI_COMMAND";
    endpoint_class_is_not_all_ones: endpoint word 2 is "PCI_CLASS_REVISION";
    endpoint_header_type_is_never_all_ones: endpoint word 3 is "PCI_CACHE_LINE_SIZE";
    endpoint_low_half_of_bar_is_never_all_ones: endpoint word 4 is "PCI_BASE_ADDRESS_0";
    endpoint_32_bit_bar_is_never_all_ones: endpoint word 6 is "PCI_BASE_ADDRESS_2";
    endpoint_io_bar_is_never_all_ones: endpoint word 7 is "PCI_BASE_ADDRESS_3";
    endpoint_unused_bar_4_is_never_all_ones: endpoint word 8 is "PCI_BASE_ADDRESS_4";
    endpoint_unused_bar_5_is_never_all_ones: endpoint word 9 is "PCI_BASE_ADDRESS_5";
    endpoint_subsystem_is_not_all_ones: endpoint word 11 is "PCI_SUBSYSTEM_VENDOR_ID";
    endpoint_rom_is_never_all_ones: endpoint word 12 is "PCI_ROM_ADDRESS";
    endpoint_capability_pointer_is_never_all_ones: endpoint word 13 is "PCI_CAPABILITY_LIST";
    endpoint_interrupt_pin_is_never_all_ones: endpoint word 15 is "PCI_INTERRUPT_LINE";

    bridge_ids_are_never_all_ones: bridge word 0 is "PCI_VENDOR_ID";
    bridge_command_is_never_all_ones: bridge word 1 is "PCI_COMMAND";
    bridge_class_is_not_all_ones: bridge word 2 is "PCI_CLASS_REVISION";
    bridge_header_type_is_never_all_ones: bridge word 3 is "PCI_CACHE_LINE_SIZE";
    bridge_bar_0_is_never_all_ones: bridge word 4 is "PCI_BASE_ADDRESS_0";
    bridge_unused_bar_1_is_never_all_ones: bridge word 5 is "PCI_BASE_ADDRESS_1";
    bridge_buses_are_never_all_ones: bridge word 6 is "PCI_PRIMARY_BUS";
    bridge_io_window_is_never_all_ones: bridge word 7 is "PCI_IO_BASE";
    bridge_memory_window_is_never_all_ones: bridge word 8 is "PCI_MEMORY_BASE";
    bridge_prefetchable_window_is_never_all_ones: bridge word 9 is "PCI_PREF_MEMORY_BASE";
    bridge_capability_pointer_is_never_all_ones: bridge word 13 is "PCI_CAPABILITY_LIST";
    bridge_rom_is_never_all_ones: bridge word 14 is "PCI_ROM_ADDRESS1";
    bridge_interrupt_pin_is_never_all_ones: bridge word 15 is "PCI_INTERRUPT_LINE";

    vf_command_is_never_all_ones: virtual_function word 1 is "PCI_COMMAND";
    vf_bar_is_never_all_ones: virtual_function word 4 is "PCI_BASE_ADDRESS_0";
    vf_upper_bar_is_never_all_ones: virtual_function word 5 is "PCI_BASE_ADDRESS_1";
}

may_be_all_ones! {
    endpoint_cardbus_cis_may_be_all_ones: endpoint word 10;
    endpoint_reserved_word_may_be_all_ones: endpoint word 14;
    bridge_upper_half_of_window_base_may_be_all_ones: bridge word 10;
    bridge_upper_half_of_window_limit_may_be_all_ones: bridge word 11;
    bridge_upper_half_of_io_window_may_be_all_ones: bridge word 12;
}

#[test]
fn vf_ids_are_all_ones() {
    assert_eq!(virtual_function().check_with(0, ALL_ONES), Ok(()));
}

#[test]
fn the_examples_pass() {
    for example in [endpoint(), virtual_function(), bridge()] {
        assert_eq!(example.check(&example.header), Ok(()));
    }
}

#[test]
fn class_may_be_all_ones_if_the_kernel_saw_it_so() {
    let mut example = endpoint();
    example.function.class_revision = ALL_ONES;
    assert_eq!(example.check_with(2, ALL_ONES), Ok(()));
}

#[test]
fn subsystem_may_be_all_ones_if_the_kernel_saw_it_so() {
    let mut example = endpoint();
    example.function.subsystem = ALL_ONES;
    assert_eq!(example.check_with(11, ALL_ONES), Ok(()));
}

#[test]
fn ids_are_not_all_ones_even_if_the_kernel_saw_them_so() {
    let mut example = endpoint();
    example.function.ids = ALL_ONES;
    assert_eq!(example.check_with(0, ALL_ONES), all_ones("PCI_VENDOR_ID"));
}

#[test]
fn upper_half_of_a_bridge_bar_may_be_all_ones_if_assigned_so() {
    let mut example = bridge();
    example.function.bars[0] = Some(Bar {
        address: 0xffff_ffff_0010_0000,
        kind: BarKind::Mem64,
    });
    let mut header = example.with(4, 0x0010_0004);
    header[5] = ALL_ONES;
    assert_eq!(example.check(&header), Ok(()));
}

#[test]
fn the_first_word_that_cannot_be_all_ones_is_named() {
    let mut header = endpoint().with(12, ALL_ONES);
    header[6] = ALL_ONES;
    assert_eq!(endpoint().check(&header), all_ones("PCI_BASE_ADDRESS_2"));
}

#[test]
fn interrupt_line_may_be_ff_and_the_pin_decides() {
    assert_eq!(endpoint().check_with(15, 0x0000_01ff), Ok(()));
    assert_eq!(endpoint().check_with(15, 0xffff_01ff), Ok(()));
}

#[test]
fn header_type_must_be_the_functions() {
    assert_eq!(
        endpoint().check_with(3, 0x0001_0010),
        unexpected("PCI_HEADER_TYPE", 1, 0)
    );
    assert_eq!(
        bridge().check_with(3, 0x0000_0010),
        unexpected("PCI_HEADER_TYPE", 0, 1)
    );
    assert_eq!(
        endpoint().check_with(3, 0x00ff_0010),
        unexpected("PCI_HEADER_TYPE", 0x7f, 0)
    );
}

#[test]
fn multifunction_bit_and_bist_are_no_part_of_the_header_type() {
    assert_eq!(endpoint().check_with(3, 0xff00_0010), Ok(()));
    assert_eq!(bridge().check_with(3, 0xff81_0010), Ok(()));
}

#[test]
fn zero_ids_are_refused() {
    assert_eq!(
        endpoint().check_with(0, 0),
        unexpected("PCI_VENDOR_ID", 0, 0x0005_1b36)
    );
    assert_eq!(
        virtual_function().check_with(0, 0),
        unexpected("PCI_VENDOR_ID", 0, 0x0005_1b36)
    );
}

#[test]
fn ids_of_a_function_that_is_not_ready_yet_are_refused() {
    // Configuration RRS Software Visibility, PCIe r6.0, sec 2.3.2.
    assert_eq!(
        endpoint().check_with(0, 0xffff_0001),
        unexpected("PCI_VENDOR_ID", 0xffff_0001, 0x0005_1b36)
    );
}

#[test]
fn ids_that_a_quirk_made_the_kernel_remember_differently_are_fine() {
    assert_eq!(endpoint().check_with(0, 0x0006_1b36), Ok(()));
    let mut example = endpoint();
    example.function.ids = 0;
    assert_eq!(example.check_with(0, 0), Ok(()));
}

#[test]
fn only_what_software_cannot_change_and_nobody_needs_is_accepted() {
    let example = endpoint();
    // Each word differs in every other bit.
    let found = example.header.map(|word| word ^ 0x5555_5555);
    let mut header = example.header;
    assert!(accept(&mut header, HeaderType::Normal, &found));
    let masks = [
        (2, ALL_ONES),
        (3, 0x0080_0000),
        (10, ALL_ONES),
        (11, ALL_ONES),
        (15, 0x0000_ff00),
    ];
    for (index, (&now, &before)) in header.iter().zip(&example.header).enumerate() {
        let mask = masks.iter().find(|(word, _)| *word == index);
        let mask = mask.map_or(0, |(_, mask)| *mask);
        assert_eq!(now ^ before, mask & 0x5555_5555, "{index}");
    }
    assert!(!accept(
        &mut header,
        HeaderType::Normal,
        &[ALL_ONES; HEADER_WORDS]
    ));
}

#[test]
fn primary_bus_is_the_kernels_and_not_accepted() {
    let found = bridge().header;
    let mut header = found;
    header[6] |= 0x05;
    let kept = header;
    assert!(!accept(&mut header, HeaderType::Bridge, &found));
    assert_eq!(header, kept);
}

#[test]
fn a_header_of_zeros_is_refused_though_its_type_is_normal() {
    assert_eq!(
        endpoint().check(&[0; HEADER_WORDS]),
        unexpected("PCI_VENDOR_ID", 0, 0x0005_1b36)
    );
}

#[test]
fn capability_pointer_into_the_header_is_invalid() {
    for pointer in [0, 0x04, 0x3c, 0x3f] {
        assert_eq!(
            endpoint().check_with(13, pointer),
            Err(Refusal::Invalid {
                register: "PCI_CAPABILITY_LIST",
                found: pointer
            })
        );
    }
    assert_eq!(endpoint().check_with(13, 0xfc), Ok(()));
    // The reserved bytes above it are no part of it.
    assert_eq!(
        endpoint().check_with(13, 0xffff_ff00),
        Err(Refusal::Invalid {
            register: "PCI_CAPABILITY_LIST",
            found: 0
        })
    );
}

#[test]
fn capability_pointer_of_a_function_without_capabilities_may_be_zero() {
    let mut header = endpoint().with(13, 0);
    header[1] &= !0x0010_0000;
    assert_eq!(endpoint().check(&header), Ok(()));
}

#[test]
fn each_bus_number_of_a_bridge_must_be_the_assigned_one() {
    for found in [0x0003_0101, 0x0003_0200, 0x0002_0100] {
        assert_eq!(
            bridge().check_with(6, found),
            unexpected("PCI_PRIMARY_BUS", found, 0x0003_0100)
        );
    }
}

#[test]
fn a_bridge_that_lost_its_bus_numbers_was_wiped() {
    assert_eq!(
        bridge().check_with(6, 0),
        unexpected("PCI_PRIMARY_BUS", 0, 0x0003_0100)
    );
}

#[test]
fn secondary_latency_timer_is_no_bus_number() {
    assert_eq!(bridge().check_with(6, 0xff03_0100), Ok(()));
}

#[test]
fn bus_numbers_that_the_kernel_did_not_assign_are_not_compared() {
    let mut example = bridge();
    example.function.buses = None;
    assert_eq!(example.check_with(6, 0), Ok(()));
    // Even so, no function has four bytes of ones.
    assert_eq!(example.check_with(6, ALL_ONES), all_ones("PCI_PRIMARY_BUS"));
}

#[test]
fn every_word_has_a_name_and_no_more() {
    for header_type in [HeaderType::Normal, HeaderType::Bridge] {
        let names: std::collections::BTreeSet<_> =
            (0..HEADER_WORDS).map(|i| name(header_type, i)).collect();
        assert_eq!(names.len(), HEADER_WORDS);
        for index in [HEADER_WORDS, usize::MAX] {
            assert_eq!(name(header_type, index), "unknown");
            assert_eq!(read_only_mask(header_type, index, 0), 0);
            assert_eq!(verify_mask(header_type, index, ALL_ONES), ALL_ONES);
        }
    }
}
