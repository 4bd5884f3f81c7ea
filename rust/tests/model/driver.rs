// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save of `recovery/save.rs`, without a kernel: the same calls in the same order.

use pci_recovery_guard::guard::{check_accessible, Function, Lists, Refusal, Snapshot};

use super::{
    kernel::{Core, Read},
    reads::Save,
    space::Space,
};

/// A function, as the kernel knows it, and what the core keeps of it.
#[derive(Clone, Debug)]
pub struct Device {
    pub function: Function,
    core: Core,
}

/// A state that passed every check.
#[derive(Clone, Debug)]
pub struct KnownGood {
    pub snapshot: Snapshot,
}

const COMMAND: u16 = 4;

impl Device {
    /// Adds a function with this config space. Of `function` is taken what that does not say.
    pub fn add(function: Function, space: &Space) -> Self {
        let core = Core::new(space);
        let function = Function {
            extended: core.is_extended(),
            pcie_cap: core.pcie_cap,
            aer_cap: core.aer_cap,
            saved_before: core.header,
            ..function
        };
        Self { function, core }
    }

    /// The guarded save, with `read` to answer.
    pub fn save_from(
        &self,
        read: &mut Read<'_>,
        known_good: Option<&KnownGood>,
    ) -> Result<KnownGood, Refusal> {
        check_accessible(read(COMMAND, 4))?;
        let mut core = self.core.clone();
        core.save(read);
        let lists = match known_good {
            None => Lists::read(&core.header, &self.function, |offset| read(offset, 4))
                .and_then(|lists| lists.check(&self.function, None)),
            Some(_) => Ok(()),
        };
        let save = Save {
            header: core.header,
            capabilities: core.saved(),
            command_status: read(COMMAND, 4),
        };
        save.validate(&self.function, known_good.map(|good| &good.snapshot))?;
        lists?;
        Ok(KnownGood {
            snapshot: save.snapshot(&self.function),
        })
    }

    /// The guarded save of a function that has `space`.
    pub fn save(
        &self,
        space: &Space,
        known_good: Option<&KnownGood>,
    ) -> Result<KnownGood, Refusal> {
        self.save_from(&mut |offset, width| space.read(offset, width), known_good)
    }

    /// How many reads a save is made of.
    pub fn reads(&self, space: &Space, known_good: Option<&KnownGood>) -> usize {
        let mut count = 0;
        let _ = self.save_from(
            &mut |offset, width| {
                count += 1;
                space.read(offset, width)
            },
            known_good,
        );
        count
    }

    /// The guarded save of a function that has `before`, and from read number `from` on `after`;
    /// without it, it is gone.
    pub fn save_changing(
        &self,
        before: &Space,
        from: usize,
        after: Option<&Space>,
        known_good: Option<&KnownGood>,
    ) -> Result<KnownGood, Refusal> {
        let gone = Space::new(&[0xff; 4096], true);
        let after = after.unwrap_or(&gone);
        let mut number = 0;
        self.save_from(
            &mut |offset, width| {
                number += 1;
                let space = if number > from { after } else { before };
                space.read(offset, width)
            },
            known_good,
        )
    }
}
