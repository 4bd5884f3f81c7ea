// SPDX-License-Identifier: GPL-2.0-only

//! Several faults of one bus: the first that does anything decides, all count; four places.

use pci_recovery_guard::pci_fault::fault::{Access, Decision, Effect, Kind, Phase, MAX_FAULTS};
use proptest::{collection, prelude::*};

use crate::{
    bus::{fault, of, read, write, Bus, Failed, NEIGHBOUR},
    cases::config,
    generate::{self, access},
};

#[test]
fn the_first_decides() {
    let mut bus = Bus::with(&["zeros", "ones", "error"]);
    assert_eq!(bus.read(read(0, 4)), Ok(0));
    let mut bus = Bus::with(&["ones", "zeros", "error"]);
    assert_eq!(bus.read(read(0, 4)), Ok(0xffff_ffff));
    let mut bus = Bus::with(&["error", "ones", "zeros"]);
    assert_eq!(bus.read(read(0, 4)), Err(Failed));
}

#[test]
fn one_that_has_no_effect_leaves_it_to_the_next() {
    // `drop` does nothing to reads, `ones` nothing to writes.
    for faults in [["drop", "ones"], ["ones", "drop"]] {
        let mut bus = Bus::with(&faults);
        let before = bus.right(read(4, 4));
        assert_eq!(bus.read(read(4, 4)), Ok(0xffff_ffff));
        assert_eq!(bus.write(write(4, 4), 1), Ok(()));
        assert_eq!(bus.right(read(4, 4)), before);
    }
}

#[test]
fn one_that_does_not_match_leaves_it_to_the_next() {
    let mut bus = Bus::with(&["ones devfn=01.1", "zeros devfn=01.0", "error"]);
    assert_eq!(bus.read(read(0, 4)), Ok(0));
    assert_eq!(bus.read(of(NEIGHBOUR, read(0, 4))), Ok(0xffff_ffff));
    assert_eq!(bus.read(of(0x10, read(0, 4))), Err(Failed));
}

#[test]
fn one_that_waits_or_is_over_leaves_it_to_the_next() {
    let mut bus = Bus::with(&["ones from=1 count=1", "zeros"]);
    assert_eq!(bus.read(read(0, 4)), Ok(0));
    assert_eq!(bus.read(read(0, 4)), Ok(0xffff_ffff));
    assert_eq!(bus.read(read(0, 4)), Ok(0));
}

#[test]
fn all_count_whoever_decides() {
    let mut bus = Bus::with(&["ones", "zeros count=2", "error from=3", "delay us=1"]);
    for _ in 0..3 {
        assert_eq!(bus.read(read(0, 4)), Ok(0xffff_ffff));
    }
    let state = |index| {
        let armed = bus.armed(index);
        (armed.phase, armed.seen, armed.hits)
    };
    assert_eq!(state(0), (Phase::Active, 3, 3));
    assert_eq!(state(1), (Phase::Over, 2, 2));
    assert_eq!(state(2), (Phase::Waiting, 3, 0));
    assert_eq!(state(3), (Phase::Active, 3, 3));
}

#[test]
fn a_delay_is_added_to_what_another_does() {
    let delayed_ones = Decision {
        delay_us: 30,
        effect: Some((Kind::Ones, Effect::Answer(0xffff_ffff))),
    };
    for faults in [["delay us=30", "ones"], ["ones", "delay us=30"]] {
        let mut bus = Bus::with(&faults);
        assert_eq!(bus.decide(read(0, 4)), delayed_ones);
    }
}

/// Not their sum: together they would be longer than one may be.
#[test]
fn of_two_delays_the_longer_one_counts() {
    for faults in [
        ["delay us=1000", "delay us=30"],
        ["delay us=30", "delay us=1000"],
    ] {
        let mut bus = Bus::with(&faults);
        assert_eq!(bus.decide(read(0, 4)).delay_us, 1000);
    }
}

#[test]
fn a_delay_ends_as_others_do() {
    let mut bus = Bus::with(&["delay us=30 from=1 count=1"]);
    let delays = [0, 30, 0].map(|_| bus.decide(read(0, 4)).delay_us);
    assert_eq!(delays, [0, 30, 0]);
}

#[test]
fn there_is_room_for_four() {
    let mut bus = Bus::with(&["gone", "ones", "zeros", "drop"]);
    assert_eq!(bus.faults.iter().count(), MAX_FAULTS);
    assert!(!bus.faults.arm(fault("error")));
    let kinds = [Kind::Gone, Kind::Ones, Kind::Zeros, Kind::Drop];
    assert_eq!(bus.kinds(), kinds);
}

#[test]
fn one_that_is_refused_changes_nothing() {
    let mut bus = Bus::with(&[
        "ones from=1",
        "zeros from=9",
        "zeros from=9",
        "zeros from=9",
    ]);
    bus.hits(read(0, 4));
    assert!(!bus.faults.arm(fault("error")));
    assert_eq!((bus.armed(0).seen, bus.armed(0).hits), (1, 0));
    assert_eq!(bus.read(read(0, 4)), Ok(0xffff_ffff));
}

