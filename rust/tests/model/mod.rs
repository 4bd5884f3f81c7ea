// SPDX-License-Identifier: GPL-2.0-only

//! Whole config spaces, and what the kernel and the driver do with them; for the tests on the host
//! and the fuzzer (`rust/fuzz/`).
//!
//! | | |
//! |---|---|
//! | [`space`] | a config space |
//! | [`kernel`] | the PCI core: finds capabilities, saves state |
//! | [`reads`] | a save as a list of reads |
//! | [`driver`] | the guarded save around it |
//! | [`build`] | a config space that is valid for a function, from any bytes |
//! | [`corpus`] | config spaces of QEMU's devices |
//! | [`damage`] | what must be refused |
//! | [`input`] | all of it from the bytes that a fuzzer gives |

#![allow(dead_code, reason = "nobody who includes this needs all of it")]

pub mod build;
pub mod corpus;
pub mod damage;
pub mod driver;
pub mod input;
pub mod kernel;
pub mod reads;
pub mod space;
