// SPDX-License-Identifier: GPL-2.0-only

//! The timeline: the last events of a function, oldest first.

use core::fmt;

use kernel::{
    prelude::*,
    time::{
        BootTime,
        ClockSource, //
    }, //
};

use crate::{
    guard::{
        Mismatch,
        Refusal,
        Register, //
    },
    pci::{
        ChannelState,
        ErsResult, //
    },
};

/// How many events are kept.
const CAPACITY: usize = 56;

/// A [`Mismatch`] as it is kept, without the mask: the largest event is the size of them all.
#[derive(Clone, Copy)]
pub(crate) struct Difference {
    name: &'static str,
    known_good: u32,
    found: u32,
    offset: u16,
    width: u8,
}

impl From<Mismatch> for Difference {
    fn from(mismatch: Mismatch) -> Self {
        let Mismatch { register, found } = mismatch;
        Self {
            name: register.name,
            known_good: register.value,
            found,
            offset: register.offset,
            width: register.width,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let register = Register {
            name: self.name,
            offset: self.offset,
            width: self.width,
            express: false,
            value: self.known_good,
            mask: 0,
            vital: 0,
        };
        let found = self.found;
        fmt::Display::fmt(&Mismatch { register, found }, f)
    }
}

/// Something that happened to the function.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Probe,
    Save,
    Refusal(Refusal),
    /// What the guard did not refuse, of a function whose driver it does not know.
    #[allow(dead_code, reason = "the guard's alone")]
    Suspicion(Refusal),
    Restore,
    Mismatch(Difference),
    /// What the core has saved is not the known-good state.
    CoreStateBad(Difference),
    ErrorDetected(ChannelState, ErsResult),
    MmioEnabled(ErsResult),
    SlotReset(ErsResult),
    Resume,
    ResetPrepare,
    ResetDone,
    /// The physical function of this virtual one was reset.
    PhysfnResetDone,
    /// A reset that this driver asked for, and whether it worked.
    Reset(bool),
    Suspend,
    SuspendNoirq,
    ResumeNoirq,
    PmResume,
    Freeze,
    FreezeNoirq,
    ThawNoirq,
    Thaw,
    Poweroff,
    RestoreNoirq,
    PmRestore,
    RuntimeSuspend,
    RuntimeResume,
    Lost,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => f.write_str("probe"),
            Self::Save => f.write_str("save"),
            Self::Refusal(refusal) => write!(f, "refusal {refusal}"),
            Self::Suspicion(suspicion) => write!(f, "suspicion {suspicion}"),
            Self::Restore => f.write_str("restore"),
            Self::Mismatch(mismatch) => write!(f, "mismatch {mismatch}"),
            Self::CoreStateBad(mismatch) => write!(f, "core_state_bad {mismatch}"),
            Self::ErrorDetected(state, vote) => {
                write!(f, "error_detected {} {}", state.as_str(), vote.as_str())
            }
            Self::MmioEnabled(vote) => write!(f, "mmio_enabled {}", vote.as_str()),
            Self::SlotReset(vote) => write!(f, "slot_reset {}", vote.as_str()),
            Self::Resume => f.write_str("resume"),
            Self::ResetPrepare => f.write_str("reset_prepare"),
            Self::ResetDone => f.write_str("reset_done"),
            Self::PhysfnResetDone => f.write_str("physfn_reset_done"),
            Self::Reset(true) => f.write_str("reset"),
            Self::Reset(false) => f.write_str("reset failed"),
            Self::Suspend => f.write_str("suspend"),
            Self::SuspendNoirq => f.write_str("suspend_noirq"),
            Self::ResumeNoirq => f.write_str("resume_noirq"),
            Self::PmResume => f.write_str("pm_resume"),
            Self::Freeze => f.write_str("freeze"),
            Self::FreezeNoirq => f.write_str("freeze_noirq"),
            Self::ThawNoirq => f.write_str("thaw_noirq"),
            Self::Thaw => f.write_str("thaw"),
            Self::Poweroff => f.write_str("poweroff"),
            Self::RestoreNoirq => f.write_str("restore_noirq"),
            Self::PmRestore => f.write_str("pm_restore"),
            Self::RuntimeSuspend => f.write_str("runtime_suspend"),
            Self::RuntimeResume => f.write_str("runtime_resume"),
            Self::Lost => f.write_str("lost"),
        }
    }
}

/// A ring of events.
pub(crate) struct Events {
    ring: KVec<(u64, Event)>,
    /// Where the next one goes, once the ring is full.
    next: usize,
}

impl Events {
    /// Allocates the ring, so that nothing is allocated when something happens.
    pub(crate) fn new() -> Result<Self> {
        Self::with_capacity(CAPACITY)
    }

    /// As [`Self::new`], for so many events.
    pub(crate) fn with_capacity(capacity: usize) -> Result<Self> {
        Ok(Self {
            ring: KVec::with_capacity(capacity, GFP_KERNEL)?,
            next: 0,
        })
    }

    /// Adds `event`, in place of the oldest where the ring is full.
    pub(crate) fn push(&mut self, event: Event) {
        self.push_at(now_ns(), event);
    }

    /// As [`Self::push`], of something that happened at `at_ns`.
    pub(crate) fn push_at(&mut self, at_ns: u64, event: Event) {
        let entry = (at_ns, event);
        if self.ring.push_within_capacity(entry).is_ok() {
            return;
        }
        if let Some(oldest) = self.ring.get_mut(self.next) {
            *oldest = entry;
        }
        self.next += 1;
        if self.next >= self.ring.len() {
            self.next = 0;
        }
    }

    /// How many bytes the ring holds, whatever is in it.
    pub(crate) fn bytes(&self) -> usize {
        self.ring.capacity() * size_of::<(u64, Event)>()
    }

    /// The events, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u64, Event)> {
        let (newer, older) = self.ring.split_at(self.next.min(self.ring.len()));
        Iterator::chain(older.iter(), newer)
    }
}

/// Nanoseconds since boot, time asleep included (`CLOCK_BOOTTIME`).
pub(crate) fn now_ns() -> u64 {
    // CAST: A `ktime_t` since boot is not negative.
    BootTime::ktime_get() as u64
}
