// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces to test with; for the tests on the host and the fuzzer (`rust/fuzz/`). What the
//! kernel and the driver do with one is in `rust/space/`.
//!
//! | | |
//! |---|---|
//! | [`build`] | a config space that is valid for a function, from any bytes |
//! | [`corpus`] | config spaces of QEMU's devices |
//! | [`input`] | one of both from the bytes that a fuzzer gives |

#![allow(
    dead_code,
    unused_imports,
    reason = "nobody who includes this needs all of it"
)]

pub use pci_recovery_space::{damage, driver, reads, space};

pub mod build;
pub mod corpus;
pub mod input;
