// SPDX-License-Identifier: GPL-2.0-only

//! System sleep: suspend, and hibernation.
//!
//! The core saves in the noirq phase, unguarded, unless `state_saved` tells it that the driver has
//! saved. So the driver saves before, guarded, and in that phase gives the core its known-good
//! state, which sets the flag, and takes over the transition to low power. On the way back the core
//! restores in the noirq phase, and the driver looks, then and in the last phase.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::Event,
    log::limited,
    save::check_accessible,
    Recovery, //
};
use crate::pci::{
    Exclusive,
    Info,
    Power, //
};

/// What a refused save does to the suspend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// The suspend goes on, with the known-good state.
    Continue,
    /// The suspend is aborted.
    Abort,
}

impl Recovery {
    /// The system goes to sleep: guarded save. [`Self::suspend_noirq`] must follow, which keeps the
    /// core from saving and owes the transition to low power.
    ///
    /// Context: [`PmOps::suspend`](crate::pci::PmOps::suspend).
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused and `on_refusal` says to abort; `EINVAL` where the core does
    /// not take the known-good state back.
    pub fn suspend(&self, dev: &Device<Core<'_>>, on_refusal: OnRefusal) -> Result {
        self.note(Event::Suspend);
        self.save_before_sleep(dev.into(), on_refusal)
    }

    /// Interrupts are off: keeps the core from saving, and puts the function to sleep.
    ///
    /// Context: [`PmOps::suspend_noirq`](crate::pci::PmOps::suspend_noirq).
    ///
    /// # Errors
    ///
    /// `EINVAL` where the core does not take the known-good state back.
    pub fn suspend_noirq(&self, dev: Exclusive<'_>) -> Result {
        self.note(Event::SuspendNoirq);
        self.keep_core_from_saving(dev)?;

        // A bridge stays in D0 for what is below it, and a function that is gone takes no order.
        if dev.bus_numbers().is_none() && self.answers(dev) {
            if let Err(error) = dev.prepare_to_sleep() {
                limited!(
                    self.log_limits,
                    found,
                    dev_info,
                    dev,
                    "stays in D0 during the suspend: {:?}\n",
                    error
                );
            }
        }
        Ok(())
    }

    /// The core has restored the function, interrupts are off: verifies and repairs. What is still
    /// wrong then is left to [`Self::pm_resume`].
    ///
    /// Context: [`PmOps::resume_noirq`](crate::pci::PmOps::resume_noirq).
    pub fn resume_noirq(&self, dev: Exclusive<'_>) {
        self.note(Event::ResumeNoirq);
        self.repair_early(dev, "resume");
    }

    /// The system is awake: verifies what the core restored, and repairs it where it is wrong.
    ///
    /// A function that did not come back does not fail the resume of the system: it is reported,
    /// and counts as lost until a reset or a restore brings it back.
    ///
    /// Context: [`PmOps::resume`](crate::pci::PmOps::resume).
    pub fn pm_resume(&self, dev: &Device<Core<'_>>) {
        self.note(Event::PmResume);
        let _ = self.repair(dev.into(), "resume");
    }

    /// Hibernation is about to copy the memory: guarded save. [`Self::freeze_noirq`] must follow.
    ///
    /// Context: [`PmOps::freeze`](crate::pci::PmOps::freeze).
    ///
    /// # Errors
    ///
    /// As for [`Self::suspend`].
    pub fn freeze(&self, dev: &Device<Core<'_>>, on_refusal: OnRefusal) -> Result {
        self.note(Event::Freeze);
        self.save_before_sleep(dev.into(), on_refusal)
    }

    /// Interrupts are off: keeps the core from saving.
    ///
    /// Context: [`PmOps::freeze_noirq`](crate::pci::PmOps::freeze_noirq).
    ///
    /// # Errors
    ///
    /// `EINVAL` where the core does not take the known-good state back.
    pub fn freeze_noirq(&self, dev: Exclusive<'_>) -> Result {
        self.note(Event::FreezeNoirq);
        self.keep_core_from_saving(dev)
    }

    /// The memory was copied and the core has restored the function: verifies and repairs.
    ///
    /// Context: [`PmOps::thaw_noirq`](crate::pci::PmOps::thaw_noirq).
    pub fn thaw_noirq(&self, dev: Exclusive<'_>) {
        self.note(Event::ThawNoirq);
        self.repair_early(dev, "thaw");
    }

    /// The memory was copied, or the hibernation is over before: as [`Self::pm_resume`].
    ///
    /// Context: [`PmOps::thaw`](crate::pci::PmOps::thaw).
    pub fn thaw(&self, dev: &Device<Core<'_>>) {
        self.note(Event::Thaw);
        let _ = self.repair(dev.into(), "thaw");
    }

    /// Hibernation is about to switch off: guarded save, for the case that it does not.
    ///
    /// The core does not save now, so that `state_saved` is left alone, and with it the transition
    /// to low power is the core's. A refusal is reported and keeps nobody from switching off.
    ///
    /// Context: [`PmOps::poweroff`](crate::pci::PmOps::poweroff).
    pub fn poweroff(&self, dev: &Device<Core<'_>>) {
        self.note(Event::Poweroff);
        let _ = self.guarded_save(dev.into());
    }

    /// The memory is what hibernation copied, and the core has restored the function: verifies and
    /// repairs.
    ///
    /// Context: [`PmOps::restore_noirq`](crate::pci::PmOps::restore_noirq).
    pub fn restore_noirq(&self, dev: Exclusive<'_>) {
        self.note(Event::RestoreNoirq);
        self.repair_early(dev, "restore");
    }

    /// The memory is what hibernation copied: as [`Self::pm_resume`].
    ///
    /// Context: [`PmOps::restore`](crate::pci::PmOps::restore).
    pub fn pm_restore(&self, dev: &Device<Core<'_>>) {
        self.note(Event::PmRestore);
        let _ = self.repair(dev.into(), "restore");
    }

    /// Guarded save; a refusal is an error only where `on_refusal` says so.
    fn save_before_sleep(&self, dev: Exclusive<'_>, on_refusal: OnRefusal) -> Result {
        match self.guarded_save(dev) {
            Err(error) if on_refusal == OnRefusal::Abort => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns whether the function may be accessed, and answers.
    fn answers(&self, dev: Exclusive<'_>) -> bool {
        self.end_given_up(dev);
        let channel = self.inner.lock().check_channel(&dev);
        channel.and_then(|()| check_accessible(dev)).is_ok()
    }

    /// The core must not save what nobody looks at: gives it the known-good state, which sets
    /// `state_saved`.
    fn keep_core_from_saving(&self, dev: Exclusive<'_>) -> Result {
        let mut inner = self.inner.lock();
        inner.known_good.follow(dev);
        inner.known_good.load(dev)
    }
}
