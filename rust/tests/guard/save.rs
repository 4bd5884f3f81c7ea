// SPDX-License-Identifier: GPL-2.0-only

//! The whole verdict: order of the rules, the known-good state, a loss half-way.

use pci_recovery_guard::guard::{check_accessible, Refusal, ALL_ONES};

use crate::{
    example::{all_ones, bridge, endpoint, unexpected, virtual_function, Example},
    model::reads::{Answer, Save, Saved},
};

/// A good save of the example, with PCI Express and AER.
fn save(example: &Example) -> Save {
    Save {
        header: example.header,
        capabilities: vec![
            Saved::exp(&[0x282f, 0x0040, 0, 0, 0x0400, 0x0003, 0]),
            Saved::err(&[0x0040_0000, 0x0046_2030, 0xe000, 0xa0]),
        ],
        command_status: example.header[1],
    }
}

#[test]
fn command_and_status_of_ones_is_inaccessible() {
    assert_eq!(check_accessible(ALL_ONES), Err(Refusal::Inaccessible));
    assert_eq!(check_accessible(0x0010_0507), Ok(()));
    // Wiped or powered down, but it answers.
    assert_eq!(check_accessible(0), Ok(()));
    assert_eq!(check_accessible(0x0010_ffff), Ok(()));
}

#[test]
fn a_good_save_passes_with_and_without_a_known_good_state() {
    for example in [endpoint(), virtual_function(), bridge()] {
        let save = save(&example);
        assert_eq!(save.validate(&example.function, None), Ok(()));
        let known_good = save.snapshot(&example.function);
        assert_eq!(save.validate(&example.function, Some(&known_good)), Ok(()));
    }
}

#[test]
fn command_and_status_of_ones_after_the_save_is_a_loss_half_way() {
    let example = endpoint();
    let mut save = save(&example);
    save.command_status = ALL_ONES;
    assert_eq!(
        save.validate(&example.function, None),
        Err(Refusal::LostDuringSave)
    );
}

#[test]
fn command_and_status_after_the_save_need_not_be_what_was_saved() {
    // Status bits come and go.
    let example = endpoint();
    let mut save = save(&example);
    save.command_status |= 0xf900_0000;
    assert_eq!(save.validate(&example.function, None), Ok(()));
}

#[test]
fn a_loss_within_pci_express_that_reads_zeros_is_found_afterwards() {
    let example = endpoint();
    let save = save(&example);
    // From the third of its registers on: what was saved looks plausible, read by read.
    let lost = save.losing(18..save.reads(), Answer::Zeros);
    assert_eq!(lost.capabilities[0].data[0..2], 0x282f_u16.to_ne_bytes());
    let mut without_aer = lost.clone();
    without_aer.capabilities.truncate(1);
    assert_eq!(
        without_aer.validate(&example.function, None),
        Err(Refusal::LostDuringSave)
    );
    assert_eq!(
        lost.validate(&example.function, None),
        all_ones("PCI_ERR_UNCOR_MASK")
    );
}

#[test]
fn every_capability_is_checked() {
    let example = endpoint();
    let mut save = save(&example);
    save.capabilities.push(Saved::dwords(0x18, &[ALL_ONES]));
    assert_eq!(
        save.validate(&example.function, None),
        Err(Refusal::Capability {
            id: 0x18,
            extended: true
        })
    );
}

/// Each rule is broken in turn, the last first: the verdict is always the earliest rule's.
#[test]
fn rules_are_checked_in_order_the_plainest_reason_first() {
    let example = endpoint();
    let good = save(&example);
    let known_good = good.snapshot(&example.function);
    let mut save = good;
    let mut verdict = |break_rule: &dyn Fn(&mut Save)| {
        break_rule(&mut save);
        save.validate(&example.function, Some(&known_good))
    };

    assert_eq!(
        verdict(&|save| save.command_status = ALL_ONES),
        Err(Refusal::LostDuringSave)
    );
    assert_eq!(
        verdict(&|save| save.capabilities[0] = Saved::exp(&[0; 7])),
        Err(Refusal::Zeroed {
            capability: "PCI Express"
        })
    );
    assert_eq!(
        verdict(&|save| save.header[2] = 0x00ff_0011),
        unexpected("PCI_CLASS_REVISION", 0x00ff_0011, 0x00ff_0010)
    );
    assert_eq!(
        verdict(&|save| save.header[1] = 0x0010_0000),
        Err(Refusal::Disabled { command: 0 })
    );
    assert_eq!(
        verdict(&|save| save.header[4..8].fill(0)),
        Err(Refusal::Wiped)
    );
    assert_eq!(
        verdict(&|save| save.header[13] = 0),
        Err(Refusal::Invalid {
            register: "PCI_CAPABILITY_LIST",
            found: 0
        })
    );
    assert_eq!(
        verdict(&|save| save.header[0] = 0),
        unexpected("PCI_VENDOR_ID", 0, 0x0005_1b36)
    );
    assert_eq!(
        verdict(&|save| save.header[3] = 0x0001_0000),
        unexpected("PCI_HEADER_TYPE", 1, 0)
    );
    assert_eq!(
        verdict(&|save| save.header[15] = ALL_ONES),
        all_ones("PCI_INTERRUPT_LINE")
    );
}

/// The verdict on `example` with word `index` replaced, its own header being known good.
fn against_known_good(example: &Example, index: usize, value: u32) -> Result<(), Refusal> {
    let mut save = save(example);
    let known_good = save.snapshot(&example.function);
    save.header[index] = value;
    save.command_status = save.header[1];
    save.validate(&example.function, Some(&known_good))
}

