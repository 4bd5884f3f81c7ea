// SPDX-License-Identifier: GPL-2.0-only

//! BARs and Command against what the kernel assigned: wiped, partly wrong, 64 bits, I/O.

use pci_recovery_guard::guard::{Bar, BarKind, Refusal, ALL_ONES};

use crate::example::{all_ones, bridge, endpoint, unexpected, virtual_function, Example};

/// An endpoint whose BAR `index` is `address`, and the only one.
fn only(index: usize, address: u64, kind: BarKind) -> Example {
    let mut example = endpoint();
    example.function.bars = [None; 6];
    example.function.bars[index] = Some(Bar { address, kind });
    example.header[4..10].fill(0);
    example
}

#[test]
fn all_assigned_bars_zero_is_wiped() {
    let mut example = endpoint();
    // The type bits are hardwired, only the addresses are lost.
    example.header[4] = 0x0000_000c;
    example.header[5] = 0;
    example.header[6] = 0;
    example.header[7] = 0x0000_0001;
    assert_eq!(example.check(&example.header), Err(Refusal::Wiped));
    // Some read no type bits either.
    example.header[4] = 0;
    example.header[7] = 0;
    assert_eq!(example.check(&example.header), Err(Refusal::Wiped));
}

#[test]
fn a_bridge_whose_only_bar_is_zero_is_wiped() {
    assert_eq!(bridge().check_with(4, 0), Err(Refusal::Wiped));
}

#[test]
fn one_bar_zero_and_the_others_right_is_named() {
    assert_eq!(
        endpoint().check_with(6, 0),
        unexpected("PCI_BASE_ADDRESS_2", 0, 0xfebf_0000)
    );
    assert_eq!(
        endpoint().check_with(7, 0x1),
        unexpected("PCI_BASE_ADDRESS_3", 0x1, 0xc041)
    );
}

#[test]
fn the_first_of_several_wrong_bars_is_named() {
    let mut header = endpoint().with(6, 0xfe00_0000);
    header[7] = 0xc081;
    assert_eq!(
        endpoint().check(&header),
        unexpected("PCI_BASE_ADDRESS_2", 0xfe00_0000, 0xfebf_0000)
    );
}

#[test]
fn one_bar_wrong_and_the_others_zero_is_not_wiped() {
    let mut header = endpoint().with(4, 0x0000_400c);
    header[5] = 0;
    header[6] = 0;
    header[7] = 1;
    assert_eq!(
        endpoint().check(&header),
        unexpected("PCI_BASE_ADDRESS_1", 0, 0x38)
    );
}

#[test]
fn a_bar_that_the_kernel_did_not_assign_may_hold_anything() {
    assert_eq!(endpoint().check_with(8, 0), Ok(()));
    assert_eq!(endpoint().check_with(8, 0xdead_0000), Ok(()));
}

#[test]
fn a_function_without_assigned_bars_cannot_be_seen_as_wiped_by_them() {
    let mut example = endpoint();
    example.function.bars = [None; 6];
    example.header[4..10].fill(0);
    assert_eq!(example.check(&example.header), Ok(()));
}

#[test]
fn bars_of_a_virtual_function_are_zero_by_design() {
    let example = virtual_function();
    assert_eq!(example.header[4..10], [0; 6]);
    assert_eq!(example.check(&example.header), Ok(()));
}

#[test]
fn wrong_upper_half_of_a_64_bit_bar_is_named() {
    assert_eq!(
        endpoint().check_with(5, 0x39),
        unexpected("PCI_BASE_ADDRESS_1", 0x39, 0x38)
    );
}

#[test]
fn wrong_lower_half_of_a_64_bit_bar_is_named() {
    assert_eq!(
        endpoint().check_with(4, 0x0000_800c),
        unexpected("PCI_BASE_ADDRESS_0", 0x0000_800c, 0x0000_400c)
    );
}

