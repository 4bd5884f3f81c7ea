// SPDX-License-Identifier: GPL-2.0-only

//! A function that is lost during a save, from any of its reads on, or for a while.

use pci_recovery_guard::guard::{capability::EXP_REGISTERS, header::name, Refusal, HEADER_WORDS};
use proptest::prelude::*;

use crate::{
    cases::config,
    generate::{device, Device},
    model::reads::{Answer, Save, Saved, ID_TPH},
};

/// Whether `saved` is `device`'s state as it legitimately is: the same but for the registers of
/// which no value is known to be wrong.
fn is_legitimate(device: &Device, saved: &Save) -> bool {
    // What no rule speaks of: TPH's steering tags.
    let known = |save: &Save| {
        let mut save = save.clone();
        for capability in &mut save.capabilities {
            if capability.extended && capability.id == ID_TPH {
                capability.data.truncate(4);
            }
        }
        save
    };
    known(saved) == known(&device.save)
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn a_loss_from_any_read_on_is_refused(device in device()) {
        let known_good = device.save.snapshot(&device.function);
        for from in 0..device.save.reads() {
            for answer in [Answer::Ones, Answer::Zeros] {
                let lost = device.save.losing(from..device.save.reads(), answer);
                for known_good in [None, Some(&known_good)] {
                    let verdict = lost.validate(&device.function, known_good);
                    prop_assert!(verdict.is_err(), "lost from read {from} on, {answer:?}");
                }
            }
        }
    }

    #[test]
    fn a_loss_from_any_word_of_the_header_on_is_told_by_the_header_itself(device in device()) {
        for from in 0..HEADER_WORDS {
            let lost = device.save.losing(from..HEADER_WORDS, Answer::Ones);
            match lost.validate(&device.function, None) {
                Err(Refusal::AllOnes { register }) => {
                    let first = (0..HEADER_WORDS)
                        .position(|i| name(device.function.header_type, i) == register);
                    prop_assert!(first >= Some(from), "{register} was not lost");
                }
                verdict => prop_assert!(false, "lost from word {from} on: {verdict:?}"),
            }
        }
    }

    #[test]
    fn a_loss_after_the_last_register_is_told_by_the_read_afterwards(device in device()) {
        let reads = device.save.reads();
        let lost = device.save.losing(reads - 1..reads, Answer::Ones);
        prop_assert_eq!(lost.validate(&device.function, None), Err(Refusal::LostDuringSave));
    }

    #[test]
    fn a_blip_is_refused_or_changed_nothing(device in device(), length in 1..20_usize) {
        let known_good = device.save.snapshot(&device.function);
        let last = device.save.reads() - 1;
        for from in 0..last {
            let lost = from..last.min(from + length);
            let blip = device.save.losing(lost.clone(), Answer::Ones);
            if blip.validate(&device.function, Some(&known_good)).is_ok() {
                prop_assert!(is_legitimate(&device, &blip), "reads {lost:?} were lost");
            }
        }
    }

    #[test]
    fn a_blip_of_one_read_is_refused_or_changed_nothing(device in device()) {
        let known_good = device.save.snapshot(&device.function);
        for lost in 0..device.save.reads() - 1 {
            let blip = device.save.losing(lost..lost + 1, Answer::Ones);
            if blip.validate(&device.function, Some(&known_good)).is_ok() {
                prop_assert!(is_legitimate(&device, &blip), "read {lost} was lost");
            }
        }
    }

    #[test]
    fn a_blip_that_zeroed_all_of_pci_express_is_refused(mut device in device()) {
        let zeros = Saved::exp(&[0; EXP_REGISTERS]);
        let exp = device.save.capabilities.iter().position(|saved| saved.id == zeros.id);
        prop_assume!(exp.is_some_and(|exp| device.save.capabilities[exp] != zeros));
        let known_good = device.save.snapshot(&device.function);
        if let Some(exp) = exp {
            device.save.capabilities[exp] = zeros;
        }
        prop_assert_eq!(
            device.save.validate(&device.function, Some(&known_good)),
            Err(Refusal::Zeroed { capability: "PCI Express" })
        );
    }
}
