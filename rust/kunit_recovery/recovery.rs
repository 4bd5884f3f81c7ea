// SPDX-License-Identifier: GPL-2.0-only

//! KUnit tests of `recovery`: a child of it, so that they see its private parts. See the crate's
//! root, `kunit_recovery.rs`.

mod events;
mod function;
mod health;
mod lifecycle;
mod log;
mod recoverable;
