// SPDX-License-Identifier: GPL-2.0-only

//! How the registers of a model behave: writes, resets, and what is the device's.

use std::fmt::Write;

use crate::device::Presented;

/// An endpoint with BARs, power management, PCI Express with FLR, AER and a resizable BAR.
const ENDPOINT: &str = "
00: 36 1b f0 ff 00 00 10 00 01 00 00 02 00 00 00 00
10: 00 00 00 00 0c 00 00 00 00 00 00 00 01 00 00 00
30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00
bar 0 size=0x1000
bar 1 size=0x10000000
bar 3 size=32
rom size=0x10000
40: 01 70 03 02 00 00 00 00
70: 10 00 02 00 00 80 00 10 10 28 00 00 44 08 45 00
80: 00 00 44 10
100: 01 00 02 15 00 00 00 00 00 00 40 00 30 20 46 00
110: 00 00 00 00 00 e0 00 00
150: 15 00 01 00 00 3c 00 00 21 08 00 00
";

fn endpoint(more: &str) -> Presented {
    Presented::new(&format!("{ENDPOINT}{more}\nend\n")).expect("a model")
}

#[test]
fn read_only_bits_stay() {
    let mut this = endpoint("");
    this.write(0x00, 4, 0);
    this.write(0x08, 4, u32::MAX);
    assert_eq!(this.read(0x00, 4), 0xfff0_1b36);
    assert_eq!(this.read(0x08, 4), 0x0200_0001);
}

#[test]
fn command_has_the_bits_of_the_specification() {
    let mut this = endpoint("");
    this.write(0x04, 2, 0xffff);
    assert_eq!(this.read(0x04, 4), 0x0010_0547);
}

#[test]
fn bars_are_sized_as_the_kernel_does() {
    let mut this = endpoint("");
    for bar in 0..6 {
        this.write(0x10 + 4 * bar, 4, u32::MAX);
    }
    let sized: Vec<u32> = (0..6).map(|bar| this.read(0x10 + 4 * bar, 4)).collect();
    assert_eq!(
        sized,
        [0xffff_f000, 0xf000_000c, 0xffff_ffff, 0xffff_ffe1, 0, 0]
    );
    this.write(0x30, 4, u32::MAX);
    assert_eq!(this.read(0x30, 4), 0xffff_0001);
}

#[test]
fn accesses_of_each_size_meet_the_same_bytes() {
    let mut this = endpoint("");
    this.write(0x10, 4, 0x1234_5000);
    assert_eq!(this.read(0x11, 1), 0x50);
    assert_eq!(this.read(0x12, 2), 0x1234);
    this.write(0x13, 1, 0xfe);
    assert_eq!(this.read(0x10, 4), 0xfe34_5000);
}

#[test]
fn ones_clear_events() {
    let mut this = endpoint("changes range=0x110 mask=0x41\n");
    // The first read inverts what the next one sees.
    assert_eq!(this.read(0x110, 4), 0);
    this.write(0x110, 4, 0x40);
    assert_eq!(this.read(0x110, 4), 1);
}

#[test]
fn changing_bits_read_inverted_every_other_time() {
    let mut this = endpoint("changes range=0x82-0x83 mask=0x0800\n");
    let read: Vec<u32> = (0..4).map(|_| this.read(0x82, 2)).collect();
    assert_eq!(read, [0x1044, 0x1844, 0x1044, 0x1844]);
}

#[test]
fn a_reset_of_the_device_below_is_one() {
    let mut this = endpoint("");
    this.write(0x04, 2, 6);
    this.write(0x10, 4, 0xfe00_0000);
    this.write(0x3c, 1, 10);
    assert_eq!(this.read(0x3c, 1), 10);
    this.reset_below();
    assert_eq!(this.read(0x04, 2), 0);
    assert_eq!(this.read(0x10, 4), 0);
    assert_eq!(this.read(0x3c, 1), 0);
    assert_eq!(this.file.resets, 1);
}

#[test]
fn a_reset_leaves_what_is_sticky() {
    let mut this = endpoint("");
    this.write(0x108, 4, 0x0001_0000);
    this.write(0x78, 2, 0x2817);
    this.reset_below();
    assert_eq!(this.read(0x108, 4), 0x0001_0000);
    assert_eq!(this.read(0x78, 2), 0x2810);
}

#[test]
fn flr_is_asked_for_in_device_control() {
    let mut this = endpoint("");
    this.write(0x04, 2, 6);
    this.write(0x78, 2, 0x2810);
    assert_eq!((this.read(0x04, 2), this.file.resets), (6, 0));
    this.write(0x78, 2, 0xa810);
    assert_eq!((this.read(0x04, 2), this.file.resets), (0, 1));
    assert_eq!(this.read(0x78, 2), 0x2810);
    // By the byte that the bit is in, too, and by no other.
    this.write(0x78, 1, 0x80);
    assert_eq!(this.file.resets, 1);
    this.write(0x79, 1, 0x80);
    assert_eq!(this.file.resets, 2);
}

#[test]
fn without_flr_there_is_none() {
    let mut this = endpoint("74: 00 80 00 00\n");
    this.write(0x78, 2, 0xa810);
    assert_eq!(this.file.resets, 0);
}

#[test]
fn waking_from_d3hot_resets_without_no_soft_reset() {
    let mut this = endpoint("");
    this.write(0x44, 2, 3);
    this.write(0x04, 2, 6);
    assert_eq!(this.file.resets, 0);
    this.write(0x44, 2, 0);
    assert_eq!((this.read(0x04, 2), this.file.resets), (0, 1));

    let mut this = endpoint("44: 08 00\n");
    this.write(0x44, 2, 3);
    this.write(0x44, 2, 0);
    assert_eq!(this.file.resets, 0);
}

