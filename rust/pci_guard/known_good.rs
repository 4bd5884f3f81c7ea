// SPDX-License-Identifier: GPL-2.0-only

//! The known-good state of a function whose driver nobody here knows, and what becomes of the
//! core's buffer by a save and by a restore.
//!
//! What is known good comes from, in order of trust:
//!
//! 1. a save that passes every rule;
//! 2. a *peek*: when the module is loaded, and when a driver has been bound or unbound, the
//!    function is saved, judged, and the core's buffer put back;
//! 3. the core's buffer, where it passes every rule and has changed since it was last looked at:
//!    the core saves a function when it is added, and a driver may have put a state there
//!    (`pci_load_saved_state()`).
//!
//! Nothing in here sleeps or allocates, but for [`KnownGoodState::new`] and
//! [`KnownGoodState::peek`].

use kernel::prelude::*;

use super::{
    guard::{
        self,
        Header,
        Mismatch,
        Refusal,
        Snapshot, //
    },
    pci::{
        Config,
        Exclusive,
        SavedState,
        State, //
    },
    recovery::{
        core_restore::{
            restore_state,
            write_channel, //
        },
        function::read, //
        known_good::{
            capabilities,
            core_error,
            snapshot,
            KnownGood,
            Rules, //
        },
    },
};

/// What of somebody else's function is refused.
#[derive(Clone, Copy)]
pub(super) struct Others {
    /// What is suspicious, too.
    pub(super) strict: bool,
}

impl Rules for Others {
    const MAY_WRITE: bool = false;

    fn check_before(self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        check_accessible(dev)
    }

    fn decide(
        self,
        refusal: Refusal,
        certain: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<Refusal, Refusal> {
        certain()?;
        if self.strict {
            return Err(refusal);
        }
        Ok(refusal)
    }
}

/// Refuses a function that does not answer.
pub(super) fn check_accessible(dev: Exclusive<'_>) -> Result<(), Refusal> {
    guard::check_accessible(dev.read_config_dword(kernel::bindings::PCI_COMMAND as u16))
}

/// Reads the header.
fn read_header(dev: Exclusive<'_>) -> Header {
    // CAST: Below 64.
    core::array::from_fn(|index| dev.read_config_dword(4 * index as u16))
}

impl KnownGood {
    /// Takes over what the core's buffer holds, where it passes every rule. Does not touch the
    /// function.
    ///
    /// Returns whether it did.
    fn adopt(&mut self, dev: Exclusive<'_>) -> bool {
        if self.staging.replace(dev).is_err() {
            return false;
        }
        let header = self.staging.header();
        // There is no later read to tell a loss by: Command/Status of the save itself has to do.
        let [_, command_status, ..] = header;
        let good = guard::validate(
            &header,
            capabilities(&self.staging),
            command_status,
            &self.function,
            self.is_known().then_some(&self.snapshot),
        );
        if good.is_ok() {
            self.commit(dev);
        }
        good.is_ok()
    }

    /// The registers of `staging`.
    fn staged(&self) -> Snapshot {
        snapshot(&self.staging, &self.function)
    }

    /// Refuses what the core's buffer holds where it is certain that it is not the function's
    /// state. `staging` is that, afterwards.
    fn check_core(&mut self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        self.staging.replace(dev).map_err(core_error)?;
        let header = self.staging.header();
        let [ids, command_status, ..] = header;
        if ids == 0 {
            // The core has never saved it. It writes BARs into its buffer all the same, when it
            // moves them.
            return Err(Refusal::Unexpected {
                register: "PCI_VENDOR_ID",
                found: ids,
                expected: self.function.ids,
            });
        }
        guard::check_certain(
            &header,
            capabilities(&self.staging),
            command_status,
            &self.function,
            self.is_known().then_some(&self.snapshot),
        )
    }
}

/// Where what is known good comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Nothing is known good.
    Nothing,
    /// A save by somebody.
    Save,
    /// A save by this module, of which the core has not seen anything.
    Peek,
    /// The core's buffer.
    Core,
}

impl Source {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Save => "save",
            Self::Peek => "peek",
            Self::Core => "core",
        }
    }
}

/// What became of a save.
pub(super) enum Saved {
    /// It is the known-good state.
    Good,
    /// The core has what it read, and what is known good is older.
    Suspicious(Refusal),
    /// The core has the known-good state, or, where nothing is known good, what it had before.
    Refused(Refusal),
}

