// SPDX-License-Identifier: GPL-2.0-only

//! The entries of a topology, and the devices that each of them stands for: one, or several where it is repeated.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use serde::Deserialize;

use crate::arch::Arch;

use super::Device;
use super::Disk;

/// The root bus of QEMU's q35 machine.
const ROOT_BUS: &str = "pcie.0";

/// No bus: the devices of s390x, of which each has a PCI domain of its own. The address is its number, `uid` and `fid` of
/// QEMU's device `zpci`.
pub(super) const ZPCI: &str = "zpci";

/// Devices that have a bus behind them, named like the device.
const BRIDGES: &[&str] = &[
    "pcie-root-port",
    "ioh3420",
    "x3130-upstream",
    "xio3130-downstream",
    "pcie-pci-bridge",
    "pci-bridge",
    "i82801b11-bridge",
];

/// Bridges with a slot behind them, which QEMU knows by `chassis` and `slot`: no two ports may have the same.
const PORTS: &[&str] = &["pcie-root-port", "ioh3420", "xio3130-downstream"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: String,
    driver: String,
    bus: String,
    addr: String,
    /// How many of it there are on each bus: `ID0`, `ID1` and so on, at addresses counted up by `step`.
    count: Option<u8>,
    #[serde(default)]
    step: Step,
    #[serde(default)]
    options: BTreeMap<String, Value>,
    #[serde(default)]
    test: bool,
    /// The register file that the fault injector presents in its place.
    model: Option<String>,
    /// The architectures whose QEMU has it.
    arch: Option<Vec<Arch>>,
    /// The size of the disk that it is the controller of.
    disk_mib: Option<NonZeroU32>,
    /// Whether it is an adapter on the machine's network.
    #[serde(default)]
    network: bool,
}

/// The part of the address that is counted up where a device is repeated.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Step {
    #[default]
    Device,
    Function,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Bool(bool),
    Integer(i64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(true) => f.write_str("on"),
            Value::Bool(false) => f.write_str("off"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// Device and function number on a bus.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Addr {
    device: u8,
    function: u8,
}

impl Addr {
    /// Reads `DEVICE.FUNCTION`, hexadecimal.
    fn parse(text: &str) -> Result<Self, String> {
        let error = || format!("addr `{text}` is not DEVICE.FUNCTION (00.0 to 1f.7, hexadecimal)");
        let (device, function) = text.split_once('.').ok_or_else(error)?;
        let device = u8::from_str_radix(device, 16).map_err(|_| error())?;
        let function = u8::from_str_radix(function, 16).map_err(|_| error())?;
        if device > 0x1f || function > 7 {
            return Err(error());
        }
        Ok(Self { device, function })
    }

    /// The address of the repetition with this number.
    fn plus(self, number: u8, step: Step) -> Option<Self> {
        let (mut device, mut function) = (self.device, self.function);
        match step {
            Step::Device => device = device.checked_add(number)?,
            Step::Function => function = function.checked_add(number)?,
        }
        (device <= 0x1f && function <= 7).then_some(Self { device, function })
    }
}

/// As Linux writes it.
impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}.{}", self.device, self.function)
    }
}

/// The devices of the entries so far, bridges before what is behind them.
#[derive(Default)]
pub(super) struct Devices {
    made: Vec<Device>,
    /// The ids that an entry stands for, where it is repeated.
    repeated: HashMap<String, Vec<String>>,
}

impl Devices {
    /// Makes the devices of `entry`: `count` of them on the bus, or on each one that the name of its bus stands for.
    pub(super) fn add(&mut self, entry: Entry) -> Result<(), String> {
        check_words(&entry)?;
        if entry.bus == ZPCI {
            return self.make_zpci(&entry);
        }
        let addr = Addr::parse(&entry.addr)?;
        if entry.count.is_none() && entry.step != Step::Device {
            return Err("`step` without `count`".into());
        }
        let count = entry.count.unwrap_or(1);
        if count == 0 {
            return Err("`count` must be at least 1".into());
        }
        if addr.plus(count - 1, entry.step).is_none() {
            return Err(format!(
                "`count = {count}` from addr `{addr}` goes beyond {}",
                match entry.step {
                    Step::Device => "device 1f",
                    Step::Function => "function 7",
                }
            ));
        }
        let buses = match self.repeated.get(&entry.bus) {
            Some(buses) => buses.clone(),
            None => vec![entry.bus.clone()],
        };
        let one = entry.count.is_none() && !self.repeated.contains_key(&entry.bus);

        self.check_free(&entry.id)?;
        let mut ids = Vec::new();
        for bus in buses {
            for addr in (0..count).filter_map(|number| addr.plus(number, entry.step)) {
                let id = match one {
                    true => entry.id.clone(),
                    false => format!("{}{}", entry.id, ids.len()),
                };
                self.make(&entry, id.clone(), &bus, addr)?;
                ids.push(id);
            }
        }
        if !one {
            self.repeated.insert(entry.id, ids);
        }
        Ok(())
    }

    fn check_free(&self, id: &str) -> Result<(), String> {
        if self.repeated.contains_key(id) || self.made.iter().any(|device| device.id == id) {
            return Err(format!("another device has the same id `{id}`"));
        }
        Ok(())
    }

