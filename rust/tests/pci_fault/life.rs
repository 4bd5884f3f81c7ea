// SPDX-License-Identifier: GPL-2.0-only

//! When a fault begins and when it ends: `from`, `count` and `ms`.

use pci_recovery_guard::pci_fault::fault::{Fault, Kind, Phase};
use proptest::{collection, option, prelude::*};

use crate::{
    bus::{bytes, of, read, write, Bus, FUNCTION, MS, NEIGHBOUR},
    cases::config,
    generate::access,
};

/// Makes an access at this time. Returns whether it met the fault.
fn at(bus: &mut Bus, ns: u64) -> bool {
    bus.now_ns = ns;
    bus.hits(read(0, 4))
}

#[test]
fn an_armed_fault_waits_for_its_first_access() {
    let mut bus = Bus::with(&["error"]);
    assert_eq!(bus.state(), (Phase::Waiting, 0, 0));
    bus.hits(read(0, 4));
    assert_eq!(bus.state(), (Phase::Active, 1, 1));
}

#[test]
fn without_an_end_it_goes_on_until_it_is_disarmed() {
    let mut bus = Bus::with(&["error"]);
    for n in 1..=10_000 {
        bus.now_ns = n * 1_000 * MS;
        assert!(bus.hits(read(0, 4)));
        assert_eq!(bus.state(), (Phase::Active, n, n));
    }
    bus.faults.disarm();
    assert!(!bus.hits(read(0, 4)));
    assert_eq!(bus.faults.iter().count(), 0);
}

#[test]
fn from_0_is_the_next_access() {
    let mut bus = Bus::with(&["error from=0"]);
    assert!(bus.hits(read(0, 4)));
}

#[test]
fn from_lets_so_many_accesses_pass() {
    let mut bus = Bus::with(&["error from=3"]);
    for n in 1..=3 {
        assert!(!bus.hits(read(0, 4)));
        assert_eq!(bus.state(), (Phase::Waiting, n, 0));
    }
    assert!(bus.hits(read(0, 4)));
    assert_eq!(bus.state(), (Phase::Active, 4, 1));
}

#[test]
fn from_counts_reads_and_writes() {
    let mut bus = Bus::with(&["error from=2"]);
    assert!(!bus.hits(write(0, 4)));
    assert!(!bus.hits(read(0, 4)));
    assert!(bus.hits(write(0, 4)));
}

#[test]
fn it_is_over_with_the_last_access_that_meets_it() {
    let mut bus = Bus::with(&["error count=2"]);
    assert!(bus.hits(read(0, 4)));
    assert_eq!(bus.state(), (Phase::Active, 1, 1));
    assert!(bus.hits(read(0, 4)));
    assert_eq!(bus.state(), (Phase::Over, 2, 2));
    assert!(!bus.hits(read(0, 4)));
    assert_eq!(bus.state(), (Phase::Over, 2, 2));
}

/// `count` is of accesses, not of accesses that are changed: a write under `ones` works.
#[test]
fn an_access_that_works_nevertheless_is_counted() {
    let mut bus = Bus::with(&["ones count=2"]);
    assert!(!bus.hits(write(0, 4)));
    assert!(bus.hits(read(0, 4)));
    assert_eq!(bus.state(), (Phase::Over, 2, 2));
}

#[test]
fn ms_begins_with_the_first_access_not_with_arming() {
    let mut bus = Bus::with(&["error ms=5"]);
    assert!(at(&mut bus, 1_000 * MS));
    assert!(at(&mut bus, 1_005 * MS - 1));
    assert_eq!(bus.state().0, Phase::Active);
    assert!(!at(&mut bus, 1_005 * MS));
    assert_eq!((bus.state().0, bus.state().2), (Phase::Over, 2));
    assert!(!at(&mut bus, 1_005 * MS + 1));
}

#[test]
fn ms_is_not_prolonged_by_further_accesses() {
    let mut bus = Bus::with(&["error ms=5"]);
    for ms in 0..5 {
        assert!(at(&mut bus, ms * MS));
    }
    assert!(!at(&mut bus, 5 * MS));
}

#[test]
fn ms_does_not_begin_with_accesses_that_from_lets_pass() {
    let mut bus = Bus::with(&["error from=1 ms=5"]);
    assert!(!at(&mut bus, 0));
    assert!(at(&mut bus, 100 * MS));
    assert!(at(&mut bus, 105 * MS - 1));
    assert!(!at(&mut bus, 105 * MS));
}

#[test]
fn count_and_ms_whichever_is_first() {
    let mut bus = Bus::with(&["error count=2 ms=5"]);
    assert!(at(&mut bus, 0));
    assert!(at(&mut bus, 1));
    assert!(!at(&mut bus, 2));

    let mut bus = Bus::with(&["error count=2 ms=5"]);
    assert!(at(&mut bus, 0));
    assert!(!at(&mut bus, 5 * MS));
    assert!(!at(&mut bus, 1));
}