/// What became of a restore.
pub(super) struct Restored {
    /// Why what the core had saved was not written: poison. The known-good state was, where there
    /// is one.
    pub(super) poison: Option<Refusal>,
    pub(super) outcome: Outcome,
}

/// What the function is like after a restore.
pub(super) enum Outcome {
    /// Every register is what was written. Or: nobody has looked (`verify=0`).
    AsWritten,
    /// As before, after it was written once more: this differed the first time.
    Repaired(Mismatch),
    /// But for a register that it can do without, twice.
    Deviates(Mismatch),
    /// A register that it cannot do without is not what was written, twice.
    Differs(Mismatch),
    /// The function does not answer, nothing was written. `state_saved` is left set, so that a
    /// later phase of power management tries again.
    Lost(Refusal),
    /// The core had poison, and nothing is known good: nothing was written.
    Skipped,
}

/// The known-good state of a function, and where it comes from.
pub(super) struct KnownGoodState {
    pub(super) known_good: KnownGood,
    pub(super) source: Source,
    /// What [`State::saved_key`] was when the core's buffer was last looked at.
    key: u64,
    /// The core's buffer held the known-good state then.
    core_has_it: bool,
}

impl KnownGoodState {
    /// Allocates all that it will ever need. Nothing is known good then.
    ///
    /// Context: process context, sleeps.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] of a function that is neither an endpoint nor a bridge,
    /// [`Refusal::Core`].
    pub(super) fn new(dev: Exclusive<'_>) -> Result<Self, Refusal> {
        let mut known_good = KnownGood::unknown(dev)?;
        // What the hardware is like is learned from the first save. Until then no register of AER
        // is refused for all-ones, which some have for good.
        known_good.function.learned.aer_ones = u8::MAX;
        Ok(Self {
            known_good,
            source: Source::Nothing,
            key: 0,
            core_has_it: false,
        })
    }

    /// Remembers what the core's buffer is like now.
    fn has_looked(&mut self, dev: Exclusive<'_>) {
        self.key = dev.saved_key();
    }

    /// Looks at the core's buffer where it has changed: it is adopted where it passes every rule.
    ///
    /// Returns whether it is the known-good state, byte for byte, as it was before.
    #[inline]
    pub(super) fn look(&mut self, dev: Exclusive<'_>) -> bool {
        if self.core_has_it && self.known_good.state.is_of(dev) {
            return true;
        }
        self.look_again(dev);
        false
    }

    #[cold]
    fn look_again(&mut self, dev: Exclusive<'_>) {
        if !self.core_has_it && dev.saved_key() == self.key {
            return;
        }
        self.known_good.follow(dev);
        self.core_has_it = self.known_good.is_known() && self.known_good.state.is_of(dev);
        if !self.core_has_it && self.known_good.adopt(dev) {
            self.source = Source::Core;
            self.core_has_it = true;
        }
        self.has_looked(dev);
    }

    /// Looks at the core's buffer, and follows what the kernel has changed on purpose. Returns
    /// whether the core's buffer may be another state than the known-good one.
    #[inline]
    fn look_and_follow(&mut self, dev: Exclusive<'_>) -> bool {
        if self.look(dev) {
            return self.known_good.follow_record(dev);
        }
        self.known_good.follow(dev);
        true
    }

    /// Guarded save: `pci_save_state()` of somebody else. `state_saved` is set afterwards, but
    /// where it was refused and nothing is known good.
    pub(super) fn save(&mut self, dev: Exclusive<'_>, rules: Others) -> Saved {
        self.look_and_follow(dev);
        let saved = match self.known_good.renew_followed(dev, rules) {
            Ok(None) => {
                self.source = Source::Save;
                self.core_has_it = true;
                dev.set_state_saved(true);
                Saved::Good
            }
            Ok(Some(suspicion)) => {
                self.core_has_it = false;
                dev.set_state_saved(true);
                Saved::Suspicious(suspicion)
            }
            Err(refusal) => {
                if self.known_good.is_known() {
                    self.known_good.load_or_log(dev);
                    self.core_has_it = true;
                }
                Saved::Refused(refusal)
            }
        };
        if !self.core_has_it {
            self.has_looked(dev);
        }
        saved
    }

