// SPDX-License-Identifier: GPL-2.0-only

//! A guarded function: what is known good of it, and what happened to it.
//!
//! Who saves or restores it claims its [`KnownGoodState`], and waits for nobody: some drivers save
//! with a spinlock held. Two who save one function at the same time are a fault of theirs; the
//! second one gets what the kernel does by itself, unless the function does not answer, and is
//! counted.

use core::fmt;

use kernel::{
    optional_name,
    pci::Device,
    prelude::*,
    static_lock_class,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

use super::{
    claim::{
        Claim,
        Claimed, //
    },
    guard::{
        Mismatch,
        Refusal,
        Snapshot, //
    },
    known_good::{
        check_accessible,
        KnownGoodState, //
        Outcome,
        Restored,
        Saved,
        Source,
    },
    options::Options,
    pci::{
        debugfs::{
            Dir,
            Scope, //
        },
        has_slot_reset,
        watch::try_alone,
        Channel,
        ChannelState,
        ErsResult,
        Exclusive,
        Info,
        Power,
        Ptm,
        State, //
    },
    raw_lock::RawSpinLock,
    recovery::{
        core_restore::disarm_leftover,
        events::{
            now_ns,
            Event,
            Events, //
        },
        log::{
            limited,
            LogLimits, //
        },
        shown::{
            send,
            Shown, //
        },
        status::{
            Counters,
            Status, //
        },
    },
};

/// For how long a function that was lost in its restore may come back
/// (`PCIE_RESET_READY_POLL_MS`).
const OWED_NS: u64 = 60_000_000_000;

/// How often a function that has come back may fail to take its state.
const OWED_TRIES: u8 = 3;

/// How many events are kept of a function.
const EVENTS: usize = 8;

/// A uevent that is to be sent: by a work item, since it needs memory and a context that may sleep.
#[derive(Clone, Copy)]
pub(super) enum Uevent {
    Refusal(Refusal),
    Failed(Refusal),
    Differs(Mismatch),
}

/// Why a function is owed a restore.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It was lost in one.
    Lost,
    /// The recovery from an error is over, and may have left it wiped (`heal=1`).
    Recovery,
}

/// A restore that a function is owed.
#[derive(Clone, Copy)]
struct Owed {
    why: Why,
    /// Until when, in nanoseconds since boot.
    until_ns: u64,
    /// How many more times it may be there and not take its state.
    tries: u8,
}

impl Owed {
    fn now(why: Why) -> Self {
        Self {
            why,
            until_ns: now_ns() + OWED_NS,
            tries: OWED_TRIES,
        }
    }
}

impl Owed {
    /// What is still owed to a function that was there and did not take its state.
    fn once_more(self) -> Option<Self> {
        let tries = self.tries.checked_sub(1).filter(|&tries| tries != 0)?;
        (self.why == Why::Lost).then_some(Self { tries, ..self })
    }
}

/// What happened to a function.
pub(super) struct History {
    pub(super) counters: Counters,
    /// Saves that were suspicious, and were not refused.
    pub(super) suspicious: u64,
    /// Restores after which the function had to be written once more.
    pub(super) repaired: u64,
    /// States of the core that were poison when they were to be restored.
    pub(super) replaced: u64,
    /// Saves and restores that came while another one was going on.
    pub(super) contended: u64,
    pub(super) is_lost: bool,
    /// Restores after an error whose recovery had left the function wiped.
    pub(super) healed: u64,
    owed: Option<Owed>,
    /// Its driver knows of an error, and not yet that it is over.
    is_recovering: bool,
    pub(super) last_refusal: Option<Refusal>,
    pub(super) last_suspicion: Option<Refusal>,
    last_verdict: Option<&'static str>,
    events: Events,
    uevent: Option<Uevent>,
    pub(super) source: Source,
    pub(super) saved_at_ns: u64,
}

/// A guarded function.
#[pin_data]
pub(super) struct Guarded {
    pub(super) dev: ARef<Device>,
    state: Claim<KnownGoodState>,
    #[pin]
    pub(super) history: RawSpinLock<History>,
    log_limits: LogLimits,
    bytes: usize,
}

