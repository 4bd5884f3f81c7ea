// SPDX-License-Identifier: GPL-2.0-only

//! `wiped`: `PCI_COMMAND` and the BARs read as after a reset, byte by byte, until they are written.

use std::collections::HashSet;

use pci_recovery_guard::pci_fault::{fault::Effect, spec::parse};
use proptest::{collection, prelude::*, sample};

use crate::{
    bus::{bytes, join, of, read, write, Bus, FUNCTION, NEIGHBOUR, SIZES},
    cases::config,
};

const WIPED: &str = "wiped devfn=01.0";

#[test]
fn command_reads_zero_and_status_what_it_is() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.read(read(0x04, 2)), Ok(0));
    assert_eq!(bus.read(read(0x04, 1)), Ok(0));
    assert_eq!(bus.read(read(0x05, 1)), Ok(0));
    let status = bus.right(read(0x06, 2));
    assert_eq!(bus.read(read(0x06, 2)), Ok(status));
    assert_eq!(bus.read(read(0x04, 4)), Ok(status << 16));
}

#[test]
fn a_bar_reads_what_it_decodes_and_no_address() {
    for bar in (0x10..0x28).step_by(4) {
        let mut bus = Bus::with(&[WIPED]);
        for (value, wiped) in [
            (0xfebf_000c, 0xc),
            (0xfebf_0000, 0x0),
            (0x0000_c041, 0x1),
            (0xffff_ffff, 0xf),
        ] {
            bus.faults.disarm();
            assert_eq!(bus.write(write(bar, 4), value), Ok(()));
            bus.arm(WIPED);
            assert_eq!(bus.read(read(bar, 4)), Ok(wiped), "BAR at {bar:#x}");
            assert_eq!(bus.read(read(bar, 2)), Ok(wiped));
            assert_eq!(bus.read(read(bar, 1)), Ok(wiped));
            assert_eq!(bus.read(read(bar + 2, 2)), Ok(0));
        }
    }
}

#[test]
fn everything_else_reads_what_it_is() {
    let mut bus = Bus::with(&[WIPED]);
    let others = (0x00..0x04)
        .chain(0x06..0x10)
        .chain(0x28..0x60)
        .chain(0xffc..0x1000);
    for offset in others {
        let right = bus.right(read(offset, 1));
        assert_eq!(bus.read(read(offset, 1)), Ok(right), "{offset:#x}");
    }
}

#[test]
fn what_was_written_is_read() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.write(write(0x10, 4), 0xfebf_0004), Ok(()));
    assert_eq!(bus.read(read(0x10, 4)), Ok(0xfebf_0004));
    // The others wait for their own write.
    assert_eq!(bus.read(read(0x04, 2)), Ok(0));
    assert_eq!(bus.read(read(0x14, 4)).map(|bar| bar & !0xf), Ok(0));
}

#[test]
fn only_the_bytes_that_were_written_are_read() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.write(write(0x12, 2), 0xfebf), Ok(()));
    let low = bus.right(read(0x10, 1)) & 0xf;
    assert_eq!(bus.read(read(0x10, 4)), Ok(0xfebf_0000 | low));
    assert_eq!(bus.write(write(0x04, 1), 0x06), Ok(()));
    assert_eq!(bus.read(read(0x04, 2)), Ok(0x0006));
}

#[test]
fn a_write_before_it_begins_is_wiped_too() {
    let mut bus = Bus::with(&["wiped devfn=01.0 from=1"]);
    assert_eq!(bus.write(write(0x04, 2), 0x0106), Ok(()));
    assert_eq!(bus.read(read(0x04, 2)), Ok(0));
    assert_eq!(bus.write(write(0x04, 2), 0x0106), Ok(()));
    assert_eq!(bus.read(read(0x04, 2)), Ok(0x0106));
}