    /// Saves the function, and leaves what the core has of it as it was.
    ///
    /// Context: the device lock held, the function awake; allocates.
    pub(super) fn peek(&mut self, dev: Exclusive<'_>, rules: Others) -> Saved {
        self.look(dev);
        let flag = dev.state_saved();
        let before = match SavedState::copy(dev) {
            Ok(before) => before,
            Err(error) => return Saved::Refused(core_error(error)),
        };
        let saved = match self.known_good.renew(dev, rules) {
            Ok(None) => {
                self.source = Source::Peek;
                Saved::Good
            }
            Ok(Some(suspicion)) => Saved::Suspicious(suspicion),
            Err(refusal) => Saved::Refused(refusal),
        };
        if let Err(error) = before.load(dev) {
            // It was copied from this very function.
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
        dev.set_state_saved(flag);
        self.core_has_it = self.known_good.is_known() && self.known_good.state.is_of(dev);
        self.has_looked(dev);
        saved
    }

    /// Verified restore: `pci_restore_state()` of somebody else.
    ///
    /// Where the core has the known-good state, what the kernel has changed on purpose since is
    /// written as it is now. Where it has another one, that may be what its driver wants, and is
    /// written if it is no poison.
    pub(super) fn restore(&mut self, dev: Exclusive<'_>, verify: bool) -> Restored {
        let mut is_changed = self.look_and_follow(dev);
        let mut poison = None;
        if !self.core_has_it {
            poison = self.known_good.check_core(dev).err();
            self.core_has_it = poison.is_some() && self.known_good.is_known();
            is_changed = true;
        }
        if poison.is_some() && !self.core_has_it {
            return Restored {
                poison,
                outcome: Outcome::Skipped,
            };
        }
        let outcome = self.write(dev, is_changed, verify);
        if !self.core_has_it {
            self.has_looked(dev);
        }
        Restored { poison, outcome }
    }

    /// Restores a function that was lost in its restore and is there again, unless somebody else
    /// has brought it back: its header passes every rule then. [`None`] where that is so.
    pub(super) fn restore_late(&mut self, dev: Exclusive<'_>, verify: bool) -> Option<Restored> {
        self.known_good.follow(dev);
        let header = read_header(dev);
        let known_good = self
            .known_good
            .is_known()
            .then_some(&self.known_good.snapshot);
        if guard::check_header(&header, &self.known_good.function, known_good).is_ok() {
            return None;
        }
        Some(self.restore(dev, verify))
    }

    /// Restores a function that was wiped: every assigned BAR reads 0. [`None`] where it was not,
    /// or nothing is known good of it.
    pub(super) fn heal(&mut self, dev: Exclusive<'_>, verify: bool) -> Option<Restored> {
        self.known_good.follow(dev);
        let header = read_header(dev);
        if !self.known_good.is_known()
            || guard::bars::check_wiped(&header, &self.known_good.function).is_ok()
        {
            return None;
        }
        Some(self.restore(dev, verify))
    }

    /// Writes what the core has, or has to have, to the function. `is_changed` says that these may
    /// be two things.
    fn write(&mut self, dev: Exclusive<'_>, is_changed: bool, verify: bool) -> Outcome {
        if self.core_has_it {
            let is_changed = self.known_good.limit_aspm(dev) || is_changed;
            if is_changed && !self.known_good.state.is_of(dev) {
                self.known_good.load_or_log(dev);
            }
        }
        // A function that did not answer once may do so the next time.
        if let Err(refusal) = check_accessible(dev).or_else(|_| check_accessible(dev)) {
            dev.set_state_saved(true);
            return Outcome::Lost(refusal);
        }
        restore_state(dev);
        if !verify {
            return Outcome::AsWritten;
        }
        let first = match self.verify(dev) {
            Ok(None) => return Outcome::AsWritten,
            Ok(Some(mismatch)) | Err(mismatch) => mismatch,
        };
        if let Err(refusal) = check_accessible(dev) {
            dev.set_state_saved(true);
            return Outcome::Lost(refusal);
        }
        restore_state(dev);
        let mut second = self.verify(dev);
        if write_channel(dev, second.ok().flatten()) {
            second = self.verify(dev);
        }
        match second {
            Ok(None) => Outcome::Repaired(first),
            Ok(Some(minor)) => Outcome::Deviates(minor),
            Err(mismatch) => Outcome::Differs(mismatch),
        }
    }

    /// Compares each register with what the core has written.
    fn verify(&self, dev: Exclusive<'_>) -> Result<Option<Mismatch>, Mismatch> {
        if self.core_has_it {
            self.known_good
                .snapshot
                .verify(|register| read(dev, register))
        } else {
            self.known_good
                .staged()
                .verify(|register| read(dev, register))
        }
    }
}
