// SPDX-License-Identifier: GPL-2.0-only

//! Saved capabilities: PCI Express, AER, and the ones of which only the words are known.

use pci_recovery_guard::guard::{
    capability::{ERR, EXP, EXP_REGISTERS, ID_ERR, ID_EXP},
    plausible::{check, check_exp_kept},
    Capability, Learned, Refusal, Snapshot,
};

use crate::{
    example::{all_ones, endpoint},
    model::reads::{Saved, ID_DPC, ID_LTR, ID_PCIX, ID_TPH, ID_VC, ID_VC9, ID_VC_MF},
};

/// PCI Express registers as a function has them: MPS 256, MRRS 512, some enables.
const EXP_GOOD: [u16; EXP_REGISTERS] = [0x282f, 0x0040, 0, 0, 0x0400, 0x0003, 0];

/// The verdict on a capability without a known-good state.
fn alone(capability: &Capability<'_>) -> Result<(), Refusal> {
    check(capability, &Learned::default(), None)
}

/// The verdict on these PCI Express registers.
fn check_exp(words: &[u16], known_good: Option<&Snapshot>) -> Result<(), Refusal> {
    check(
        &Saved::exp(words).as_guard(),
        &Learned::default(),
        known_good,
    )
}

/// The verdict on these AER registers.
fn check_err(words: &[u32]) -> Result<(), Refusal> {
    check(&Saved::err(words).as_guard(), &Learned::default(), None)
}

/// The verdict on the bytes of an extended capability.
fn check_extended(id: u16, data: &[u8]) -> Result<(), Refusal> {
    let extended = true;
    alone(&Capability { id, extended, data })
}

/// A known-good state with these PCI Express registers.
fn known_good(words: &[u16]) -> Snapshot {
    let (example, saved) = (endpoint(), Saved::exp(words));
    let capabilities = [saved.as_guard()];
    Snapshot::new(&example.header, capabilities.into_iter(), &example.function)
}

fn poisoned(id: u16, extended: bool) -> Result<(), Refusal> {
    Err(Refusal::Capability { id, extended })
}

#[test]
fn pci_express_registers_of_a_function_pass() {
    assert_eq!(check_exp(&EXP_GOOD, None), Ok(()));
    assert_eq!(check_exp(&EXP_GOOD, Some(&known_good(&EXP_GOOD))), Ok(()));
}

#[test]
fn no_pci_express_register_reads_all_ones() {
    for (index, register) in EXP.iter().enumerate() {
        let mut words = EXP_GOOD;
        words[index] = 0xffff;
        assert_eq!(check_exp(&words, None), all_ones(register.name));
    }
}

#[test]
fn pci_express_registers_are_saved_in_the_cores_order() {
    let names = EXP.map(|register| register.name);
    let order = [
        "PCI_EXP_DEVCTL",
        "PCI_EXP_LNKCTL",
        "PCI_EXP_SLTCTL",
        "PCI_EXP_RTCTL",
        "PCI_EXP_DEVCTL2",
        "PCI_EXP_LNKCTL2",
        "PCI_EXP_SLTCTL2",
    ];
    assert_eq!(names, order);
}

#[test]
fn max_payload_size_encodings_end_at_5() {
    for payload in 0..=7 {
        let device_control = (payload << 5) | 0x200f;
        let verdict = check_exp(&[device_control, 0, 0, 0, 0, 0, 0], None);
        assert_eq!(verdict, device_control_verdict(payload, device_control));
    }
}

#[test]
fn max_read_request_size_encodings_end_at_5() {
    for request in 0..=7 {
        let device_control = (request << 12) | 0x002f;
        let verdict = check_exp(&[device_control, 0, 0, 0, 0, 0, 0], None);
        assert_eq!(verdict, device_control_verdict(request, device_control));
    }
}

fn device_control_verdict(encoding: u16, device_control: u16) -> Result<(), Refusal> {
    if encoding <= 5 {
        return Ok(());
    }
    Err(Refusal::Invalid {
        register: "PCI_EXP_DEVCTL",
        found: device_control.into(),
    })
}