    /// Adds the device of an entry that is on no bus.
    fn make_zpci(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.count.is_some() {
            return Err(format!("`count` is not for the bus `{ZPCI}`"));
        }
        let uid = u16::from_str_radix(&entry.addr, 16)
            .ok()
            .filter(|&uid| uid != 0);
        let Some(uid) = uid else {
            return Err(format!(
                "addr `{}` is not 1 to ffff, hexadecimal",
                entry.addr
            ));
        };
        let path = format!("{uid:04x}:00:00.0");
        self.make_at(entry, entry.id.clone(), ZPCI, format!("{uid:x}"), path)
    }

    /// Adds one device.
    fn make(&mut self, entry: &Entry, id: String, bus: &str, addr: Addr) -> Result<(), String> {
        let path = format!("{}{addr}", self.path_to(bus)?);
        self.make_at(entry, id, bus, addr.to_string(), path)
    }

    fn make_at(
        &mut self,
        entry: &Entry,
        id: String,
        bus: &str,
        addr: String,
        path: String,
    ) -> Result<(), String> {
        self.check_free(&id)?;
        if let Some(other) = self.made.iter().find(|device| device.path == path) {
            return Err(format!("`{}` has the same address", other.id));
        }
        let mut options: Vec<_> = entry
            .options
            .iter()
            .map(|(key, value)| (key.clone(), value.to_string()))
            .collect();
        let disk = entry.disk_mib.map(|mib| Disk::of(&id, mib.get()));
        options.extend(disk.iter().map(|disk| ("drive".into(), disk.name.clone())));
        let network = entry.network.then(|| format!("{id}-net"));
        options.extend(network.iter().map(|name| ("netdev".into(), name.clone())));
        self.made.push(Device {
            id,
            driver: entry.driver.clone(),
            bus: bus.to_owned(),
            addr,
            options,
            test: entry.test,
            model: entry.model.clone(),
            arch: entry.arch.clone().unwrap_or_default(),
            disk,
            network,
            path,
        });
        Ok(())
    }

    /// Returns the prefix of the paths of the functions on `bus`.
    fn path_to(&self, bus: &str) -> Result<String, String> {
        if bus == ROOT_BUS {
            return Ok("00:".into());
        }
        let Some(parent) = self.made.iter().find(|device| device.id == bus) else {
            return Err(format!(
                "bus `{bus}` is neither {ROOT_BUS} nor a bridge above this device in the file"
            ));
        };
        if !BRIDGES.contains(&parent.driver.as_str()) {
            let bridges = BRIDGES.join(", ");
            return Err(format!(
                "bus `{bus}` is a {}, not a bridge ({bridges})",
                parent.driver
            ));
        }
        Ok(format!("{}/", parent.path))
    }

    /// All of them, with the options that follow from where they are.
    pub(super) fn finish(mut self) -> Vec<Device> {
        self.number_ports();
        self.mark_multifunction();
        self.made
    }

    /// Gives each port that has none a `chassis` and a `slot` that no other port has.
    fn number_ports(&mut self) {
        for key in ["chassis", "slot"] {
            let used: Vec<String> = self
                .made
                .iter()
                .filter_map(|d| d.option(key))
                .map(str::to_owned)
                .collect();
            let mut free = (1u32..)
                .map(|n| n.to_string())
                .filter(|n| !used.contains(n));
            for device in &mut self.made {
                if PORTS.contains(&device.driver.as_str()) && device.option(key).is_none() {
                    device.options.extend(free.next().map(|n| (key.into(), n)));
                }
            }
        }
    }

    /// Marks the functions that share a device number, which QEMU requires.
    fn mark_multifunction(&mut self) {
        let mut functions: HashMap<String, u32> = HashMap::new();
        for device in &self.made {
            *functions.entry(device.without_function()).or_default() += 1;
        }
        for device in &mut self.made {
            let shared = functions.get(&device.without_function()) > Some(&1);
            if shared && device.option("multifunction").is_none() {
                device.options.push(("multifunction".into(), "on".into()));
            }
        }
    }
}

impl Device {
    pub(super) fn option(&self, key: &str) -> Option<&str> {
        let found = self.options.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Its path as far as the device number.
    fn without_function(&self) -> String {
        let device = self.path.rsplit_once('.').map(|(device, _)| device);
        device.unwrap_or(&self.path).to_owned()
    }
}

/// Checks the words that become part of QEMU's command line.
fn check_words(entry: &Entry) -> Result<(), String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !entry.id.starts_with(|c: char| c.is_ascii_alphabetic()) || !entry.id.chars().all(word) {
        return Err("an id is a letter, then letters, digits, `-` and `_`".into());
    }
    if entry.driver.is_empty() || !entry.driver.chars().all(|c| word(c) || c == '.') {
        return Err(format!(
            "`{}` is not the name of a QEMU device",
            entry.driver
        ));
    }
    if let Some(model) = entry
        .model
        .as_deref()
        .filter(|m| m.is_empty() || !m.chars().all(word))
    {
        return Err(format!("`{model}` is not the name of a model"));
    }
    if entry.disk_mib.is_some() && entry.options.contains_key("drive") {
        return Err("`disk_mib` makes the drive, it cannot be an option as well".into());
    }
    if entry.network && entry.options.contains_key("netdev") {
        return Err("`network` makes the netdev, it cannot be an option as well".into());
    }
    for key in entry.options.keys() {
        if matches!(key.as_str(), "id" | "bus" | "addr" | "driver")
            || !key.chars().all(|c| word(c) || c == '.')
        {
            return Err(format!("`{key}` cannot be an option"));
        }
    }
    Ok(())
}
