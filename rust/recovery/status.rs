// SPDX-License-Identifier: GPL-2.0-only

//! Per-function state, what it permits, and counters. No device access.

use core::fmt;

use crate::{
    guard::Refusal,
    pci::{
        ChannelState,
        ErsResult, //
    },
};

/// How the function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It works, and may be saved.
    Ok,
    /// An error was reported and recovery is not over.
    Recovering,
    /// As before, and the function was found to have its known-good state since.
    Intact,
    /// It does not answer, or does not take its known-good state.
    Lost,
}

impl Health {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Recovering | Self::Intact => "recovering",
            Self::Lost => "lost",
        }
    }

    /// How a function is after an error that left its channel in `state`, and the vote.
    pub(crate) const fn on_error(state: ChannelState) -> (Self, ErsResult) {
        match state {
            ChannelState::Normal => (Self::Recovering, ErsResult::CanRecover),
            ChannelState::Frozen => (Self::Recovering, ErsResult::NeedReset),
            ChannelState::PermanentFailure => (Self::Lost, ErsResult::Disconnect),
        }
    }

    /// How it is when the recovery is over. One that nobody has compared with its known-good state
    /// since the error counts as lost: a restore compares it.
    pub(crate) const fn on_resume(self) -> Self {
        match self {
            Self::Intact | Self::Ok => Self::Ok,
            Self::Recovering | Self::Lost => Self::Lost,
        }
    }

    /// Returns whether it is between an error and the end of the recovery.
    pub(crate) const fn is_recovering(self) -> bool {
        matches!(self, Self::Recovering | Self::Intact)
    }

    /// Refuses to touch the function while a recovery goes on and its channel is frozen.
    pub(crate) fn check_channel(self, channel: ChannelState) -> Result<(), Refusal> {
        if self.is_recovering() && channel == ChannelState::Frozen {
            return Err(Refusal::Frozen);
        }
        Ok(())
    }

    /// Refuses to save what the function holds, which is anybody's guess between an error and its
    /// verified restore.
    pub(crate) fn check_save(self) -> Result<(), Refusal> {
        if self != Self::Ok {
            return Err(Refusal::Recovering);
        }
        Ok(())
    }
}

/// How often what happened since probe.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) saves: u64,
    pub(crate) refusals: u64,
    pub(crate) restores: u64,
    pub(crate) mismatches: u64,
    /// Restores after which a register differed that the function can do without.
    pub(crate) deviations: u64,
    pub(crate) resets: u64,
    pub(crate) resets_failed: u64,
}

/// What the file `status` shows of a function, of a driver's as of the guard's.
pub(crate) struct Status<'a> {
    pub(crate) state: &'static str,
    pub(crate) channel: ChannelState,
    pub(crate) counters: &'a Counters,
    pub(crate) saved_at_ns: u64,
    pub(crate) log_suppressed: u64,
    pub(crate) memory_bytes: usize,
    pub(crate) last_refusal: Option<Refusal>,
    pub(crate) last_verdict: Option<&'static str>,
}

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.counters;
        writeln!(f, "state: {}", self.state)?;
        writeln!(f, "channel: {}", self.channel.as_str())?;
        writeln!(f, "saves: {}", counters.saves)?;
        writeln!(f, "refusals: {}", counters.refusals)?;
        writeln!(f, "restores: {}", counters.restores)?;
        writeln!(f, "mismatches: {}", counters.mismatches)?;
        writeln!(f, "deviations: {}", counters.deviations)?;
        writeln!(f, "resets: {}", counters.resets)?;
        writeln!(f, "resets_failed: {}", counters.resets_failed)?;
        writeln!(f, "saved_at_ns: {}", self.saved_at_ns)?;
        writeln!(f, "log_suppressed: {}", self.log_suppressed)?;
        writeln!(f, "memory_bytes: {}", self.memory_bytes)?;
        match self.last_refusal {
            Some(refusal) => writeln!(f, "last_refusal: {refusal}")?,
            None => writeln!(f, "last_refusal: none")?,
        }
        writeln!(f, "last_verdict: {}", self.last_verdict.unwrap_or("none"))
    }
}