impl Guarded {
    /// Allocates all that it will ever need; `table_bytes` is what the table of functions takes
    /// for it.
    ///
    /// Context: process context, sleeps. Does not touch the function.
    ///
    /// # Errors
    ///
    /// As [`KnownGoodState::new`].
    pub(super) fn new(
        dev: Exclusive<'_>,
        table_bytes: usize,
    ) -> Result<impl PinInit<Self>, Refusal> {
        let out_of_memory = |error: Error| Refusal::Core {
            errno: error.to_errno(),
        };
        let state = KnownGoodState::new(dev)?;
        let events = Events::with_capacity(EVENTS).map_err(out_of_memory)?;
        let bytes = size_of::<Self>() + table_bytes + state.known_good.bytes() + events.bytes();
        let device: ARef<Device> = ARef::from(&**dev);
        Ok(pin_init!(Self {
            dev: device,
            state: Claim::new(state),
            history <- RawSpinLock::new(
                History {
                    counters: Counters::default(),
                    suspicious: 0,
                    repaired: 0,
                    replaced: 0,
                    contended: 0,
                    is_lost: false,
                    healed: 0,
                    owed: None,
                    is_recovering: false,
                    last_refusal: None,
                    last_suspicion: None,
                    last_verdict: None,
                    events,
                    uevent: None,
                    source: Source::Nothing,
                    saved_at_ns: 0,
                },
                optional_name!(),
                static_lock_class!(),
            ),
            log_limits: LogLimits::of_one(),
            bytes,
        }))
    }

