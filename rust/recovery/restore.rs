// SPDX-License-Identifier: GPL-2.0-only

//! The verified restore.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

use super::{
    core_restore::{
        disarm_leftover,
        restore_state,
        write_channel, //
    },
    events::Event,
    known_good::KnownGood,
    log::limited,
    report,
    save::check_accessible,
    shown,
    status::Health,
    verify::{
        check_awake,
        verify,
        RestoreError, //
    },
    Recovery, //
};
use crate::{
    guard::{
        Mismatch,
        Refusal, //
    },
    pci::{
        Exclusive,
        Flr,
        Power,
        Ptm,
        State, //
    },
};

/// How often a state is written before it counts as not restorable.
const ATTEMPTS: usize = 2;

/// How long a function may take until it answers after a reset, in milliseconds; one that takes
/// longer counts as broken (PCIe r6.0, sec 6.6.1).
pub(super) const READY_MS: i64 = 1000;

/// A function may be accessed so long after its link is up (PCIe r6.0, sec 6.6.1).
pub(super) const LINK_UP: Delta = Delta::from_millis(100);

/// Writes the known-good state to the function and reads it back. The core's buffer holds it
/// afterwards.
fn write(dev: Exclusive<'_>, known_good: &mut KnownGood) -> Result<Option<Mismatch>, RestoreError> {
    known_good.follow(dev);
    known_good.limit_aspm(dev);
    known_good.load(dev).map_err(RestoreError::Core)?;
    if restore_state(dev) {
        fsleep(LINK_UP);
    }
    disarm_leftover(dev);
    let minor = verify(dev, known_good)?;
    if write_channel(dev, minor) {
        return verify(dev, known_good);
    }
    Ok(minor)
}

impl Recovery {
    /// Verified restore: writes the known-good state and compares every register of the header and
    /// of the saved capabilities that is not volatile. A function that passes counts as recovered.
    ///
    /// So does one of which a register differs that it can do without, as Cache Line Size or a mask
    /// of AER: that is in the log and counted (`deviations` in debugfs).
    ///
    /// Context: device lock held; sleeps, for up to 60 s where the function is not in D0 and does
    /// not answer.
    ///
    /// # Errors
    ///
    /// `EIO` where the function does not answer or does not take the state; which register differs
    /// is in the log, and the state in debugfs is `lost`. `EIO` as well where the recovery from an
    /// error goes on, which will see to it: the state stays `recovering`.
    pub fn restore(&self, dev: &Device<Core<'_>>) -> Result {
        self.verified_restore(dev.into())
    }

    /// As [`Self::restore`], for whoever is alone with the function.
    pub(super) fn verified_restore(&self, dev: Exclusive<'_>) -> Result {
        // Nothing has failed yet, and a function that counts as lost would be touched by the next
        // one who asks.
        if self.is_frozen(dev) {
            limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "not restored now: {}\n",
                Refusal::Frozen
            );
            return Err(EIO);
        }
        self.try_restore(dev)
            .map(|()| dev.resume_ptm())
            .map_err(|error| {
                report::failed(self, &dev, &error);
                EIO
            })
    }

    /// As [`Self::restore`], without the report of a failure.
    pub(super) fn try_restore(&self, dev: Exclusive<'_>) -> Result<(), RestoreError> {
        let channel = self.inner.lock().check_channel(&dev);
        let result = channel
            .map_err(RestoreError::NotAccessible)
            .and_then(|()| self.write_until_verified(dev));
        let mut inner = self.inner.lock();
        match &result {
            Ok(minor) => {
                inner.health = Health::Ok;
                inner.runtime_refusal = None;
                inner.last_verdict = Some("restored");
                inner.counters.restores += 1;
                inner.events.push(Event::Restore);
                report::restored(self, &inner, &dev);
                if let Some(mismatch) = minor {
                    inner.known_good.accept(dev);
                    inner.note_deviation(*mismatch);
                    report::deviates(self, &dev, mismatch);
                }
            }
            Err(RestoreError::Mismatch(mismatch)) => {
                inner.counters.mismatches += 1;
                inner.events.push(Event::Mismatch((*mismatch).into()));
            }
            Err(_) => {}
        }
        result.map(|_| ())
    }

    /// Writes the known-good state; once more if it differs. `state_saved` is what it was
    /// afterwards.
    ///
    /// The mutex is not held while a function is powered up, which may take 60 s. Whoever has an
    /// [`Exclusive`] is alone all the same, but for readers of debugfs.
    fn write_until_verified(&self, dev: Exclusive<'_>) -> Result<Option<Mismatch>, RestoreError> {
        check_accessible(dev).map_err(RestoreError::NotAccessible)?;

        let flag = dev.state_saved();
        let mut result = Ok(None);
        for attempt in 0..ATTEMPTS {
            if attempt != 0 && check_awake(dev).is_err() {
                // An error is what the next comparison finds.
                let _ = dev.power_up();
            }
            result = write(dev, &mut self.inner.lock().known_good);
            if matches!(result, Ok(None) | Err(RestoreError::Core(_))) {
                break;
            }
        }
        dev.set_state_saved(flag);
        result
    }

    /// Restores the function. Waits once, for up to [`READY_MS`], for one that does not answer yet:
    /// after the reset of a bus the core waits for what is on that bus, but not for what is below a
    /// switch there.
    fn restore_when_ready(&self, dev: Exclusive<'_>) -> Result<(), RestoreError> {
        match self.try_restore(dev) {
            Err(RestoreError::NotAccessible(Refusal::Inaccessible)) => {
                dev.wait_until_ready(READY_MS);
                self.try_restore(dev)
            }
            result => result,
        }
    }

    /// Restores the function, and resets it once if it does not take the known-good state: by FLR,
    /// the one reset that takes no lock.
    pub(super) fn restore_or_reset(&self, dev: Exclusive<'_>) -> Result<(), RestoreError> {
        let mismatch = match self.restore_when_ready(dev) {
            Err(RestoreError::Mismatch(mismatch)) => mismatch,
            result => return result,
        };

        limited!(
            self.log_limits,
            found,
            dev_warn,
            dev,
            "not restored, resetting the function by FLR: {}\n",
            shown::Shown(&mismatch)
        );
        let reset = dev.flr();
        self.inner.lock().note_reset(reset);
        if let Err(error) = reset {
            limited!(
                self.log_limits,
                found,
                dev_err,
                dev,
                "the FLR failed: {:?} (ENOTTY: it has none, or did not come back)\n",
                error
            );
            return Err(mismatch.into());
        }
        self.try_restore(dev)
    }
}
