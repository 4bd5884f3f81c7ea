// SPDX-License-Identifier: GPL-2.0-only

//! Compiles what knows no kernel for the host, so that `cargo test` can test it without one.
#![no_std]

pub mod guard;

/// The fault injector: what a fault does, and how it is written; what a model is.
pub mod pci_fault {
    pub mod capabilities;
    pub mod fault;
    pub mod model;
    pub mod registers;
    pub mod spec;
}