#[test]
fn pci_express_of_zeros_is_refused_if_it_was_not_zero() {
    assert_eq!(
        check_exp(&[0; EXP_REGISTERS], Some(&known_good(&EXP_GOOD))),
        Err(Refusal::Zeroed {
            capability: "PCI Express"
        })
    );
    // One register was enough.
    assert_eq!(
        check_exp(
            &[0; EXP_REGISTERS],
            Some(&known_good(&[0, 0, 0, 0, 0, 3, 0]))
        ),
        Err(Refusal::Zeroed {
            capability: "PCI Express"
        })
    );
}

#[test]
fn pci_express_of_zeros_is_fine_if_it_was_zero_before() {
    let zeros = [0; EXP_REGISTERS];
    assert_eq!(check_exp(&zeros, Some(&known_good(&zeros))), Ok(()));
    assert_eq!(check_exp(&zeros, Some(&endpoint().known_good())), Ok(()));
}

#[test]
fn pci_express_of_zeros_is_fine_without_a_known_good_state() {
    assert_eq!(check_exp(&[0; EXP_REGISTERS], None), Ok(()));
}

#[test]
fn one_pci_express_register_that_is_not_zero_is_no_loss() {
    let words = [0, 0, 0, 0, 0, 0, 1];
    assert_eq!(check_exp(&words, Some(&known_good(&EXP_GOOD))), Ok(()));
}

#[test]
fn pci_express_with_no_registers_is_a_loss_if_there_were_some() {
    assert_eq!(check_exp(&[], None), Ok(()));
    assert!(check_exp(&[], Some(&known_good(&EXP_GOOD))).is_err());
}

/// The verdict on a function that reads `now` where `saved` was saved of its PCI Express
/// capability.
fn check_kept(saved: &[u16], now: &[u16]) -> Result<(), Refusal> {
    let read = |offset| {
        let index = EXP.iter().position(|register| register.offset == offset);
        now[index.expect("a register that is saved")]
    };
    check_exp_kept(&Saved::exp(saved).as_guard(), read)
}

#[test]
fn a_function_whose_pci_express_became_zero_was_wiped() {
    let wiped = Err(Refusal::Zeroed {
        capability: "PCI Express",
    });
    assert_eq!(check_kept(&EXP_GOOD, &[0; EXP_REGISTERS]), wiped);
    // As of a virtual function: only the enables of error reporting.
    let vf = [0xf, 0, 0, 0, 0, 0, 0];
    assert_eq!(check_kept(&vf, &[0; EXP_REGISTERS]), wiped);
}

#[test]
fn a_function_whose_pci_express_reads_something_was_not_wiped() {
    assert_eq!(check_kept(&EXP_GOOD, &EXP_GOOD), Ok(()));
    assert_eq!(check_kept(&EXP_GOOD, &[0, 0, 0, 0, 0, 3, 0]), Ok(()));
    assert_eq!(check_kept(&[0; EXP_REGISTERS], &[0; EXP_REGISTERS]), Ok(()));
    assert_eq!(check_kept(&[], &[0; EXP_REGISTERS]), Ok(()));
    let other = Saved::dwords(ID_LTR, &[0x1003_1003]);
    assert_eq!(check_exp_kept(&other.as_guard(), |_| 0), Ok(()));
}

#[test]
fn no_aer_register_reads_all_ones() {
    let words = [0x0040_0000, 0x0046_2030, 0xe000, 0xa0, 0x7];
    assert_eq!(check_err(&words), Ok(()));
    assert_eq!(check_err(&words[..4]), Ok(()));
    for (index, register) in ERR.iter().enumerate() {
        let mut words = words;
        words[index] = u32::MAX;
        assert_eq!(check_err(&words), all_ones(register.name));
    }
}

#[test]
fn aer_of_zeros_is_fine() {
    assert_eq!(check_err(&[0; 4]), Ok(()));
}

#[test]
fn the_same_id_in_the_other_list_is_another_capability() {
    // Extended 0x10 is SR-IOV, not PCI Express; ordinary 0x01 is power management, not AER.
    let bytes = [0xff; 4];
    assert_eq!(check_extended(ID_EXP, &bytes), poisoned(ID_EXP, true));
    let power = Capability {
        id: ID_ERR,
        extended: false,
        data: &bytes,
    };
    assert_eq!(alone(&power), poisoned(ID_ERR, false));
}