#[test]
fn upper_half_all_ones_is_refused_unless_assigned() {
    assert_eq!(
        endpoint().check_with(5, ALL_ONES),
        unexpected("PCI_BASE_ADDRESS_1", ALL_ONES, 0x38)
    );
    let mut example = only(0, 0xffff_ffff_0000_4000, BarKind::Mem64);
    example.header[4] = 0x0000_4004;
    assert_eq!(example.check_with(5, ALL_ONES), Ok(()));
    assert_eq!(
        example.check_with(5, 0),
        unexpected("PCI_BASE_ADDRESS_1", 0, ALL_ONES)
    );
}

#[test]
fn the_word_behind_a_32_bit_bar_is_no_upper_half() {
    let mut example = only(0, 0xfebf_0000, BarKind::Mem32);
    example.header[4] = 0xfebf_0000;
    assert_eq!(example.check(&example.header), Ok(()));
    assert_eq!(
        example.check_with(5, ALL_ONES),
        all_ones("PCI_BASE_ADDRESS_1")
    );
}

#[test]
fn a_64_bit_bar_below_4g_has_an_upper_half_of_zero() {
    let mut example = only(2, 0xfe00_0000, BarKind::Mem64);
    example.header[6] = 0xfe00_000c;
    assert_eq!(example.check(&example.header), Ok(()));
    assert_eq!(
        example.check_with(7, 1),
        unexpected("PCI_BASE_ADDRESS_3", 1, 0)
    );
}

#[test]
fn a_64_bit_bar_above_4g_with_a_lower_half_of_zero_is_not_wiped() {
    let mut example = only(4, 0x40_0000_0000, BarKind::Mem64);
    example.header[8] = 0xc;
    example.header[9] = 0x40;
    assert_eq!(example.check(&example.header), Ok(()));
    assert_eq!(example.check_with(9, 0), Err(Refusal::Wiped));
}

#[test]
fn the_highest_addresses_do_not_overflow() {
    let example = only(5, 0xffff_fff0, BarKind::Mem32);
    assert_eq!(example.check_with(9, 0xffff_fff0), Ok(()));
    let mut example = only(4, !0xf, BarKind::Mem64);
    example.header[8] = 0xffff_fff4;
    assert_eq!(example.check_with(9, ALL_ONES), Ok(()));
}

/// No function has one: there is no word for its upper half.
#[test]
fn a_64_bit_bar_in_the_last_word_is_refused() {
    let example = only(5, 0x1_0000_0000_0000, BarKind::Mem64);
    assert_eq!(example.check_with(9, 0x4), Err(Refusal::Wiped));
}

#[test]
fn flag_bits_are_no_part_of_an_address() {
    // Prefetchable.
    assert_eq!(endpoint().check_with(4, 0x0000_4004), Ok(()));
    assert_eq!(endpoint().check_with(6, 0xfebf_0008), Ok(()));
    // "Below 1M" of old, and the reserved bit of I/O.
    assert_eq!(endpoint().check_with(6, 0xfebf_0002), Ok(()));
    assert_eq!(endpoint().check_with(7, 0x0000_c043), Ok(()));
}

#[test]
fn io_bar_that_reads_as_memory_is_refused_with_its_type() {
    assert_eq!(
        endpoint().check_with(7, 0x0000_c040),
        unexpected("PCI_BASE_ADDRESS_3", 0xc040, 0xc041)
    );
}

#[test]
fn memory_bar_that_reads_as_io_is_refused_with_its_type() {
    assert_eq!(
        endpoint().check_with(6, 0xfebf_0001),
        unexpected("PCI_BASE_ADDRESS_2", 0xfebf_0001, 0xfebf_0000)
    );
}

#[test]
fn a_32_bit_bar_that_reads_as_64_bits_is_refused_with_its_type() {
    assert_eq!(
        endpoint().check_with(6, 0xfebf_000c),
        unexpected("PCI_BASE_ADDRESS_2", 0xfebf_000c, 0xfebf_0008)
    );
}

#[test]
fn a_64_bit_bar_that_reads_as_32_bits_is_refused_with_its_type() {
    assert_eq!(
        endpoint().check_with(4, 0x0000_4008),
        unexpected("PCI_BASE_ADDRESS_0", 0x0000_4008, 0x0000_400c)
    );
}