#[test]
fn armed_again_it_is_wiped_again() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.write(write(0x04, 2), 0x0106), Ok(()));
    bus.faults.disarm();
    bus.arm(WIPED);
    assert_eq!(bus.read(read(0x04, 2)), Ok(0));
}

/// As a function that is lost once more, while the first fault has not been taken away.
#[test]
fn a_second_one_wipes_what_was_written_under_the_first() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.write(write(0x04, 2), 0x0106), Ok(()));
    bus.arm(WIPED);
    assert_eq!(bus.read(read(0x04, 2)), Ok(0));
}

/// What has no effect on an access leaves it to the others.
#[test]
fn a_read_of_what_is_not_wiped_is_left_to_the_next_fault() {
    let mut bus = Bus::with(&[WIPED, "ones range=0-3"]);
    assert_eq!(bus.read(read(0x00, 4)), Ok(0xffff_ffff));

    let mut bus = Bus::with(&[WIPED, "stuck range=0x10-0x13 value=0"]);
    assert_eq!(bus.write(write(0x10, 4), 0xfebf_0004), Ok(()));
    assert_eq!(bus.read(read(0x10, 4)), Ok(0));
}

#[test]
fn a_read_of_what_is_not_wiped_has_no_effect() {
    let mut bus = Bus::with(&[WIPED]);
    assert_eq!(bus.decide(read(0x00, 4)).effect, None);
    assert!(matches!(
        bus.decide(read(0x10, 4)).effect,
        Some((_, Effect::Replace { .. }))
    ));
}

/// A write that another fault keeps from the function has not been made, in whatever order.
#[test]
fn a_write_that_does_not_arrive_leaves_it_wiped() {
    for other in ["drop count=1", "gone count=1", "error count=1"] {
        for faults in [[WIPED, other], [other, WIPED]] {
            let mut bus = Bus::with(&faults);
            let _ = bus.write(write(0x04, 2), 0x0106);
            assert_eq!(bus.read(read(0x04, 2)), Ok(0), "{faults:?}");
            // The next one does.
            assert_eq!(bus.write(write(0x04, 2), 0x0106), Ok(()));
            assert_eq!(bus.read(read(0x04, 2)), Ok(0x0106), "{faults:?}");
        }
    }
}

/// Where it is armed for all of the bus, each function is wiped until it is written itself.
#[test]
fn the_functions_of_a_bus_are_written_one_by_one() {
    let Ok(fault) = parse("wiped") else {
        // One function has to be named.
        return;
    };
    let mut bus = Bus::default();
    assert!(bus.faults.arm(fault));
    assert_eq!(bus.write(of(NEIGHBOUR, write(0x04, 2)), 0x0106), Ok(()));
    assert_eq!(bus.read(of(NEIGHBOUR, read(0x04, 2))), Ok(0x0106));
    assert_eq!(bus.read(of(FUNCTION, read(0x04, 2))), Ok(0));
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn it_is_exact_to_the_byte(
        accesses in collection::vec(
            (0..0x60_u16, sample::select(&SIZES[..]), any::<Option<u32>>()),
            0..48,
        ),
    ) {
        let mut bus = Bus::with(&[WIPED]);
        let mut written = HashSet::new();
        for (offset, size, value) in accesses {
            let offset = offset - offset % u16::from(size);
            if let Some(value) = value {
                prop_assert_eq!(bus.write(write(offset, size), value), Ok(()));
                written.extend(bytes(&write(offset, size)));
                continue;
            }
            let expected = join(bytes(&read(offset, size)).map(|offset| {
                let right = bus.byte(FUNCTION, offset);
                match offset {
                    _ if written.contains(&offset) => right,
                    0x04 | 0x05 => 0,
                    0x10 | 0x14 | 0x18 | 0x1c | 0x20 | 0x24 => right & 0x0f,
                    0x10..0x28 => 0,
                    _ => right,
                }
            }));
            prop_assert_eq!(bus.read(read(offset, size)), Ok(expected));
        }
    }
}
