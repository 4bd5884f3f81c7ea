// SPDX-License-Identifier: GPL-2.0-only

//! Garbage: no text panics and none that is no fault is taken for one; no access panics.

use pci_recovery_guard::pci_fault::{
    fault::Access,
    spec::{bus, devfn, number, parse, register, SpecError},
};
use proptest::{collection, prelude::*, sample, string::string_regex};

use crate::{
    bus::{fault, Bus},
    cases::config,
    generate,
    sound::{has_the_form, is_sound, KEYS, KINDS},
};

/// Words of faults, put together as they come.
fn nearly() -> impl Strategy<Value = String> {
    let value = string_regex("(0x)?[0-9a-f]{0,5}([-.][0-9a-fx]{0,4})?").expect("a regex");
    let word = prop_oneof![
        2 => sample::select(&KINDS[..]).prop_map(str::to_owned),
        6 => (sample::select(&KEYS[..]), value).prop_map(|(key, value)| format!("{key}={value}")),
        1 => any::<String>(),
    ];
    (sample::select(&KINDS[..]), collection::vec(word, 0..5))
        .prop_map(|(kind, words)| format!("{kind} {}", words.join(" ")))
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn any_text_is_refused(text in any::<String>()) {
        // That a text of any characters is a fault is as good as impossible.
        prop_assert!(parse(&text).is_err());
        prop_assert!(register(&text).is_none());
        let _ = (number(&text), devfn(&text), bus(&text));
    }

    #[test]
    fn any_bytes_are_refused(bytes in collection::vec(any::<u8>(), 0..200)) {
        // As debugfs hands them over: what is no UTF-8 does not come here.
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(parse(&text).is_err());
        let _ = (number(&text), devfn(&text), bus(&text), register(&text));
    }

    #[test]
    fn what_is_nearly_a_fault_is_one_or_is_refused(text in nearly()) {
        match parse(&text) {
            Ok(fault) => {
                prop_assert!(has_the_form(&text), "{text:?} is {fault:?}");
                prop_assert!(is_sound(&fault), "{text:?} is {fault:?}");
                prop_assert_eq!(parse(&fault.to_string()), Ok(fault));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// One character too many, or another one, never makes it what it was not.
    #[test]
    fn a_fault_with_a_mistake_is_sound_or_refused(
        fault in generate::fault(),
        at in any::<sample::Index>(),
        wrong in any::<char>(),
        insert in any::<bool>(),
    ) {
        let mut text: Vec<char> = fault.to_string().chars().collect();
        let index = at.index(text.len());
        if insert {
            text.insert(index, wrong);
        } else {
            text[index] = wrong;
        }
        let text: String = text.into_iter().collect();
        if let Ok(fault) = parse(&text) {
            prop_assert!(has_the_form(&text), "{text:?} is {fault:?}");
            prop_assert!(is_sound(&fault), "{text:?} is {fault:?}");
        }
    }

    #[test]
    fn no_two_faults_are_read_as_one(first in generate::fault(), second in generate::fault()) {
        for between in [" ", "\n", "\t"] {
            let text = format!("{first}{between}{second}\n");
            prop_assert_eq!(parse(&text), Err(SpecError::Key));
        }
    }

    /// Accesses that the PCI core would not make, too.
    #[test]
    fn no_access_panics(
        faults in collection::vec(generate::fault(), 0..=4),
        accesses in collection::vec(
            (any::<u8>(), any::<u16>(), 0..=4_u8, any::<bool>(), any::<u64>()),
            0..32,
        ),
    ) {
        let mut bus = Bus::default();
        for fault in faults {
            prop_assert!(bus.faults.arm(fault));
        }
        for (devfn, offset, size, write, now_ns) in accesses {
            bus.now_ns = now_ns;
            bus.decide(Access { devfn, offset, size, write });
        }
        for armed in bus.faults.iter() {
            prop_assert!(armed.hits <= armed.seen);
            prop_assert!(!armed.to_string().is_empty());
        }
    }
}

#[test]
fn a_long_text_is_no_harm() {
    assert_eq!(parse(&"gone ".repeat(10_000)), Err(SpecError::Key));
    assert_eq!(parse(&"0".repeat(100_000)), Err(SpecError::Kind));
    let text = format!("gone from={}7", "0".repeat(100_000));
    assert_eq!(parse(&text).map(|fault| fault.from), Ok(7));
    assert_eq!(fault(&format!("gone{}", " ".repeat(10_000))).count, None);
}
