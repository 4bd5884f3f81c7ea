// SPDX-License-Identifier: GPL-2.0-only

//! How the function is, and how often what happened.

/// How the function is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It works, and may be saved.
    Ok,
    /// An error was reported and recovery is not over.
    Recovering,
    /// It does not answer, or does not take its known-good state.
    Lost,
}

impl Health {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Recovering => "recovering",
            Self::Lost => "lost",
        }
    }
}

/// How often what happened since probe.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) saves: u64,
    pub(super) refusals: u64,
    pub(super) restores: u64,
    pub(super) mismatches: u64,
    pub(super) resets: u64,
    pub(super) resets_failed: u64,
}
