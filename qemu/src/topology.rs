// SPDX-License-Identifier: GPL-2.0-only

//! Topologies: which PCI devices the virtual machine has, read from TOML.
//!
//! The path by which the guest finds a function (`00:04.0/00.0`: the function on the root bus, then device and
//! function below each bridge) follows from `bus` and `addr`, so a file never states it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

/// Where the topologies that come with the project are.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/topologies");

/// The root bus of QEMU's q35 machine.
const ROOT_BUS: &str = "pcie.0";

/// Devices that have a bus behind them, named like the device.
const BRIDGES: &[&str] = &[
    "pcie-root-port",
    "x3130-upstream",
    "xio3130-downstream",
    "pcie-pci-bridge",
    "pci-bridge",
];

#[derive(Debug, Error)]
pub enum TopologyError {
    #[error("unknown topology `{name}`; known: {known} (or give a .toml file)")]
    Unknown { name: String, known: String },
    #[error("{}: cannot read the topology: {error}", file.display())]
    Unreadable {
        file: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: line {line}: {message}", file.display())]
    Syntax {
        file: PathBuf,
        line: usize,
        message: String,
    },
    #[error("{}: device `{device}`: {message}", file.display())]
    Device {
        file: PathBuf,
        device: String,
        message: String,
    },
    #[error("{}: no device has `test = true`, so the tests would have nothing to work on", file.display())]
    NoTestDevice { file: PathBuf },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    description: String,
    #[serde(default)]
    device: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    driver: String,
    bus: String,
    addr: String,
    #[serde(default)]
    options: BTreeMap<String, Value>,
    #[serde(default)]
    test: bool,
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

/// One device of the virtual machine.
#[derive(Debug)]
pub struct Device {
    pub id: String,
    pub driver: String,
    pub bus: String,
    /// Device and function on its bus, as QEMU and the guest write it (`04.0`).
    pub addr: String,
    pub options: Vec<(String, String)>,
    /// Whether the tests work on it.
    pub test: bool,
    /// Where the guest finds it.
    pub path: String,
}

/// The devices of the virtual machine, bridges before what is behind them.
#[derive(Debug)]
pub struct Topology {
    pub name: String,
    pub description: String,
    pub devices: Vec<Device>,
}

impl Topology {
    /// Loads the topology that `name` stands for: one that comes with the project, or a file.
    pub fn load(name: &str) -> Result<Self, TopologyError> {
        let is_file = name.contains('/') || name.ends_with(".toml");
        let file = if is_file {
            PathBuf::from(name)
        } else {
            Path::new(DIRECTORY).join(format!("{name}.toml"))
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_file => {
                return Err(TopologyError::Unknown {
                    name: name.into(),
                    known: known().join(", "),
                });
            }
            Err(error) => return Err(TopologyError::Unreadable { file, error }),
        };
        Self::parse(name, &file, &text)
    }

    fn parse(name: &str, file: &Path, text: &str) -> Result<Self, TopologyError> {
        let parsed: File = toml::from_str(text).map_err(|error| TopologyError::Syntax {
            file: file.into(),
            line: error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count()),
            message: error.message().replace('\n', " "),
        })?;

        let mut devices: Vec<Device> = Vec::new();
        for entry in parsed.device {
            let device = entry.id.clone();
            let checked = check(&devices, entry);
            devices.push(checked.map_err(|message| TopologyError::Device {
                file: file.into(),
                device,
                message,
            })?);
        }
        if !devices.iter().any(|device| device.test) {
            return Err(TopologyError::NoTestDevice { file: file.into() });
        }
        Ok(Self {
            name: name.into(),
            description: parsed.description,
            devices,
        })
    }

    /// What the guest is told: a line `ID PATH` for each device, ` test` after those that the tests work on.
    pub fn guest_lines(&self) -> String {
        let line =
            |d: &Device| format!("{} {}{}\n", d.id, d.path, if d.test { " test" } else { "" });
        self.devices.iter().map(line).collect()
    }
}

/// The names of the topologies that come with the project.
fn known() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(DIRECTORY)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".toml")?
                    .to_owned(),
            )
        })
        .collect();
    names.sort();
    names
}

/// Checks one entry against the devices before it.
fn check(before: &[Device], entry: Entry) -> Result<Device, String> {
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
    if before.iter().any(|device| device.id == entry.id) {
        return Err("another device has the same id".into());
    }
    let addr = parse_addr(&entry.addr)?;
    let path = if entry.bus == ROOT_BUS {
        format!("00:{addr}")
    } else {
        let Some(parent) = before.iter().find(|device| device.id == entry.bus) else {
            return Err(format!(
                "bus `{}` is neither {ROOT_BUS} nor a bridge above this device in the file",
                entry.bus
            ));
        };
        if !BRIDGES.contains(&parent.driver.as_str()) {
            let bridges = BRIDGES.join(", ");
            return Err(format!(
                "bus `{}` is a {}, not a bridge ({bridges})",
                entry.bus, parent.driver
            ));
        }
        format!("{}/{addr}", parent.path)
    };
    if let Some(other) = before.iter().find(|device| device.path == path) {
        return Err(format!("`{}` has the same address", other.id));
    }
    for key in entry.options.keys() {
        if matches!(key.as_str(), "id" | "bus" | "addr" | "driver")
            || !key.chars().all(|c| word(c) || c == '.')
        {
            return Err(format!("`{key}` cannot be an option"));
        }
    }
    Ok(Device {
        id: entry.id,
        driver: entry.driver,
        bus: entry.bus,
        addr,
        options: entry
            .options
            .into_iter()
            .map(|(key, value)| (key, value.to_string()))
            .collect(),
        test: entry.test,
        path,
    })
}

