// SPDX-License-Identifier: GPL-2.0-only

//! One case of each family of rules, and what only the kernel has: KASAN, its formatting, the size
//! of its stack. The host tests (`tests/guard/`) have every rule with every value.

use core::{
    fmt::Write,
    iter, //
};

use kernel::{
    prelude::*,
    str::{
        CString,
        Formatter, //
    }, //
};

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
        capability::{
            ID_ERR,
            ID_EXP, //
        },
        header::read_only_mask,
        plausible::check,
        validate,
        Bar,
        BarKind,
        Capability,
        Learned,
        Refusal,
        Snapshot,
        Sriov,
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

#[kunit_tests(pci_recovery_rules)]
mod tests {
    use super::*;

    #[test]
    fn header_a_loss_from_any_word_on_is_refused() {
        for example in examples() {
            let lost_from = |index: usize| {
                let mut header = example.header;
                header[index..].fill(ALL_ONES);
                example.check(&header).is_err()
            };
            assert_eq!(example.check(&example.header), Ok(()));
            assert_eq!(first_word(lost_from), None);
            assert_eq!(example.check_with(1, ALL_ONES), all_ones("PCI_COMMAND"));
        }
    }

    #[test]
    fn bars_a_wiped_function_is_refused_as_such() {
        let mut header = endpoint().header;
        header[1] &= 0xffff_0000;
        header[4..10].fill(0);
        assert_eq!(endpoint().check(&header), Err(Refusal::Wiped));
        assert_eq!(
            endpoint().check_with(6, 0),
            unexpected("PCI_BASE_ADDRESS_2", 0, 0xfebf_0000)
        );
    }

    #[test]
    fn command_without_what_the_kernel_enabled_is_refused() {
        let example = endpoint();
        let command = 0x2;
        assert_eq!(
            example.check_with(1, example.header[1] & 0xffff_0000 | u32::from(command)),
            Err(Refusal::Disabled { command })
        );
    }

    #[test]
    fn save_what_software_cannot_change_is_compared_with_the_known_good_state() {
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
    fn save_a_loss_behind_it_is_refused() {
        let example = endpoint();
        let none = iter::empty::<Capability<'_>>();
        assert_eq!(
            validate(&example.header, none, ALL_ONES, &example.function, None),
            Err(Refusal::LostDuringSave)
        );
    }

    #[test]
    fn capability_none_is_read_behind_its_end() -> Result {
        let kinds = [(ID_EXP, false), (ID_ERR, true), (0x05, false), (0x1e, true)];
        for len in 0..=32 {
            // Of exactly that length, so that KASAN notices a read behind it.
            let bytes = KVec::from_elem(0x01_u8, len, GFP_KERNEL)?;
            for (id, extended) in kinds {
                let data = &bytes[..];
                let capability = Capability { id, extended, data };
                assert_eq!(check(&capability, &Learned::default(), None), Ok(()));
                assert_eq!(capability.words().count(), len / 2);
                assert_eq!(capability.dwords().count(), len / 4);
            }
        }
        Ok(())
    }

    #[test]
    fn snapshot_fits_a_kernel_stack() {
        // Callbacks of suspend and resume have it on a stack of 16 KiB, twice.
        assert!(size_of::<Snapshot>() <= 1024);
    }

    #[test]
    fn snapshot_each_compared_bit_is_compared_and_no_other() {
        for example in examples() {
            let known_good = example.known_good();
            for register in known_good.registers() {
                for bit in (0..32).map(|bit| 1_u32 << bit) {
                    let verdict = known_good.verify(|r| {
                        let change = if *r == register { bit } else { 0 };
                        r.value ^ change
                    });
                    let is_found = verdict != Ok(None);
                    assert_eq!(is_found, register.mask & bit != 0);
                }
            }
        }
    }

    #[test]
    fn sriov_a_loss_of_any_register_is_noticed() {
        let mut bars = [None; 6];
        bars[0] = Some(Bar {
            address: 0x38_0010_0000,
            kind: BarKind::Mem64,
        });
        let (cap, num_vfs) = (0x160, 4);
        let sriov = Sriov { cap, num_vfs, bars };
        assert!(sriov.verify(|r| r.value).is_ok());
        for lost in sriov.registers() {
            let zero = sriov.verify(|r| if *r == lost { 0 } else { r.value });
            assert_eq!(zero.map_err(|m| m.register), Err(lost));
        }
    }

    #[test]
    fn display_reads_the_same_in_a_string_of_the_kernels() -> Result {
        let refusal = Refusal::Unexpected {
            register: "PCI_BASE_ADDRESS_0",
            found: 0xc,
            expected: u32::MAX,
        };
        let text = CString::try_from_fmt(fmt!("{}", refusal))?;
        assert_eq!(
            text.to_bytes(),
            b"PCI_BASE_ADDRESS_0 reads 0x0000000c, not 0xffffffff"
        );
        let text = CString::try_from_fmt(fmt!("{}", Refusal::Core { errno: -12 }))?;
        assert_eq!(text.to_bytes(), b"the PCI core failed with -12");
        Ok(())
    }

    #[test]
    fn display_a_buffer_that_is_too_short_is_an_error_and_overruns_nothing() -> Result {
        let text = "wiped: PCI_COMMAND reads 0x0400, it lost what was enabled";
        for len in 0..=text.len() {
            // KASAN looks at what is behind it.
            let mut buffer = KVec::from_elem(0_u8, len, GFP_KERNEL)?;
            let written = write!(
                Formatter::new(&mut buffer),
                "{}",
                Refusal::Disabled { command: 0x400 }
            );
            assert_eq!(written.is_ok(), len == text.len());
        }
        Ok(())
    }
}
