// SPDX-License-Identifier: GPL-2.0-only

//! The functions of the machine: `/sys/bus/pci/devices/*`.
//!
//! See `Documentation/ABI/testing/sysfs-bus-pci`. What the files other than `config` say is the
//! kernel's own record, and right while the function itself does not answer. Not so the files of a
//! bridge's bus numbers, which are read from the function.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context, Result};
use pci_recovery_guard::guard::{Bar, Buses, Function, HeaderType, Lists, Refusal};
use pci_recovery_space::{
    dump::{bus_of, is_address, HEADER},
    facts::{bar_of_resource, number, of_space},
    space::{Space, CONVENTIONAL, EXTENDED},
};

use crate::{
    judge::{has_aer, header, First, Judgement},
    report::{Aer, Row},
};

/// The directories of all functions, in the order of their addresses.
pub fn functions(sysfs: &Path) -> Result<Vec<PathBuf>> {
    let directory = sysfs.join("bus/pci/devices");
    let entries = fs::read_dir(&directory).with_context(|| {
        let (directory, sysfs) = (directory.display(), sysfs.display());
        format!("cannot read {directory}: {sysfs} is no sysfs, or its machine has no PCI")
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", directory.display()))?;
        if !is_address(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            bail!("{} is not a function: this is no sysfs", path.display());
        }
        paths.push(entry.path());
    }
    if paths.is_empty() {
        bail!("there is no PCI function in {}", directory.display());
    }
    paths.sort();
    Ok(paths)
}

/// The address of the function that has this directory.
pub fn address(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The first line of a file, [`None`] where it cannot be read.
fn line(path: PathBuf) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().into())
}

