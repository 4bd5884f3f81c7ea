// SPDX-License-Identifier: GPL-2.0-only

//! Whole config spaces: what real ones (of QEMU's devices) and made-up ones must be taken for,
//! whole and damaged. The fuzzer (`make fuzz`) does the same with any bytes.

#[path = "../common/cases.rs"]
mod cases;
#[path = "../model/mod.rs"]
mod model;

mod corpus;
mod input;
mod lists;
mod real;
