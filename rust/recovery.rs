// SPDX-License-Identifier: GPL-2.0-only

//! Keeps one function's known-good state, and guards every path by which it can be lost.
//!
//! Joins [`crate::pci`], which acts, and [`crate::guard`], which decides. A driver keeps a
//! [`Recovery`] in its private data, made in its probe, and is [`Recoverable`]: it says how to stop
//! its I/O, and how to start it. What its callbacks then call, and what a driver with callbacks of
//! its own calls:
//!
//! | callback | call | file |
//! |---|---|---|
//! | `probe` | [`prepare`], then, when it is enabled, [`Recovery::new`] | `prepare`, this one |
//! | those of errors | the method of the same name | `lifecycle` |
//! | `reset_prepare`, `reset_done` | the method of the same name | `lifecycle` |
//! | `sriov_configure`, `physfn_reset_done` | the method of the same name | `lifecycle` |
//! | `resume`, `restore` of power management | `pm_resume`, `pm_restore` | `sleep` |
//! | the other ones of power management | the method of the same name | `sleep`, `runtime` |
//! | after changing config space on purpose | [`Recovery::save`] | `save` |
//!
//! # Locks
//!
//! Each method that touches the function takes `&Device<Core<'_>>`, with the device lock held, or
//! [`Exclusive`], and so two of them never run at the same time. The inner
//! mutex only keeps readers of debugfs from seeing half an update; it is never held while the
//! function is reset, since a reset calls back. All of it may sleep: process context.
//!
//! # Errors
//!
//! | errno | |
//! |---|---|
//! | `EIO` | refused: the function does not answer, or has not its state; or not restored |
//! | `EBUSY` | not now: the device lock is taken, a recovery goes on, it stays in D0 |
//! | `ENOTTY` | the function has no reset method |
//! | `EINVAL` | the core does not take the known-good state back |
//! | `ENOMEM` | there is no memory |
//!
//! What was seen is not lost with the errno: it is in the log, in a uevent and in debugfs.

mod core_restore;
mod debugfs;
mod events;
mod function;
mod known_good;
#[cfg(KUNIT_RECOVERY)]
#[path = "kunit_recovery/recovery.rs"]
mod kunit;
mod lifecycle;
mod log;
mod prepare;
mod recoverable;
mod repair;
mod report;
mod restore;
mod runtime;
mod save;
mod shown;
mod sleep;
mod status;
mod verify;

pub use self::{
    debugfs::Files,
    prepare::prepare,
    recoverable::Recoverable,
    report::corrected,
    sleep::OnRefusal,
    verify::RestoreError, //
};

use kernel::{
    device::Core,
    new_mutex,
    pci::Device,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use self::{
    events::{
        Event,
        Events, //
    },
    known_good::KnownGood,
    log::LogLimits,
    status::{
        Counters,
        Health, //
    },
};
use crate::{
    guard::{
        Mismatch,
        Refusal, //
    },
    pci::{
        Binding,
        Exclusive,
        Reset,
        SavedState,
        State, //
    },
};

/// The known-good state of one function, and what happened to it.
#[pin_data]
pub struct Recovery {
    /// What whoever comes later must still be in.
    binding: Binding,
    log_limits: LogLimits,
    #[pin]
    inner: Mutex<Inner>,
}

struct Inner {
    known_good: KnownGood,
    health: Health,
    /// When the recovery that goes on was heard of last, in nanoseconds since boot.
    recovering_since_ns: u64,
    counters: Counters,
    last_refusal: Option<Refusal>,
    /// Why it was not suspended at run time, if it has not been well since.
    runtime_refusal: Option<Refusal>,
    last_verdict: Option<&'static str>,
    events: Events,
}

/// What the first known-good state is saved from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FirstSave {
    /// The function as it is.
    AsIs,
    /// The function after a reset, where it has a reset method; config space is kept over it.
    AfterReset,
}

impl Recovery {
    /// Takes the first known-good state, by a guarded save.
    ///
    /// Context: probe, after the driver has enabled the function and changed what it wants to keep;
    /// device lock held; sleeps, with [`FirstSave::AfterReset`] as long as a reset takes.
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused, with one line in the log that says why; `ENOMEM`; that of a
    /// failed reset.
    pub fn new(dev: &Device<Core<'_>>, first_save: FirstSave) -> Result<Arc<Self>> {
        let binding = Binding::new(dev)?;
        let mut events = Events::new()?;
        let mut counters = Counters::default();
        events.push(Event::Probe);

        // What is good before a reset is put back where the reset, or the save after it, fails: the
        // core saves in between, and looks at nothing.
        let before = SavedState::store(dev.into())?;
        if first_save == FirstSave::AfterReset {
            match dev.reset_function_locked() {
                Ok(()) => {
                    counters.resets += 1;
                    events.push(Event::Reset(true));
                }
                Err(ENOTTY) => dev_warn!(dev, "not reset before the first save: no method\n"),
                Err(error) => {
                    dev_err!(dev, "not bound: the reset failed: {:?}\n", error);
                    put_back(dev.into(), &before);
                    return Err(error);
                }
            }
        }

        let known_good = KnownGood::first(dev.into()).map_err(|refusal| {
            put_back(dev.into(), &before);
            dev_err!(
                dev,
                "cannot recover a function without a known-good state: {}\n",
                refusal
            );
            save::errno(refusal)
        })?;

        counters.saves += 1;
        events.push(Event::Save);
        Arc::pin_init(
            try_pin_init!(Self {
                binding,
                log_limits: LogLimits::of_one(),
                inner <- new_mutex!(Inner {
                    known_good,
                    health: Health::Ok,
                    recovering_since_ns: 0,
                    counters,
                    last_refusal: None,
                    runtime_refusal: None,
                    last_verdict: None,
                    events,
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns whether the function has its known-good state, as far as is known. After an error
    /// that may be so from `slot_reset` on: the driver uses the function from `resume` on.
    pub fn is_ok(&self) -> bool {
        self.inner.lock().health == Health::Ok
    }

    /// Writes `event` into the timeline.
    fn note(&self, event: Event) {
        self.inner.lock().events.push(event);
    }
}

/// Puts `state` back into the core's buffer, and leaves `state_saved` as it is.
fn put_back(dev: Exclusive<'_>, state: &SavedState) {
    let flag = dev.state_saved();
    if let Err(error) = state.load(dev) {
        dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
    }
    dev.set_state_saved(flag);
}

impl Inner {
    /// Counts a register that differs and that the function can do without, and writes it into the
    /// timeline.
    fn note_deviation(&mut self, mismatch: Mismatch) {
        self.counters.deviations += 1;
        self.events.push(Event::Mismatch(mismatch.into()));
    }

    /// Counts a reset that this driver asked for, and writes it into the timeline.
    fn note_reset(&mut self, reset: Result) {
        match reset {
            Ok(()) => self.counters.resets += 1,
            Err(_) => self.counters.resets_failed += 1,
        }
        self.events.push(Event::Reset(reset.is_ok()));
    }
}
