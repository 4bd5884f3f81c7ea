// SPDX-License-Identifier: GPL-2.0-only

//! KUnit tests of `guard/` and `recovery/`: `kunit_recovery.ko`, for kernels with `CONFIG_KUNIT=y`.
//!
//! A module of its own, which is built from the same files as the drivers: those are loaded
//! hundreds of times by the other tests, and each time the kernel would run what suites they have.
//! What needs the private parts of `recovery/` is a child of that module here, and not there.
//!
//! The host tests (`tests/guard/`) have every rule with every value; these have one case of each
//! family of them, and what may be another thing in the kernel: its allocator, formatting, locks,
//! stack, and its own idea of a real function, the one that is bound to this module (see
//! [`pci::kunit`]); without one, tests that need it are skipped.
//!
//! | suite, `pci_recovery_...` | file | of |
//! |---|---|---|
//! | `rules` | `kunit_recovery/` the same | the guard's rules, a case a family |
//! | `events`, `log`, `health` | the same | timeline, limits of the log, what the state allows |
//! | `state` | the same | the core's buffer and copies of it, of a real function |
//! | `function` | the same | the guard's rules and the kernel's record of a real function |
//! | `lifecycle` | the same | errors, saves, restores of a real function |
//! | `recoverable` | the same | when a driver is stopped and started, on a real function |
//!
//! The kernel runs them when the module is loaded: `scripts/kselftest/tests/state/kunit.sh`. The
//! results are in `/sys/kernel/debug/kunit/SUITE/results`.

// By the name that the host tests have for the library, with which these share `example`.
extern crate self as pci_recovery_guard;

use kernel::prelude::*;

pub mod guard;
pub mod pci;
pub mod recovery;

#[path = "kunit_recovery/example.rs"]
mod example;
#[path = "kunit_recovery/rules.rs"]
mod rules;
#[path = "kunit_recovery/state.rs"]
mod state;

use self::pci::kunit::TestModule;

module! {
    type: TestModule,
    name: "kunit_recovery",
    authors: ["The pci-recovery developers"],
    description: "KUnit tests of pci_recovery; bind a function to it to run all of them",
    license: "GPL",
}
