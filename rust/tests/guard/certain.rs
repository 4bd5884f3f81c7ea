// SPDX-License-Identifier: GPL-2.0-only

//! What is certain: refused for a function with an unknown driver.

use pci_recovery_guard::guard::{
    check_certain, BarKind, Function, Refusal, Snapshot, ALL_ONES, HEADER_WORDS,
};
use proptest::prelude::*;

use crate::{
    cases::config,
    example::{all_ones, bridge, endpoint, Example},
    generate::{any_function, any_save, device, word},
    model::reads::{Answer, Save, Saved},
};

fn certain(save: &Save, function: &Function, known_good: Option<&Snapshot>) -> Result<(), Refusal> {
    check_certain(
        &save.header,
        save.capabilities.iter().map(Saved::as_guard),
        save.command_status,
        function,
        known_good,
    )
}

fn save(example: &Example) -> Save {
    Save {
        header: example.header,
        capabilities: vec![Saved::exp(&[0x282f, 0x0040, 0, 0, 0x0400, 0x0003, 0])],
        command_status: example.header[1],
    }
}

/// pvscsi, lsi53c895a and am53c974 do so in suspend.
#[test]
fn a_driver_may_end_bus_mastering() {
    let Example { function, .. } = endpoint();
    let mut save = save(&endpoint());
    save.header[1] &= !0x4;
    save.command_status = save.header[1];
    assert_eq!(
        save.validate(&function, None),
        Err(Refusal::Disabled { command: 0x0503 })
    );
    assert_eq!(certain(&save, &function, None), Ok(()));
}

#[test]
fn wiped_is_certain_only_while_decoding_is_enabled() {
    let Example { mut function, .. } = endpoint();
    let mut save = save(&endpoint());
    save.header[4..10].fill(0);
    assert_eq!(certain(&save, &function, None), Err(Refusal::Wiped));
    function.enabled = false;
    assert_eq!(save.validate(&function, None), Err(Refusal::Wiped));
    assert_eq!(certain(&save, &function, None), Ok(()));
}

#[test]
fn one_bar_of_zero_is_not_certain() {
    let Example { function, .. } = endpoint();
    let assigned = function.bars.iter().position(Option::is_some).unwrap();
    let mut save = save(&endpoint());
    save.header[4 + assigned] = 0;
    assert!(save.validate(&function, None).is_err());
    assert_eq!(certain(&save, &function, None), Ok(()));
}

#[test]
fn a_window_that_becomes_all_ones_is_certain() {
    let Example { mut function, .. } = bridge();
    let mut save = save(&bridge());
    save.header[10] = ALL_ONES;
    function.saved_before = save.header;
    assert_eq!(certain(&save, &function, None), Ok(()));
    let known_good = self::save(&bridge()).snapshot(&function);
    assert_eq!(
        certain(&save, &function, Some(&known_good)),
        all_ones("PCI_PREF_BASE_UPPER32")
    );
}

#[test]
fn bus_numbers_of_zero_are_not_certain() {
    let Example { function, .. } = bridge();
    let mut save = save(&bridge());
    save.header[6] = 0;
    assert!(save.validate(&function, None).is_err());
    assert_eq!(certain(&save, &function, None), Ok(()));
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_loss_from_any_read_on_is_certain(device in device()) {
        let known_good = device.save.snapshot(&device.function);
        for from in 0..device.save.reads() {
            let lost = device.save.losing(from..device.save.reads(), Answer::Ones);
            for known_good in [None, Some(&known_good)] {
                let verdict = certain(&lost, &device.function, known_good);
                prop_assert!(verdict.is_err(), "lost from read {from} on");
            }
        }
    }

    #[test]
    fn every_good_state_passes(device in device()) {
        let known_good = device.save.snapshot(&device.function);
        for known_good in [None, Some(&known_good)] {
            prop_assert_eq!(certain(&device.save, &device.function, known_good), Ok(()));
        }
    }

    /// It is a part of the rules, and no other rule.
    #[test]
    fn what_is_certain_is_refused_by_the_rules(
        function in any_function(),
        save in any_save(),
        good in any_save(),
    ) {
        let known_good = good.snapshot(&function);
        for known_good in [None, Some(&known_good)] {
            if certain(&save, &function, known_good).is_err() {
                prop_assert!(save.validate(&function, known_good).is_err());
            }
        }
    }

    /// The worst that could happen: a driver writes to what is its own, and is refused. BARs and
    /// what reads all-ones are not.
    #[test]
    fn no_other_value_of_a_word_is_certain(
        device in device(),
        index in 0..HEADER_WORDS,
        value in word(),
    ) {
        prop_assume!(value != ALL_ONES && !(4..10).contains(&index));
        let mut save = device.save.clone();
        save.header[index] = value;
        prop_assert_eq!(certain(&save, &device.function, None), Ok(()));
    }
}

/// A single read that is lost: the upper half of an address is all-ones where the kernel has
/// assigned another one.
#[test]
fn an_upper_half_is_not_all_ones() {
    let example = endpoint();
    let wide = example
        .function
        .bars
        .iter()
        .position(|bar| bar.is_some_and(|bar| bar.kind == BarKind::Mem64));
    let wide = wide.expect("a BAR of 64 bits");
    let mut save = save(&example);
    save.header[4 + wide + 1] = ALL_ONES;
    assert!(matches!(
        certain(&save, &example.function, None),
        Err(Refusal::AllOnes { .. })
    ));
    // Unless that is the address.
    let mut function = example.function.clone();
    if let Some(bar) = &mut function.bars[wide] {
        bar.address |= 0xffff_ffff_0000_0000;
    }
    assert_eq!(certain(&save, &function, None), Ok(()));
}