/// The name of what a link leads to.
fn link(path: PathBuf) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// A number in a file of the function.
fn fact(path: &Path, name: &str) -> Result<u64> {
    let file = path.join(name);
    let text = fs::read_to_string(&file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    let value = number(text.trim());
    value.with_context(|| format!("{} has no number", file.display()))
}

/// The assigned BARs: the first six lines of `resource`.
fn bars(path: &Path) -> Result<[Option<Bar>; 6]> {
    let file = path.join("resource");
    let text = fs::read_to_string(&file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    let mut bars = [None; 6];
    // There an address is a cookie, which no register holds (`rust/pci/info.rs`).
    if cfg!(target_arch = "s390x") {
        return Ok(bars);
    }
    for ((place, line), count) in bars.iter_mut().zip(text.lines()).zip(1..) {
        let numbers: Option<Vec<u64>> = line.split_whitespace().map(number).collect();
        let Some(&[start, end, flags]) = numbers.as_deref() else {
            bail!("{}, line {count}: {line:?} is no resource", file.display());
        };
        *place = bar_of_resource(start, end, flags);
    }
    Ok(bars)
}

/// The sizes of the assigned BARs, in bytes; [`None`] where that is no power of two.
fn sizes(path: &Path) -> [Option<u64>; 6] {
    let text = fs::read_to_string(path.join("resource")).unwrap_or_default();
    let mut sizes = [None; 6];
    for (place, line) in sizes.iter_mut().zip(text.lines()) {
        let numbers: Option<Vec<u64>> = line.split_whitespace().map(number).collect();
        if let Some(&[start, end, flags]) = numbers.as_deref() {
            *place = bar_of_resource(start, end, flags)
                .and_then(|_| end.checked_sub(start)?.checked_add(1))
                .filter(|size| size.is_power_of_two());
        }
    }
    sizes
}

/// A model of a function. All of its config space is read.
pub fn model(path: &Path) -> Result<String> {
    let bytes = fs::read(path.join("config")).context("cannot read its config space")?;
    let length = bytes.len();
    let space = Space::new(&bytes, length > CONVENTIONAL);
    crate::model::of_space(&address(path), &space, length, sizes(path))
}

/// The bus below a bridge: `pci_bus/DDDD:BB`.
fn secondary(path: &Path) -> Option<u8> {
    let mut entries = fs::read_dir(path.join("pci_bus")).ok()?;
    let name = entries.next()?.ok()?.file_name();
    let name = name.to_string_lossy();
    u8::from_str_radix(name.rsplit_once(':')?.1, 16).ok()
}

/// The bus numbers of a bridge. Which is the last bus below it no file says, but for the register.
fn buses(path: &Path, address: &str, space: &Space) -> Option<Buses> {
    let (primary, secondary) = (bus_of(address)?, secondary(path)?);
    let [_, found, subordinate, _] = space.header()[6].to_le_bytes();
    let subordinate = match found == secondary {
        true => subordinate.max(secondary),
        false => secondary,
    };
    Some(Buses {
        primary,
        secondary,
        subordinate,
    })
}

/// What the kernel knows of the function, whose header is `space`.
fn describe(path: &Path, space: &Space) -> Result<Result<Function, Refusal>> {
    let number = |name| fact(path, name);
    let ids = number("device")? << 16 | number("vendor")?;
    let class_revision = number("class")? << 8 | number("revision")?;
    let subsystem = number("subsystem_device")? << 16 | number("subsystem_vendor")?;
    let enabled = number("enable")? != 0;
    let is_vf = path.join("physfn").exists();
    let bars = bars(path)?;
    let buses = buses(path, &address(path), space);

    let function = of_space(space, 0).map(|function| Function {
        is_vf,
        ids: ids as u32,
        class_revision: class_revision as u32,
        subsystem: subsystem as u32,
        // As in `rust/pci/info.rs`.
        bars: if is_vf { [None; 6] } else { bars },
        enabled,
        buses: buses.filter(|_| function.header_type == HeaderType::Bridge),
        ..function
    });
    Ok(function)
}

/// A function's config space, register by register.
struct Config {
    file: File,
    /// What was read of it; the rest is 0.
    bytes: Vec<u8>,
    /// The first error.
    error: Option<io::Error>,
}

impl Config {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path.join("config"))?;
        let size = match file.metadata()?.len() {
            size if size > CONVENTIONAL as u64 => EXTENDED,
            _ => CONVENTIONAL,
        };
        Ok(Self {
            file,
            bytes: vec![0; size],
            error: None,
        })
    }

    /// Reads a register. All-ones where that fails.
    fn read(&mut self, offset: u16, width: u16) -> u32 {
        let mut buffer = [0xff; 4];
        let (at, count) = (usize::from(offset), usize::from(width));
        let (Some(buffer), Some(place)) =
            (buffer.get_mut(..count), self.bytes.get_mut(at..at + count))
        else {
            return u32::MAX >> (32 - 8 * u32::from(width));
        };
        if let Err(error) = self.file.read_exact_at(buffer, offset.into()) {
            self.error.get_or_insert(error);
            buffer.fill(0xff);
        }
        place.copy_from_slice(buffer);
        let bytes = buffer.iter().rev();
        bytes.fold(0, |value, &byte| value << 8 | u32::from(byte))
    }

    /// Whether there is more than everybody may read.
    fn is_whole(&self) -> bool {
        matches!(self.file.read_at(&mut [0; 4], HEADER as u64), Ok(count) if count > 0)
    }

    /// What was read until now.
    fn space(&self) -> Space {
        Space::new(&self.bytes, self.bytes.len() == EXTENDED)
    }
}

/// What reading the function came to.
struct Seen {
    judgement: Judgement,
    space: Space,
}

fn look(path: &Path, losses: bool) -> Result<Seen> {
    let mut config = Config::open(path).context("cannot open its config space")?;
    for offset in (0..HEADER as u16).step_by(4) {
        config.read(offset, 4);
    }
    if let Some(error) = config.error.take() {
        return Err(error).context("cannot read its config space");
    }
    let head = config.space();
    let mut function = describe(path, &head)?;
    if let Ok(function) = &mut function {
        function.extended = head.is_extended();
    }
    if head.dword(4) == u32::MAX && line(path.join("power_state")).as_deref() == Some("D3cold") {
        return Ok(Seen {
            judgement: Refusal::PoweredOff.into(),
            space: head,
        });
    }
    if !config.is_whole() {
        let reason = "an ordinary user may read the first 64 bytes only: run this as root";
        return Ok(Seen {
            judgement: header(function, &head, reason.into()),
            space: head,
        });
    }

    // What the kernel looks at when it adds the function: its lists of capabilities.
    if let Ok(function) = &function {
        Lists::read(&head.header(), function, |offset| config.read(offset, 4));
    }
    let added = config.space();
    let first = First::save(function, &added, &mut |offset, width| {
        config.read(offset, width)
    });
    let space = config.space();
    let judgement = first.and_then(|first| {
        let mut judgement = first.second(&mut |offset, width| config.read(offset, width))?;
        judgement.losses = losses.then(|| first.losses(&space));
        Ok(judgement)
    });
    match config.error {
        Some(error) => Err(error).context("cannot read its config space"),
        None => Ok(Seen {
            judgement: judgement.unwrap_or_else(Judgement::from),
            space,
        }),
    }
}

