// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::Event,
    known_good::{
        check_answers,
        command_status,
        All, //
    },
    report,
    Inner,
    Recovery, //
};
use crate::{
    guard::{
        self,
        Refusal, //
    },
    pci::{
        Channel,
        Exclusive,
        Info,
        Power, //
    },
};

/// What a refusal is to a caller: the core's errno, if it is the core that refuses.
pub(super) fn errno(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Core { errno } => Error::from_errno(errno),
        _ => EIO,
    }
}

/// As [`check_answers`], of a function that is powered up where it answers and the core takes it to
/// be in D3cold: it did not answer once, and the core goes on doing so.
///
/// That may take 60 s: must not be called with the mutex held, for which readers of debugfs wait.
pub(super) fn check_accessible(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.is_d3cold() && guard::check_accessible(command_status(dev)).is_ok() {
        // An error says that it does not answer, as does the next look.
        let _ = dev.power_up();
    }
    check_answers(dev)
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
        self.end_given_up(dev);
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

        inner.known_good.renew(dev, All)?;
        inner.runtime_refusal = None;
        inner.counters.saves += 1;
        let at_ns = inner.known_good.at_ns;
        inner.events.push_at(at_ns, Event::Save);
        Ok(())
    }
}
