// SPDX-License-Identifier: GPL-2.0-only

//! How large the guarded driver would be in C: an estimate, from a part of it that is written in both
//! (bench/pci_plain/pci_part.c).
//!
//! There are two kinds of code. What decides is about as large in both languages; what writes texts is several times
//! larger in Rust, where each piece of a text is a call. So each kind is scaled by what its part tells.

use std::path::PathBuf;

use anyhow::Result;
use anyhow::ensure;
use serde::Deserialize;
use serde::Serialize;

use super::size::Function;
use super::size::functions;

/// What a name has in it (mangled, with the length before each word) of the functions that are written in C, too.
const DECIDES: [&str; 4] = [
    "5guard6header5check",
    "5guard4bars5check",
    "5guard4bars13check_command",
    "5guard4save12check_header",
];
const WRITES: &str = "5guard7refusalNtB2_7RefusalNtNtCs";
/// The same of all that write texts.
const TEXTS: [&str; 4] = [
    "7Display3fmt",
    "5Debug3fmt",
    "Recovery11show_",
    "8recovery6report",
];
/// The one of C that writes.
const C_WRITES: &str = "part_text";

/// Bytes of code of the same thing.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Part {
    pub rust: u64,
    pub c: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Estimate {
    /// What decides, of the part.
    pub decides: Part,
    /// What writes texts, of the part.
    pub writes: Part,
    /// The whole driver; C is estimated.
    pub whole: Part,
}

impl Estimate {
    /// From the modules in `folders`.
    pub fn of(folders: &[PathBuf]) -> Result<Self> {
        Self::from(
            &functions("pci_recovery", folders)?,
            &functions("pci_part", folders)?,
        )
    }

    fn from(rust: &[Function], c: &[Function]) -> Result<Self> {
        let sum = |functions: &[Function], is: &dyn Fn(&str) -> bool| -> u64 {
            functions
                .iter()
                .filter(|function| is(&function.name))
                .map(|function| function.bytes)
                .sum()
        };
        let any = |of: &'static [&str]| move |name: &str| of.iter().any(|word| name.contains(word));
        let decides = Part {
            rust: sum(rust, &any(&DECIDES)),
            c: sum(c, &|name| name != C_WRITES),
        };
        let writes = Part {
            rust: sum(rust, &|name| name.contains(WRITES)),
            c: sum(c, &|name| name == C_WRITES),
        };
        ensure!(
            [decides.rust, decides.c, writes.rust, writes.c]
                .iter()
                .all(|&bytes| bytes > 0),
            "a function of pci_part.c, or its like in pci_recovery.ko, is not found: their names are in the source of this estimate"
        );
        let texts = sum(rust, &any(&TEXTS));
        let all = sum(rust, &|_| true);
        let scaled = |bytes: u64, part: Part| bytes as f64 * part.c as f64 / part.rust as f64;
        let c = scaled(all - texts, decides) + scaled(texts, writes);
        Ok(Self {
            decides,
            writes,
            whole: Part {
                rust: all,
                c: c.round() as u64,
            },
        })
    }

    /// How many times as large the driver is as it would be in C.
    pub fn ratio(&self) -> f64 {
        self.whole.rust as f64 / self.whole.c as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, bytes: u64) -> Function {
        Function {
            name: name.into(),
            bytes,
        }
    }

    #[test]
    fn each_kind_is_scaled_by_its_part() {
        let rust = [
            function("_RNvNtNtCs9_12pci_recovery5guard6header5check", 80),
            function(
                "_RNvXNtNtCs9_12pci_recovery5guard7refusalNtB2_7RefusalNtNtCs2_4core3fmt7Display3fmt",
                400,
            ),
            function("other", 320),
        ];
        let c = [
            function("part_check_words", 100),
            function("part_text", 100),
        ];
        let estimate = Estimate::from(&rust, &c).unwrap();
        // 400 * 100 / 80 + 400 * 100 / 400
        assert_eq!(estimate.whole, Part { rust: 800, c: 600 });
        assert!(Estimate::from(&rust[..1], &c).is_err());
    }
}
