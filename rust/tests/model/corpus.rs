// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces of the devices that QEMU models (`tests/corpus/`, made by `make corpus`).

use std::{collections::HashMap, fs, path::Path};

use pci_recovery_guard::guard::{Bar, BarKind, Buses, Function, HeaderType, Learned, Windows};

use super::{driver::Device, space::Space};

/// A function of QEMU's.
pub struct Model {
    pub name: String,
    /// What the kernel knew of it.
    pub function: Function,
    /// Its config space when all was well.
    pub good: Space,
    /// After a reset that nobody restored.
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
            let Some((key, rest)) = line.split_once(' ') else {
                continue;
            };
            if let Some(offset) = key.strip_suffix(':') {
                let offset = usize::from_str_radix(offset, 16).ok()?;
                let row: Option<Vec<u8>> = rest
                    .split_whitespace()
                    .map(|byte| u8::from_str_radix(byte, 16).ok())
                    .collect();
                let space = spaces.last_mut()?;
                space.resize(offset, 0);
                space.extend(row?);
            } else if key.contains(':') {
                spaces.push(Vec::new());
            } else if key == "resource" {
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
            header_type: match good.read(0x0e, 1) & 0x7f {
                0 => HeaderType::Normal,
                1 => HeaderType::Bridge,
                _ => return None,
            },
            is_vf,
            ids: (fact("device")? << 16 | fact("vendor")?) as u32,
            class_revision: (fact("class")? << 8 | fact("revision")?) as u32,
            subsystem: (fact("subsystem_device")? << 16 | fact("subsystem_vendor")?) as u32,
            bars: std::array::from_fn(|index| resources.get(index).and_then(|r| bar(r)))
                .map(|bar| bar.filter(|_| !is_vf)),
            enabled: fact("enable")? != 0,
            bus_master: good.dword(4) & 4 != 0,
            msi: false,
            rom_enabled: true,
            l1ss: false,
            tph: false,
            windows: Windows::default(),
            buses: facts.get("buses").and_then(|buses| {
                let bus = |index: usize| u8::try_from(number(buses.get(index)?)?).ok();
                Some(Buses {
                    primary: bus(0)?,
                    secondary: bus(1)?,
                    subordinate: bus(2)?,
                })
            }),
            // What `Device::add` finds.
            extended: false,
            pcie_cap: 0,
            aer_cap: 0,
            saved_before: [0; 16],
            learned: Learned::default(),
        };
        Some(Self {
            name: name.into(),
            function,
            good,
            wiped: spaces.next(),
        })
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split(' ').map(number).collect()
}

/// A BAR from a line of the file `resource`: start, end, flags (see `resource()` in `pci/info.rs`).
fn bar(resource: &[u64]) -> Option<Bar> {
    let &[start, end, flags] = resource else {
        return None;
    };
    let kind = match flags {
        // Unset, disabled, fixed, enhanced allocation.
        _ if flags & 0x3000_0030 != 0 || (start == 0 && end == 0) => return None,
        _ if flags & 0x100 != 0 => BarKind::Io,
        _ if flags & 0x200 == 0 => return None,
        _ if flags & 0x10_0000 != 0 => BarKind::Mem64,
        _ => BarKind::Mem32,
    };
    Some(Bar {
        address: start,
        kind,
    })
}
