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
//! | what the kernel knows of the function, apart from its config space | [`function`] |
//! | values that a header word cannot have | [`header`] |
//! | whether the BARs hold what the kernel assigned, or the function was wiped | [`bars`] |
//! | which registers the core saves of a capability | [`capability`] |
//! | whether they are plausible | [`plausible`] |
//! | whether the capability lists lead to every capability | [`lists`] |
//! | what the kernel changes on purpose in the known-good state | [`follow`] |
//! | all rules, in order, for a save that may become the known-good state | [`save`] |
//! | the registers that are compared after a restore, and their masks | [`snapshot`] |
//! | whether the SR-IOV registers hold what the kernel has enabled | [`sriov`] |
//! | the reason of a refused save | [`refusal`] |

pub mod bars;
pub mod capability;
pub mod follow;
pub mod function;
pub mod header;
pub mod lists;
pub mod plausible;
pub mod refusal;
pub mod save;
pub mod snapshot;
pub mod sriov;

pub use self::{
    bars::lost_bus_master,
    capability::{
        Capability,
        Places,
        L1SS,
        VC_RES_CTRL, //
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
    lists::Lists,
    plausible::{
        check_aer_ones,
        check_exp_kept,
        learn_aer_ones, //
    },
    refusal::Refusal,
    save::{
        check_accessible,
        check_after,
        check_certain,
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