#[test]
fn a_bar_of_the_wrong_type_is_not_wiped() {
    let mut example = only(0, 0xfebf_0000, BarKind::Mem32);
    example.header[4] = 0xfebf_0005;
    assert_eq!(
        example.check(&example.header),
        unexpected("PCI_BASE_ADDRESS_0", 0xfebf_0005, 0xfebf_0000)
    );
}

#[test]
fn io_addresses_above_64k_are_compared_whole() {
    let mut example = only(5, 0x00ff_c040, BarKind::Io);
    example.header[9] = 0x00ff_c041;
    assert_eq!(example.check(&example.header), Ok(()));
    assert_eq!(
        example.check_with(9, 0x0000_c041),
        unexpected("PCI_BASE_ADDRESS_5", 0xc041, 0x00ff_c041)
    );
}

#[test]
fn words_behind_the_two_bars_of_a_bridge_are_no_bars() {
    let mut example = bridge();
    // The kernel's resources go on, with the ROM and the windows; the header's BARs do not.
    example.function.bars[2] = Some(Bar {
        address: 0x1000,
        kind: BarKind::Mem32,
    });
    assert_eq!(example.check(&example.header), Ok(()));
}

/// The refusal of an example whose Command reads `command`.
fn with_command(example: &Example, command: u16) -> Result<(), Refusal> {
    example.check_with(1, example.header[1] & 0xffff_0000 | u32::from(command))
}

#[test]
fn command_without_memory_decoding_that_was_enabled_is_refused() {
    let refusal = Err(Refusal::Disabled { command: 0x0404 });
    assert_eq!(with_command(&endpoint(), 0x0404), refusal);
    assert_eq!(with_command(&bridge(), 0x0404), refusal);
}

#[test]
fn command_with_only_io_decoding_is_refused() {
    let refusal = Err(Refusal::Disabled { command: 0x0005 });
    assert_eq!(with_command(&endpoint(), 0x0005), refusal);
    assert_eq!(with_command(&endpoint(), 0x0006), Ok(()));
}

#[test]
fn command_of_a_function_with_only_io_bars_need_not_decode() {
    let mut example = endpoint();
    for bar in &mut example.function.bars {
        *bar = bar.filter(|bar| bar.kind == BarKind::Io);
    }
    assert_eq!(with_command(&example, 0x0004), Ok(()));
}

#[test]
fn command_without_bus_mastering_that_was_enabled_is_refused() {
    let refusal = Err(Refusal::Disabled { command: 0x0003 });
    assert_eq!(with_command(&endpoint(), 0x0003), refusal);
    assert_eq!(with_command(&virtual_function(), 0x0003), refusal);
}

#[test]
fn command_of_a_bridge_without_bus_mastering_is_not_refused() {
    assert_eq!(with_command(&bridge(), 0x0003), Ok(()));
}

#[test]
fn command_of_a_function_that_was_not_enabled_may_be_zero() {
    let mut example = endpoint();
    example.function.enabled = false;
    assert_eq!(with_command(&example, 0x0004), Ok(()));
    example.function.bus_master = false;
    assert_eq!(with_command(&example, 0), Ok(()));
}

#[test]
fn command_of_a_function_without_bars_need_not_decode() {
    let mut example = endpoint();
    example.function.bars = [None; 6];
    assert_eq!(with_command(&example, 0x0004), Ok(()));
}

#[test]
fn memory_space_enable_of_a_virtual_function_is_not_checked() {
    let mut example = virtual_function();
    assert_eq!(with_command(&example, 0x0004), Ok(()));
    // Not even if the kernel gave it BARs to compare.
    example.function.bars[0] = Some(Bar {
        address: 0xfebf_0000,
        kind: BarKind::Mem32,
    });
    example.header[4] = 0xfebf_0000;
    assert_eq!(with_command(&example, 0x0004), Ok(()));
}
