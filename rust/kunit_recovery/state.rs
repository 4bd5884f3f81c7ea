// SPDX-License-Identifier: GPL-2.0-only

//! The core's buffer of a real function, and copies of it: KASAN and kmemleak look on.

use kernel::prelude::*;

use crate::{
    guard::capability::{
        EXP_REGISTERS,
        ID_EXP, //
    },
    pci::{
        kunit::on_function,
        Exclusive,
        Info,
        SavedState,
        State, //
    },
};

#[kunit_tests(pci_recovery_state)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_leaves_the_flag_as_it_was() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            dev.save_state()?;
            let mut flags = [false; 2];
            for (flag, seen) in [true, false].into_iter().zip(&mut flags) {
                dev.set_state_saved(flag);
                let _state = SavedState::store(dev)?;
                *seen = dev.state_saved();
            }
            Ok(flags)
        })?;
        assert!(seen.is_none_or(|flags| flags == [true, false]));
        Ok(())
    }

    #[test]
    fn loading_sets_the_flag_and_restoring_clears_it() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            dev.save_state()?;
            let state = SavedState::store(dev)?;
            dev.set_state_saved(false);
            state.load(dev)?;
            let loaded = dev.state_saved();
            dev.restore_state();
            Ok((loaded, dev.state_saved()))
        })?;
        assert!(seen.is_none_or(|flags| flags == (true, false)));
        Ok(())
    }

    #[test]
    fn a_copy_brings_header_and_capabilities_back() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            dev.save_state()?;
            let before = dev.saved_header();
            let state = SavedState::store(dev)?;
            dev.save_state()?;
            state.load(dev)?;
            let same = state.is_of(dev) && before == dev.saved_header();
            Ok(same && state.header() == before && before != [0; 16])
        })?;
        assert!(seen.is_none_or(|same| same));
        Ok(())
    }

    /// Nothing else than what was changed, and the core takes it.
    #[test]
    fn a_copy_may_be_changed() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            dev.save_state()?;
            let good = SavedState::store(dev)?;
            let mut changed = SavedState::store(dev)?;
            let mut header = changed.header();
            header[3] ^= 0x10;
            changed.set_header(&header);
            for saved in changed.capabilities_mut() {
                saved.data.iter_mut().for_each(|byte| *byte = !*byte);
            }
            let ids = |state: &SavedState| -> Result<KVec<(u16, bool, usize)>> {
                let mut ids = KVec::new();
                for saved in state.capabilities() {
                    ids.push((saved.id, saved.extended, saved.data.len()), GFP_KERNEL)?;
                }
                Ok(ids)
            };
            let same_list = ids(&good)?[..] == ids(&changed)?[..];
            changed.load(dev)?;
            let taken = changed.is_of(dev) && dev.saved_header() == header && !good.is_of(dev);
            changed.replace(dev)?;
            good.load(dev)?;
            Ok((same_list, taken, good.is_of(dev)))
        })?;
        assert!(seen.is_none_or(|seen| seen == (true, true, true)));
        Ok(())
    }

    #[test]
    fn copies_are_freed() -> Result {
        on_function(|dev| {
            let dev = Exclusive::from(dev);
            for _ in 0..64 {
                let state = SavedState::store(dev)?;
                state.load(dev)?;
            }
            dev.set_state_saved(false);
            Ok(())
        })?;
        Ok(())
    }

    #[test]
    fn a_copy_knows_its_size() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            let state = SavedState::store(dev)?;
            let data: usize = state.capabilities().map(|saved| saved.data.len()).sum();
            let count = state.capabilities().count();
            // The header, 8 bytes before each capability, 8 at the end (`pci_store_saved_state()`).
            Ok(state.bytes() == 64 + data + 8 * count + 8)
        })?;
        assert!(seen.is_none_or(|same| same));
        Ok(())
    }

    #[test]
    fn the_list_of_capabilities_has_an_end_and_no_copies() -> Result {
        let seen = on_function(|dev| {
            let dev = Exclusive::from(dev);
            let state = SavedState::store(dev)?;
            let list = || state.capabilities();
            let copies = list()
                .enumerate()
                .flat_map(|(i, a)| list().skip(i + 1).map(move |b| (a, b)))
                .filter(|(a, b)| (a.id, a.extended) == (b.id, b.extended))
                .count();
            let sane = list().all(|saved| saved.id != 0 && saved.data.len() <= 256);
            // The bound of the iterator is 32.
            Ok((list().count() < 32, copies, sane))
        })?;
        assert!(seen.is_none_or(|seen| seen == (true, 0, true)));
        Ok(())
    }

    #[test]
    fn the_registers_of_pci_express_are_where_the_guard_looks() -> Result {
        let seen = on_function(|dev| {
            let has = dev.pcie_cap() != 0;
            let dev = Exclusive::from(dev);
            let state = SavedState::store(dev)?;
            let sizes = state
                .capabilities()
                .filter(|saved| saved.id == ID_EXP && !saved.extended)
                .map(|saved| saved.data.len());
            Ok((has, sizes.last()))
        })?;
        assert!(seen.is_none_or(|(has, size)| size == has.then_some(2 * EXP_REGISTERS)));
        Ok(())
    }
}
