// SPDX-License-Identifier: GPL-2.0-only

//! What is reported of each function, and of all of them: as JSON as it stands here.

use std::{fmt, ops::AddAssign};

use pci_recovery_guard::guard::Refusal;
use pci_recovery_space::damage::{Counted, Tried};
use serde::Serialize;

/// What the guard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Accepted,
    Refused {
        /// In the words of the driver's log line.
        reason: String,
        /// The register, where it is one.
        register: Option<&'static str>,
    },
    NotJudged {
        reason: String,
    },
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused { .. } => "refused",
            Self::NotJudged { .. } => "not judged",
        }
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        let register = match refusal {
            Refusal::AllOnes { register }
            | Refusal::Unexpected { register, .. }
            | Refusal::Invalid { register, .. } => Some(register),
            Refusal::Inaccessible
            | Refusal::LostDuringSave
            | Refusal::ResetDuringSave { .. }
            | Refusal::Disabled { .. } => Some("PCI_COMMAND"),
            Refusal::Wiped => Some("PCI_BASE_ADDRESS_0"),
            // All of them, so that a new one asks for its register.
            Refusal::Frozen
            | Refusal::Dead
            | Refusal::PoweredOff
            | Refusal::Recovering
            | Refusal::Loop { .. }
            | Refusal::Astray { .. }
            | Refusal::Truncated { .. }
            | Refusal::Zeroed { .. }
            | Refusal::Capability { .. }
            | Refusal::Port
            | Refusal::GivenUp
            | Refusal::Core { .. } => None,
        };
        Self::Refused {
            reason: refusal.to_string(),
            register,
        }
    }
}

/// Whether errors of the function reach the kernel by AER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aer {
    /// It has no such capability, or that cannot be read.
    #[default]
    None,
    /// It has the capability; that the kernel listens cannot be seen.
    Capability,
    /// It has it, and the kernel's AER service is bound to the root port above.
    Yes,
}

impl Aer {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::Capability => "cap",
            Self::Yes => "yes",
        }
    }
}

/// How many of a kind were tried, and judged as they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub tried: usize,
    pub right: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.tried += other.tried;
        self.right += other.right;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.right, self.tried)
    }
}

impl From<Counted> for Count {
    fn from(Counted { tried, right }: Counted) -> Self {
        Self { tried, right }
    }
}

/// What was made of the damages of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Gone from one of the reads of a save on.
    pub losses: Count,
    /// Reset and not restored; none where there is nothing that a reset clears.
    pub wipes: Count,
    /// Broken capability lists.
    pub lists: Count,
    /// What was judged wrongly.
    pub wrong: Vec<String>,
}

impl From<Tried> for Losses {
    fn from(tried: Tried) -> Self {
        Self {
            losses: tried.losses.into(),
            wipes: tried.wipes.into(),
            lists: tried.lists.into(),
            wrong: tried.wrong,
        }
    }
}

/// A function.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its address.
    pub function: String,
    pub vendor: u16,
    pub device: u16,
    /// Class code, 24 bits.
    pub class: u32,
    /// What drives it, where that is known.
    pub driver: Option<String>,
    pub aer: Aer,
    pub reset: Vec<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
    pub warnings: Vec<String>,
    /// Only with `--losses`, of a function that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses: Option<Losses>,
}

/// All functions.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of this program.
    pub survey: &'static str,
    /// Where the functions are from.
    pub source: String,
    pub accepted: usize,
    pub refused: usize,
    pub not_judged: usize,
    pub functions: Vec<Row>,
}

/// The exit codes.
pub const ACCEPTED: u8 = 0;
pub const REFUSED: u8 = 1;
pub const FAILED: u8 = 2;
pub const NOT_JUDGED: u8 = 3;

impl Report {
    pub fn new(source: String, functions: Vec<Row>) -> Self {
        let count = |word| {
            functions
                .iter()
                .filter(|row| row.verdict.word() == word)
                .count()
        };
        Self {
            survey: env!("CARGO_PKG_VERSION"),
            source,
            accepted: count("accepted"),
            refused: count("refused"),
            not_judged: count("not judged"),
            functions,
        }
    }

    /// What was judged wrongly of all functions, with `--losses`.
    pub fn wrong(&self) -> usize {
        let losses = self.functions.iter().filter_map(|row| row.losses.as_ref());
        losses.map(|losses| losses.wrong.len()).sum()
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            _ if self.refused > 0 || self.wrong() > 0 => REFUSED,
            _ if self.not_judged > 0 => NOT_JUDGED,
            _ => ACCEPTED,
        }
    }
}
