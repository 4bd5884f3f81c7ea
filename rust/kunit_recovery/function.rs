// SPDX-License-Identifier: GPL-2.0-only

//! The guard's rules and a real function: what the kernel knows of it (`struct pci_dev`, its
//! resources) against what it reads.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};

use crate::{
    guard::{
        self,
        BarKind,
        Function,
        Header,
        Refusal,
        ALL_ONES, //
    },
    pci::{
        kunit::on_function,
        Config,
        Exclusive,
        Info,
        State, //
    },
    recovery::{
        function::describe,
        known_good::KnownGood, //
        prepare::read_header,
    },
};

/// What the kernel knows, and what the function reads.
fn look(dev: &Device<Core<'_>>) -> Result<(Function, Header)> {
    let exclusive = Exclusive::from(dev);
    let function = describe(exclusive).map_err(|_| EINVAL)?;
    Ok((function, read_header(exclusive)))
}

/// The verdict on `header` after `change`.
fn verdict(
    (function, header): &(Function, Header),
    change: impl FnOnce(&mut Header),
) -> Result<(), Refusal> {
    let mut header = *header;
    change(&mut header);
    guard::check_header(&header, function, None)
}

/// After a reset without a restore: Command 0, the BARs 0 but for their type.
fn wipe(function: &Function, header: &mut Header) {
    header[1] &= 0xffff_0000;
    for word in header.iter_mut().skip(4).take(function.header_type.bars()) {
        *word = 0;
    }
}

#[kunit_tests(pci_recovery_function)]
mod tests {
    use super::*;

    #[test]
    fn what_it_reads_passes() -> Result {
        let Some(seen) = on_function(look)? else {
            return Ok(());
        };
        assert_eq!(verdict(&seen, |_| ()), Ok(()));
        Ok(())
    }

    #[test]
    fn its_bars_hold_what_the_kernel_assigned() -> Result {
        let Some((function, header)) = on_function(look)? else {
            return Ok(());
        };
        for (index, bar) in function.bars.iter().enumerate() {
            let Some(bar) = bar else { continue };
            let (low, high) = match bar.kind {
                BarKind::Io => (header[4 + index] & !0x3, 0),
                BarKind::Mem32 => (header[4 + index] & !0xf, 0),
                BarKind::Mem64 => (header[4 + index] & !0xf, header[5 + index]),
            };
            assert_eq!(u64::from(high) << 32 | u64::from(low), bar.address);
        }
        assert!(function.enabled && function.bus_master);
        Ok(())
    }

    #[test]
    fn its_ids_and_capabilities_are_those_that_it_reads() -> Result {
        let seen = on_function(|dev| {
            let (function, header) = look(dev)?;
            let ids = header[0] == function.ids || function.is_vf;
            let class = header[2] == function.class_revision;
            let id = |offset: u16| dev.read_config_dword(offset) & 0xffff;
            let exp = function.pcie_cap == 0 || id(function.pcie_cap) & 0xff == 0x10;
            let aer = function.aer_cap == 0 || id(function.aer_cap) == 0x01;
            Ok((ids, class, exp, aer))
        })?;
        assert!(seen.is_none_or(|seen| seen == (true, true, true, true)));
        Ok(())
    }

    #[test]
    fn a_loss_from_any_word_on_is_refused() -> Result {
        let Some(seen) = on_function(look)? else {
            return Ok(());
        };
        for first in 0..guard::HEADER_WORDS {
            assert!(verdict(&seen, |header| header[first..].fill(ALL_ONES)).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_wiped_one_is_refused() -> Result {
        let Some(seen) = on_function(look)? else {
            return Ok(());
        };
        let has_bars = seen.0.bars.iter().any(Option::is_some);
        let refusal = if has_bars {
            Refusal::Wiped
        } else {
            Refusal::Disabled { command: 0 }
        };
        assert_eq!(verdict(&seen, |header| wipe(&seen.0, header)), Err(refusal));
        Ok(())
    }

    #[test]
    fn a_guarded_save_has_each_register_that_it_reads() -> Result {
        let seen = on_function(|dev| {
            let exclusive = Exclusive::from(dev);
            let good = KnownGood::first(exclusive).map_err(|_| EIO)?;
            let (_, header) = look(dev)?;
            let words = good.snapshot.registers().zip(header);
            let same =
                words.filter(|(register, word)| (register.value ^ word) & register.mask == 0);
            let saved_as_read = same.count();
            let core_has_it = exclusive.saved_header()[2] == header[2];
            let size = good.state.bytes() > 64;
            let exp =
                dev.pcie_cap() == 0 || good.snapshot.registers().count() > guard::HEADER_WORDS;
            Ok((saved_as_read, core_has_it, size, exp))
        })?;
        assert!(seen.is_none_or(|seen| seen == (guard::HEADER_WORDS, true, true, true)));
        Ok(())
    }
}