#[test]
fn what_is_over_stays_over_even_if_the_clock_jumps_back() {
    let mut bus = Bus::with(&["error ms=5"]);
    assert!(at(&mut bus, 100 * MS));
    assert!(!at(&mut bus, 105 * MS));
    assert!(!at(&mut bus, 100 * MS));
}

#[test]
fn an_access_elsewhere_does_not_end_it() {
    let mut bus = Bus::with(&["error devfn=01.0 ms=5"]);
    assert!(at(&mut bus, 0));
    bus.now_ns = 10 * MS;
    bus.hits(of(NEIGHBOUR, read(0, 4)));
    assert_eq!(bus.state(), (Phase::Active, 1, 1));
    assert!(!bus.hits(of(FUNCTION, read(0, 4))));
    assert_eq!(bus.state().0, Phase::Over);
}

#[test]
fn the_longest_time_is_no_overflow() {
    for ms in [u64::MAX, u64::MAX / MS, u64::MAX / MS + 1] {
        let mut bus = Bus::with(&[&format!("error ms={ms}")]);
        assert!(at(&mut bus, u64::MAX - 1 - MS));
        assert!(at(&mut bus, u64::MAX - 1));
    }
}

#[test]
fn a_from_that_nobody_reaches_never_begins() {
    let mut bus = Bus::with(&[&format!("error from={} count={}", u64::MAX, u64::MAX)]);
    for _ in 0..100 {
        assert!(!bus.hits(read(0, 4)));
    }
    assert_eq!(bus.state(), (Phase::Waiting, 100, 0));
}

/// A count of 0 cannot be written; it is no fault at all.
#[test]
fn a_count_of_0_meets_nothing() {
    let mut bus = Bus::default();
    let fault = Fault {
        count: Some(0),
        ..Fault::new(Kind::Error)
    };
    assert!(bus.faults.arm(fault));
    assert!(!bus.hits(read(0, 4)));
    assert_eq!(bus.state().0, Phase::Over);
}

proptest! {
    #![proptest_config(config(512))]

    /// Of the accesses that match, those from `from` to `from + count` meet it, and no other.
    #[test]
    fn from_and_count_are_exact(
        from in 0..24_u64,
        count in option::of(1..24_u64),
        accesses in collection::vec(access(), 0..64),
    ) {
        let mut bus = Bus::default();
        let (first, last) = (0x04, 0x27);
        let devfn = Some(FUNCTION);
        let fault = Fault { devfn, first, last, from, count, ..Fault::new(Kind::Error) };
        prop_assert!(bus.faults.arm(fault));

        let end = count.map_or(u64::MAX, |count| from + count);
        let mut matched = 0;
        for access in accesses {
            let matches = access.devfn == FUNCTION
                && bytes(&access).any(|byte| (first..=last).contains(&byte));
            let expected = matches && (from..end).contains(&matched);
            matched += u64::from(matches);
            prop_assert_eq!(bus.hits(access), expected);

            let phase = match matched {
                n if n <= from => Phase::Waiting,
                n if n < end => Phase::Active,
                _ => Phase::Over,
            };
            let hits = matched.clamp(from, end) - from;
            prop_assert_eq!(bus.state(), (phase, matched.min(end), hits));
        }
    }

    /// It ends with the first access at or after the first hit and `ms`, or after `count`.
    #[test]
    fn ms_is_exact(
        from in 0..8_u64,
        count in option::of(1..16_u64),
        ms in 1..40_u64,
        start in 0..u64::MAX / 2,
        steps in collection::vec(prop_oneof![0..8 * MS, (0..8_u64).prop_map(|ms| ms * MS)], 0..32),
    ) {
        let mut bus = Bus::default();
        let fault = Fault { from, count, ms: Some(ms), ..Fault::new(Kind::Error) };
        prop_assert!(bus.faults.arm(fault));

        let end = count.map_or(u64::MAX, |count| from + count);
        let (mut now, mut begun, mut over) = (start, None, false);
        for (index, step) in (0..).zip(steps) {
            now += step;
            if index >= from {
                let begun = *begun.get_or_insert(now);
                over |= index >= end || now - begun >= ms * MS;
            }
            prop_assert_eq!(at(&mut bus, now), index >= from && !over);
            let phase = match (begun, over || index + 1 >= end) {
                (_, true) => Phase::Over,
                (Some(_), false) => Phase::Active,
                (None, false) => Phase::Waiting,
            };
            prop_assert_eq!(bus.state().0, phase);
        }
    }
}
