// SPDX-License-Identifier: GPL-2.0-only

//! The functions of a dump.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, Result};
use pci_recovery_space::{
    dump::{parse, Dumped},
    facts::of_space,
};

use crate::{
    judge::{has_aer, has_exp, has_flr, header, First, Judgement},
    report::{Aer, Row},
};

/// Reads a dump; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<Dumped>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let result = std::io::stdin().read_to_end(&mut bytes);
        result.context("cannot read standard input")?;
    } else {
        bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    // A name may be in any encoding.
    let text = String::from_utf8_lossy(&bytes);
    parse(&text).with_context(|| format!("{} is no dump", path.display()))
}

/// A model of a function. What sizes its BARs have is not in a dump.
pub fn model(dumped: &Dumped) -> Result<String> {
    let length = dumped.bytes.len();
    crate::model::of_space(&dumped.address, &dumped.space(), length, [None; 6])
}

/// Judges a function.
pub fn judge(dumped: &Dumped, losses: bool) -> Row {
    let space = dumped.space();
    let function = of_space(&space, dumped.bus());
    let judgement = if dumped.is_header_only() {
        let bytes = dumped.bytes.len();
        let reason = format!("the dump has only {bytes} bytes of it: `lspci -xxxx` needs root");
        header(function, &space, reason)
    } else {
        let mut read = |offset, width| space.read(offset, width);
        let first = First::save(function, &space, &mut read);
        first
            .and_then(|first| {
                let mut judgement = first.second(&mut read)?;
                judgement.losses = losses.then(|| first.losses(&space));
                Ok(judgement)
            })
            .unwrap_or_else(Judgement::from)
    };
    let mut warnings = judgement.warnings;
    if !dumped.is_header_only() && !space.is_extended() && has_exp(&space) {
        warnings.push("the dump ends at 256 bytes, extended capabilities are not judged".into());
    }
    let words = space.header();
    Row {
        function: dumped.address.clone(),
        vendor: words[0] as u16,
        device: (words[0] >> 16) as u16,
        class: words[2] >> 8,
        driver: dumped.driver.clone(),
        aer: match has_aer(&space) {
            true => Aer::Capability,
            false => Aer::None,
        },
        reset: has_flr(&space).then(|| "flr".into()).into_iter().collect(),
        verdict: judgement.verdict,
        warnings,
        losses: judgement.losses,
    }
}
