// SPDX-License-Identifier: GPL-2.0-only

//! The verified restore.

use core::fmt;

use kernel::{
    bindings,
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::Event,
    function,
    log::limited,
    report,
    save::{
        check_accessible,
        check_answers,
        KnownGood, //
    },
    status::Health,
    Recovery, //
};
use crate::{
    guard::{
        Mismatch,
        Refusal,
        Register, //
    },
    pci::{
        Config,
        Exclusive,
        Flr,
        Info,
        Power,
        State, //
    },
};

/// How often a state is written before it counts as not restorable.
const ATTEMPTS: usize = 2;

/// Why a function could not be restored.
#[derive(Clone, Copy, Debug)]
pub enum RestoreError {
    /// The function does not answer.
    NotAccessible(Refusal),
    /// A register does not hold its known-good value.
    Mismatch(Mismatch),
    /// The core does not take the state back.
    Core(Error),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccessible(refusal) => fmt::Display::fmt(refusal, f),
            Self::Mismatch(mismatch) => fmt::Display::fmt(mismatch, f),
            Self::Core(error) => write!(f, "the core does not load the state: {error:?}"),
        }
    }
}

impl From<Mismatch> for RestoreError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

/// Reads what `register` holds now.
fn read(dev: Exclusive<'_>, register: &Register) -> u32 {
    if register.width == 2 {
        // The registers of 16 bits are those of the PCI Express capability.
        dev.read_pcie_word(register.offset.wrapping_sub(dev.pcie_cap()))
            .into()
    } else {
        dev.read_config_dword(register.offset)
    }
}

/// A function in a low-power state has registers like any other, but is not to be used.
fn check_awake(dev: Exclusive<'_>) -> Result<(), Mismatch> {
    const STATE: u32 = bindings::PCI_PM_CTRL_STATE_MASK;

    match dev.power_control() {
        Some((offset, control)) if u32::from(control) & STATE != 0 => Err(Mismatch {
            register: Register {
                name: "PCI_PM_CTRL",
                offset,
                width: 2,
                value: 0,
                mask: STATE,
                vital: STATE,
            },
            found: control.into(),
        }),
        _ => Ok(()),
    }
}

/// A physical function must still have its virtual functions enabled. The core restores that, but
/// it is not in what it saves.
fn check_sriov(dev: Exclusive<'_>) -> Result<(), Mismatch> {
    match function::describe_sriov(dev) {
        Some(sriov) => sriov.verify(|register| read(dev, register)),
        None => Ok(()),
    }
}

/// Compares the function with its known-good state, register by register, and looks whether it is
/// in D0 and has its virtual functions.
///
/// Returns a register that differs and that the function can do without, if there is any.
pub(super) fn verify(
    dev: Exclusive<'_>,
    known_good: &KnownGood,
) -> Result<Option<Mismatch>, RestoreError> {
    known_good
        .snapshot
        .verify(|register| read(dev, register))
        .and_then(|minor| {
            check_awake(dev)?;
            check_sriov(dev)?;
            Ok(minor)
        })
        .or_else(|mismatch| {
            // A function that is gone differs too, but that is not what is wrong with it.
            check_answers(dev).map_err(RestoreError::NotAccessible)?;
            Err(mismatch.into())
        })
}

/// Writes the known-good state to the function and reads it back. The core's buffer holds it
/// afterwards.
fn write(dev: Exclusive<'_>, known_good: &mut KnownGood) -> Result<Option<Mismatch>, RestoreError> {
    known_good.follow(dev);
    known_good.limit_aspm(dev);
    known_good.load(dev).map_err(RestoreError::Core)?;
    dev.restore_state();
    verify(dev, known_good)
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
        self.try_restore(dev).map_err(|error| {
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
        if dev.is_d3cold() {
            // An error says that it does not answer, as does the next check.
            let _ = dev.power_up();
        }
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

    /// Restores the function, and resets it once if it does not take the known-good state: by FLR,
    /// the one reset that takes no lock.
    pub(super) fn restore_or_reset(&self, dev: Exclusive<'_>) -> Result<(), RestoreError> {
        let mismatch = match self.try_restore(dev) {
            Err(RestoreError::Mismatch(mismatch)) => mismatch,
            result => return result,
        };

        limited!(
            self.log_limits,
            found,
            dev_warn,
            dev,
            "not restored, resetting the function by FLR: {}\n",
            report::Shown(&mismatch)
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
