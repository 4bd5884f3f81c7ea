// SPDX-License-Identifier: GPL-2.0-only

//! The known-good state as registers: what is compared, what it costs; and the SR-IOV registers.

use kernel::prelude::*;

use crate::{
    example::{
        bridge,
        endpoint,
        virtual_function, //
    },
    guard::{
        Bar,
        BarKind,
        Snapshot,
        Sriov,
        ALL_ONES, //
    },
};

/// A physical function with virtual ones: a 64-bit BAR, a 32-bit one.
fn sriov() -> Sriov {
    let mut bars = [None; 6];
    bars[0] = Some(Bar {
        address: 0x38_0010_0000,
        kind: BarKind::Mem64,
    });
    bars[3] = Some(Bar {
        address: 0xfe00_0000,
        kind: BarKind::Mem32,
    });
    Sriov {
        cap: 0x160,
        num_vfs: 4,
        bars,
    }
}

#[kunit_tests(pci_recovery_snapshot)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_a_kernel_stack() {
        // Callbacks of suspend and resume have it on a stack of 16 KiB, twice.
        assert!(size_of::<Snapshot>() <= 1024);
    }

    #[test]
    fn each_compared_bit_is_compared_and_no_other() {
        for example in [endpoint(), virtual_function(), bridge()] {
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
    fn a_mismatch_is_the_first_and_has_both_values() {
        let known_good = endpoint().known_good();
        let verdict = known_good.verify(|r| if r.offset >= 0x18 { ALL_ONES } else { r.value });
        let seen = verdict.map_err(|m| (m.register.name, m.register.value, m.found));
        assert_eq!(seen, Err(("PCI_BASE_ADDRESS_2", 0xfebf_0000, ALL_ONES)));
    }

    #[test]
    fn status_that_hardware_changes_is_not_compared() {
        let known_good = endpoint().known_good();
        let verdict = known_good.verify(|r| {
            let change = if r.offset == 4 { 0xffff_0000 } else { 0 };
            r.value ^ change
        });
        assert_eq!(verdict, Ok(None));
    }

    #[test]
    fn sriov_registers_are_those_of_what_is_enabled() {
        let sriov = sriov();
        let seen = |offset| {
            let mut registers = sriov.registers();
            registers.find(|r| r.offset == offset).map(|r| r.value)
        };
        assert_eq!(sriov.registers().count(), 5);
        assert_eq!(seen(0x168), Some(0x9));
        assert_eq!(seen(0x170), Some(4));
        assert_eq!(seen(0x184), Some(0x0010_0000));
        assert_eq!(seen(0x188), Some(0x38));
        assert_eq!(seen(0x190), Some(0xfe00_0000));
    }

    #[test]
    fn a_loss_of_any_sriov_register_is_noticed() {
        let sriov = sriov();
        assert!(sriov.verify(|r| r.value).is_ok());
        for lost in sriov.registers() {
            let zero = sriov.verify(|r| if *r == lost { 0 } else { r.value });
            assert_eq!(zero.map_err(|m| m.register), Err(lost));
        }
        // Nothing is asked where no virtual function is enabled.
        let off = Sriov {
            num_vfs: 0,
            ..sriov
        };
        assert!(off.verify(|_| ALL_ONES).is_ok());
    }

    #[test]
    fn an_sriov_capability_at_any_offset_does_not_overflow() {
        for cap in [0, 0xffc, u16::MAX] {
            let sriov = Sriov { cap, ..sriov() };
            assert_eq!(sriov.registers().count(), 5);
        }
    }
}
