// SPDX-License-Identifier: GPL-2.0-only

//! Verifies, and if needed repairs, a function after the PCI core restored it.
//!
//! The core writes back what it has saved last, and not each of its saves is guarded. A function
//! that is not as it should be is restored from the known-good state instead.

use kernel::prelude::*;

use super::{
    core_restore::disarm_leftover,
    events::Event,
    known_good::KnownGood,
    log::limited,
    restore::READY_MS,
    shown,
    status::Health,
    verify::{
        verify,
        RestoreError, //
    },
    Recovery, //
};
use crate::pci::{
    Exclusive,
    Power,
    Ptm,
    State, //
};

/// What [`Recovery::check`] has found.
struct Found {
    /// Of the function.
    result: Result<(), RestoreError>,
    /// The core's buffer was not the known-good state.
    core_was_wrong: bool,
}

/// Puts the known-good state into the core's buffer, for the next time that the core restores.
fn replace_core_state(dev: Exclusive<'_>, known_good: &KnownGood) {
    let flag = dev.state_saved();
    known_good.load_or_log(dev);
    dev.set_state_saved(flag);
}

impl Recovery {
    /// Verifies what the core restored after `what`, and repairs it where it is wrong.
    ///
    /// # Errors
    ///
    /// `EIO` where it could not be repaired, which is reported, or where the recovery from an error
    /// goes on, which will see to it.
    pub(super) fn repair(&self, dev: Exclusive<'_>, what: &'static str) -> Result {
        if self.is_frozen(dev) {
            return Err(EIO);
        }
        match self.check(dev, what).result {
            Ok(()) => {
                dev.resume_ptm();
                Ok(())
            }
            Err(_) => self.verified_restore(dev),
        }
    }

    /// As [`Self::repair`], after a reset. A core that had saved all-ones writes them to Device
    /// Control, which starts an FLR (`PCI_EXP_DEVCTL_BCR_FLR`): waits up to [`READY_MS`]
    /// for a function that does not answer then. The core itself waits after the other resets.
    ///
    /// # Errors
    ///
    /// As [`Self::repair`].
    pub(super) fn repair_after_reset(&self, dev: Exclusive<'_>) -> Result {
        if self.is_frozen(dev) {
            return Err(EIO);
        }
        let found = self.check(dev, "reset");
        match found.result {
            Ok(()) => {
                dev.resume_ptm();
                return Ok(());
            }
            Err(RestoreError::NotAccessible(_)) if found.core_was_wrong => {
                dev.wait_until_ready(READY_MS)
            }
            Err(_) => {}
        }
        self.verified_restore(dev)
    }

    /// As [`Self::repair`], where a later phase looks again: that one reports what is still wrong.
    pub(super) fn repair_early(&self, dev: Exclusive<'_>, what: &'static str) {
        if self.is_frozen(dev) {
            return;
        }
        if let Err(RestoreError::Mismatch(_)) = self.check(dev, what).result {
            let _ = self.try_restore(dev);
        }
    }

    /// Returns whether the recovery from an error keeps everybody off the function.
    pub(super) fn is_frozen(&self, dev: Exclusive<'_>) -> bool {
        self.end_given_up(dev);
        self.inner.lock().check_channel(&dev).is_err()
    }

    /// Verifies what the core restored after `what`; reports what is wrong, and whether the core
    /// had saved it so.
    fn check(&self, dev: Exclusive<'_>, what: &'static str) -> Found {
        disarm_leftover(dev);
        let mut inner = self.inner.lock();
        inner.known_good.follow(dev);
        let result = match verify(dev, &inner.known_good) {
            // A restore may bring back what the function can do without, too.
            Ok(Some(mismatch)) => Err(RestoreError::Mismatch(mismatch)),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let core = inner.known_good.core_mismatch(dev);

        match &result {
            Ok(()) => inner.health = Health::Ok,
            Err(RestoreError::Mismatch(mismatch)) => {
                inner.counters.mismatches += 1;
                inner.events.push(Event::Mismatch((*mismatch).into()));
            }
            Err(_) => {}
        }
        if let Some(core) = core {
            inner.events.push(Event::CoreStateBad(core.into()));
            replace_core_state(dev, &inner.known_good);
        }
        drop(inner);

        match (&result, core) {
            (Err(RestoreError::Mismatch(_)), Some(core)) => limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "the {} restored what is not the known-good state ({}), restoring that\n",
                what,
                shown::Shown(&core)
            ),
            (Err(RestoreError::Mismatch(mismatch)), None) => limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "the {} did not bring the state back, restoring it: {}\n",
                what,
                shown::Shown(mismatch)
            ),
            (_, Some(core)) => limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "the core's saved state is not the known-good one after the {} ({}), replaced it\n",
                what,
                shown::Shown(&core)
            ),
            (_, None) => {}
        }
        Found {
            result,
            core_was_wrong: core.is_some(),
        }
    }
}