    /// Claims the known-good state. A reader of it, who has interrupts off and the history's lock,
    /// is waited for.
    fn claim(&self) -> Option<Claimed<'_, KnownGoodState>> {
        self.state.claim().or_else(|| {
            let _history = self.history.lock();
            self.state.claim()
        })
    }

    /// What a save or restore gets that came while another one was going on. Returns whether the
    /// function answers.
    fn is_contended(&self, dev: Exclusive<'_>) -> bool {
        self.history.lock().contended += 1;
        check_accessible(dev).is_ok()
    }

    /// Takes over what the known-good state has become.
    fn note(&self, state: &KnownGoodState, what: impl FnOnce(&mut History)) {
        let mut history = self.history.lock();
        history.source = state.source;
        history.saved_at_ns = state.known_good.at_ns;
        what(&mut history);
    }

    /// Looks at the core's buffer, for the first time.
    pub(super) fn look(&self, dev: Exclusive<'_>) {
        if let Some(mut state) = self.claim() {
            state.look(dev);
            self.note(&state, |_| {});
        }
    }

    /// Saves the function, and leaves what the core has of it as it was. The device lock is held,
    /// and the function awake.
    pub(super) fn peek(&self, dev: Exclusive<'_>, options: Options) {
        let Some(mut state) = self.claim() else {
            return;
        };
        let saved = state.peek(dev, options.rules());
        self.note(&state, |history| match saved {
            Saved::Good => history.is_well(),
            // Nobody has saved it: the next save reports it.
            Saved::Suspicious(suspicion) => history.last_suspicion = Some(suspicion),
            Saved::Refused(refusal) => history.last_refusal = Some(refusal),
        });
    }

    /// `pci_save_state()`. Returns what the caller gets, and whether there is a uevent to send.
    pub(super) fn save(&self, dev: Exclusive<'_>, options: Options) -> (c_int, bool) {
        let Some(mut state) = self.claim() else {
            return if self.is_contended(dev) {
                (errno(dev.save_state()), false)
            } else {
                (0, false)
            };
        };
        let saved = state.save(dev, options.rules());
        let is_known = state.known_good.is_known();
        let mut result = 0;
        let mut first = false;
        self.note(&state, |history| match saved {
            Saved::Good => {
                history.counters.saves += 1;
                history.is_well();
                history.events.push_at(history.saved_at_ns, Event::Save);
            }
            Saved::Suspicious(suspicion) => {
                history.counters.saves += 1;
                history.suspicious += 1;
                first = history.last_suspicion != Some(suspicion);
                history.last_suspicion = Some(suspicion);
                history.events.push(Event::Suspicion(suspicion));
            }
            Saved::Refused(refusal) => {
                history.counters.refusals += 1;
                history.last_refusal = Some(refusal);
                history.events.push(Event::Refusal(refusal));
                history.uevent = Some(Uevent::Refusal(refusal));
                result = match refusal {
                    Refusal::Core { errno } => errno,
                    _ if is_known && !options.abort => 0,
                    _ => EIO.to_errno(),
                };
            }
        });
        let at_ns = state.known_good.at_ns;
        drop(state);

        match saved {
            Saved::Good => (0, false),
            Saved::Suspicious(suspicion) => {
                // The same one every time is logged once.
                if first {
                    limited!(
                        self.log_limits,
                        found,
                        dev_warn,
                        dev,
                        "saved, but suspicious: {}\n",
                        suspicion
                    );
                }
                (0, false)
            }
            Saved::Refused(refusal) => {
                if is_known {
                    limited!(
                        self.log_limits,
                        refused,
                        dev_warn,
                        dev,
                        "refused to save: {}; kept the state saved at {} ns\n",
                        refusal,
                        at_ns
                    );
                } else {
                    limited!(
                        self.log_limits,
                        refused,
                        dev_warn,
                        dev,
                        "refused to save: {}; nothing is known good of it yet\n",
                        refusal
                    );
                }
                (result, true)
            }
        }
    }

    /// `pci_restore_state()`. Returns whether there is work to do: a uevent, or a restore later.
    pub(super) fn restore(&self, dev: Exclusive<'_>, options: Options) -> bool {
        let Some(mut state) = self.claim() else {
            if self.is_contended(dev) {
                dev.restore_state();
            }
            return false;
        };
        let Restored { poison, outcome } = state.restore(dev, options.verify);
        let at_ns = state.known_good.at_ns;
        let is_gone = self.is_gone();
        let mut has_work = false;
        self.note(&state, |history| {
            if let Some(poison) = poison {
                history.replaced += 1;
                history.last_refusal = Some(poison);
                history.events.push(Event::Refusal(poison));
            }
            has_work = history.note_outcome(&outcome);
            if matches!(outcome, Outcome::Lost(_)) {
                history.is_lost |= is_gone;
                history.owed = (!is_gone).then(|| Owed::now(Why::Lost));
            }
        });
        drop(state);

        if let Some(poison) = poison {
            limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "what the core had saved is not restored: {}{}\n",
                poison,
                if matches!(outcome, Outcome::Skipped) {
                    "; nothing is known good of it, nothing was written"
                } else {
                    "; the known-good state is"
                }
            );
        }
        match outcome {
            Outcome::AsWritten | Outcome::Skipped => {}
            Outcome::Repaired(mismatch) => limited!(
                self.log_limits,
                restored,
                dev_info,
                dev,
                "restored the state saved at {} ns once more: {}\n",
                at_ns,
                Shown(&mismatch)
            ),
            Outcome::Deviates(mismatch) => limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "restored, but {}\n",
                Shown(&mismatch)
            ),
            Outcome::Differs(mismatch) => limited!(
                self.log_limits,
                failed,
                dev_err,
                dev,
                "not restored: {}\n",
                Shown(&mismatch)
            ),
            // It was pulled out, as a rule: that is no fault of anybody.
            Outcome::Lost(_) if is_gone => limited!(
                self.log_limits,
                found,
                dev_info,
                dev,
                "not restored: it is gone for good\n"
            ),
            Outcome::Lost(refusal) => limited!(
                self.log_limits,
                found,
                dev_warn,
                dev,
                "not restored yet: {}; it is when it comes back\n",
                refusal
            ),
        }
        has_work
    }

    /// Sends the uevent that is owed, if one is.
    ///
    /// Context: process context, sleeps.
    pub(super) fn send_uevent(&self) {
        let uevent = self.history.lock().uevent.take();
        match uevent {
            None => {}
            Some(Uevent::Refusal(refusal)) => send(&self.dev, "refusal", &refusal),
            Some(Uevent::Failed(refusal)) => send(&self.dev, "failed", &refusal),
            Some(Uevent::Differs(mismatch)) => send(&self.dev, "failed", &mismatch),
        }
    }

    /// Returns whether it does not come back: it was pulled out, or its recovery has failed.
    fn is_gone(&self) -> bool {
        self.dev.channel_state() == ChannelState::PermanentFailure
    }

    /// Returns whether it is owed a restore.
    fn is_owed(&self) -> bool {
        self.history.lock().owed.is_some()
    }

    /// Returns whether there is work to do: a uevent, or a restore.
    pub(super) fn has_work(&self) -> bool {
        let history = self.history.lock();
        history.owed.is_some() || history.uevent.is_some()
    }

    /// The recovery from an error has got so far (`pci_uevent_ers()`). Returns whether something is
    /// to be done.
    ///
    /// The core reports a vote of each function, which may be any, when its driver learns of the
    /// error, and then, once, that it is recovered or given up.
    ///
    /// Context: any.
    pub(super) fn recovery_is(&self, result: ErsResult) -> bool {
        let mut history = self.history.lock();
        let is_over =
            history.is_recovering && matches!(result, ErsResult::Recovered | ErsResult::Disconnect);
        history.is_recovering = !is_over;
        if !is_over {
            history.owed = history.owed.filter(|owed| owed.why == Why::Lost);
            return false;
        }
        if self.is_gone() {
            return false;
        }
        history.owed = history.owed.or_else(|| Some(Owed::now(Why::Recovery)));
        true
    }

    /// Restores it, if it is owed that and has come back. One that has not for a minute is lost.
    ///
    /// Context: process context, no device lock held; sleeps.
    pub(super) fn try_owed(&self, options: Options) {
        if !self.is_owed() {
            return;
        }
        // An error says that somebody else is at it: he may bring it back.
        let _ = try_alone(&self.dev, |dev| self.restore_late(dev, options));

        let now = now_ns();
        let mut history = self.history.lock();
        if history.owed.is_some() && self.is_gone() {
            history.owed = None;
            history.is_lost = true;
        }
        if history.owed.is_none_or(|owed| now < owed.until_ns) {
            return;
        }
        let refusal = history.last_refusal.unwrap_or(Refusal::Inaccessible);
        history.owed = None;
        history.is_lost = true;
        history.last_verdict = Some("lost");
        history.events.push_at(now, Event::Lost);
        history.uevent = Some(Uevent::Failed(refusal));
        drop(history);
        limited!(
            self.log_limits,
            failed,
            dev_err,
            self.dev,
            "not restored: {}; try the function's reset file in sysfs\n",
            refusal
        );
    }

    fn restore_late(&self, dev: Exclusive<'_>, options: Options) {
        // Under the device lock: an error that has come since then has changed that.
        let Some(Owed { why, .. }) = self.history.lock().owed else {
            return;
        };
        if why == Why::Recovery && has_slot_reset(dev) {
            // What it does, or does not, is its driver's business.
            self.history.lock().owed = None;
            return;
        }
        if check_accessible(dev).is_err() {
            return;
        }
        if dev.is_d3cold() && dev.power_up().is_err() {
            // It did not answer once, and the core goes on taking it to be in D3cold.
            return;
        }
        let Some(mut state) = self.claim() else {
            return;
        };
        let restored = match why {
            Why::Lost => state.restore_late(dev, options.verify),
            Why::Recovery => state.heal(dev, options.verify),
        };
        self.note(&state, |history| match (&restored, why) {
            (None, Why::Lost) => history.is_well(),
            (None, Why::Recovery) => history.owed = None,
            (Some(restored), _) => {
                history.note_outcome(&restored.outcome);
                if why == Why::Recovery && history.owed.is_none() && !history.is_lost {
                    history.healed += 1;
                }
            }
        });
        drop(state);
        // What the core does on the way back from sleep, which this one has not heard.
        dev.resume_ptm();
        if why == Why::Lost {
            disarm_leftover(dev);
        }
        if restored.is_some() && !self.is_owed() {
            limited!(
                self.log_limits,
                restored,
                dev_info,
                dev,
                "{}\n",
                match why {
                    Why::Lost => "it has come back, and is restored",
                    Why::Recovery => "it was wiped by an error's reset, and is restored (heal=1)",
                }
            );
        }
    }

    /// The registers of the known-good state; [`None`] where nothing is known good, or while a save
    /// goes on.
    fn snapshot(&self) -> Option<Snapshot> {
        let _history = self.history.lock();
        let state = self.state.claim()?;
        let known_good = &state.known_good;
        known_good.is_known().then(|| known_good.snapshot.clone())
    }

    /// Creates the files of the function in debugfs.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn files(this: Arc<Self>, dir: &Dir) -> Result<Scope<Arc<Self>>> {
        let dev = this.dev.clone();
        dir.scope(this, dev.as_ref().name(), |this, dir| {
            dir.read_callback_file(c"status", this, &|g: &Arc<Self>, f| g.show_status(f));
            dir.read_callback_file(c"events", this, &|g: &Arc<Self>, f| g.show_events(f));
            dir.read_callback_file(c"saved", this, &|g: &Arc<Self>, f| g.show_saved(f));
        })
    }

    fn show_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(snapshot) = self.snapshot() {
            for register in snapshot.registers() {
                writeln!(f, "{register}")?;
            }
        }
        Ok(())
    }

    fn show_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut events = [None; EVENTS];
        let mut slots = events.iter_mut();
        for event in self.history.lock().events.iter() {
            if let Some(slot) = slots.next() {
                *slot = Some(*event);
            }
        }
        for (ns, event) in events.iter().flatten() {
            writeln!(f, "{ns} {event}")?;
        }
        Ok(())
    }

    fn show_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = self.history.lock();
        let (counters, source) = (history.counters, history.source);
        let state = history.state();
        let (saved_at_ns, last_refusal) = (history.saved_at_ns, history.last_refusal);
        let (last_verdict, last_suspicion) = (history.last_verdict, history.last_suspicion);
        let (suspicious, repaired) = (history.suspicious, history.repaired);
        let (replaced, contended) = (history.replaced, history.contended);
        let healed = history.healed;
        // Formatting takes longer than a spinlock is to be held.
        drop(history);

        let status = Status {
            state,
            channel: self.dev.channel_state(),
            counters: &counters,
            saved_at_ns,
            log_suppressed: self.log_limits.suppressed(),
            memory_bytes: self.bytes,
            last_refusal,
            last_verdict,
        };
        fmt::Display::fmt(&status, f)?;
        writeln!(f, "known_good_from: {}", source.as_str())?;
        writeln!(f, "suspicious: {suspicious}")?;
        match last_suspicion {
            Some(suspicion) => writeln!(f, "last_suspicion: {suspicion}")?,
            None => writeln!(f, "last_suspicion: none")?,
        }
        writeln!(f, "repaired: {repaired}")?;
        writeln!(f, "healed: {healed}")?;
        writeln!(f, "replaced: {replaced}")?;
        writeln!(f, "contended: {contended}")
    }
}

