// SPDX-License-Identifier: GPL-2.0-only

//! The words that a person reads in the log and in debugfs.

use pci_recovery_guard::guard::{Mismatch, Refusal, Register};

/// One test for each refusal's text, which docs/refusals.md explains.
macro_rules! reads {
    ($($test:ident: $refusal:expr => $text:literal;)*) => {$(
        #[test]
        fn $test() {
            use Refusal::*;
            assert_eq!($refusal.to_string(), $text);
            // A uevent has 2048 bytes for all of it, a line of the log 1024.
            assert!($text.len() < 128);
            assert!(
                PAGE.contains(concat!("| `", $text, "` |")),
                "docs/refusals.md does not explain it"
            );
        }
    )*

    #[test]
    fn all_are_listed() {
        use Refusal::*;
        let mut listed = [$(number(&$refusal)),*].to_vec();
        listed.sort_unstable();
        listed.dedup();
        let all: Vec<usize> = (0..REFUSALS).collect();
        assert_eq!(listed, all);
    }
    };
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
    port: Port => "L1 PM Substates of the port above read all-ones";
    loop_shows_where: Loop { offset: 0x50 }
        => "a capability list loops, it comes back to 0x050";
    astray_shows_where: Astray { offset: 0xa0 }
        => "a capability list leads to 0x0a0, which reads all-ones";
    truncated_names_the_capability: Truncated { id: 0x1e, extended: true }
        => "extended capability 0x1e is in no list any more";
    given_up: GivenUp => "the recovery from an error was given up";
    core_shows_the_errno: Core { errno: -12 } => "the PCI core failed with -12";
}

const REFUSALS: usize = 20;

/// Numbers the refusals. No pattern for the rest: a new one does not compile before it is here, and
/// in the list above.
fn number(refusal: &Refusal) -> usize {
    use Refusal::*;
    match refusal {
        Frozen => 0,
        Dead => 1,
        PoweredOff => 2,
        Recovering => 3,
        Inaccessible => 4,
        LostDuringSave => 5,
        ResetDuringSave { .. } => 6,
        AllOnes { .. } => 7,
        Unexpected { .. } => 8,
        Invalid { .. } => 9,
        Wiped => 10,
        Disabled { .. } => 11,
        Loop { .. } => 12,
        Astray { .. } => 13,
        Truncated { .. } => 14,
        Zeroed { .. } => 15,
        Capability { .. } => 16,
        Port => 17,
        GivenUp => 18,
        Core { .. } => 19,
    }
}

/// The page that explains them.
const PAGE: &str = include_str!("../../../docs/refusals.md");

fn register(offset: u16, width: u8, value: u32) -> Register {
    Register {
        name: "PCI_X",
        offset,
        width,
        express: false,
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
