// SPDX-License-Identifier: GPL-2.0-only

//! Tests of `guard/`: one file for each file of it, and properties that hold for every function.
//!
//! | tests | of |
//! |---|---|
//! | [`header`], [`bars`], [`plausible`] | the rule of each register, one test a rule |
//! | [`hardware`] | hardware that is not as most is, and is accepted |
//! | [`follow`] | what the kernel changes on purpose |
//! | [`save`] | the order of the rules, the known-good state, a loss half-way |
//! | [`snapshot`] | which bits are compared after a restore |
//! | [`sriov`] | what the SR-IOV capability must read |
//! | [`display`] | the words that a person reads |
//! | [`loss`], [`properties`] | what holds for any function: losses, wipes, garbage |
//!
//! [`example`] has a function of each sort, [`generate`] any function, and [`model::reads`] says
//! which reads a save is made of, so that a test can lose some of them.

mod bars;
#[path = "../common/cases.rs"]
mod cases;
mod certain;
mod display;
/// Shared with the KUnit tests.
#[path = "../../kunit_recovery/example.rs"]
mod example;
mod follow;
mod generate;
mod hardware;
mod header;
mod loss;
#[path = "../model/mod.rs"]
mod model;
mod plausible;
mod properties;
mod save;
mod snapshot;
mod sriov;
