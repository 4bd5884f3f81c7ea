// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces of the devices that QEMU models (`tests/corpus/`, made by `make corpus`).

use std::{collections::HashMap, fs, path::Path};

use pci_recovery_guard::guard::{Bar, Buses, Function};
use pci_recovery_space::{
    dump::Line,
    facts::{bar_of_resource, number, of_space},
};

use super::{driver::Device, space::Space};

/// A function of QEMU's.
pub struct Model {
    pub name: String,
    /// What the kernel knew of it.
    pub function: Function,
    /// Its config space when all was well.
    pub good: Space,
    /// After a reset without a restore.
    pub wiped: Option<Space>,
}

impl Model {
    /// All of them, by name.
    pub fn all(directory: &Path) -> Vec<Self> {
        let entries = fs::read_dir(directory).expect("make corpus makes tests/corpus");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
        files.sort();
        files
            .iter()
            .map(|file| {
                let name = file.file_stem().map(|name| name.to_string_lossy());
                let text = fs::read_to_string(file).expect("a text");
                Self::parse(&name.unwrap_or_default(), &text)
                    .unwrap_or_else(|| panic!("{}: run make corpus", file.display()))
            })
            .collect()
    }

    /// As the kernel adds it.
    pub fn device(&self) -> Device {
        Device::add(self.function.clone(), &self.good)
    }

    fn parse(name: &str, text: &str) -> Option<Self> {
        let mut facts: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut resources = Vec::new();
        let mut spaces: Vec<Vec<u8>> = Vec::new();
        for line in text.lines() {
            match Line::parse(line) {
                Ok(Line::Row { offset, bytes }) => {
                    let space = spaces.last_mut()?;
                    space.resize(offset, 0);
                    space.extend(bytes);
                    continue;
                }
                Ok(Line::Function { .. }) => {
                    spaces.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            let Some((key, rest)) = line.split_once(' ') else {
                continue;
            };
            if key == "resource" {
                resources.push(numbers(rest)?);
            } else {
                facts.insert(key, rest.split(' ').collect());
            }
        }

        let extended = spaces.first()?.len() == 4096;
        let mut spaces = spaces.iter().map(|bytes| Space::new(bytes, extended));
        let good = spaces.next()?;
        let fact = |key: &str| number(facts.get(key)?.first()?);
        let is_vf = fact("virtual")? != 0;
        let function = Function {
            is_vf,
            ids: (fact("device")? << 16 | fact("vendor")?) as u32,
            class_revision: (fact("class")? << 8 | fact("revision")?) as u32,
            subsystem: (fact("subsystem_device")? << 16 | fact("subsystem_vendor")?) as u32,
            bars: std::array::from_fn(|index| resources.get(index).and_then(|r| bar(r)))
                .map(|bar| bar.filter(|_| !is_vf)),
            enabled: fact("enable")? != 0,
            bus_master: good.dword(4) & 4 != 0,
            buses: facts.get("buses").and_then(|buses| {
                let bus = |index: usize| u8::try_from(number(buses.get(index)?)?).ok();
                Some(Buses {
                    primary: bus(0)?,
                    secondary: bus(1)?,
                    subordinate: bus(2)?,
                })
            }),
            // The header, and what is the same for all of them.
            ..of_space(&good, 0).ok()?
        };
        Some(Self {
            name: name.into(),
            function,
            good,
            wiped: spaces.next(),
        })
    }
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split(' ').map(number).collect()
}

/// A BAR from a line of the file `resource`.
fn bar(resource: &[u64]) -> Option<Bar> {
    let &[start, end, flags] = resource else {
        return None;
    };
    bar_of_resource(start, end, flags)
}
