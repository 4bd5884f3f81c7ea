// SPDX-License-Identifier: GPL-2.0-only

//! What the module parameters ask for.

use super::{
    known_good::Others, //
    pci::parameter_is_set,
};

/// What the module parameters ask for.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// A save that is refused fails.
    pub(super) abort: bool,
    /// What is suspicious is refused.
    pub(super) strict: bool,
    /// What was restored is compared.
    pub(super) verify: bool,
    /// What an error's reset has wiped is restored where its driver does not do so.
    pub(super) heal: bool,
}

impl Options {
    pub(super) fn new() -> Self {
        use super::module_parameters;

        Self {
            abort: parameter_is_set(&module_parameters::abort),
            strict: parameter_is_set(&module_parameters::strict),
            verify: parameter_is_set(&module_parameters::verify),
            heal: parameter_is_set(&module_parameters::heal),
        }
    }

    pub(super) fn rules(self) -> Others {
        Others {
            strict: self.strict,
        }
    }
}
