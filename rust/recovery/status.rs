// SPDX-License-Identifier: GPL-2.0-only

//! Per-function state, what it permits, and counters. No device access.

use crate::{
    guard::Refusal,
    pci::{
        ChannelState,
        ErsResult, //
    },
};

/// How the function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
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
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Recovering | Self::Intact => "recovering",
            Self::Lost => "lost",
        }
    }

    /// How a function is after an error that left its channel in `state`, and the vote.
    pub(super) const fn on_error(state: ChannelState) -> (Self, ErsResult) {
        match state {
            ChannelState::Normal => (Self::Recovering, ErsResult::CanRecover),
            ChannelState::Frozen => (Self::Recovering, ErsResult::NeedReset),
            ChannelState::PermanentFailure => (Self::Lost, ErsResult::Disconnect),
        }
    }

    /// How it is when the recovery is over. One that nobody has compared with its known-good state
    /// since the error counts as lost: a restore compares it.
    pub(super) const fn on_resume(self) -> Self {
        match self {
            Self::Intact | Self::Ok => Self::Ok,
            Self::Recovering | Self::Lost => Self::Lost,
        }
    }

    /// Is it between an error and the end of the recovery?
    pub(super) const fn is_recovering(self) -> bool {
        matches!(self, Self::Recovering | Self::Intact)
    }

    /// Refuses to touch the function while a recovery goes on and its channel is frozen.
    pub(super) fn check_channel(self, channel: ChannelState) -> Result<(), Refusal> {
        if self.is_recovering() && channel == ChannelState::Frozen {
            return Err(Refusal::Frozen);
        }
        Ok(())
    }

    /// Refuses to save what the function holds, which is anybody's guess between an error and its
    /// verified restore.
    pub(super) fn check_save(self) -> Result<(), Refusal> {
        if self != Self::Ok {
            return Err(Refusal::Recovering);
        }
        Ok(())
    }
}

/// How often what happened since probe.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) saves: u64,
    pub(super) refusals: u64,
    pub(super) restores: u64,
    pub(super) mismatches: u64,
    /// Restores after which a register differed that the function can do without.
    pub(super) deviations: u64,
    pub(super) resets: u64,
    pub(super) resets_failed: u64,
}
