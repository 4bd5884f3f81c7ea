// SPDX-License-Identifier: GPL-2.0-only

//! The words of a header: lost from any offset, lost one by one, not this function's.

use core::iter;

use kernel::prelude::*;

use crate::{
    example::{
        all_ones,
        bridge,
        endpoint,
        unexpected,
        virtual_function,
        Example, //
    },
    guard::{
        check_accessible,
        header::{
            name,
            read_only_mask,
            verify_mask, //
        },
        validate,
        Capability,
        HeaderType,
        Refusal,
        ALL_ONES,
        HEADER_WORDS, //
    },
};

/// One of each sort.
fn examples() -> [Example; 3] {
    [endpoint(), virtual_function(), bridge()]
}

/// The first word for which `f` is not true, if there is one.
fn first_word(f: impl Fn(usize) -> bool) -> Option<usize> {
    (0..HEADER_WORDS).find(|&index| !f(index))
}

/// The verdict on a whole save of `example` whose Command/Status reads `after` behind it.
fn validate_with(example: &Example, after: u32) -> Result<(), Refusal> {
    validate(
        &example.header,
        iter::empty::<Capability<'_>>(),
        after,
        &example.function,
        Some(&example.known_good()),
    )
}

#[kunit_tests(pci_recovery_header)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_holds_passes() {
        for example in examples() {
            assert_eq!(example.check(&example.header), Ok(()));
            assert_eq!(validate_with(&example, example.header[1]), Ok(()));
        }
    }

    #[test]
    fn a_loss_from_any_word_on_is_refused() {
        for example in examples() {
            let lost_from = |index: usize| {
                let mut header = example.header;
                header[index..].fill(ALL_ONES);
                example.check(&header).is_err()
            };
            assert_eq!(first_word(lost_from), None);
        }
    }

    #[test]
    fn a_loss_of_one_word_names_it() {
        let example = endpoint();
        let named = |index| {
            let verdict = example.check_with(index, ALL_ONES);
            match index {
                // What is compared with the kernel's record anyway.
                5 => verdict == unexpected("PCI_BASE_ADDRESS_1", ALL_ONES, 0x38),
                _ => verdict == all_ones(name(HeaderType::Normal, index)),
            }
        };
        assert_eq!(first_word(named), None);
    }

    #[test]
    fn only_a_virtual_function_has_ids_of_ones() {
        assert_eq!(virtual_function().check_with(0, ALL_ONES), Ok(()));
        assert_eq!(
            endpoint().check_with(0, ALL_ONES),
            all_ones("PCI_VENDOR_ID")
        );
        assert_eq!(bridge().check_with(0, ALL_ONES), all_ones("PCI_VENDOR_ID"));
    }

    #[test]
    fn a_function_that_is_not_ready_is_refused() {
        assert_eq!(
            endpoint().check_with(0, 0xffff_0001),
            unexpected("PCI_VENDOR_ID", 0xffff_0001, 0x0005_1b36)
        );
        assert_eq!(
            endpoint().check_with(0, 0),
            unexpected("PCI_VENDOR_ID", 0, 0x0005_1b36)
        );
    }

    #[test]
    fn the_other_layout_is_refused() {
        assert_eq!(
            endpoint().check_with(3, 0x0001_0010),
            unexpected("PCI_HEADER_TYPE", 1, 0)
        );
        // The multi-function bit is no part of it.
        assert_eq!(bridge().check_with(3, 0x0081_0010), Ok(()));
    }

    #[test]
    fn buses_that_the_kernel_did_not_assign_are_refused() {
        assert_eq!(
            bridge().check_with(6, 0),
            unexpected("PCI_PRIMARY_BUS", 0, 0x0003_0100)
        );
        // The latency timer above them is anybody's.
        assert_eq!(bridge().check_with(6, 0xff03_0100), Ok(()));
    }

    #[test]
    fn what_software_cannot_change_is_compared_with_the_known_good_state() {
        for example in examples() {
            let known_good = example.known_good();
            let header_type = example.function.header_type;
            let noticed = |index: usize| {
                let mask = read_only_mask(header_type, index, example.header[index]);
                // Its lowest bit that cannot change, changed.
                let changed =
                    example.with(index, example.header[index] ^ (mask & mask.wrapping_neg()));
                let verdict =
                    crate::guard::check_header(&changed, &example.function, Some(&known_good));
                verdict.is_err() == (mask != 0)
            };
            assert_eq!(first_word(noticed), None);
        }
    }

    #[test]
    fn a_loss_behind_the_save_is_refused() {
        for example in examples() {
            assert_eq!(
                validate_with(&example, ALL_ONES),
                Err(Refusal::LostDuringSave)
            );
        }
    }

    #[test]
    fn a_reset_during_the_save_is_refused() {
        let example = endpoint();
        assert_eq!(
            validate_with(&example, 0x0010_0000),
            Err(Refusal::ResetDuringSave {
                saved: 0x0507,
                after: 0
            })
        );
        // Status may change.
        assert_eq!(validate_with(&example, 0xf110_0507), Ok(()));
    }

    #[test]
    fn only_ones_in_command_and_status_are_no_answer() {
        assert_eq!(check_accessible(ALL_ONES), Err(Refusal::Inaccessible));
        assert_eq!(check_accessible(0xffff), Ok(()));
        assert_eq!(check_accessible(0xffff_0000), Ok(()));
        assert_eq!(check_accessible(0), Ok(()));
    }

    #[test]
    fn words_that_do_not_exist_panic_nowhere() {
        for header_type in [HeaderType::Normal, HeaderType::Bridge] {
            for index in [HEADER_WORDS, usize::MAX] {
                assert_eq!(name(header_type, index), "unknown");
                assert_eq!(read_only_mask(header_type, index, 0), 0);
                assert_eq!(verify_mask(header_type, index, ALL_ONES), ALL_ONES);
            }
        }
    }
}
