// SPDX-License-Identifier: GPL-2.0-only

//! What the SR-IOV capability must read while virtual functions are enabled.

use pci_recovery_guard::guard::{Bar, BarKind, Mismatch, Sriov, ALL_ONES};

const CAP: u16 = 0x148;

/// Four virtual functions with a 32-bit BAR 1 and a 64-bit BAR 4, which is above 4G.
fn sriov(num_vfs: u16) -> Sriov {
    let bar = |address, kind| Some(Bar { address, kind });
    Sriov {
        cap: CAP,
        num_vfs,
        bars: [
            None,
            bar(0xfe64_1000, BarKind::Mem32),
            None,
            None,
            bar(0x38_fea0_4000, BarKind::Mem64),
            None,
        ],
    }
}

/// What the capability of [`sriov`] reads when all is well, with bits that do not count.
fn read(offset: u16) -> u32 {
    match offset - CAP {
        // Status and ARI Capable Hierarchy.
        0x08 => 0xffff_0019,
        // Function Dependency Link.
        0x10 => 0x0001_0004,
        // Type and prefetchable.
        0x28 => 0xfe64_1000,
        0x34 => 0xfea0_400c,
        0x38 => 0x0000_0038,
        _ => panic!("{offset:#x} is not to be read"),
    }
}

/// The verdict where the register at `offset` of the capability reads `value`.
fn verdict(offset: u16, value: u32) -> Result<(), (&'static str, u16)> {
    let read = |at| {
        if at == CAP + offset {
            value
        } else {
            read(at)
        }
    };
    sriov(4)
        .verify(|register| read(register.offset))
        .map_err(|Mismatch { register, found }| {
            assert_eq!(found, value);
            (register.name, register.offset - CAP)
        })
}

#[test]
fn what_the_kernel_enabled_passes() {
    assert_eq!(sriov(4).verify(|register| read(register.offset)), Ok(()));
}

#[test]
fn vf_enable_and_memory_space_enable_must_be_set() {
    for control in [0, 0x10, 0x1, 0x8, 0xffff_0000] {
        assert_eq!(verdict(0x08, control), Err(("PCI_SRIOV_CTRL", 0x08)));
    }
    assert_eq!(verdict(0x08, 0x9), Ok(()));
}

#[test]
fn num_vfs_must_be_what_was_enabled() {
    for number in [0, 3, 5, 0x0004_0000, ALL_ONES] {
        assert_eq!(verdict(0x10, number), Err(("PCI_SRIOV_NUM_VF", 0x10)));
    }
    assert_eq!(verdict(0x10, 4), Ok(()));
}

#[test]
fn bars_must_hold_the_assigned_addresses() {
    assert_eq!(verdict(0x28, 0), Err(("PCI_SRIOV_BAR", 0x28)));
    assert_eq!(verdict(0x28, 0xfe64_2000), Err(("PCI_SRIOV_BAR", 0x28)));
    assert_eq!(verdict(0x34, 0xc), Err(("PCI_SRIOV_BAR", 0x34)));
    assert_eq!(verdict(0x38, 0), Err(("PCI_SRIOV_BAR", 0x38)));
}

#[test]
fn a_loss_is_noticed_at_the_first_register_that_cannot_be_ones() {
    let lost = sriov(4).verify(|_| ALL_ONES).map_err(|m| m.register.name);
    assert_eq!(lost, Err("PCI_SRIOV_NUM_VF"));
}

#[test]
fn a_capability_at_any_offset_does_not_overflow() {
    for cap in [0, 0xffc, u16::MAX] {
        let sriov = Sriov { cap, ..sriov(4) };
        assert_eq!(sriov.registers().count(), 5);
    }
}

#[test]
fn without_virtual_functions_nothing_is_compared() {
    assert_eq!(sriov(0).registers().count(), 0);
    let none = sriov(0).verify(|_| panic!("nothing is to be read"));
    assert_eq!(none, Ok(()));
}
