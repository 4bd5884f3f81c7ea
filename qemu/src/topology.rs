// SPDX-License-Identifier: GPL-2.0-only

//! Topologies: which PCI devices the virtual machine has, read from TOML.
//!
//! The path by which the guest finds a function (`00:04.0/00.0`: the function on the root bus, then device and
//! function below each bridge) follows from `bus` and `addr`, so a file never states it.

mod entry;
#[cfg(test)]
mod tests;

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Deserialize;
use thiserror::Error;

use crate::arch::Arch;

use entry::Devices;
use entry::Entry;
use entry::ZPCI;

/// Where the topologies that come with the project are.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/topologies");

/// The memory of a machine whose topology does not say.
const MEMORY_MIB: u32 = 512;

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
    #[error("{}: `cmdline` must be one line", file.display())]
    Cmdline { file: PathBuf },
    #[error("the topology {name} is for {}, not for {arch}", list(.known))]
    Arch {
        name: String,
        known: Vec<Arch>,
        arch: Arch,
    },
    #[error("{}: no device has `test = true`, so the tests would have nothing to work on", file.display())]
    NoTestDevice { file: PathBuf },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    description: String,
    arch: Option<Vec<Arch>>,
    memory_mib: Option<NonZeroU32>,
    processors: Option<NonZeroU32>,
    swap_mib: Option<NonZeroU32>,
    kernel: Option<String>,
    #[serde(default)]
    cmdline: String,
    #[serde(default)]
    iommu: bool,
    #[serde(default)]
    device: Vec<Entry>,
}

/// One device of the virtual machine.
#[derive(Clone, Debug)]
pub struct Device {
    pub id: String,
    pub driver: String,
    pub bus: String,
    /// Device and function on its bus, as QEMU and the guest write it (`04.0`); its number, where it is on none.
    pub addr: String,
    pub options: Vec<(String, String)>,
    /// Whether the tests work on it.
    pub test: bool,
    /// The register file that stands in its place, `scripts/kselftest/models/NAME.model`.
    pub model: Option<String>,
    /// The architectures whose QEMU has it; all, where there are none.
    arch: Vec<Arch>,
    /// What it is the controller of.
    pub disk: Option<Disk>,
    /// What QEMU calls its place on the network that all of them are on, and nobody else.
    pub network: Option<String>,
    /// Where the guest finds it.
    pub path: String,
}

impl Device {
    /// Its number, where it is on no bus, but a function of zPCI.
    pub fn zpci(&self) -> Option<&str> {
        (self.bus == ZPCI).then_some(&self.addr)
    }
}

/// A disk, empty when the machine is switched on for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What QEMU calls it.
    pub name: String,
    pub mib: u32,
}

impl Disk {
    /// The disk of the device `id`.
    fn of(id: &str, mib: u32) -> Self {
        let name = format!("{id}-disk");
        Self { name, mib }
    }

    /// The file that it is, among those of one run.
    pub fn file(&self) -> String {
        format!("{}.raw", self.name)
    }
}