/// What the C function returns.
fn errno(result: Result) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

impl History {
    /// It is saved, or restored.
    fn is_well(&mut self) {
        self.is_lost = false;
        self.owed = None;
    }

    /// Why something was refused or suspicious last; a refusal says more.
    pub(super) fn last_reason(&self) -> Option<Refusal> {
        self.last_refusal.or(self.last_suspicion)
    }

    /// How the function is.
    pub(super) fn state(&self) -> &'static str {
        if self.owed.is_some() {
            "owed"
        } else if self.is_lost {
            "lost"
        } else if self.source == Source::Nothing {
            "unknown"
        } else {
            "ok"
        }
    }

    /// Counts what became of a restore. Returns whether there is work to do: a uevent, or a restore
    /// later.
    fn note_outcome(&mut self, outcome: &Outcome) -> bool {
        match *outcome {
            Outcome::AsWritten => {
                self.counters.restores += 1;
                self.is_well();
                self.last_verdict = Some("restored");
                self.events.push(Event::Restore);
            }
            Outcome::Repaired(mismatch) => {
                self.counters.restores += 1;
                self.counters.mismatches += 1;
                self.repaired += 1;
                self.is_well();
                self.last_verdict = Some("restored");
                self.events.push(Event::Mismatch(mismatch.into()));
                self.events.push(Event::Restore);
            }
            Outcome::Deviates(mismatch) => {
                self.counters.restores += 1;
                self.counters.deviations += 1;
                self.is_well();
                self.last_verdict = Some("restored");
                self.events.push(Event::Mismatch(mismatch.into()));
            }
            Outcome::Differs(mismatch) => {
                self.counters.mismatches += 1;
                self.is_lost = true;
                // It is there, and does not take its state: that may be because it is not ready.
                self.owed = self.owed.and_then(|owed| owed.once_more());
                if self.owed.is_some() {
                    self.events.push(Event::Mismatch(mismatch.into()));
                    return true;
                }
                self.last_verdict = Some("lost");
                self.events.push(Event::Mismatch(mismatch.into()));
                self.events.push(Event::Lost);
                self.uevent = Some(Uevent::Differs(mismatch));
                return true;
            }
            Outcome::Lost(refusal) => {
                self.last_verdict = Some("owed");
                self.last_refusal = Some(refusal);
                return true;
            }
            Outcome::Skipped => {
                self.owed = self.owed.filter(|owed| owed.why == Why::Lost);
                self.last_verdict = Some("skipped");
            }
        }
        false
    }
}
