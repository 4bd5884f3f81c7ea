// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save of `recovery/save.rs`, without a kernel: the same calls in the same order.

use pci_recovery_guard::guard::{
    check_accessible, learn_aer_ones, lost_bus_master, Function, Lists, Refusal, Snapshot,
};

use crate::{
    kernel::{Core, Read},
    reads::{Save, Saved},
    space::{Entry, List, Space},
};

/// A function, as the kernel knows it, and what the core keeps of it.
#[derive(Clone, Debug)]
pub struct Device {
    pub function: Function,
    /// Its Bus Master Enable is hard-wired to 0.
    pub no_bus_master: bool,
    core: Core,
}

/// A state that passed every check.
#[derive(Clone, Debug)]
pub struct KnownGood {
    pub snapshot: Snapshot,
    /// What the kernel knows of the function, with what was learned of it.
    pub function: Function,
    /// A capability list that ends where no list ends, behind all that the core saves: the driver
    /// warns of it when it binds. Of a first save only.
    pub oddity: Option<Refusal>,
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
        Self {
            function,
            no_bus_master: false,
            core,
        }
    }

    /// Returns whether the core saves the capability at `entry` of `space`, and looks for it in the
    /// list.
    pub fn saves(&self, space: &Space, entry: Entry) -> bool {
        let is_first = space.find(entry.list, entry.id) == entry.offset;
        let extended = entry.list == List::Extended;
        let mut saved = self.core.saved().into_iter();
        let is_saved = saved.any(|saved| (saved.id, saved.extended) == (entry.id, extended));
        // The list of a virtual function need not lead to PCI Express.
        let is_exempt = self.function.is_vf && !extended && entry.offset == self.function.pcie_cap;
        is_first && is_saved && !is_exempt
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
        let mut function = match known_good {
            None => self.function.clone(),
            Some(good) => good.function.clone(),
        };
        let saved = core.saved();
        let mut lists = None;
        if known_good.is_none() {
            let walked = Lists::read(&core.header, &function, |offset| read(offset, 4));
            function.learned.places = walked.places;
            function.learned.aer_ones = saved.iter().fold(0, |ones, saved| {
                ones | learn_aer_ones(&saved.as_guard(), |offset| {
                    read(function.aer_cap + offset, 4)
                })
            });
            function.learned.no_bus_master =
                self.no_bus_master && lost_bus_master(&core.header, &function);
            lists = Some(walked);
        }
        let save = Save {
            header: core.header,
            capabilities: saved,
            command_status: read(COMMAND, 4),
        };
        save.validate(&function, known_good.map(|good| &good.snapshot))?;
        if let Some(lists) = lists {
            lists.check(&function, save.capabilities.iter().map(Saved::as_guard))?;
        }
        Ok(KnownGood {
            snapshot: save.snapshot(&function),
            function,
            oddity: lists.and_then(|lists| lists.oddity),
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
