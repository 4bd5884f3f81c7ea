// SPDX-License-Identifier: GPL-2.0-only

//! System sleep.
//!
//! The core saves in the noirq phase, unguarded, unless `state_saved` tells it that the driver has
//! saved. So the driver saves, guarded, and takes over the transition to low power with it.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::Event,
    save::check_accessible,
    Recovery, //
};
use crate::pci::{
    Info,
    Power,
    State, //
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
    /// The system goes to sleep: guarded save and the transition to low power.
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused and `on_refusal` says to abort; `EINVAL` where the core does
    /// not take the known-good state back.
    pub fn suspend(&self, dev: &Device<Core<'_>>, on_refusal: OnRefusal) -> Result {
        self.note(Event::Suspend);

        let accessible = match self.save(dev) {
            Ok(()) => {
                dev.set_state_saved(true);
                true
            }
            Err(error) if on_refusal == OnRefusal::Abort => return Err(error),
            Err(_) => {
                // Sets `state_saved` too: the core must not save what was just refused.
                self.inner.lock().known_good.state.load(dev)?;
                check_accessible(dev).is_ok()
            }
        };

        // A bridge stays in D0 for what is below it, and a function that is gone takes no order.
        if accessible && dev.bus_numbers().is_none() {
            if let Err(error) = dev.prepare_to_sleep() {
                dev_info!(dev, "stays in D0 during the suspend: {:?}\n", error);
            }
        }
        Ok(())
    }

    /// The system is awake: verifies what the core restored, and repairs it where it is wrong.
    ///
    /// A function that did not come back does not fail the resume of the system: it is reported,
    /// and counts as lost until a reset or a restore brings it back.
    pub fn pm_resume(&self, dev: &Device<Core<'_>>) {
        self.note(Event::PmResume);
        let _ = self.repair(dev, "resume");
    }
}
