// SPDX-License-Identifier: GPL-2.0-only

//! The words that a person reads in the log and in debugfs.

use pci_recovery_guard::guard::{Mismatch, Refusal, Register};

/// One test for each refusal's text.
macro_rules! reads {
    ($($test:ident: $refusal:expr => $text:literal;)*) => {$(
        #[test]
        fn $test() {
            use Refusal::*;
            assert_eq!($refusal.to_string(), $text);
        }
    )*};
}

reads! {
    frozen: Frozen => "the channel is frozen";
    dead: Dead => "the channel is in permanent failure";
    powered_off: PoweredOff => "the function is in D3cold";
    recovering: Recovering => "an error was reported and the function is not restored yet";
    inaccessible: Inaccessible => "config space reads all-ones";
    lost_during_save: LostDuringSave
        => "config space reads all-ones after the save, it was lost half-way";
    reset_during_save_shows_both_values: ResetDuringSave { saved: 0x107, after: 0 }
        => "PCI_COMMAND read 0x0107 and after the save 0x0000, it was reset half-way";
    all_ones_names_the_register: AllOnes { register: "PCI_ROM_ADDRESS" }
        => "PCI_ROM_ADDRESS reads all-ones";
    unexpected_shows_both_values:
        Unexpected { register: "PCI_BASE_ADDRESS_1", found: 0x38, expected: 0 }
        => "PCI_BASE_ADDRESS_1 reads 0x00000038, not 0x00000000";
    invalid_shows_the_value: Invalid { register: "PCI_CAPABILITY_LIST", found: 0x3c }
        => "PCI_CAPABILITY_LIST reads 0x3c, which it cannot be";
    wiped: Wiped => "wiped: the assigned BARs read 0, it was reset";
    disabled_shows_command: Disabled { command: 0x400 }
        => "wiped: PCI_COMMAND reads 0x0400, it lost what was enabled";
    zeroed_names_the_capability: Zeroed { capability: "PCI Express" }
        => "wiped: the PCI Express capability reads 0";
    capability_shows_its_id: Capability { id: 0x7, extended: false }
        => "a word of capability 0x07 reads all-ones";
    extended_capability_says_so: Capability { id: 0x1e, extended: true }
        => "a word of extended capability 0x1e reads all-ones";
    core_shows_the_errno: Core { errno: -12 } => "pci_save_state() failed with -12";
}

fn register(offset: u16, width: u8, value: u32) -> Register {
    Register {
        name: "PCI_X",
        offset,
        width,
        value,
        mask: u32::MAX,
        vital: 0,
    }
}

#[test]
fn a_register_shows_offset_width_name_and_as_many_digits_as_it_has() {
    assert_eq!(
        register(0x4, 4, 0x507).to_string(),
        "0x004 4 PCI_X 0x00000507"
    );
    assert_eq!(register(0x88, 2, 0x2f).to_string(), "0x088 2 PCI_X 0x002f");
    assert_eq!(
        register(0x10c, 4, u32::MAX).to_string(),
        "0x10c 4 PCI_X 0xffffffff"
    );
}

#[test]
fn a_mismatch_shows_what_is_and_what_should_be() {
    let mismatch = |register, found| Mismatch { register, found }.to_string();
    assert_eq!(
        mismatch(register(0x14, 4, 0x38), u32::MAX),
        "PCI_X at 0x014 reads 0xffffffff, known good is 0x00000038"
    );
    assert_eq!(
        mismatch(register(0x88, 2, 0x282f), 0),
        "PCI_X at 0x088 reads 0x0000, known good is 0x282f"
    );
}
