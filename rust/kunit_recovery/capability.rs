// SPDX-License-Identifier: GPL-2.0-only

//! Saved capabilities, as bytes in memory of the kernel's own: lost, cut off, of any length.

use kernel::prelude::*;

use crate::{
    example::{
        all_ones,
        endpoint,
        AER_CAP,
        PCIE_CAP, //
    },
    guard::{
        capability::{
            check,
            ERR,
            EXP,
            ID_ERR,
            ID_EXP, //
        },
        validate,
        Capability,
        Learned,
        Refusal,
        Snapshot,
        HEADER_WORDS, //
    },
};

/// PCI Express registers as a function has them.
const EXP_GOOD: [u16; 7] = [0x282f, 0x0040, 0, 0, 0x0400, 0x0003, 0];
/// AER registers as a function has them.
const ERR_GOOD: [u32; 4] = [0x0040_0000, 0x0046_2030, 0xe000, 0xa0];

/// Those of which the core saves one or two dwords, and MSI and MSI-X, which it does not save yet.
const OTHERS: [(u16, bool); 8] = [
    (0x05, false),
    (0x07, false),
    (0x11, false),
    (0x02, true),
    (0x17, true),
    (0x18, true),
    (0x1e, true),
    (0x1f, true),
];

/// Bytes of exactly their length, so that KASAN notices a read behind them.
fn bytes_of<const N: usize>(registers: impl IntoIterator<Item = [u8; N]>) -> Result<KVec<u8>> {
    let mut bytes = KVec::new();
    for register in registers {
        bytes.extend_from_slice(&register, GFP_KERNEL)?;
    }
    Ok(bytes)
}

fn exp(data: &[u8]) -> Capability<'_> {
    Capability {
        id: ID_EXP,
        extended: false,
        data,
    }
}

fn err(data: &[u8]) -> Capability<'_> {
    Capability {
        id: ID_ERR,
        extended: true,
        data,
    }
}

/// The verdict on a capability without a known-good state.
fn alone(capability: &Capability<'_>) -> Result<(), Refusal> {
    check(capability, &Learned::default(), None)
}

#[kunit_tests(pci_recovery_capability)]
mod tests {
    use super::*;

    #[test]
    fn each_pci_express_register_that_is_lost_is_named() -> Result {
        for (index, register) in EXP.iter().enumerate() {
            let mut words = EXP_GOOD;
            words[index] = 0xffff;
            let bytes = bytes_of(words.map(u16::to_ne_bytes))?;
            assert_eq!(alone(&exp(&bytes)), all_ones(register.name));
        }
        let bytes = bytes_of(EXP_GOOD.map(u16::to_ne_bytes))?;
        assert_eq!(alone(&exp(&bytes)), Ok(()));
        Ok(())
    }

    #[test]
    fn each_aer_register_that_is_lost_is_named() -> Result {
        for (index, register) in ERR.iter().enumerate().take(ERR_GOOD.len()) {
            let mut dwords = ERR_GOOD;
            dwords[index] = u32::MAX;
            let bytes = bytes_of(dwords.map(u32::to_ne_bytes))?;
            assert_eq!(alone(&err(&bytes)), all_ones(register.name));
        }
        let bytes = bytes_of(ERR_GOOD.map(u32::to_ne_bytes))?;
        assert_eq!(alone(&err(&bytes)), Ok(()));
        Ok(())
    }

    #[test]
    fn sizes_of_a_payload_end_at_4096() -> Result {
        for encoding in 0..8_u16 {
            for shift in [5, 12] {
                let bytes = bytes_of([(encoding << shift).to_ne_bytes()])?;
                assert_eq!(alone(&exp(&bytes)).is_ok(), encoding <= 5);
            }
        }
        Ok(())
    }

    #[test]
    fn registers_that_all_became_zero_are_a_loss() -> Result {
        let example = endpoint();
        let good = bytes_of(EXP_GOOD.map(u16::to_ne_bytes))?;
        let zeros = bytes_of([[0; 14]])?;
        let known_good = |bytes: &[u8]| {
            Snapshot::new(&example.header, [exp(bytes)].into_iter(), &example.function)
        };
        assert_eq!(
            check(&exp(&zeros), &Learned::default(), Some(&known_good(&good))),
            Err(Refusal::Zeroed {
                capability: "PCI Express"
            })
        );
        assert_eq!(
            check(&exp(&zeros), &Learned::default(), Some(&known_good(&zeros))),
            Ok(())
        );
        Ok(())
    }

