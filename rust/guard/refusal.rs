// SPDX-License-Identifier: GPL-2.0-only

//! Why a save was refused.

use core::fmt;

/// Why a save was refused: what was seen, in words that a person can act on ([`fmt::Display`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The channel is frozen (`pci_channel_io_frozen`): config space must not be read.
    Frozen,
    /// The channel is in permanent failure (`pci_channel_io_perm_failure`).
    Dead,
    /// The function is in D3cold: it has no power and no config space.
    PoweredOff,
    /// An error was reported and the function has not been restored and verified since.
    Recovering,
    /// Command/Status read all-ones before anything was saved.
    Inaccessible,
    /// Command/Status read all-ones after the save: the function was lost half-way through.
    LostDuringSave,
    /// Command changed during the save: the function was reset half-way through.
    ResetDuringSave {
        /// What was saved.
        saved: u16,
        /// What it read after the save.
        after: u16,
    },
    /// A register that cannot read all-ones did.
    AllOnes {
        /// The register's PCI_* name.
        register: &'static str,
    },
    /// A register has a value that this function cannot have.
    Unexpected {
        /// The register's PCI_* name.
        register: &'static str,
        /// What was saved.
        found: u32,
        /// What the kernel or the known-good state knows it to be.
        expected: u32,
    },
    /// A register has a value that the specification does not allow.
    Invalid {
        /// The register's PCI_* name.
        register: &'static str,
        /// What was saved.
        found: u32,
    },
    /// Every assigned BAR reads 0: the function was reset and not restored.
    Wiped,
    /// Command lost the decoding or the bus mastering that the kernel enabled.
    Disabled {
        /// What was saved.
        command: u16,
    },
    /// A capability list comes back to where it was.
    Loop {
        /// The capability that it came to twice.
        offset: u16,
    },
    /// A capability list leads to where nothing answers.
    Astray {
        /// Where that is.
        offset: u16,
    },
    /// The capability lists do not lead to a capability that the kernel found in them before.
    Truncated {
        /// Its capability ID.
        id: u16,
        /// Whether it is an extended capability (offset 0x100 and above).
        extended: bool,
    },
    /// Every register of a capability reads 0 and some did not before.
    Zeroed {
        /// Which capability.
        capability: &'static str,
    },
    /// A word of a saved capability reads all-ones.
    Capability {
        /// Capability ID.
        id: u16,
        /// Whether it is an extended capability (offset 0x100 and above).
        extended: bool,
    },
    /// A register of L1 PM Substates of the port above reads all-ones: the core saves it with the
    /// function.
    Port,
    /// The recovery from an error was given up without a callback to the driver.
    GivenUp,
    /// `pci_save_state()` failed.
    Core {
        /// Its (negative) errno.
        errno: i32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Frozen => f.write_str("the channel is frozen"),
            Self::Dead => f.write_str("the channel is in permanent failure"),
            Self::PoweredOff => f.write_str("the function is in D3cold"),
            Self::Recovering => {
                f.write_str("an error was reported and the function is not restored yet")
            }
            Self::Inaccessible => f.write_str("config space reads all-ones"),
            Self::LostDuringSave => {
                f.write_str("config space reads all-ones after the save, it was lost half-way")
            }
            Self::ResetDuringSave { saved, after } => write!(
                f,
                "PCI_COMMAND read {saved:#06x} and after the save {after:#06x}, \
                 it was reset half-way"
            ),
            Self::AllOnes { register } => write!(f, "{register} reads all-ones"),
            Self::Unexpected {
                register,
                found,
                expected,
            } => write!(f, "{register} reads {found:#010x}, not {expected:#010x}"),
            Self::Invalid { register, found } => {
                write!(f, "{register} reads {found:#x}, which it cannot be")
            }
            Self::Wiped => f.write_str("wiped: the assigned BARs read 0, it was reset"),
            Self::Disabled { command } => {
                write!(
                    f,
                    "wiped: PCI_COMMAND reads {command:#06x}, it lost what was enabled"
                )
            }
            Self::Loop { offset } => {
                write!(f, "a capability list loops, it comes back to {offset:#05x}")
            }
            Self::Astray { offset } => {
                write!(
                    f,
                    "a capability list leads to {offset:#05x}, which reads all-ones"
                )
            }
            Self::Truncated { id, extended } => {
                let kind = if extended { "extended " } else { "" };
                write!(f, "{kind}capability {id:#04x} is in no list any more")
            }
            Self::Zeroed { capability } => write!(f, "wiped: the {capability} capability reads 0"),
            Self::Capability { id, extended } => {
                let kind = if extended { "extended " } else { "" };
                write!(f, "a word of {kind}capability {id:#04x} reads all-ones")
            }
            Self::Port => f.write_str("L1 PM Substates of the port above read all-ones"),
            Self::GivenUp => f.write_str("the recovery from an error was given up"),
            Self::Core { errno } => write!(f, "the PCI core failed with {errno}"),
        }
    }
}
