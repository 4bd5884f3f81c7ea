// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces of functions of real machines, in the form of `lspci -xxxx`: read where they are,
//! since none is part of this project.
//!
//! The directory is `PCI_RECOVERY_DUMPS`, or `shared/real-config-spaces` beside the project. Where
//! there is none, these tests have nothing to judge, and say so.

use std::{env, fs, path::PathBuf};

use pci_recovery_guard::guard::{
    Bar, BarKind, Buses, Function, HeaderType, Learned, Windows, ALL_ONES,
};

use crate::model::{
    damage::{all_are_refused, has_something_to_lose},
    driver::Device,
    space::Space,
};

/// A function of a dump.
struct Dumped {
    /// File and address.
    name: String,
    device: Device,
    space: Space,
}

/// The functions of all dumps, empty where there are no dumps.
fn dumped() -> Vec<Dumped> {
    let beside = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/real-config-spaces"
    );
    let directory = env::var_os("PCI_RECOVERY_DUMPS").map_or(beside.into(), PathBuf::from);
    let Ok(entries) = fs::read_dir(&directory) else {
        println!("skipped: no dumps in {}", directory.display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let dumped: Vec<_> = files
        .iter()
        .flat_map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(file).expect("a text");
            parse(&name, &text)
        })
        .collect();
    assert!(!dumped.is_empty(), "{} has no dump", directory.display());
    println!("{} functions", dumped.len());
    dumped
}

/// Splits a dump into its functions: a line that begins with the address, then rows of 16 bytes.
fn parse(file: &str, text: &str) -> Vec<Dumped> {
    let mut spaces: Vec<(&str, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        let Some((first, rest)) = line.split_once(' ') else {
            continue;
        };
        let offset = first.strip_suffix(':').filter(|digits| digits.len() <= 3);
        let offset = offset.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        match (offset, spaces.last_mut()) {
            (Some(offset), Some((_, bytes))) => {
                let row = rest.split_whitespace();
                let row: Vec<u8> = row
                    .map_while(|byte| u8::from_str_radix(byte, 16).ok())
                    .collect();
                bytes.resize(offset, 0);
                bytes.extend(row);
            }
            _ if first.contains(':') && first.contains('.') => spaces.push((first, Vec::new())),
            _ => {}
        }
    }
    spaces
        .into_iter()
        .filter(|(_, bytes)| bytes.len() >= 64)
        .filter_map(|(address, bytes)| describe(file, address, &bytes))
        .collect()
}

/// What a kernel would know of the function: a BAR that is not 0 counts as assigned.
fn describe(file: &str, address: &str, bytes: &[u8]) -> Option<Dumped> {
    let space = Space::new(bytes, bytes.len() > 256);
    let header = space.header();
    let header_type = match space.read(0x0e, 1) & 0x7f {
        0 => HeaderType::Normal,
        1 => HeaderType::Bridge,
        _ => return None,
    };
    let mut bars = [None; 6];
    let mut index = 0;
    while index < header_type.bars() {
        let (low, high) = (header[4 + index], header.get(5 + index).copied());
        let (address, kind) = match low & 0x7 {
            _ if low & 1 != 0 => (u64::from(low & !0x3), BarKind::Io),
            4 => {
                let high = u64::from(high.unwrap_or(0));
                (high << 32 | u64::from(low & !0xf), BarKind::Mem64)
            }
            _ => (u64::from(low & !0xf), BarKind::Mem32),
        };
        bars[index] = (address != 0).then_some(Bar { address, kind });
        index += if kind == BarKind::Mem64 { 2 } else { 1 };
    }

    // `BB:DD.F`, perhaps with a domain before it.
    let bus = address.rsplit(':').nth(1)?;
    let primary = u8::from_str_radix(bus, 16).ok()?;
    let [_, secondary, subordinate, _] = header[6].to_le_bytes();
    let buses = Buses {
        primary,
        secondary,
        subordinate,
    };
    let function = Function {
        header_type,
        is_vf: header[0] == ALL_ONES,
        ids: header[0],
        class_revision: header[2],
        subsystem: match header_type {
            HeaderType::Normal => header[11],
            HeaderType::Bridge => 0,
        },
        bars,
        enabled: header[1] & 0x2 != 0,
        bus_master: header[1] & 0x4 != 0,
        msi: false,
        rom_enabled: true,
        l1ss: false,
        tph: false,
        buses: (header_type == HeaderType::Bridge && secondary != 0).then_some(buses),
        windows: Windows::default(),
        extended: false,
        pcie_cap: 0,
        aer_cap: 0,
        saved_before: [0; 16],
        learned: Learned::default(),
    };
    Some(Dumped {
        name: format!("{file} {address}"),
        device: Device::add(function, &space),
        space,
    })
}

#[test]
fn each_is_accepted_the_first_time_and_the_second() {
    for dumped in dumped() {
        let first = dumped.device.save(&dumped.space, None);
        let first = first.unwrap_or_else(|refusal| panic!("{}: {refusal}", dumped.name));
        let second = dumped.device.save(&dumped.space, Some(&first));
        second.unwrap_or_else(|refusal| panic!("{}, again: {refusal}", dumped.name));
    }
}

#[test]
fn each_is_refused_whatever_is_lost_of_it() {
    let mut something_to_lose = 0;
    for dumped in dumped() {
        let good = dumped.device.save(&dumped.space, None).expect("accepted");
        something_to_lose += usize::from(has_something_to_lose(&dumped.device.function));
        all_are_refused(&dumped.device, &dumped.space, None, &good, &mut |_| true)
            .unwrap_or_else(|what| panic!("{}: {what}", dumped.name));
    }
    println!("{something_to_lose} of them have something that a reset clears");
}
