// SPDX-License-Identifier: GPL-2.0-only

//! What happens in each error handler, and how the driver votes.
//!
//! See `Documentation/PCI/pci-error-recovery.rst` for the order of the callbacks.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::{
        now_ns,
        Event, //
    },
    log::limited,
    report,
    shown,
    status::Health,
    verify::{
        verify,
        RestoreError, //
    },
    Recovery, //
};
use crate::{
    guard::Refusal,
    pci::{
        ChannelState,
        ErsResult,
        Exclusive,
        Ptm,
        Reset,
        SriovControl, //
    },
};

/// How long a recovery may be silent, in nanoseconds. The core waits for up to 60 s for a function
/// after a reset.
const GIVEN_UP_NS: u64 = 180_000_000_000;

impl Recovery {
    /// An error was reported. Touches nothing: the channel may be frozen.
    ///
    /// Votes `CanRecover` where the channel is normal, `NeedReset` where it is frozen, `Disconnect`
    /// where it has failed for good. From here on every save is refused.
    ///
    /// Context: [`ErrorHandler::error_detected`](crate::pci::ErrorHandler::error_detected).
    pub fn error_detected(&self, dev: &Device, state: ChannelState) -> ErsResult {
        let (health, vote) = Health::on_error(state);

        let mut inner = self.inner.lock();
        let before = core::mem::replace(&mut inner.health, health);
        inner.recovering_since_ns = now_ns();
        inner.last_verdict = Some(vote.as_str());
        inner.events.push(Event::ErrorDetected(state, vote));
        drop(inner);

        // `slot_reset()` may have reported it already.
        if health == Health::Lost && before != Health::Lost {
            report::failed(self, dev, &Refusal::Dead);
        }
        vote
    }

    /// I/O works again and no driver asked for a reset.
    ///
    /// Votes `Recovered` where the function answers and has its known-good state, otherwise
    /// `NeedReset`.
    ///
    /// Context: [`ErrorHandler::mmio_enabled`](crate::pci::ErrorHandler::mmio_enabled).
    pub fn mmio_enabled(&self, dev: Exclusive<'_>) -> ErsResult {
        let vote = match self.check_intact(dev) {
            Ok(()) => ErsResult::Recovered,
            Err(error) => {
                limited!(
                    self.log_limits,
                    found,
                    dev_warn,
                    dev,
                    "needs a reset: {}\n",
                    shown::Shown(&error)
                );
                ErsResult::NeedReset
            }
        };
        self.vote(Event::MmioEnabled(vote), vote)
    }

    /// Is the function there, with its known-good state? Compares every register; one that the
    /// function can do without may differ: nothing was lost, somebody has changed it.
    fn check_intact(&self, dev: Exclusive<'_>) -> Result<(), RestoreError> {
        let mut inner = self.inner.lock();
        inner.known_good.follow(dev);
        verify(dev, &inner.known_good)?;
        if inner.health.is_recovering() {
            inner.health = Health::Intact;
        }
        Ok(())
    }

    /// The function was reset; the core has restored nothing.
    ///
    /// Votes `Recovered` after a verified restore, if need be after an FLR and one more, otherwise
    /// `Disconnect`. Waits up to a second for a function that does not answer yet.
    ///
    /// Context: [`ErrorHandler::slot_reset`](crate::pci::ErrorHandler::slot_reset); sleeps, for as
    /// long as [`Flr::flr`](crate::pci::Flr::flr) takes, and that second.
    pub fn slot_reset(&self, dev: Exclusive<'_>) -> ErsResult {
        let vote = match self.restore_or_reset(dev) {
            Ok(()) => {
                dev.resume_ptm();
                ErsResult::Recovered
            }
            Err(error) => {
                report::failed(self, &dev, &error);
                ErsResult::Disconnect
            }
        };
        self.vote(Event::SlotReset(vote), vote)
    }

    fn vote(&self, event: Event, vote: ErsResult) -> ErsResult {
        let mut inner = self.inner.lock();
        inner.last_verdict = Some(vote.as_str());
        inner.recovering_since_ns = now_ns();
        inner.events.push(event);
        vote
    }

