// SPDX-License-Identifier: GPL-2.0-only

//! Whole config spaces, and what the kernel and the driver do with them: for the tests on the host,
//! the fuzzer (`rust/fuzz/`) and `survey` (`rust/survey/`). The rules are those of `rust/guard/`.
//!
//! | | |
//! |---|---|
//! | [`space`] | a config space |
//! | [`dump`] | config spaces in the form of `lspci -xxxx` |
//! | [`facts`] | what the kernel knows of a function, from a dump or from sysfs |
//! | [`kernel`] | the PCI core: finds capabilities, saves state |
//! | [`reads`] | a save as a list of reads |
//! | [`driver`] | the guarded save around it |
//! | [`damage`] | what must be refused |

pub mod damage;
pub mod driver;
pub mod dump;
pub mod facts;
pub mod kernel;
pub mod reads;
pub mod space;
