// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save.

use core::cell::Cell;

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
    Inner,
    Recovery, //
};
use crate::{
    guard::{
        self,
        Capability,
        Function,
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
    /// What the kernel knew of the function.
    pub(super) function: Function,
    /// Whether that is still what the state was judged by.
    judged: bool,
    /// When it was saved, in nanoseconds since boot.
    pub(super) at_ns: u64,
}

impl KnownGood {
    /// Takes the first one, into the memory of `before`, which is what the core holds until now:
    /// that is put back where the save is refused.
    ///
    /// The lists of capabilities are walked, too: what they do not lead to now would never be
    /// saved. Later on the core leaves out what it does not find, and what is known good of it is
    /// kept.
    pub(super) fn first(dev: Exclusive<'_>, before: SavedState) -> Result<Self, Refusal> {
        let mut state = before;
        let function = function::describe(dev)?;
        let snapshot = guarded_save(dev, &mut state, |state| {
            let lists = Lists::read(&dev.saved_header(), &function, |offset| {
                dev.read_config_dword(offset)
            });
            check_saved(dev, &function, None)?;
            lists?.check(&function, None)?;
            keep_saved(dev, &function, state)
        })?;
        Ok(Self {
            state,
            snapshot,
            function,
            judged: true,
            at_ns: now_ns(),
        })
    }

    /// Replaces it by what the function holds now. Needs no memory.
    ///
    /// What is the same as before needs no second judgement, and nothing is replaced.
    fn renew(&mut self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        self.judged &= function::refresh(dev, &mut self.function);
        let (function, known_good) = (&self.function, &self.snapshot);
        let judged = self.judged;
        let changed = guarded_save(dev, &mut self.state, |state| {
            if judged && state.is_of(dev) {
                guard::check_after(known_good.header(), command_status(dev))?;
                return Ok(None);
            }
            check_saved(dev, function, Some(known_good))?;
            keep_saved(dev, function, state).map(Some)
        })?;
        if let Some(snapshot) = changed {
            self.snapshot = snapshot;
            self.judged = true;
        }
        self.at_ns = now_ns();
        Ok(())
    }
}

/// What a refusal is to a caller: the core's errno, if it is the core that refuses.
pub(super) fn errno(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Core { errno } => Error::from_errno(errno),
        _ => EIO,
    }
}

/// Reads Command/Status.
fn command_status(dev: Exclusive<'_>) -> u32 {
    dev.read_config_dword(bindings::PCI_COMMAND as u16)
}

/// The capabilities in the core's buffer, in the guard's terms.
pub(super) fn capabilities<'a>(
    dev: &'a Exclusive<'_>,
) -> impl Iterator<Item = Capability<'a, Cell<u8>>> + 'a {
    dev.saved_capabilities().map(|saved| Capability {
        id: saved.id,
        extended: saved.extended,
        data: saved.data,
    })
}

/// Refuses a function that does not answer, or that the core takes to be in D3cold.
///
/// A frozen channel is not looked at here: the core leaves it frozen after a recovery that failed,
/// and after one of a function that had no driver, and then a reset or a new driver may well bring
/// the function back. While a recovery runs, [`Inner::check_channel`] keeps everybody off.
pub(super) fn check_answers(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.channel_state() == ChannelState::PermanentFailure {
        return Err(Refusal::Dead);
    }
    let accessible = guard::check_accessible(command_status(dev));
    if dev.is_d3cold() {
        return Err(Refusal::PoweredOff);
    }
    accessible
}

/// As [`check_answers`], of a function that is powered up where it answers and the core takes it to
/// be in D3cold: it did not answer once, and the core goes on doing so.
///
/// Outside a recovery the core takes `pci_bus_sem` for that; in one it has that already when it
/// calls the handlers, which take the mutex: must not be called with the mutex held. Whoever has an
/// [`Exclusive`] is alone all the same, but for those who look through debugfs.
pub(super) fn check_accessible(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.is_d3cold()
        && dev.channel_state() != ChannelState::PermanentFailure
        && guard::check_accessible(command_status(dev)).is_ok()
    {
        // An error says that it does not answer, as does the next look.
        let _ = dev.power_up();
    }
    check_answers(dev)
}

