// SPDX-License-Identifier: GPL-2.0-only

//! Tests of what in `pci_fault/` knows no kernel: faults and models, by what a user sees.
//!
//! | tests | of |
//! |---|---|
//! | [`matching`] | which accesses are meant: function and byte range |
//! | [`life`] | when a fault begins and ends: `from`, `count`, `ms` |
//! | [`effects`] | what each kind does to reads and writes of each size |
//! | [`wiped`], [`stuck`] | the two that change single bytes |
//! | [`several`] | the first decides, all count; four slots |
//! | [`words`] | a fault as text: each key, each refusal, what is shown is what is read |
//! | [`models`] | a model as text: each line, each refusal, those that come with the tests |
//! | [`registers`] | how the registers of a model behave |
//! | [`garbage`] | no text panics, and no fault or access does |
//!
//! [`bus`] has functions that faults are armed for, [`generate`] any fault and any access,
//! [`sound`] says what a fault has to be.

mod bus;
#[path = "../common/cases.rs"]
mod cases;
mod device;
mod effects;
mod garbage;
mod generate;
mod life;
mod matching;
mod models;
mod registers;
mod several;
mod sound;
mod stuck;
mod wiped;
mod words;