#[test]
fn disarming_makes_room_for_four() {
    let mut bus = Bus::with(&["gone", "ones", "zeros", "drop"]);
    bus.faults.disarm();
    assert_eq!(bus.faults.iter().count(), 0);
    assert!(!bus.hits(read(0, 4)));
    for _ in 0..MAX_FAULTS {
        bus.arm("error");
    }
    assert!(!bus.faults.arm(fault("error")));
}

#[test]
fn one_that_is_over_makes_room() {
    for over in 0..MAX_FAULTS {
        let mut texts = ["error range=8"; MAX_FAULTS];
        texts[over] = "zeros count=1 range=0";
        let mut bus = Bus::with(&texts);
        assert!(!bus.faults.arm(fault("ones range=4")));
        assert_eq!(bus.read(read(0, 4)), Ok(0));

        bus.arm("ones range=4");
        assert!(!bus.faults.arm(fault("ones range=4")));
        assert!(!bus.kinds().contains(&Kind::Zeros), "{:?}", bus.kinds());
        assert_eq!(bus.read(read(4, 4)), Ok(0xffff_ffff));
    }
}

#[test]
fn one_that_waits_or_is_active_makes_no_room() {
    let mut bus = Bus::with(&["ones from=9", "zeros", "zeros ms=5", "drop count=9"]);
    bus.hits(read(0, 4));
    assert!(!bus.faults.arm(fault("error")));
}

#[test]
fn one_that_takes_the_place_of_another_starts_anew() {
    let mut bus = Bus::with(&["error count=1"]);
    assert!(bus.hits(read(0, 4)));
    bus.arm("error from=1");
    let new = bus.faults.iter().last().copied().expect("one is armed");
    assert_eq!((new.phase, new.seen, new.hits), (Phase::Waiting, 0, 0));
    assert!(!bus.hits(read(0, 4)));
    assert!(bus.hits(read(0, 4)));
}

/// Where several faults match, the one that was armed first decides.
#[test]
fn one_that_takes_the_place_of_another_is_still_the_last() {
    let mut bus = Bus::with(&["error count=1", "zeros"]);
    assert_eq!(bus.read(read(0, 4)), Err(Failed));
    bus.arm("ones");
    assert_eq!(bus.read(read(0, 4)), Ok(0));

    let mut bus = Bus::with(&["error count=1", "zeros", "drop", "drop"]);
    assert_eq!(bus.read(read(0, 4)), Err(Failed));
    bus.arm("ones");
    assert_eq!(bus.read(read(0, 4)), Ok(0));
}

proptest! {
    #![proptest_config(config(512))]

    /// As if each fault were alone: the first of those that do something decides, and the longest
    /// delay is waited for.
    #[test]
    fn any_four_faults_do_what_the_first_of_them_does(
        faults in collection::vec(generate::fault(), 0..=MAX_FAULTS),
        accesses in collection::vec(access(), 0..32),
        step in 0..4_000_000_u64,
    ) {
        let mut bus = Bus::default();
        let mut alone = Vec::new();
        for fault in faults {
            let mut other = Bus::default();
            prop_assert!(bus.faults.arm(fault) && other.faults.arm(fault));
            alone.push(other);
        }
        for access in accesses {
            // Writes do nothing to `wiped`, but end it where they arrive. One that does not arrive
            // counts as a read does.
            let ends_wiped = |bus: &Bus| access.write && bus.kinds() == [Kind::Wiped];
            let (wiped, others): (Vec<_>, Vec<_>) =
                alone.iter_mut().partition(|bus| ends_wiped(bus));
            let decisions: Vec<_> = others.into_iter().map(|bus| bus.decide(access)).collect();
            let expected = Decision {
                delay_us: decisions.iter().map(|one| one.delay_us).max().unwrap_or(0),
                effect: decisions.iter().find_map(|one| one.effect),
            };
            let write = expected.effect.is_none();
            for bus in wiped {
                bus.decide(Access { write, ..access });
            }
            prop_assert_eq!(bus.decide(access), expected);

            bus.now_ns += step;
            alone.iter_mut().for_each(|bus| bus.now_ns += step);
        }
    }

    /// The counters of a fault do not depend on the others.
    #[test]
    fn any_four_faults_count_as_if_alone(
        faults in collection::vec(generate::fault(), 0..=MAX_FAULTS),
        accesses in collection::vec(access(), 0..32),
    ) {
        let mut bus = Bus::default();
        for fault in &faults {
            prop_assert!(bus.faults.arm(*fault));
        }
        for access in &accesses {
            bus.decide(*access);
        }
        for (index, fault) in faults.into_iter().enumerate() {
            let mut alone = Bus::default();
            prop_assert!(alone.faults.arm(fault));
            for access in &accesses {
                alone.decide(*access);
            }
            let armed = bus.armed(index);
            prop_assert_eq!((armed.phase, armed.seen, armed.hits), alone.state());
        }
    }
}