/// What is wrong where the core itself reports an error.
fn core_error(error: Error) -> Refusal {
    Refusal::Core {
        errno: error.to_errno(),
    }
}

/// Refuses what the core has just saved unless it is the function's state, whole.
///
/// `function` is what the kernel knows of it, up to date. `known_good` are the registers of the
/// last state that passed, if there is one.
fn check_saved(
    dev: Exclusive<'_>,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    guard::validate(
        &dev.saved_header(),
        capabilities(&dev),
        command_status(dev),
        function,
        known_good,
    )
}

/// Copies what the core has saved, and passed, into `good`; returns its registers.
fn keep_saved(
    dev: Exclusive<'_>,
    function: &Function,
    good: &mut SavedState,
) -> Result<Snapshot, Refusal> {
    good.replace(dev).map_err(core_error)?;
    let header = dev.saved_header();
    Ok(Snapshot::new(&header, capabilities(&dev), function))
}

/// Saves config space; `judge` looks at what the core has read, and puts it into the state that it
/// is given if it is the function's, whole.
///
/// The core's buffer then holds the new state, or, after a refusal, `good`, which stays as it is:
/// what the buffer held before may have been poison. Its flag `state_saved` is left as it was
/// found.
fn guarded_save<T>(
    dev: Exclusive<'_>,
    good: &mut SavedState,
    judge: impl FnOnce(&mut SavedState) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    // 1. Nothing is saved from a function that is known to be gone.
    check_answers(dev)?;

    // 2. Let the core save.
    let flag = dev.state_saved();
    let saved = dev.save_state().map_err(core_error);

    // 3. Look at what was saved, and whether the function is still there.
    let result = saved.and_then(|()| judge(good));

    // 4. A refused save leaves nothing behind.
    if result.is_err() {
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
        self.health.check_channel(dev.channel_state())
    }
}

impl Recovery {
    /// Guarded save: replaces the known-good state if what is read passes every check.
    ///
    /// Call it after changing config space on purpose. A refusal is reported (log, uevent, debugfs)
    /// and the known-good state kept. The core's `state_saved` is left as it is.
    ///
    /// Context: device lock held; sleeps.
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused, `ENOMEM` where the core has no buffer for a capability.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{device::Core, pci::Device, prelude::*};
    /// use pci_recovery::recovery::Recovery;
    ///
    /// // What was changed before is kept from now on, if the function is there and whole.
    /// fn keep_changes(recovery: &Recovery, dev: &Device<Core<'_>>) -> Result {
    ///     if !recovery.is_ok() {
    ///         return Err(EAGAIN);
    ///     }
    ///     recovery.save(dev)
    /// }
    /// ```
    pub fn save(&self, dev: &Device<Core<'_>>) -> Result {
        self.guarded_save(dev.into())
    }

    /// As [`Self::save`], for whoever is alone with the function.
    pub(super) fn guarded_save(&self, dev: Exclusive<'_>) -> Result {
        self.try_save(dev).map_err(|refusal| {
            report::refused(self, &dev, refusal);
            errno(refusal)
        })
    }

    /// As [`Self::save`], without the report of a refusal.
    pub(super) fn try_save(&self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        if dev.is_d3cold() && !self.is_frozen(dev) {
            // What is wrong is said below.
            let _ = check_accessible(dev);
        }
        let mut inner = self.inner.lock();

        if let Err(recovering) = inner.health.check_save() {
            // One that does not answer says more.
            inner.check_channel(&dev)?;
            check_answers(dev)?;
            return Err(recovering);
        }

        inner.known_good.renew(dev)?;
        inner.runtime_refusal = None;
        inner.counters.saves += 1;
        let at_ns = inner.known_good.at_ns;
        inner.events.push_at(at_ns, Event::Save);
        Ok(())
    }
}
