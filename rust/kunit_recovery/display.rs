// SPDX-License-Identifier: GPL-2.0-only

//! What a person reads, by the kernel's own formatting: in a string of the kernel's for a uevent,
//! and in a buffer that is too short.

use core::fmt::{
    Display,
    Write, //
};

use kernel::{
    prelude::*,
    str::{
        CString,
        Formatter, //
    }, //
};

use crate::guard::{
    Mismatch,
    Refusal,
    Register, //
};

/// Each refusal, with values that need all their digits, and what it reads.
const REFUSALS: [(Refusal, &str); 14] = [
    (Refusal::Frozen, "the channel is frozen"),
    (Refusal::Dead, "the channel is in permanent failure"),
    (Refusal::PoweredOff, "the function is in D3cold"),
    (
        Refusal::Recovering,
        "an error was reported and the function is not restored yet",
    ),
    (Refusal::Inaccessible, "config space reads all-ones"),
    (
        Refusal::LostDuringSave,
        "config space reads all-ones after the save, it was lost half-way",
    ),
    (
        Refusal::ResetDuringSave {
            saved: 0x107,
            after: 0,
        },
        "PCI_COMMAND read 0x0107 and after the save 0x0000, it was reset half-way",
    ),
    (
        Refusal::AllOnes {
            register: "PCI_COMMAND",
        },
        "PCI_COMMAND reads all-ones",
    ),
    (
        Refusal::Unexpected {
            register: "PCI_BASE_ADDRESS_0",
            found: 0xc,
            expected: u32::MAX,
        },
        "PCI_BASE_ADDRESS_0 reads 0x0000000c, not 0xffffffff",
    ),
    (
        Refusal::Invalid {
            register: "PCI_HEADER_TYPE",
            found: 2,
        },
        "PCI_HEADER_TYPE reads 0x2, which it cannot be",
    ),
    (
        Refusal::Wiped,
        "wiped: the assigned BARs read 0, it was reset",
    ),
    (
        Refusal::Disabled { command: 0x400 },
        "wiped: PCI_COMMAND reads 0x0400, it lost what was enabled",
    ),
    (
        Refusal::Capability {
            id: 0x1e,
            extended: true,
        },
        "a word of extended capability 0x1e reads all-ones",
    ),
    (
        Refusal::Core { errno: -12 },
        "pci_save_state() failed with -12",
    ),
];

/// What `value` shows in a buffer of `buffer`'s length, or that it does not fit.
fn shown<'a>(value: &impl Display, buffer: &'a mut [u8]) -> Result<&'a [u8], core::fmt::Error> {
    let mut formatter = Formatter::new(buffer);
    write!(formatter, "{value}")?;
    let len = formatter.bytes_written();
    Ok(&buffer[..len])
}

fn mismatch(width: u8, value: u32, found: u32) -> Mismatch {
    Mismatch {
        register: Register {
            name: "PCI_X",
            offset: 0x88,
            width,
            value,
            mask: u32::MAX,
            vital: 0,
        },
        found,
    }
}

#[kunit_tests(pci_recovery_display)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_the_same_in_a_string_of_the_kernels() -> Result {
        for (refusal, text) in REFUSALS {
            let string = CString::try_from_fmt(fmt!("{}", refusal))?;
            assert_eq!(string.to_bytes(), text.as_bytes());
        }
        Ok(())
    }

    #[test]
    fn refusals_fit_the_reason_of_a_uevent() {
        // `UEVENT_BUFFER_SIZE` is 2048 for all of them, a line of the log 1024.
        let longest = REFUSALS.iter().map(|(_, text)| text.len()).max();
        assert!(longest < Some(128));
    }

    #[test]
    fn a_buffer_of_exactly_the_length_is_enough() -> Result {
        for (refusal, text) in REFUSALS {
            let mut buffer = KVec::from_elem(0_u8, text.len(), GFP_KERNEL)?;
            assert!(shown(&refusal, &mut buffer) == Ok(text.as_bytes()));
        }
        Ok(())
    }

    #[test]
    fn a_buffer_that_is_too_short_is_an_error_and_overruns_nothing() -> Result {
        for (refusal, text) in REFUSALS {
            for short in 1..=text.len() {
                // KASAN looks at what is behind it.
                let mut buffer = KVec::from_elem(0_u8, text.len() - short, GFP_KERNEL)?;
                assert!(shown(&refusal, &mut buffer).is_err());
            }
        }
        Ok(())
    }

    #[test]
    fn a_mismatch_shows_the_digits_of_its_width() {
        let mut buffer = [0; 128];
        assert!(
            shown(&mismatch(2, 0x2f, 0), &mut buffer)
                == Ok(b"PCI_X at 0x088 reads 0x0000, known good is 0x002f")
        );
        assert!(
            shown(&mismatch(4, 0x2f, u32::MAX), &mut buffer)
                == Ok(b"PCI_X at 0x088 reads 0xffffffff, known good is 0x0000002f")
        );
    }

    #[test]
    fn a_register_is_a_line_of_the_dump() {
        let mut buffer = [0; 128];
        assert!(shown(&mismatch(2, 0x2f, 0).register, &mut buffer) == Ok(b"0x088 2 PCI_X 0x002f"));
    }
}
