// SPDX-License-Identifier: GPL-2.0-only

//! Which accesses a fault is for: those of its function that touch a byte of its range.

use pci_recovery_guard::pci_fault::fault::{Access, Fault, Kind, LAST_OFFSET};
use proptest::{option, prelude::*};

use crate::{
    bus::{bytes, of, read, write, Bus, FUNCTION, NEIGHBOUR, SIZES},
    cases::config,
    generate::{access, devfn, range},
};

#[test]
fn without_function_and_range_everything_matches() {
    let mut bus = Bus::with(&["error"]);
    for devfn in 0..=u8::MAX {
        for access in [read(0, 1), write(0x10, 4), read(LAST_OFFSET, 1)] {
            assert!(bus.hits(of(devfn, access)), "{devfn:#x} {access:?}");
        }
    }
}

#[test]
fn only_the_named_function_matches() {
    let mut bus = Bus::with(&["error devfn=01.0"]);
    assert!(bus.hits(of(FUNCTION, read(0, 4))));
    for devfn in (0..=u8::MAX).filter(|&devfn| devfn != FUNCTION) {
        assert!(!bus.hits(of(devfn, read(0, 4))), "{devfn:#x}");
    }
}

#[test]
fn function_0_is_not_all_of_the_bus() {
    let mut bus = Bus::with(&["error devfn=00.0"]);
    assert!(bus.hits(of(0, read(0, 4))));
    assert!(!bus.hits(of(1, read(0, 4))));
    assert!(!bus.hits(of(NEIGHBOUR, read(0, 4))));
}

#[test]
fn one_byte_in_the_range_is_enough() {
    // The upper half of the word at 0x04.
    let mut bus = Bus::with(&["error range=0x06-0x07"]);
    for hit in [read(4, 4), read(6, 2), read(6, 1), read(7, 1), write(4, 4)] {
        assert!(bus.hits(hit), "{hit:?}");
    }
    for miss in [read(4, 2), read(5, 1), read(8, 1), read(8, 4), write(0, 4)] {
        assert!(!bus.hits(miss), "{miss:?}");
    }
}

#[test]
fn a_range_of_one_byte_is_met_by_each_access_over_it() {
    for offset in 0x40..0x44 {
        for size in SIZES {
            let mut bus = Bus::with(&[&format!("error range={offset}")]);
            let aligned = offset - offset % u16::from(size);
            assert!(bus.hits(read(aligned, size)));
            assert!(!bus.hits(read(aligned + u16::from(size), size)));
            assert!(!bus.hits(read(aligned - u16::from(size), size)));
        }
    }
}

#[test]
fn both_ends_of_config_space_can_be_meant() {
    let mut bus = Bus::with(&["error range=0x000", "error range=0xfff"]);
    assert!(bus.hits(read(0, 4)));
    assert!(bus.hits(read(0xffc, 4)));
    assert!(!bus.hits(read(4, 4)));
    assert!(!bus.hits(read(0xffe, 1)));
}

#[test]
fn what_does_not_match_is_not_counted() {
    let mut bus = Bus::with(&["error devfn=01.0 range=4-5 count=1"]);
    bus.hits(of(NEIGHBOUR, read(4, 2)));
    bus.hits(read(6, 2));
    assert_eq!(bus.armed(0).seen, 0);
    assert!(bus.hits(read(4, 2)));
    assert_eq!((bus.armed(0).seen, bus.armed(0).hits), (1, 1));
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn an_access_matches_iff_one_of_its_bytes_does(
        access in access(),
        (first, last) in range(),
        devfn in option::of(devfn()),
    ) {
        let mut bus = Bus::default();
        let fault = Fault { devfn, first, last, ..Fault::new(Kind::Error) };
        prop_assert!(bus.faults.arm(fault));

        let function = devfn.is_none_or(|devfn| devfn == access.devfn);
        let matches = function && bytes(&access).any(|byte| (first..=last).contains(&byte));
        prop_assert_eq!(bus.hits(access), matches);
        prop_assert_eq!(bus.armed(0).seen, u64::from(matches));
    }

    /// The core makes no such access; if one came, it would be cut off at the end.
    #[test]
    fn unaligned_accesses_match_by_their_bytes_too(
        offset in 0..0x20_u16,
        size in 1..=4_u8,
        first in 0..0x20_u16,
        more in 0..8_u16,
    ) {
        let mut bus = Bus::default();
        let last = first + more;
        let fault = Fault { first, last, ..Fault::new(Kind::Error) };
        prop_assert!(bus.faults.arm(fault));
        let access = Access { offset, size, ..read(0, 1) };
        let matches = bytes(&access).any(|byte| (first..=last).contains(&byte));
        prop_assert_eq!(bus.hits(access), matches);
    }
}