    /// Ends a recovery of which nothing was heard for [`GIVEN_UP_NS`]: the function counts as lost,
    /// which a restore or a reset may change.
    ///
    /// AER and DPC end each recovery by a call, of `resume` or of `error_detected` with a permanent
    /// failure. Others give up without one (`zpci_event_attempt_error_recovery()`), and then saves
    /// and restores would be refused for as long as the driver is bound.
    pub(super) fn end_given_up(&self, dev: Exclusive<'_>) {
        let inner = self.inner.lock();
        let is_over = inner.health.is_recovering()
            && now_ns().saturating_sub(inner.recovering_since_ns) > GIVEN_UP_NS;
        drop(inner);
        if is_over {
            report::failed(self, &dev, &Refusal::GivenUp);
        }
    }

    /// Recovery is over: saves are allowed again.
    ///
    /// Where nobody has compared the function since the error, as for a driver without
    /// `mmio_enabled`, verifies, and repairs if needed. One that does not come back is reported,
    /// and counts as lost: see [`Self::is_ok`].
    ///
    /// Context: [`ErrorHandler::resume`](crate::pci::ErrorHandler::resume), before the driver
    /// starts I/O.
    pub fn resume(&self, dev: Exclusive<'_>) {
        let health = self.inner.lock().health;
        if health == Health::Recovering && self.check_intact(dev).is_err() {
            // What is wrong is reported there.
            let _ = self.verified_restore(dev);
        }
        let mut inner = self.inner.lock();
        inner.health = inner.health.on_resume();
        inner.events.push(Event::Resume);
    }

    /// A reset that was asked for is about to happen, and the core saves next, whatever it reads.
    ///
    /// Guarded save, so that the known-good state is that of now. A refusal is reported; the core's
    /// buffer is then what [`Self::reset_done`] repairs.
    ///
    /// Context: [`ErrorHandler::reset_prepare`](crate::pci::ErrorHandler::reset_prepare).
    pub fn reset_prepare(&self, dev: &Device<Core<'_>>) {
        self.note(Event::ResetPrepare);
        let _ = self.save(dev);
    }

    /// The reset is over and the core has restored what it had saved.
    ///
    /// Verifies that, and repairs it from the known-good state where it is wrong. A function that
    /// does not answer is reported, and counts as lost: see [`Self::is_ok`]; where the core had
    /// saved poison, and so may have started one more reset, after a second.
    ///
    /// Context: [`ErrorHandler::reset_done`](crate::pci::ErrorHandler::reset_done).
    pub fn reset_done(&self, dev: &Device<Core<'_>>) {
        self.note(Event::ResetDone);
        let _ = self.repair_after_reset(dev.into());
    }

    /// This is a virtual function, its physical one was reset, and nobody has restored this one.
    ///
    /// Verified restore, unless a recovery from an error goes on, whose [`Self::slot_reset`]
    /// follows.
    ///
    /// Context: [`SriovOps::physfn_reset_done`](crate::pci::SriovOps::physfn_reset_done).
    pub fn physfn_reset_done(&self, dev: Exclusive<'_>) {
        self.note(Event::PhysfnResetDone);
        // One that does not come back is reported.
        let _ = self.verified_restore(dev);
    }

    /// Enables or disables virtual functions, as `sriov_numvfs` in sysfs asks for; returns how many
    /// are enabled. What the core has saved of the function stays as it is.
    ///
    /// Context: [`SriovOps::sriov_configure`](crate::pci::SriovOps::sriov_configure).
    ///
    /// # Errors
    ///
    /// `EBUSY` where some are to be enabled and the function is not well; those of
    /// [`SriovControl::enable_sriov`].
    pub fn sriov_configure(&self, dev: &Device<Core<'_>>, num_vfs: u16) -> Result<u16> {
        if num_vfs == 0 {
            dev.disable_sriov();
            return Ok(0);
        }
        if self.inner.lock().health != Health::Ok {
            return Err(EBUSY);
        }
        dev.enable_sriov(num_vfs)?;
        Ok(num_vfs)
    }

    /// Resets the function and verifies that its known-good state is back.
    ///
    /// Context: device lock held; sleeps, see [`Reset::reset_function_locked`].
    ///
    /// # Errors
    ///
    /// `ENOTTY` where the function has no reset method, that of the method, or `EIO` where the
    /// state is not back.
    pub fn reset(&self, dev: &Device<Core<'_>>) -> Result {
        let reset = dev.reset_function_locked();
        let mut inner = self.inner.lock();
        inner.note_reset(reset);
        let health = inner.health;
        drop(inner);

        // `reset_done()` has verified and repaired.
        reset?;
        if health == Health::Ok {
            Ok(())
        } else {
            Err(EIO)
        }
    }
}
