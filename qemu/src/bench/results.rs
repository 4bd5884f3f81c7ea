// SPDX-License-Identifier: GPL-2.0-only

//! The file with all that was measured. The same figures give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;
use serde::Serialize;

use super::figures::Figures;
use super::fit::Fit;
use super::size::Size;
use super::targets::Target;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Results {
    /// The command that made them.
    pub command: String,
    pub kernel: String,
    pub qemu: String,
    pub figures: Figures,
    /// Of the modules.
    pub sizes: BTreeMap<String, Size>,
    /// Instructions of a fatal recovery over the number of functions, by who was measured.
    pub fits: BTreeMap<String, Fit>,
    pub targets: Vec<Target>,
}

impl Results {
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}: `make bench` writes it", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{}: `make bench` writes it anew", path.display()))
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
