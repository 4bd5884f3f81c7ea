// SPDX-License-Identifier: GPL-2.0-only

//! What a text that is taken for a fault has to be; for the tests and the fuzzer.

use pci_recovery_guard::pci_fault::{
    fault::{Fault, Kind, LAST_OFFSET},
    spec::MAX_DELAY_US,
};

pub const KINDS: [&str; 8] = [
    "gone", "ones", "zeros", "error", "drop", "wiped", "stuck", "delay",
];

pub const KEYS: [&str; 7] = ["devfn", "range", "from", "count", "ms", "value", "us"];

/// What a fault that was read has to be, whatever the text.
pub fn is_sound(fault: &Fault) -> bool {
    fault.first <= fault.last
        && fault.last <= LAST_OFFSET
        && fault.count != Some(0)
        && fault.ms != Some(0)
        && match fault.kind {
            Kind::Stuck(_) => fault.last - fault.first < 4,
            Kind::Delay(us) => us <= MAX_DELAY_US,
            _ => true,
        }
}

/// A text whose first word is a kind and whose others are keys with a value.
pub fn has_the_form(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    words.next().is_some_and(|kind| KINDS.contains(&kind))
        && words.all(|word| {
            word.split_once('=')
                .is_some_and(|(key, value)| KEYS.contains(&key) && !value.is_empty())
        })
}
