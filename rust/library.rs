// SPDX-License-Identifier: GPL-2.0-only

//! The library.

pub mod guard;
pub mod pci;
pub mod recovery;
