// SPDX-License-Identifier: GPL-2.0-only

//! Compiles `guard` for the host, so that `cargo test` can test it without a kernel.
#![no_std]

pub mod guard;
