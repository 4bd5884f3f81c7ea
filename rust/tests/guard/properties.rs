// SPDX-License-Identifier: GPL-2.0-only

//! What holds for every function: good states pass, wiped ones and garbage do not, nothing panics.

use pci_recovery_guard::guard::{
    check_header, Bar, BarKind, Function, HeaderType, Mismatch, Refusal, ALL_ONES, HEADER_WORDS,
};
use proptest::prelude::*;

use crate::{
    cases::config,
    generate::{any_function, any_save, device, word},
    model::damage::wiped_header as wiped,
};

/// Whether bus mastering that is off is a sign of loss.
fn masters(function: &Function) -> bool {
    function.bus_master && function.header_type != HeaderType::Bridge
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn every_good_state_is_accepted(device in device()) {
        prop_assert_eq!(device.save.validate(&device.function, None), Ok(()));
        let known_good = device.save.snapshot(&device.function);
        prop_assert_eq!(device.save.validate(&device.function, Some(&known_good)), Ok(()));
    }

    #[test]
    fn every_snapshot_verifies_against_itself(device in device()) {
        let snapshot = device.save.snapshot(&device.function);
        prop_assert_eq!(snapshot.verify(|register| register.value), Ok(None));
    }

    #[test]
    fn a_change_of_any_compared_bit_is_found(device in device(), flip in word()) {
        let snapshot = device.save.snapshot(&device.function);
        for register in snapshot.registers() {
            let changed = register.value ^ (flip & register.mask);
            let verdict = snapshot.verify(|read| match read.offset == register.offset {
                true => changed,
                false => read.value,
            });
            if flip & register.mask == 0 {
                prop_assert_eq!(verdict, Ok(None));
            } else {
                let mismatch = Mismatch { register, found: changed };
                let is_vital = flip & register.mask & register.vital != 0;
                let expected = if is_vital { Err(mismatch) } else { Ok(Some(mismatch)) };
                prop_assert_eq!(verdict, expected);
            }
        }
    }

    #[test]
    fn changes_of_bits_that_are_not_compared_are_not_found(
        device in device(),
        flips in prop::collection::vec(word(), 28),
    ) {
        let snapshot = device.save.snapshot(&device.function);
        let mut flips = flips.into_iter().cycle();
        let verdict = snapshot.verify(|register| {
            register.value ^ (flips.next().unwrap_or(0) & !register.mask)
        });
        prop_assert_eq!(verdict, Ok(None));
    }

    #[test]
    fn a_wiped_function_is_refused(device in device()) {
        let function = &device.function;
        let bars = function.bars.iter().take(function.header_type.bars()).flatten();
        let header = wiped(function, &device.save.header);
        let verdict = check_header(&header, function, None);

        if function.buses.is_some() {
            let is_buses = matches!(
                verdict,
                Err(Refusal::Unexpected { register: "PCI_PRIMARY_BUS", found: 0, .. })
            );
            prop_assert!(is_buses, "{verdict:?}");
        } else if bars.count() > 0 {
            prop_assert_eq!(verdict, Err(Refusal::Wiped));
        } else if masters(function) {
            prop_assert_eq!(verdict, Err(Refusal::Disabled { command: 0 }));
        }
    }

    #[test]
    fn a_function_that_lost_only_command_is_refused(device in device()) {
        let mut header = device.save.header;
        header[1] &= 0xffff_0000;
        let function = &device.function;
        let count = function.header_type.bars();
        let memory = |bar: &Option<Bar>| bar.is_some_and(|bar| bar.kind != BarKind::Io);
        let decodes = !function.is_vf && function.bars.iter().take(count).any(memory);
        let expected = if masters(function) || function.enabled && decodes {
            Err(Refusal::Disabled { command: 0 })
        } else {
            Ok(())
        };
        prop_assert_eq!(check_header(&header, function, None), expected);
    }

    #[test]
    fn a_wrong_address_bit_in_any_bar_is_refused(device in device(), bit in 4..32_u32) {
        let function = &device.function;
        for i in 0..function.header_type.bars() {
            let Some(bar) = function.bars[i] else {
                continue;
            };
            let mut header = device.save.header;
            header[4 + i] ^= 1 << bit;
            prop_assert!(check_header(&header, function, None).is_err());
            if bar.kind == BarKind::Mem64 {
                let mut header = device.save.header;
                header[5 + i] ^= 1 << (bit - 4);
                prop_assert!(check_header(&header, function, None).is_err());
            }
        }
    }

    #[test]
    fn all_ones_and_all_zeros_are_refused_of_any_function(
        function in any_function(),
        save in any_save(),
    ) {
        for header in [[ALL_ONES; HEADER_WORDS], [0; HEADER_WORDS]] {
            let mut save = save.clone();
            save.header = header;
            prop_assert!(save.validate(&function, None).is_err());
        }
    }

    #[test]
    fn command_of_ones_afterwards_is_refused_whatever_was_saved(
        function in any_function(),
        mut save in any_save(),
    ) {
        save.command_status = ALL_ONES;
        prop_assert!(save.validate(&function, None).is_err());
    }

    #[test]
    fn nothing_panics_and_every_verdict_has_words(
        function in any_function(),
        save in any_save(),
        good in any_save(),
        reads in prop::collection::vec(word(), 28),
    ) {
        let known_good = good.snapshot(&function);
        for known_good in [None, Some(&known_good)] {
            if let Err(refusal) = save.validate(&function, known_good) {
                prop_assert!(!refusal.to_string().is_empty());
            }
        }
        for register in known_good.registers() {
            prop_assert!(register.to_string().contains(register.name));
        }
        let mut reads = reads.into_iter().cycle();
        if let Err(mismatch) = known_good.verify(|_| reads.next().unwrap_or(0)) {
            prop_assert!(mismatch.to_string().contains(mismatch.register.name));
        }
    }

    #[test]
    fn a_garbled_good_state_never_panics_and_is_judged(
        device in device(),
        index in 0..HEADER_WORDS,
        value in word(),
    ) {
        let known_good = device.save.snapshot(&device.function);
        let mut save = device.save.clone();
        save.header[index] = value;
        // What passes is this function's: its IDs, its class, its BARs.
        if save.validate(&device.function, Some(&known_good)).is_ok() {
            prop_assert_eq!(save.header[0], device.save.header[0]);
            prop_assert_eq!(save.header[2], device.save.header[2]);
            let bars = device.function.bars.iter().take(device.function.header_type.bars());
            for (i, bar) in bars.enumerate() {
                if bar.is_some() {
                    prop_assert_eq!((save.header[4 + i] ^ device.save.header[4 + i]) & !0xf, 0);
                }
            }
        }
    }
}
