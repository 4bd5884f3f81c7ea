// SPDX-License-Identifier: GPL-2.0-only

//! What a function needs before a driver enables it: to be there, and not to be wiped.
//!
//! State is recoverable from the moment a function is added: the core saves it then. A function
//! that was reset while it had no driver, or whose last driver could not recover it, is brought
//! back from that.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    time::delay::fsleep, //
};

use super::{
    core_restore::{
        disarm_leftover,
        restore_state, //
    },
    function,
    known_good::{
        capabilities,
        core_error, //
    },
    restore::LINK_UP,
    save::{
        check_accessible,
        errno, //
    }, //
};
use crate::{
    guard::{
        self,
        Function,
        Header,
        Refusal, //
    },
    pci::{
        Config,
        Exclusive,
        SavedState,
        State, //
    },
};

/// Checks that the function answers and has its state, before anything is written to it. One that
/// was wiped is restored from what the core has saved of it, if that is good.
///
/// Context: probe, before the function is enabled; device lock held; sleeps, for up to 60 s where
/// the function does not answer.
///
/// # Errors
///
/// `EIO` where it does not answer, or was wiped and cannot be restored, `ENOMEM`. Each has a line
/// in the log.
pub fn prepare(dev: &Device<Core<'_>>) -> Result {
    let exclusive = Exclusive::from(dev);
    check_accessible(exclusive)
        .and_then(|()| restore_if_wiped(exclusive))
        .map_err(|refusal| {
            let hint = match refusal {
                Refusal::Core { .. } => "",
                _ => "; is the slot powered and the link up?",
            };
            dev_err!(dev, "not bound: {}{}\n", refusal, hint);
            errno(refusal)
        })
}

/// Reads the header, word by word.
pub(super) fn read_header(dev: Exclusive<'_>) -> Header {
    core::array::from_fn(|index| dev.read_config_dword(4 * index as u16))
}

/// Refuses a function that was wiped: by its header, or, where that has no BAR to tell by, as that
/// of a virtual function, by what the core has saved of its PCI Express capability.
fn check_intact(dev: Exclusive<'_>, function: &Function, core: &SavedState) -> Result<(), Refusal> {
    guard::check_header(&read_header(dev), function, None)?;
    if function.bars.iter().any(Option::is_some) {
        return Ok(());
    }
    capabilities(core)
        .try_for_each(|saved| guard::check_exp_kept(&saved, |offset| dev.read_pcie_word(offset)))
}

fn restore_if_wiped(dev: Exclusive<'_>) -> Result<(), Refusal> {
    let function = function::describe(dev)?;
    let core = SavedState::store(dev).map_err(core_error)?;
    let Err(refusal) = check_intact(dev, &function, &core) else {
        return Ok(());
    };
    if !is_good(dev, &core, &function) {
        return Err(refusal);
    }

    let flag = dev.state_saved();
    if restore_state(dev) {
        fsleep(LINK_UP);
    }
    disarm_leftover(dev);
    dev.set_state_saved(flag);
    check_intact(dev, &function, &core)?;
    dev_warn!(
        dev,
        "it was not in order ({}), restored what the core had saved\n",
        refusal
    );
    Ok(())
}

/// Returns whether what the core has saved, when the function was added or since, is its state.
fn is_good(dev: Exclusive<'_>, core: &SavedState, function: &Function) -> bool {
    let header = core.header();
    let mut function = function.clone();
    // Registers of AER keep their values over a reset (PCIe r6.0, sec 7.8.4).
    function.learned.aer_ones = capabilities(core).fold(0, |ones, saved| {
        ones | guard::learn_aer_ones(&saved, |offset| {
            dev.read_config_dword(function.aer_cap.saturating_add(offset))
        })
    });
    // There is no later read to tell a loss by: Command/Status of the save itself has to do.
    let [_, command_status, ..] = header;
    guard::validate(&header, capabilities(core), command_status, &function, None).is_ok()
}