#[test]
fn a_power_state_that_is_not_there_is_not_entered() {
    // PCI_PM_PMC has D1 only.
    let mut this = endpoint("");
    this.write(0x44, 2, 1);
    assert_eq!(this.read(0x44, 2) & 3, 1);
    this.write(0x44, 2, 2);
    assert_eq!(this.read(0x44, 2) & 3, 1);
}

#[test]
fn a_bar_is_resized() {
    let mut this = endpoint("");
    this.write(0x158, 4, 0x0600);
    this.write(0x14, 4, u32::MAX);
    assert_eq!(this.read(0x14, 4), 0xfc00_000c);
    // What is below the new size does not stay in the address.
    this.write(0x158, 4, 0x0900);
    assert_eq!(this.read(0x14, 4), 0xe000_000c);
    this.reset_below();
    this.write(0x14, 4, u32::MAX);
    assert_eq!(this.read(0x14, 4), 0xf000_000c);
}

#[test]
fn bits_of_the_device_are_the_device_s() {
    let mut this = endpoint("device range=0x50-0x53 mask=0x00ffff00\n");
    assert_eq!(this.read(0x50, 4), 0x0003_0200);
    this.write(0x50, 4, 0x5566_7788);
    assert_eq!(this.device.bytes[0x50..0x54], [1, 0x77, 0x66, 4]);
    assert_eq!(this.read(0x51, 1), 0x77);
}

#[test]
fn set_takes_bits_from_the_device() {
    let mut this = endpoint(
        "device range=0x50-0x53\nset range=0x50-0x53 mask=0xff00 value=0xab00\nwritable range=0x51 mask=0x0f\n",
    );
    assert_eq!(this.read(0x50, 4), 0x0403_ab01);
    this.write(0x50, 4, 0);
    assert_eq!(this.read(0x50, 4), 0x0000_a000);
    assert_eq!(this.device.bytes[0x50..0x54], [0, 2, 0, 0]);
}

#[test]
fn a_device_that_is_gone_takes_its_model_along() {
    let mut this = endpoint("");
    this.device.gone = true;
    assert_eq!(this.read(0x00, 4), u32::MAX);
    assert_eq!(this.read(0x04, 2), 0xffff);
}

#[test]
fn it_answers_so_long_after_a_reset() {
    let mut this = endpoint("ready ms=300\n");
    assert_eq!(this.read(0x00, 2), 0x1b36);
    this.reset_below();
    assert_eq!(this.read(0x04, 4), u32::MAX);
    this.now_ms += 299;
    assert_eq!(this.read(0x04, 4), u32::MAX);
    // What is written meanwhile is lost.
    this.write(0x04, 2, 6);
    this.now_ms += 1;
    assert_eq!(this.read(0x04, 4), 0x0010_0000);
}

#[test]
fn hard_wired_bits_are_not_written() {
    let mut this = endpoint("fixed range=0x04 mask=0x04\n");
    this.write(0x04, 2, 7);
    assert_eq!(this.read(0x04, 2), 3);
}

#[test]
fn lists_that_loop_are_read_once() {
    let mut this = endpoint("150: 03 00 01 10 00 00 00 00 00 00 00 00\n");
    this.write(0x108, 4, u32::MAX);
    assert_eq!(this.read(0x108, 4), 0x07ff_f030);
    // What would be behind the loop is no capability, so that it cannot be written.
    let mut this = endpoint("41: 40\n");
    this.write(0x78, 2, 0);
    assert_eq!(this.read(0x78, 2), 0x2810);
}

/// `running`: what can be written becomes what a reset leaves, and what cannot stays.
#[test]
fn a_function_in_use_begins_as_after_a_reset() {
    let mut text = String::from("running\n");
    for line in [
        "00: 86 80 d3 10 07 05 10 08 00 00 00 02 10 00 00 00",
        "10: 00 00 44 fe 0c 00 00 fd 00 00 00 00 01 70 00 00",
        "30: 01 00 40 fe 40 00 00 00 00 00 00 00 0b 01 00 00",
        "40: 01 70 03 48 08 01 00 00",
        "70: 10 00 02 00 a2 8d 00 10 3f 59 09 00 44 0c 45 00",
        "80: 42 00 44 10",
        "100: 01 00 02 00 00 00 10 00 00 00 00 00 10 20 06 00",
        "110: 00 20 00 00 00 20 00 00",
        "end",
    ] {
        writeln!(text, "{line}").expect("a string");
    }
    let mut this = Presented::new(&text).expect("a model");
    assert_eq!(this.read(0x00, 4), 0x10d3_8086);
    assert_eq!(this.read(0x04, 4), 0x0010_0000);
    assert_eq!(this.read(0x0c, 4), 0);
    assert_eq!(this.read(0x10, 4), 0);
    assert_eq!(this.read(0x14, 4), 0x0000_000c);
    assert_eq!(this.read(0x1c, 4), 1);
    assert_eq!(this.read(0x3c, 2), 0x0100);
    assert_eq!(this.read(0x44, 2), 8);
    assert_eq!(this.read(0x78, 4), 0x2810);
    assert_eq!(this.read(0x80, 4), 0x1044_0000);
    assert_eq!(this.read(0x104, 4), 0);
    assert_eq!(this.read(0x10c, 4), 0x0046_2030);
    // And has BARs of sizes that its addresses allow.
    this.write(0x10, 4, u32::MAX);
    this.write(0x14, 4, u32::MAX);
    this.write(0x1c, 4, u32::MAX);
    assert_eq!(this.read(0x10, 4), 0xfffc_0000);
    assert_eq!(this.read(0x14, 4), 0xfff0_000c);
    assert_eq!(this.read(0x1c, 4), 0xffff_ff01);
}
