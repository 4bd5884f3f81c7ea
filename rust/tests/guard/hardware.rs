// SPDX-License-Identifier: GPL-2.0-only

//! Hardware that is not as the specification has it of most: it is accepted, a loss is not.

use pci_recovery_guard::guard::{
    check_aer_ones, check_header, learn_aer_ones, plausible::check, Learned, Refusal, ALL_ONES,
};

use crate::{
    example::{bridge, endpoint, unexpected, Example},
    model::reads::Saved,
};

/// A bridge on bus 2 with buses 3 to 5 below it.
fn on_bus_2() -> Example {
    let mut example = bridge();
    if let Some(buses) = &mut example.function.buses {
        (buses.primary, buses.secondary, buses.subordinate) = (2, 3, 5);
    }
    example.header[6] = 0x0005_0302;
    example
}

#[test]
fn a_primary_bus_that_is_hard_wired_to_0_is_accepted() {
    let example = on_bus_2();
    assert_eq!(example.check_with(6, 0x0005_0302), Ok(()));
    assert_eq!(example.check_with(6, 0x0005_0300), Ok(()));
    for wrong in [0x0005_0303, 0x0005_0402, 0x0006_0302, 0x0005_0000, 0] {
        assert_eq!(
            example.check_with(6, wrong),
            unexpected("PCI_PRIMARY_BUS", wrong, 0x0005_0302)
        );
    }
}

/// One that was another number before is not hard-wired.
#[test]
fn a_primary_bus_that_became_0_is_refused() {
    let example = on_bus_2();
    let known_good = example.known_good();
    let header = example.with(6, 0x0005_0300);
    assert_eq!(
        check_header(&header, &example.function, Some(&known_good)),
        unexpected("PCI_PRIMARY_BUS", 0, 2)
    );
    let mut hard_wired = on_bus_2();
    hard_wired.header[6] = 0x0005_0300;
    let known_good = hard_wired.known_good();
    let verdict = check_header(&hard_wired.header, &hard_wired.function, Some(&known_good));
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_secondary_bus_in_reset_is_not_saved() {
    let found = bridge().header[15] | 0x0040_0000;
    let refusal = Refusal::Invalid {
        register: "PCI_BRIDGE_CONTROL",
        found: found >> 16,
    };
    assert_eq!(bridge().check_with(15, found), Err(refusal));
    // The same bit of an endpoint is of Min_Gnt.
    let example = endpoint();
    let found = example.header[15] | 0x0040_0000;
    assert_eq!(example.check_with(15, found), Ok(()));
}

#[test]
fn bus_mastering_that_is_hard_wired_is_not_missed() {
    let mut example = endpoint();
    let command = example.header[1] & !0x4;
    assert!(example.check_with(1, command).is_err());
    example.function.learned.no_bus_master = true;
    assert_eq!(example.check_with(1, command), Ok(()));
    // Memory decoding is.
    assert!(example.check_with(1, command & !0x2).is_err());
}

const ERR: [u32; 5] = [0x0040_0000, 0x0046_2030, ALL_ONES, 0xa0, 0x7];

#[test]
fn a_register_of_aer_that_is_all_ones_for_good_is_learned() {
    let saved = Saved::err(&ERR);
    let verdict = |learned| check(&saved.as_guard(), &learned, None);
    assert!(verdict(Learned::default()).is_err());

    // It reads so once more: so is the hardware.
    let aer_ones = learn_aer_ones(&saved.as_guard(), |offset| {
        assert_eq!(offset, 0x14);
        ALL_ONES
    });
    assert_eq!(aer_ones, 1 << 2);
    let learned = Learned {
        aer_ones,
        ..Learned::default()
    };
    assert_eq!(verdict(learned), Ok(()));
    // It reads something else: it was a loss.
    assert_eq!(learn_aer_ones(&saved.as_guard(), |_| 0xe000), 0);

    // Of another register it says nothing.
    let mut other = ERR;
    other[0] = ALL_ONES;
    assert!(check(&Saved::err(&other).as_guard(), &learned, None).is_err());
}

/// A driver has written the mask since: all-ones that are read once are a loss again.
#[test]
fn a_register_of_aer_that_was_all_ones_is_read_once_more() {
    let saved = Saved::err(&ERR);
    let learned = Learned {
        aer_ones: 1 << 2,
        ..Learned::default()
    };
    let verdict = |found| check_aer_ones(&saved.as_guard(), &learned, |_| found);
    assert_eq!(verdict(ALL_ONES), Ok(()));
    let refusal = Refusal::AllOnes {
        register: "PCI_ERR_COR_MASK",
    };
    assert_eq!(verdict(0xe000), Err(refusal));
    // Where nothing was learned, no register is read.
    let nothing = Learned::default();
    let read = |_| panic!("a read");
    assert_eq!(check_aer_ones(&saved.as_guard(), &nothing, read), Ok(()));
}
