// SPDX-License-Identifier: GPL-2.0-only

//! BARs and Command against what the kernel assigned and enabled.

use kernel::prelude::*;

use crate::{
    example::{
        bridge,
        endpoint,
        unexpected,
        virtual_function,
        Example, //
    },
    guard::{
        Bar,
        BarKind,
        Header,
        Refusal,
        ALL_ONES, //
    },
};

/// The header of `example` after a reset that nobody restored: the type bits of the BARs are
/// hardwired.
fn wiped(example: &Example) -> Header {
    let mut header = example.header;
    header[1] &= 0xffff_0000;
    for (index, bar) in example.function.bars.iter().enumerate() {
        if let Some(bar) = bar {
            header[4 + index] &= 0xf;
            if bar.kind == BarKind::Mem64 {
                header[5 + index] = 0;
            }
        }
    }
    header
}

/// The verdict on an `example` whose Command reads `command`.
fn with_command(example: &Example, command: u32) -> Result<(), Refusal> {
    example.check_with(1, example.header[1] & 0xffff_0000 | command)
}

#[kunit_tests(pci_recovery_bars)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_function_is_refused_as_such() {
        assert_eq!(endpoint().check(&wiped(&endpoint())), Err(Refusal::Wiped));
        assert_eq!(bridge().check(&wiped(&bridge())), Err(Refusal::Wiped));
    }

    #[test]
    fn one_address_that_is_left_shows_which_is_not() {
        let example = endpoint();
        let mut header = wiped(&example);
        header[7] = example.header[7];
        // Compared from the first BAR on, whose lower half is the first that is wrong.
        assert_eq!(
            example.check(&header),
            unexpected("PCI_BASE_ADDRESS_0", 0xc, 0x400c)
        );
    }

    #[test]
    fn each_bit_of_an_address_counts() {
        let example = endpoint();
        for (index, address_bits) in [(4, !0xf), (5, ALL_ONES), (6, !0xf), (7, !0x3)] {
            for bit in (0..32)
                .map(|bit| 1 << bit)
                .filter(|bit| address_bits & bit != 0)
            {
                assert!(example
                    .check_with(index, example.header[index] ^ bit)
                    .is_err());
            }
        }
    }

    #[test]
    fn the_highest_addresses_do_not_overflow() {
        let mut example = endpoint();
        example.function.bars = [None; 6];
        example.function.bars[5] = Some(Bar {
            address: 0xffff_fff0,
            kind: BarKind::Mem32,
        });
        assert_eq!(example.check_with(9, 0xffff_fff0), Ok(()));

        example.function.bars = [None; 6];
        example.function.bars[4] = Some(Bar {
            address: u64::MAX & !0xf,
            kind: BarKind::Mem64,
        });
        let mut header = example.with(8, 0xffff_fff4);
        header[9] = ALL_ONES;
        assert_eq!(example.check(&header), Ok(()));
    }

    #[test]
    fn a_64_bit_bar_in_the_last_word_is_refused_and_panics_not() {
        // No function has one: there is no word for its upper half.
        let mut example = endpoint();
        example.function.bars = [None; 6];
        example.function.bars[5] = Some(Bar {
            address: 0x1_0000_0000_0000,
            kind: BarKind::Mem64,
        });
        assert!(example.check_with(9, 0x4).is_err());
    }

    #[test]
    fn bars_of_a_virtual_function_are_zero_by_design() {
        let example = virtual_function();
        assert_eq!(
            example.check(&wiped(&example)),
            Err(Refusal::Disabled { command: 0 })
        );
        assert_eq!(example.check(&example.header), Ok(()));
    }

    #[test]
    fn command_keeps_what_the_kernel_enabled() {
        for example in [endpoint(), bridge()] {
            assert_eq!(with_command(&example, 0x6), Ok(()));
            assert_eq!(
                with_command(&example, 0x4),
                Err(Refusal::Disabled { command: 0x4 })
            );
            assert_eq!(
                with_command(&example, 0x2),
                Err(Refusal::Disabled { command: 0x2 })
            );
        }
        let mut example = endpoint();
        example.function.enabled = false;
        example.function.bus_master = false;
        assert_eq!(with_command(&example, 0), Ok(()));
    }
}