/// Reads `SLOT.FUNCTION`, hexadecimal, and writes it as Linux does.
fn parse_addr(text: &str) -> Result<String, String> {
    let error = || format!("addr `{text}` is not SLOT.FUNCTION (00.0 to 1f.7, hexadecimal)");
    let (slot, function) = text.split_once('.').ok_or_else(error)?;
    let slot = u8::from_str_radix(slot, 16).map_err(|_| error())?;
    let function = u8::from_str_radix(function, 16).map_err(|_| error())?;
    if slot > 0x1f || function > 7 {
        return Err(error());
    }
    Ok(format!("{slot:02x}.{function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIDGE: &str = r#"
        description = "d"
        [[device]]
        id = "rp0"
        driver = "pcie-root-port"
        bus = "pcie.0"
        addr = "4.0"
    "#;

    fn parse(rest: &str) -> Result<Topology, TopologyError> {
        Topology::parse("t", Path::new("t.toml"), &format!("{BRIDGE}{rest}"))
    }

    fn error(rest: &str) -> String {
        let text = parse(rest).unwrap_err().to_string();
        assert!(!text.contains('\n'), "one line: {text}");
        text
    }

    #[test]
    fn paths_follow_the_buses() {
        let topology = Topology::load("switch").unwrap();
        let paths: Vec<_> = topology
            .devices
            .iter()
            .map(|d| (d.id.as_str(), d.path.as_str()))
            .collect();
        assert_eq!(paths[0], ("rp0", "00:04.0"));
        assert_eq!(paths[5], ("ep1", "00:04.0/00.0/01.0/00.0"));
        assert!(
            topology
                .guest_lines()
                .contains("\nep0 00:04.0/00.0/00.0/00.0 test\n")
        );
    }

    #[test]
    fn every_topology_of_the_project_loads() {
        assert!(known().contains(&"endpoint".to_owned()));
        for name in known() {
            Topology::load(&name).unwrap();
        }
    }

    #[test]
    fn values_become_qemu_options() {
        let text = "[[device]]\nid='e'\ndriver='x'\nbus='rp0'\naddr='1f.7'\ntest=true\noptions={a=true,b=7,c='t'}";
        let options = &parse(text).unwrap().devices[1].options;
        let expected =
            [("a", "on"), ("b", "7"), ("c", "t")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(options.as_slice(), expected);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let text = Topology::load("nosuch").unwrap_err().to_string();
        assert!(
            text.contains("`nosuch`") && text.contains("endpoint, "),
            "{text}"
        );
    }

    #[test]
    fn errors_name_the_file_the_device_and_the_fault() {
        let device = |fields: &str| error(&format!("[[device]]\nid='e'\n{fields}"));
        let cases = [
            (
                device("driver='x'\nbus='nope'\naddr='0.0'"),
                "t.toml: device `e`: bus `nope`",
            ),
            (
                device("driver='x'\nbus='rp0'\naddr='0'"),
                "addr `0` is not SLOT.FUNCTION",
            ),
            (device("driver='x'\nbus='rp0'\naddr='20.0'"), "addr `20.0`"),
            (
                device("driver='x'\nbus='pcie.0'\naddr='04.0'"),
                "`rp0` has the same address",
            ),
            (
                device("driver='x'\nbus='rp0'\naddr='0.0'\noptions={bus='y'}"),
                "`bus` cannot be an option",
            ),
            (
                device("driver='x,y'\nbus='rp0'\naddr='0.0'"),
                "not the name of a QEMU device",
            ),
            (device("driver='x'\nbus='rp0'"), "missing field `addr`"),
            (
                device("driver='x'\nbus='rp0'\naddr='0.0'\nadr='1'"),
                "unknown field `adr`",
            ),
            (
                error("[[device]]\nid='rp0'\ndriver='x'\nbus='rp0'\naddr='0.0'"),
                "same id",
            ),
            (
                error("[[device]]\nid='0e'\ndriver='x'\nbus='rp0'\naddr='0.0'"),
                "an id is",
            ),
            (error("["), "t.toml: line"),
            (error(""), "no device has `test = true`"),
        ];
        for (text, part) in cases {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_leaf_has_no_bus() {
        let text = "[[device]]\nid='a'\ndriver='edu'\nbus='rp0'\naddr='0.0'\n\
                    [[device]]\nid='b'\ndriver='edu'\nbus='a'\naddr='0.0'";
        assert!(error(text).contains("bus `a` is a edu, not a bridge"));
    }
}
