// SPDX-License-Identifier: GPL-2.0-only

//! How property tests are run.

use std::env;

use proptest::prelude::ProptestConfig;

/// So many cases, or PROPTEST_CASES, and no files written into the source tree: the failing input
/// is printed whole.
pub fn config(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: match env::var_os("PROPTEST_CASES") {
            Some(_) => usual.cases,
            None => cases,
        },
        failure_persistence: None,
        ..usual
    }
}
