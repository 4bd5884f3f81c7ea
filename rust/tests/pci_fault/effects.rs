// SPDX-License-Identifier: GPL-2.0-only

//! What each kind does to a read and to a write, of each size.

use pci_recovery_guard::pci_fault::fault::{Access, Decision, Effect, Kind};
use proptest::prelude::*;

use crate::{
    bus::{read, write, Bus, Failed, SIZES},
    cases::config,
    generate::access,
};

/// All bits of a register of `size` bytes.
fn ones(size: u8) -> u32 {
    [0, 0xff, 0xffff, 0x00ff_ffff, 0xffff_ffff][usize::from(size)]
}

/// What the only fault, of all of the bus, does to an access.
fn effect(kind: &str, access: Access) -> Option<Effect> {
    let mut bus = Bus::with(&[kind]);
    let decision = bus.decide(access);
    let (named, effect) = decision.effect?;
    assert_eq!(named.as_str(), kind);
    assert_eq!(decision.delay_us, 0);
    Some(effect)
}

#[test]
fn the_mask_of_an_access_is_its_size() {
    for size in SIZES {
        assert_eq!(read(0, size).mask(), ones(size));
        assert_eq!(write(0, size).mask(), ones(size));
    }
}

#[test]
fn gone_reads_all_ones_and_drops_writes() {
    for size in SIZES {
        let answer = Some(Effect::Answer(ones(size)));
        assert_eq!(effect("gone", read(4, size)), answer);
        assert_eq!(effect("gone", write(4, size)), Some(Effect::Dropped));
    }
}

#[test]
fn ones_reads_all_ones_and_lets_writes_work() {
    for size in SIZES {
        let answer = Some(Effect::Answer(ones(size)));
        assert_eq!(effect("ones", read(4, size)), answer);
        assert_eq!(effect("ones", write(4, size)), None);
    }
}

#[test]
fn zeros_reads_zero_and_lets_writes_work() {
    for size in SIZES {
        assert_eq!(effect("zeros", read(4, size)), Some(Effect::Answer(0)));
        assert_eq!(effect("zeros", write(4, size)), None);
    }
}

#[test]
fn error_fails_reads_and_writes() {
    for size in SIZES {
        assert_eq!(effect("error", read(4, size)), Some(Effect::Fail));
        assert_eq!(effect("error", write(4, size)), Some(Effect::Fail));
    }
}

#[test]
fn drop_lets_reads_work_and_drops_writes() {
    for size in SIZES {
        assert_eq!(effect("drop", read(4, size)), None);
        assert_eq!(effect("drop", write(4, size)), Some(Effect::Dropped));
    }
}

#[test]
fn delay_takes_longer_and_changes_nothing() {
    for size in SIZES {
        for access in [read(4, size), write(4, size)] {
            let decision = Bus::with(&["delay us=250"]).decide(access);
            let expected = Decision {
                delay_us: 250,
                effect: None,
            };
            assert_eq!(decision, expected);
        }
    }
}

#[test]
fn no_fault_changes_nothing() {
    for size in SIZES {
        assert_eq!(Bus::default().decide(read(4, size)), Decision::default());
        assert_eq!(Bus::default().decide(write(4, size)), Decision::default());
    }
}

/// What reached the function is there when the fault has gone, and nothing else.
#[test]
fn which_writes_reach_the_function() {
    for (kind, result, reaches) in [
        ("gone", Ok(()), false),
        ("ones", Ok(()), true),
        ("zeros", Ok(()), true),
        ("error", Err(Failed), false),
        ("drop", Ok(()), false),
        ("wiped devfn=01.0", Ok(()), true),
        ("stuck range=4-7 value=0", Ok(()), true),
        ("delay us=1", Ok(()), true),
    ] {
        let mut bus = Bus::with(&[kind]);
        let before = bus.right(read(4, 4));
        assert_eq!(bus.write(write(4, 4), 0x1234_5678), result, "{kind}");
        bus.faults.disarm();
        let expected = if reaches { 0x1234_5678 } else { before };
        assert_eq!(bus.read(read(4, 4)), Ok(expected), "{kind}");
    }
}

/// A function that does not answer does so for the whole register, though one byte was meant.
#[test]
fn an_answer_is_of_the_whole_register() {
    assert_eq!(
        Bus::with(&["ones range=5"]).read(read(4, 4)),
        Ok(0xffff_ffff)
    );
    assert_eq!(Bus::with(&["gone range=5"]).read(read(4, 2)), Ok(0xffff));
    assert_eq!(Bus::with(&["zeros range=5"]).read(read(4, 4)), Ok(0));
}

#[test]
fn words_of_the_kinds() {
    for (kind, word) in [
        (Kind::Gone, "gone"),
        (Kind::Ones, "ones"),
        (Kind::Zeros, "zeros"),
        (Kind::Error, "error"),
        (Kind::Drop, "drop"),
        (Kind::Wiped, "wiped"),
        (Kind::Stuck(1), "stuck"),
        (Kind::Delay(1), "delay"),
    ] {
        assert_eq!(kind.as_str(), word);
    }
}

proptest! {
    #![proptest_config(config(512))]

    /// Whatever is armed, no bit is answered that the access has not.
    #[test]
    fn no_answer_is_wider_than_the_access(
        faults in prop::collection::vec(crate::generate::fault(), 1..=4),
        accesses in prop::collection::vec(access(), 0..16),
    ) {
        let mut bus = Bus::default();
        for fault in faults {
            prop_assert!(bus.faults.arm(fault));
        }
        for access in accesses {
            match bus.decide(access).effect {
                Some((_, Effect::Answer(answer))) => {
                    prop_assert!(!access.write);
                    prop_assert_eq!(answer & !ones(access.size), 0);
                }
                Some((_, Effect::Replace { mask, value })) => {
                    prop_assert!(!access.write);
                    prop_assert_eq!(mask & !ones(access.size), 0);
                    prop_assert_eq!(value & !mask, 0);
                }
                Some((_, Effect::Dropped)) => prop_assert!(access.write),
                Some((_, Effect::Fail)) | None => {}
            }
        }
    }
}
