// SPDX-License-Identifier: GPL-2.0-only

//! Runtime power management.
//!
//! A function whose save is refused is not suspended: what it holds could not be restored, and it
//! may be gone for good. A function that is lost can still be reset, see [`Recovery::reset`].

use kernel::prelude::*;

use super::{
    events::Event,
    log::limited,
    report,
    Recovery, //
};
use crate::{
    guard::Refusal,
    pci::{
        Exclusive,
        Info,
        Power,
        State, //
    }, //
};

impl Recovery {
    /// Nobody uses the function: guarded save and the transition to low power.
    ///
    /// Context: [`PmOps::runtime_suspend`](crate::pci::PmOps::runtime_suspend).
    ///
    /// # Errors
    ///
    /// `EBUSY` where the save is refused, or the function does not go to low power: it stays as it
    /// is. Any other errno would end runtime power management of the function.
    pub fn runtime_suspend(&self, dev: Exclusive<'_>) -> Result {
        if self.inner.lock().runtime_refusal.is_none() {
            self.note(Event::RuntimeSuspend);
        }
        self.try_save(dev).map_err(|refusal| {
            self.refused_suspend(dev, refusal);
            EBUSY
        })?;

        // A bridge stays in D0: what is below it was not asked.
        if dev.bus_numbers().is_none() {
            dev.runtime_sleep().map_err(|error| {
                limited!(
                    self.log_limits,
                    found,
                    dev_info,
                    dev,
                    "stays in D0, not suspended: {:?}\n",
                    error
                );
                EBUSY
            })?;
        }
        // Or the core would save once more, in the low-power state.
        dev.set_state_saved(true);
        Ok(())
    }

    /// Reports a refused suspend, once: the next read of config space by userspace, like that of a
    /// program which the report started, asks for it again.
    fn refused_suspend(&self, dev: Exclusive<'_>, refusal: Refusal) {
        let mut inner = self.inner.lock();
        if inner.runtime_refusal.replace(refusal) == Some(refusal) {
            inner.counters.refusals += 1;
        } else {
            drop(inner);
            report::refused(self, &dev, refusal);
        }
    }

    /// The function is needed again: verifies what the core restored, and repairs it where it is
    /// wrong.
    ///
    /// One that did not come back is reported and counts as lost until a reset or a restore brings
    /// it back. It is no error here, which would keep both from being tried.
    ///
    /// Context: [`PmOps::runtime_resume`](crate::pci::PmOps::runtime_resume).
    pub fn runtime_resume(&self, dev: Exclusive<'_>) {
        self.note(Event::RuntimeResume);
        let _ = self.repair(dev, "runtime resume");
    }
}