#[test]
fn a_dword_of_ones_in_any_other_capability_is_refused() {
    let latencies = Saved::dwords(ID_LTR, &[0x1003_1003]);
    assert_eq!(alone(&latencies.as_guard()), Ok(()));
    let latencies = Saved::dwords(ID_LTR, &[u32::MAX]);
    assert_eq!(alone(&latencies.as_guard()), poisoned(ID_LTR, true));

    for lost in 0..4 {
        let mut words = [1, 0x8000_00ff, 0x8102_0000, 0];
        assert_eq!(alone(&Saved::dwords(ID_VC, &words).as_guard()), Ok(()));
        words[lost] = u32::MAX;
        let channels = Saved::dwords(ID_VC, &words);
        assert_eq!(alone(&channels.as_guard()), poisoned(ID_VC, true));
    }
}

#[test]
fn a_word_of_ones_across_two_dwords_is_no_loss() {
    let data = [0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0];
    assert_eq!(check_extended(ID_LTR, &data), Ok(()));
}

#[test]
fn port_vc_control_is_16_bits_in_a_slot_of_32() {
    for id in [ID_VC, ID_VC_MF, ID_VC9] {
        let data = [0xff, 0xff, 0, 0, 0xff, 0, 0, 0x80];
        assert_eq!(check_extended(id, &data), poisoned(id, true));
        let data = [0xfe, 0xff, 0, 0, 0xff, 0, 0, 0x80];
        assert_eq!(check_extended(id, &data), Ok(()));
    }
    // No other capability has such a slot.
    assert_eq!(check_extended(ID_LTR, &[0xff, 0xff, 0, 0]), Ok(()));
    let data: &[u8] = &[0xff, 0xff, 0, 0];
    let vital = Capability {
        id: ID_VC,
        extended: false,
        data,
    };
    assert_eq!(alone(&vital), Ok(()));
}

#[test]
fn steering_tags_of_tph_may_be_all_ones_but_not_its_control() {
    let mut data = vec![0x01, 0, 0, 0];
    data.extend([0xff; 6]);
    assert_eq!(check_extended(ID_TPH, &data), Ok(()));
    data[..4].fill(0xff);
    assert_eq!(check_extended(ID_TPH, &data), poisoned(ID_TPH, true));
    // Ordinary 0x17 is not TPH.
    let other = Capability {
        id: ID_TPH,
        extended: false,
        data: &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    };
    assert_eq!(alone(&other), poisoned(ID_TPH, false));
}

#[test]
fn capabilities_of_one_16_bit_register_are_checked_as_such() {
    assert_eq!(
        check_extended(ID_DPC, &[0xff, 0xff]),
        poisoned(ID_DPC, true)
    );
    assert_eq!(check_extended(ID_DPC, &[0xff, 0x7f]), Ok(()));
    let extended = Capability {
        id: ID_PCIX,
        extended: false,
        data: &[0xff, 0xff],
    };
    assert_eq!(alone(&extended), poisoned(ID_PCIX, false));
}

#[test]
fn odd_lengths_are_checked_as_far_as_they_hold_whole_registers() {
    assert_eq!(check_extended(ID_LTR, &[]), Ok(()));
    assert_eq!(check_extended(ID_LTR, &[0xff]), Ok(()));
    assert_eq!(check_extended(ID_LTR, &[0xff; 3]), poisoned(ID_LTR, true));
    assert_eq!(check_extended(ID_LTR, &[0xff; 5]), poisoned(ID_LTR, true));
    assert_eq!(check_extended(ID_LTR, &[0, 0, 0, 0, 0xff]), Ok(()));
    let data: &[u8] = &[0x2f, 0x28, 0xff];
    let short = Capability {
        id: ID_EXP,
        extended: false,
        data,
    };
    assert_eq!(alone(&short), Ok(()));
}

#[test]
fn words_are_in_the_cpus_byte_order() {
    let [a, b] = 0x1234_u16.to_ne_bytes();
    let [c, d, e, f] = 0x1234_5678_u32.to_ne_bytes();
    let word = Capability {
        id: 0,
        extended: false,
        data: &[a, b],
    };
    assert_eq!(word.words().collect::<Vec<_>>(), [0x1234]);
    let dword = Capability {
        id: 0,
        extended: false,
        data: &[c, d, e, f],
    };
    assert_eq!(dword.dwords().collect::<Vec<_>>(), [0x1234_5678]);
}