    #[test]
    fn a_dword_of_ones_in_any_other_is_refused() -> Result {
        for (id, extended) in OTHERS {
            let bytes = bytes_of([[0xff; 4], [0; 4]])?;
            let data = &bytes[..];
            assert_eq!(
                alone(&Capability { id, extended, data }),
                Err(Refusal::Capability { id, extended })
            );
            let bytes = bytes_of([[0xfe; 4], [0; 4]])?;
            let data = &bytes[..];
            assert_eq!(alone(&Capability { id, extended, data }), Ok(()));
        }
        Ok(())
    }

    #[test]
    fn none_is_read_behind_its_end() -> Result {
        for len in 0..=32 {
            let bytes = bytes_of((0..len).map(|_| [0x01]))?;
            for capability in [exp(&bytes), err(&bytes)] {
                assert_eq!(alone(&capability), Ok(()));
                assert_eq!(capability.words().count(), len / 2);
                assert_eq!(capability.dwords().count(), len / 4);
            }
            for (id, extended) in OTHERS {
                let data = &bytes[..];
                assert_eq!(alone(&Capability { id, extended, data }), Ok(()));
            }
        }
        Ok(())
    }

    #[test]
    fn one_that_is_cut_off_has_the_registers_that_are_left() -> Result {
        let example = endpoint();
        let bytes = bytes_of(EXP_GOOD.map(u16::to_ne_bytes))?;
        for len in 0..=bytes.len() {
            let capabilities = [exp(&bytes[..len])].into_iter();
            let known_good = Snapshot::new(&example.header, capabilities, &example.function);
            assert_eq!(known_good.registers().count(), HEADER_WORDS + len / 2);
        }
        Ok(())
    }

    #[test]
    fn a_list_that_comes_again_and_again_counts_once() -> Result {
        let example = endpoint();
        let bytes = bytes_of(EXP_GOOD.map(u16::to_ne_bytes))?;
        let again = || core::iter::repeat_n(exp(&bytes), 1000);
        let known_good = Snapshot::new(&example.header, again(), &example.function);
        assert_eq!(known_good.registers().count(), HEADER_WORDS + EXP.len());
        assert_eq!(
            validate(
                &example.header,
                again(),
                example.header[1],
                &example.function,
                Some(&known_good)
            ),
            Ok(())
        );
        Ok(())
    }

    #[test]
    fn an_offset_at_the_end_of_config_space_does_not_overflow() -> Result {
        let mut example = endpoint();
        let bytes = bytes_of([[0x11; 2]; 10])?;
        for offset in [0x40, 0xf0, 0xff, 0x100, u16::MAX - 1, u16::MAX] {
            example.function.pcie_cap = offset;
            example.function.aer_cap = offset;
            let capabilities = [exp(&bytes), err(&bytes)].into_iter();
            let known_good = Snapshot::new(&example.header, capabilities, &example.function);
            // An ordinary capability ends with the first 256 bytes.
            let ordinary = known_good.registers().filter(|r| r.width == 2);
            assert_eq!(
                ordinary.clone().count(),
                EXP.iter()
                    .filter(|r| offset.saturating_add(r.offset) <= 0xff)
                    .count()
            );
            assert!(ordinary.clone().all(|r| r.offset <= 0xff));
        }
        Ok(())
    }

    #[test]
    fn offsets_are_those_in_config_space() -> Result {
        let example = endpoint();
        let words = bytes_of(EXP_GOOD.map(u16::to_ne_bytes))?;
        let dwords = bytes_of(ERR_GOOD.map(u32::to_ne_bytes))?;
        let capabilities = [exp(&words), err(&dwords)].into_iter();
        let known_good = Snapshot::new(&example.header, capabilities, &example.function);
        let offset = |name| {
            let mut registers = known_good.registers();
            registers.find(|r| r.name == name).map(|r| r.offset)
        };
        assert_eq!(offset("PCI_EXP_DEVCTL"), Some(PCIE_CAP + 0x08));
        assert_eq!(offset("PCI_EXP_LNKCTL2"), Some(PCIE_CAP + 0x30));
        assert_eq!(offset("PCI_ERR_UNCOR_MASK"), Some(AER_CAP + 0x08));
        assert_eq!(offset("PCI_ERR_CAP"), Some(AER_CAP + 0x18));
        // That of root ports was not saved.
        assert_eq!(offset("PCI_ERR_ROOT_COMMAND"), None);
        Ok(())
    }
}
