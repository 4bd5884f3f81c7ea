// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save.

use kernel::{
    bindings,
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::{
        now_ns,
        Event, //
    },
    function,
    report,
    status::Health,
    Inner,
    Recovery, //
};
use crate::{
    guard::{
        self,
        Capability,
        Lists,
        Refusal,
        Snapshot, //
    },
    pci::{
        Channel,
        ChannelState,
        Config,
        Exclusive,
        Info,
        Power,
        SavedState,
        State, //
    },
};

/// A state of the function that passed every check.
pub(super) struct KnownGood {
    /// What the PCI core can restore.
    pub(super) state: SavedState,
    /// The same as registers, which can be compared and shown.
    pub(super) snapshot: Snapshot,
    /// Where its capabilities are.
    lists: Lists,
    /// When it was saved, in nanoseconds since boot.
    pub(super) at_ns: u64,
}

/// Reads Command/Status.
fn command_status(dev: Exclusive<'_>) -> u32 {
    dev.read_config_dword(bindings::PCI_COMMAND as u16)
}

/// The capabilities in the core's buffer, in the guard's terms.
pub(super) fn capabilities<'a>(
    dev: &'a Exclusive<'_>,
) -> impl Iterator<Item = Capability<'a>> + 'a {
    dev.saved_capabilities().map(|saved| Capability {
        id: saved.id,
        extended: saved.extended,
        data: saved.data,
    })
}

/// Refuses a function that does not answer.
///
/// A frozen channel is not looked at here: the core leaves it frozen after a recovery that failed,
/// and after one of a function that had no driver, and then a reset or a new driver may well bring
/// the function back. While a recovery runs, [`Inner::check_channel`] keeps everybody off.
pub(super) fn check_accessible(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.channel_state() == ChannelState::PermanentFailure {
        return Err(Refusal::Dead);
    }
    let accessible = guard::check_accessible(command_status(dev));
    // The core takes a function that did not answer once for one in D3cold, and goes on doing so.
    if dev.is_d3cold() && (accessible.is_err() || dev.power_up().is_err()) {
        return Err(Refusal::PoweredOff);
    }
    accessible
}

/// Saves config space if what is read is the function's state, whole.
///
/// The core's buffer then holds the new state, or, after a refusal, the known-good one: what it held
/// before may have been poison. Its flag `state_saved` is left as it was found.
///
/// `known_good` is the last state that passed. Where there is none yet, what the core held before is
/// put back.
pub(super) fn guarded_save(
    dev: Exclusive<'_>,
    known_good: Option<&KnownGood>,
) -> Result<KnownGood, Refusal> {
    let core_error = |error: Error| Refusal::Core {
        errno: error.to_errno(),
    };

    // 1. Nothing is saved from a function that is known to be gone.
    check_accessible(dev)?;
    let function = function::describe(dev)?;

    // 2. Set aside what the core holds, if there is nothing better to put back; then let it save.
    let flag = dev.state_saved();
    let before = match known_good {
        Some(_) => None,
        None => Some(SavedState::store(dev).map_err(core_error)?),
    };
    let saved = dev.save_state().map_err(core_error);

    // 3. Look at what was saved, and whether the function is still there.
    let header = dev.saved_header();
    let lists = Lists::read(&header, &function, |offset| dev.read_config_dword(offset));
    let result = saved
        .and_then(|()| {
            guard::validate(
                &header,
                capabilities(&dev),
                command_status(dev),
                &function,
                known_good.map(|good| &good.snapshot),
            )
        })
        .and_then(|()| {
            let lists = lists?;
            lists.check(&function, known_good.map(|good| &good.lists))?;
            Ok(KnownGood {
                state: SavedState::store(dev).map_err(core_error)?,
                snapshot: Snapshot::new(&header, capabilities(&dev), &function),
                lists,
                at_ns: now_ns(),
            })
        });

    // 4. A refused save leaves nothing behind.
    let good = known_good.map(|good| &good.state).or(before.as_ref());
    if let (Err(_), Some(good)) = (&result, good) {
        if let Err(error) = good.load(dev) {
            // The capabilities were stored from this very function.
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
    }
    dev.set_state_saved(flag);
    result
}

impl Inner {
    /// Refuses to touch the function between `error_detected` and the end of the recovery, where
    /// the channel is frozen.
    ///
    /// The core freezes it and calls `error_detected` in one go, with the device lock held.
    pub(super) fn check_channel(&self, dev: &Device) -> Result<(), Refusal> {
        if self.health == Health::Recovering && dev.channel_state() == ChannelState::Frozen {
            return Err(Refusal::Frozen);
        }
        Ok(())
    }
}

impl Recovery {
    /// Guarded save: replaces the known-good state if what is read passes every check.
    ///
    /// Call it after changing config space on purpose. A refusal is reported (log, uevent, debugfs)
    /// and the known-good state kept.
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused.
    pub fn save(&self, dev: &Device<Core<'_>>) -> Result {
        self.guarded_save(dev.into())
    }

    /// As [`Self::save`], for whoever is alone with the function.
    pub(super) fn guarded_save(&self, dev: Exclusive<'_>) -> Result {
        self.try_save(dev).map_err(|refusal| {
            report::refused(self, &dev, refusal);
            EIO
        })
    }

    /// As [`Self::save`], without the report of a refusal.
    pub(super) fn try_save(&self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        let mut inner = self.inner.lock();

        // What a function holds between an error and its verified restore is anybody's guess.
        if inner.health != Health::Ok {
            inner.check_channel(&dev)?;
            check_accessible(dev)?;
            return Err(Refusal::Recovering);
        }

        inner.known_good = guarded_save(dev, Some(&inner.known_good))?;
        inner.runtime_refusal = None;
        inner.counters.saves += 1;
        inner.events.push(Event::Save);
        Ok(())
    }
}
