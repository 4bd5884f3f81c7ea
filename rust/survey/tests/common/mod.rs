// SPDX-License-Identifier: GPL-2.0-only

//! Functions to survey: as a dump, and as the files of a sysfs.

#![allow(dead_code, reason = "nobody who includes this needs all of it")]

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use proptest::{collection, prelude::*, sample};
use tempfile::{NamedTempFile, TempDir};

/// Runs the program.
pub fn survey(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_survey"));
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the program runs")
}

/// What it printed, with its exit code.
pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let code = output.status.code().expect("an exit code, no signal");
    (code, text(&output.stdout), text(&output.stderr))
}

/// Sets bytes of a config space.
pub fn set(space: &mut [u8], offset: usize, bytes: &[u8]) {
    space[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// An endpoint with a BAR of 32 bits, PCI Express with FLR, and AER.
pub fn endpoint() -> Vec<u8> {
    let mut space = vec![0; 4096];
    set(&mut space, 0x00, &[0x34, 0x12, 0xe8, 0x11]);
    // Memory and bus mastering; a list of capabilities.
    set(&mut space, 0x04, &[0x06, 0x00, 0x10, 0x00]);
    set(&mut space, 0x08, &[0x10, 0x00, 0xff, 0x00]);
    set(&mut space, 0x10, &[0x00, 0x00, 0x00, 0xfe]);
    set(&mut space, 0x2c, &[0xf4, 0x1a, 0x00, 0x11]);
    set(&mut space, 0x34, &[0x40]);
    set(&mut space, 0x3c, &[0x0a, 0x01]);
    set(&mut space, 0x40, &[0x10, 0x00, 0x02, 0x00]);
    set(&mut space, 0x44, &[0x00, 0x80, 0x00, 0x10]);
    set(&mut space, 0x48, &[0x1f, 0x28]);
    set(&mut space, 0x100, &[0x01, 0x00, 0x01, 0x00]);
    space
}

/// A root port without windows, to bus 1.
pub fn root_port() -> Vec<u8> {
    let mut space = vec![0; 4096];
    set(&mut space, 0x00, &[0x36, 0x1b, 0x0c, 0x00]);
    set(&mut space, 0x04, &[0x07, 0x00, 0x10, 0x00]);
    set(&mut space, 0x08, &[0x00, 0x00, 0x04, 0x06]);
    set(&mut space, 0x0e, &[0x01]);
    set(&mut space, 0x18, &[0x00, 0x01, 0x01]);
    set(&mut space, 0x34, &[0x40]);
    set(&mut space, 0x40, &[0x10, 0x00, 0x42, 0x00]);
    set(&mut space, 0x100, &[0x01, 0x00, 0x01, 0x00]);
    space
}

/// The config space of an endpoint or a bridge, with PCI Express anywhere, and some bytes changed.
pub fn changed() -> impl Strategy<Value = Vec<u8>> {
    let changes = collection::vec((0..0x140_usize, any::<u8>()), 0..6);
    let base = sample::select(vec![endpoint(), root_port()]);
    let sizes = sample::select(vec![256, 4096]);
    (base, sizes, 0x40..=0xff_u8, any::<u8>(), changes).prop_map(
        |(mut space, size, pointer, next, changes)| {
            space[0x34] = pointer;
            set(&mut space, (pointer & 0xfc).into(), &[0x10, next]);
            for (offset, byte) in changes {
                space[offset] = byte;
            }
            space.truncate(size);
            space
        },
    )
}

/// A function in the form of `lspci -xxxx`.
pub fn dumped(address: &str, space: &[u8]) -> String {
    let mut text = format!("{address} Class: a function\n");
    for (row, bytes) in space.chunks(16).enumerate() {
        let bytes: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        text += &format!("{:02x}:{bytes}\n", 16 * row);
    }
    text + "\n"
}

/// A file with this text.
pub fn file(text: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_ref()).expect("written");
    file
}

/// Surveys a dump with this text.
pub fn survey_dump(text: impl AsRef<[u8]>, options: &[&str]) -> (i32, String, String) {
    let file = file(text);
    let path = file.path().to_str().expect("a path");
    told(&survey(&[&["--dump", path], options].concat()))
}

/// A sysfs.
pub struct Sysfs {
    pub root: TempDir,
}

impl Sysfs {
    /// One without a function.
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("bus/pci/devices")).expect("created");
        fs::create_dir_all(root.path().join("bus/pci/drivers")).expect("created");
        Self { root }
    }

    pub fn path(&self) -> &str {
        self.root.path().to_str().expect("a path")
    }

    /// Adds a function below `above`, with the addresses of its BAR.
    pub fn add(&self, above: &str, address: &str, space: &[u8], resource: &str) -> PathBuf {
        let root = self.root.path();
        let directory = root.join("devices/pci0000:00").join(above).join(address);
        fs::create_dir_all(&directory).expect("created");
        let link = root.join("bus/pci/devices").join(address);
        symlink(&directory, link).expect("linked");
        let number = |range: std::ops::Range<usize>| {
            let bytes = space[range].iter().rev();
            format!(
                "0x{}\n",
                bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
            )
        };
        let none = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n".repeat(5);
        let files = [
            ("vendor", number(0..2)),
            ("device", number(2..4)),
            ("class", number(9..12)),
            ("revision", number(8..9)),
            ("subsystem_vendor", number(0x2c..0x2e)),
            ("subsystem_device", number(0x2e..0x30)),
            ("enable", "1\n".into()),
            ("resource", format!("{resource}\n{none}")),
            ("reset_method", "flr bus\n".into()),
            ("power_state", "D0\n".into()),
        ];
        for (name, text) in files {
            fs::write(directory.join(name), text).expect("written");
        }
        fs::write(directory.join("config"), space).expect("written");
        directory
    }

    /// Binds a driver to what has this directory.
    pub fn bind(&self, directory: &Path, driver: &str) {
        let target = self.root.path().join("bus/pci/drivers").join(driver);
        fs::create_dir_all(&target).expect("created");
        symlink(target, directory.join("driver")).expect("linked");
    }

    /// One with a root port that the kernel listens at, and an endpoint below.
    pub fn of_two() -> (Self, PathBuf) {
        const NONE: &str = "0x0000000000000000 0x0000000000000000 0x0000000000000000";

        let sysfs = Self::new();
        let port = sysfs.add("", "0000:00:04.0", &root_port(), NONE);
        fs::create_dir_all(port.join("pci_bus/0000:01")).expect("created");
        let service = port.join("0000:00:04.0:pcie002");
        fs::create_dir_all(&service).expect("created");
        sysfs.bind(&service, "aer");
        sysfs.bind(&port, "pcieport");
        let resource = "0x00000000fe000000 0x00000000fe000fff 0x0000000000040200";
        let endpoint = sysfs.add("0000:00:04.0", "0000:01:00.0", &endpoint(), resource);
        (sysfs, endpoint)
    }

    pub fn survey(&self, options: &[&str]) -> (i32, String, String) {
        told(&survey(&[&["--sysfs", self.path()], options].concat()))
    }
}
