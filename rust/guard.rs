// SPDX-License-Identifier: GPL-2.0-only

//! Decides whether a saved configuration space may be trusted, and whether a restored one is right.
//!
//! Nothing in here touches a device, a lock or the kernel: the callers in `recovery` read the
//! registers and pass their values in. The same files are compiled into the driver module and, on
//! the host, into the unit and property tests (`cargo test` in `rust/`).
//!
//! A driver meets [`Refusal`], which says why a save was refused, and [`Mismatch`], which says what
//! was not restored; [`crate::recovery`] calls the rest.
//!
//! Context, of all of it: any; nothing sleeps, allocates or panics. Errors are a [`Refusal`] or a
//! [`Mismatch`], not an errno.
//!
//! | question | file |
//! |---|---|
//! | what does the kernel know of the function, apart from its config space? | [`function`] |
//! | which values may a header word not have? | [`header`] |
//! | do the BARs hold what the kernel assigned? was the function wiped? | [`bars`] |
//! | is a saved capability plausible? | [`capability`] |
//! | do the capability lists lead to every capability? | [`lists`] |
//! | what does the kernel change on purpose of what is kept? | [`follow`] |
//! | all of it, in order: may this save become the known-good state? | [`save`] |
//! | which registers are compared after a restore, and under which mask? | [`snapshot`] |
//! | do the SR-IOV registers say what the kernel has enabled? | [`sriov`] |
//! | why was a save refused? | [`refusal`] |

pub mod bars;
pub mod capability;
pub mod follow;
pub mod function;
pub mod header;
pub mod lists;
pub mod refusal;
pub mod save;
pub mod snapshot;
pub mod sriov;

pub use self::{
    bars::lost_bus_master,
    capability::{
        check_exp_kept,
        learn_aer_ones,
        Capability, //
    },
    function::{
        Bar,
        BarKind,
        Buses,
        Function,
        HeaderType,
        Learned,
        Window,
        Windows, //
    },
    lists::{
        Lists,
        Places, //
    },
    refusal::Refusal,
    save::{
        check_accessible,
        check_after,
        check_header,
        validate, //
    },
    snapshot::{
        Mismatch,
        Register,
        Snapshot, //
    },
    sriov::Sriov,
};

/// Number of 32-bit words in a config space header (PCIe r6.0, sec 7.5.1).
pub const HEADER_WORDS: usize = 16;

/// The 16 words of a config space header, word `i` read from offset `4 * i`.
pub type Header = [u32; HEADER_WORDS];

/// What a read returns when no function answers (`PCI_POSSIBLE_ERROR()` in C).
pub const ALL_ONES: u32 = u32::MAX;
