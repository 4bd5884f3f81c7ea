// SPDX-License-Identifier: GPL-2.0-only

//! `stuck`: up to four bytes that always read the same.

use proptest::{prelude::*, sample};

use crate::{
    bus::{bytes, join, read, write, Bus, FUNCTION, SIZES},
    cases::config,
    generate::{short_range, value_for},
};

#[test]
fn it_reads_its_value_whatever_is_written() {
    let mut bus = Bus::with(&["stuck range=0x10-0x13 value=0xfebf0004"]);
    for value in [0, 0xffff_ffff, 0x1234_5678] {
        assert_eq!(bus.write(write(0x10, 4), value), Ok(()));
        assert_eq!(bus.read(read(0x10, 4)), Ok(0xfebf_0004));
    }
    bus.faults.disarm();
    assert_eq!(bus.read(read(0x10, 4)), Ok(0x1234_5678));
}

#[test]
fn parts_of_it_are_read() {
    let mut bus = Bus::with(&["stuck range=0x10-0x13 value=0x44332211"]);
    for (offset, size, value) in [
        (0x10, 1, 0x11),
        (0x11, 1, 0x22),
        (0x12, 1, 0x33),
        (0x13, 1, 0x44),
        (0x10, 2, 0x2211),
        (0x12, 2, 0x4433),
    ] {
        assert_eq!(bus.read(read(offset, size)), Ok(value));
    }
}

#[test]
fn the_bytes_beside_it_are_right() {
    for (text, mask, value) in [
        ("stuck range=0x0c value=0x77", 0x0000_00ff, 0x0000_0077),
        ("stuck range=0x0d value=0x77", 0x0000_ff00, 0x0000_7700),
        ("stuck range=0x0f value=0x77", 0xff00_0000, 0x7700_0000),
        ("stuck range=0xc-0xd value=0x6677", 0xffff, 0x6677),
        ("stuck range=0xd-0xe value=0x6677", 0x00ff_ff00, 0x0066_7700),
        // Over both ends of the register.
        ("stuck range=0xa-0xd value=0x44332211", 0xffff, 0x4433),
        (
            "stuck range=0xe-0x11 value=0x44332211",
            0xffff << 16,
            0x2211 << 16,
        ),
    ] {
        let mut bus = Bus::with(&[text]);
        let right = bus.right(read(0x0c, 4));
        let expected = right & !mask | value;
        assert_eq!(bus.read(read(0x0c, 4)), Ok(expected), "{text}");
    }
}

#[test]
fn the_last_byte_of_config_space_can_be_stuck() {
    let mut bus = Bus::with(&["stuck range=0xfff value=0"]);
    let right = bus.right(read(0xffc, 4));
    assert_eq!(bus.read(read(0xffc, 4)), Ok(right & 0x00ff_ffff));
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn it_is_exact_to_the_byte(
        ((first, last), value) in short_range()
            .prop_flat_map(|range| (Just(range), value_for(range))),
        near in 0..16_u16,
        size in sample::select(&SIZES[..]),
    ) {
        let offset = (first + near).saturating_sub(8).min(0xfff);
        let offset = offset - offset % u16::from(size);
        let mut bus = Bus::with(&[&format!("stuck range={first}-{last} value={value}")]);
        let expected = join(bytes(&read(offset, size)).map(|offset| match offset {
            _ if (first..=last).contains(&offset) => (value >> (8 * (offset - first))) as u8,
            _ => bus.byte(FUNCTION, offset),
        }));
        prop_assert_eq!(bus.read(read(offset, size)), Ok(expected));
    }
}