#[test]
fn read_only_words_of_an_endpoint_must_be_the_known_good_ones() {
    let words = [
        (0, 0x0006_1b36, "PCI_VENDOR_ID"),
        (2, 0x00ff_0011, "PCI_CLASS_REVISION"),
        (10, 0x0000_1000, "PCI_CARDBUS_CIS"),
        (11, 0x1101_1af4, "PCI_SUBSYSTEM_VENDOR_ID"),
    ];
    for (index, found, register) in words {
        let example = endpoint();
        assert_eq!(
            against_known_good(&example, index, found),
            unexpected(register, found, example.header[index])
        );
    }
}

#[test]
fn read_only_parts_of_words_are_compared_and_shown_alone() {
    assert_eq!(
        against_known_good(&endpoint(), 3, 0x1280_4020),
        Ok(()),
        "cache line size, latency timer and BIST are writable"
    );
    assert_eq!(
        against_known_good(&endpoint(), 3, 0x0000_0010),
        unexpected("PCI_CACHE_LINE_SIZE", 0, 0x0080_0000),
        "the multifunction bit is not"
    );
    assert_eq!(
        against_known_good(&endpoint(), 13, 0x48),
        unexpected("PCI_CAPABILITY_LIST", 0x48, 0x40)
    );
    assert_eq!(
        against_known_good(&endpoint(), 15, 0x0000_0005),
        unexpected("PCI_INTERRUPT_LINE", 0, 0x0100)
    );
    assert_eq!(
        against_known_good(&bridge(), 15, 0x0002_020b),
        unexpected("PCI_INTERRUPT_LINE", 0x0200, 0x0100)
    );
    assert_eq!(against_known_good(&endpoint(), 15, 0x0000_0105), Ok(()));
}

#[test]
fn read_only_words_of_a_bridge_must_be_the_known_good_ones() {
    assert_eq!(
        against_known_good(&bridge(), 0, 0x000d_1b36),
        unexpected("PCI_VENDOR_ID", 0x000d_1b36, 0x000c_1b36)
    );
    assert_eq!(
        against_known_good(&bridge(), 2, 0x0604_0001),
        unexpected("PCI_CLASS_REVISION", 0x0604_0001, 0x0604_0000)
    );
}

#[test]
fn reserved_word_of_ones_is_refused_if_it_was_not() {
    let mut example = endpoint();
    assert_eq!(
        against_known_good(&example, 14, ALL_ONES),
        all_ones("reserved")
    );
    // Not even if the core holds it: the known-good state is what counts.
    example.function.saved_before[14] = ALL_ONES;
    assert_eq!(
        against_known_good(&example, 14, ALL_ONES),
        all_ones("reserved")
    );
}

#[test]
fn a_reset_during_the_save_is_told_by_command() {
    let example = endpoint();
    let mut save = save(&example);
    save.command_status &= !0x0006;
    assert_eq!(
        save.validate(&example.function, None),
        Err(Refusal::ResetDuringSave {
            saved: example.header[1] as u16,
            after: example.header[1] as u16 & !0x0006,
        })
    );
}

#[test]
fn cardbus_cis_of_ones_is_refused_if_it_was_not() {
    assert_eq!(
        against_known_good(&endpoint(), 10, ALL_ONES),
        all_ones("PCI_CARDBUS_CIS")
    );
}

#[test]
fn upper_half_of_a_bridge_window_of_ones_is_refused_if_it_was_not() {
    let words = [
        (10, "PCI_PREF_BASE_UPPER32"),
        (11, "PCI_PREF_LIMIT_UPPER32"),
        (12, "PCI_IO_BASE_UPPER16"),
    ];
    for (index, register) in words {
        assert_eq!(
            against_known_good(&bridge(), index, ALL_ONES),
            all_ones(register)
        );
        // Firmware closes windows so, and the kernel moves them.
        let mut example = bridge();
        example.header[index] = ALL_ONES;
        example.function.saved_before[index] = ALL_ONES;
        assert_eq!(against_known_good(&example, index, ALL_ONES), Ok(()));
        assert_eq!(against_known_good(&bridge(), index, 0x40), Ok(()));
        assert_eq!(against_known_good(&example, index, 0x40), Ok(()));
    }
}

#[test]
fn words_that_software_changes_may_differ_from_the_known_good_ones() {
    assert_eq!(against_known_good(&endpoint(), 1, 0x0010_0147), Ok(()));
    assert_eq!(against_known_good(&endpoint(), 8, 0x1000), Ok(()));
    assert_eq!(against_known_good(&endpoint(), 12, 0xfea0_0000), Ok(()));
    assert_eq!(against_known_good(&endpoint(), 14, 0x1234), Ok(()));
    assert_eq!(against_known_good(&bridge(), 7, 0x0000_e1e1), Ok(()));
    assert_eq!(against_known_good(&bridge(), 8, 0xfd70_fd60), Ok(()));
    assert_eq!(against_known_good(&bridge(), 9, 0x1ff1_1001), Ok(()));
    assert_eq!(against_known_good(&bridge(), 14, 0xfea0_0000), Ok(()));
}

#[test]
fn a_bar_that_the_kernel_moved_may_differ_from_the_known_good_one() {
    let mut example = endpoint();
    let mut save = save(&example);
    let known_good = save.snapshot(&example.function);
    if let Some(bar) = &mut example.function.bars[0] {
        bar.address = 0x39_0000_8000;
    }
    save.header[4] = 0x0000_800c;
    save.header[5] = 0x39;
    assert_eq!(save.validate(&example.function, Some(&known_good)), Ok(()));
}