/// The devices of the virtual machine, bridges before what is behind them.
#[derive(Debug)]
pub struct Topology {
    pub name: String,
    pub description: String,
    /// The architectures that have such a machine; all, where there are none.
    arch: Vec<Arch>,
    /// The machine's memory.
    pub memory_mib: u32,
    /// How many processors it has, where that matters.
    pub processors: Option<u32>,
    /// Its disk to swap to, if it has one.
    pub swap: Option<Disk>,
    /// Which other kernel it is for: the image `IMAGE-KERNEL` beside the usual one.
    kernel: Option<String>,
    /// Parameters of the kernel beside those of the harness, separated by spaces.
    pub cmdline: String,
    /// Whether the machine has an IOMMU, which VFIO needs.
    pub iommu: bool,
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
        // A file is called what it is a variant of.
        let name = file.file_stem().and_then(|stem| stem.to_str());
        Self::parse(name.unwrap_or_default(), &file, &text)
    }

    fn parse(name: &str, file: &Path, text: &str) -> Result<Self, TopologyError> {
        let parsed: File = toml::from_str(text).map_err(|error| TopologyError::Syntax {
            file: file.into(),
            line: error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count()),
            message: error.message().replace('\n', " "),
        })?;

        if parsed.cmdline.contains(char::is_control) {
            return Err(TopologyError::Cmdline { file: file.into() });
        }

        let mut devices = Devices::default();
        for entry in parsed.device {
            let device = entry.id.clone();
            devices
                .add(entry)
                .map_err(|message| TopologyError::Device {
                    file: file.into(),
                    device,
                    message,
                })?;
        }
        let devices = devices.finish();
        if !devices.iter().any(|device| device.test) {
            return Err(TopologyError::NoTestDevice { file: file.into() });
        }
        Ok(Self {
            name: name.into(),
            description: parsed.description,
            arch: parsed.arch.unwrap_or_default(),
            memory_mib: parsed.memory_mib.map_or(MEMORY_MIB, NonZeroU32::get),
            processors: parsed.processors.map(NonZeroU32::get),
            swap: parsed.swap_mib.map(|mib| Disk::of("swap", mib.get())),
            kernel: parsed.kernel,
            cmdline: parsed.cmdline,
            iommu: parsed.iommu,
            devices,
        })
    }

    /// Whether it can be had there.
    pub fn is_of(&self, arch: Arch) -> bool {
        let mut devices = self.devices.iter();
        is_among(arch, &self.arch)
            && devices.all(|device| device.zpci().is_some() == arch.is_zpci())
    }

    /// Makes it one of this architecture.
    pub fn fit(&mut self, arch: Arch) -> Result<(), TopologyError> {
        if !self.is_of(arch) {
            return Err(TopologyError::Arch {
                name: self.name.clone(),
                known: Arch::value_variants()
                    .iter()
                    .copied()
                    .filter(|&arch| self.is_of(arch))
                    .collect(),
                arch,
            });
        }
        if let (Some(_), Some((processors, parameters))) = (&self.swap, arch.hibernation()) {
            self.processors = Some(processors);
            self.cmdline = format!("{} {parameters}", self.cmdline);
        }
        self.devices.retain(|device| is_among(arch, &device.arch));
        for device in &mut self.devices {
            for (key, value) in arch.device_options(&device.driver) {
                device.options.push(((*key).into(), (*value).into()));
            }
        }
        Ok(())
    }

    /// The image that it boots, where the usual one is `image`.
    pub fn image(&self, image: &Path) -> PathBuf {
        let mut file = image.as_os_str().to_owned();
        if let Some(kernel) = &self.kernel {
            file.push("-");
            file.push(kernel);
        }
        file.into()
    }

    /// All disks.
    pub fn disks(&self) -> impl Iterator<Item = &Disk> {
        let devices = self.devices.iter();
        self.swap
            .iter()
            .chain(devices.filter_map(|device| device.disk.as_ref()))
    }

    /// The topology for the guest: a line `ID PATH` for each device, ` test` after those that the tests work on.
    pub fn guest_lines(&self) -> String {
        let line =
            |d: &Device| format!("{} {}{}\n", d.id, d.path, if d.test { " test" } else { "" });
        self.devices.iter().map(line).collect()
    }

    /// The register files that the guest presents in place of devices: a line `PATH MODEL` for each.
    pub fn model_lines(&self) -> String {
        let devices = self.devices.iter();
        devices
            .filter_map(|device| Some((&device.path, device.model.as_ref()?)))
            .map(|(path, model)| format!("{path} {model}\n"))
            .collect()
    }
}

/// Whether `arch` is one of those, or none is named.
fn is_among(arch: Arch, arches: &[Arch]) -> bool {
    arches.is_empty() || arches.contains(&arch)
}

fn list(arches: &[Arch]) -> String {
    let names: Vec<_> = arches.iter().map(Arch::to_string).collect();
    names.join(", ")
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