/// Whether the AER service of a port above the function, or of itself, has the kernel's driver.
fn is_listened_to(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let is_service = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().contains(":pcie")
            && link(entry.path().join("driver")).as_deref() == Some("aer")
    };
    path.ancestors()
        .take_while(|path| is_address(&address(path)))
        .filter_map(|path| fs::read_dir(path).ok())
        .any(|entries| entries.flatten().any(|entry| is_service(&entry)))
}

/// Judges the function that has this directory.
pub fn judge(path: &Path, losses: bool) -> Row {
    let (judgement, space) = match look(path, losses) {
        Ok(seen) => (seen.judgement, Some(seen.space)),
        Err(error) => (Judgement::not_judged(format!("{error:#}")), None),
    };
    // The kernel's file is there where it has found the capability.
    let has_aer = path.join("aer_dev_fatal").exists() || space.as_ref().is_some_and(has_aer);
    let aer = match has_aer {
        true if is_listened_to(path) => Aer::Yes,
        true => Aer::Capability,
        false => Aer::None,
    };
    let reset = line(path.join("reset_method")).unwrap_or_default();
    Row {
        function: address(path),
        vendor: fact(path, "vendor").unwrap_or(0) as u16,
        device: fact(path, "device").unwrap_or(0) as u16,
        class: fact(path, "class").unwrap_or(0) as u32,
        driver: link(path.join("driver")),
        aer,
        reset: reset.split_whitespace().map(String::from).collect(),
        verdict: judgement.verdict,
        warnings: judgement.warnings,
        losses: judgement.losses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::report::Verdict;

    /// A function on which everything is 0xaa that the kernel does not read when it saves.
    fn function() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let mut space = vec![0xaa; 4096];
        space[..64].fill(0);
        space[..4].copy_from_slice(&[0x34, 0x12, 0xe8, 0x11]);
        space[4..8].copy_from_slice(&[0, 0, 0x10, 0]);
        space[0x34] = 0x50;
        // PCI Express of an endpoint, and its seven registers.
        space[0x50..0x54].copy_from_slice(&[0x10, 0, 2, 0]);
        for register in [0x58, 0x60, 0x68, 0x6c, 0x78, 0x80, 0x88] {
            space[register..register + 2].fill(0);
        }
        space[0x100..0x104].fill(0);
        let zero = "0x0 0x0 0x0\n".repeat(6);
        for (name, text) in [
            ("vendor", "0x1234"),
            ("device", "0x11e8"),
            ("class", "0x0"),
            ("revision", "0x0"),
            ("subsystem_vendor", "0x0"),
            ("subsystem_device", "0x0"),
            ("enable", "0"),
            ("resource", &zero),
        ] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        fs::write(directory.path().join("config"), space).unwrap();
        directory
    }

    /// Some devices lock up when registers are read that they do not have.
    #[test]
    fn only_what_the_kernel_reads_is_read() {
        let directory = function();
        let seen = look(directory.path(), false).unwrap();
        assert_eq!(seen.judgement.verdict, Verdict::Accepted);
        let bytes = seen.space.bytes();
        assert_eq!(bytes[0x50], 0x10);
        assert!(!bytes.contains(&0xaa));
    }

    #[test]
    fn a_register_that_changes_by_itself_is_warned_of() {
        let directory = function();
        let space = look(directory.path(), false).unwrap().space;
        let function = of_space(&space, 0);
        let read = |offset, width| space.read(offset, width);
        let first = First::save(function, &space, &mut |o, w| read(o, w)).unwrap();
        let mut changing = |offset, width| match offset {
            0x3c => read(offset, width) ^ 0x0001_0000,
            _ => read(offset, width),
        };
        let judgement = first.second(&mut changing).unwrap();
        assert_eq!(judgement.verdict, Verdict::Accepted);
        let [warning] = judgement.warnings.as_slice() else {
            panic!("{:?}", judgement.warnings);
        };
        assert!(warning.starts_with("PCI_INTERRUPT_LINE changes by itself"));

        // What software cannot change must not change: the class.
        let other = &mut |offset, width| read(offset, width) ^ u32::from(offset == 8);
        assert!(first.second(other).is_err());
    }
}
