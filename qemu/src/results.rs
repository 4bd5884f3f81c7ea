// SPDX-License-Identifier: GPL-2.0-only

//! The results of runs as a file (`check --report`, docs/testing.md), and what follows from several of them.
//!
//! | file | |
//! |---|---|
//! | `format.rs` | the file: what is in it, how it is read and written |
//! | `record.rs` | makes it of what the guests reported |
//! | `parts.rs` | the results of what the harness does not run: KTAP, and what cargo prints |
//! | `total.rs` | `total`: the sum of several, and what failed |
//! | `judge.rs` | `judge`: whether a test has caught a mutant |

pub mod format;
mod judge;
mod parts;
pub mod record;
mod total;

pub use judge::judge;
pub use total::total;
