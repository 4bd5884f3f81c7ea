// SPDX-License-Identifier: GPL-2.0-only

//! The register files that stand for functions of a bus.

use kernel::prelude::*;

use super::registers::RegisterFile;

/// How many functions of one bus may be presented.
pub(crate) const MAX_MODELS: usize = 8;

// SAFETY: It consists of integers and arrays of them.
unsafe impl pin_init::Zeroable for RegisterFile {}

/// The model of one function.
pub(crate) struct Model {
    pub(crate) devfn: u8,
    pub(crate) file: KVBox<RegisterFile>,
}

/// The models of one bus.
pub(crate) struct Models([Option<Model>; MAX_MODELS]);

impl Models {
    /// None.
    pub(crate) const fn new() -> Self {
        Self([const { None }; MAX_MODELS])
    }

    /// The register file that stands for a function.
    pub(crate) fn get(&mut self, devfn: u8) -> Option<&mut RegisterFile> {
        let slots = self.0.iter_mut().flatten();
        slots
            .filter(|model| model.devfn == devfn)
            .map(|model| &mut *model.file)
            .next()
    }

    /// Returns whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Puts a model in its place, or in that of the one before. Returns what was replaced,
    /// to be freed where that may sleep.
    pub(crate) fn replace(&mut self, devfn: u8, new: Option<Model>) -> Result<Option<Model>> {
        let is_its_own =
            |slot: &&mut Option<Model>| slot.as_ref().is_some_and(|model| model.devfn == devfn);
        if let Some(slot) = self.0.iter_mut().find(is_its_own) {
            return Ok(core::mem::replace(slot, new));
        }
        if new.is_none() {
            return Ok(None);
        }
        let free = self.0.iter_mut().find(|slot| slot.is_none());
        Ok(core::mem::replace(free.ok_or(ENOSPC)?, new))
    }
}
