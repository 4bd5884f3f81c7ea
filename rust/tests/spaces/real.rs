// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces of functions of real machines, in the form of `lspci -xxxx`: read where they are,
//! since none is part of this project.
//!
//! The directory is `PCI_RECOVERY_DUMPS`, or `shared/real-config-spaces` beside the project. Where
//! there is none, these tests have nothing to judge, and say so.

use std::{env, fs, path::PathBuf};

use pci_recovery_space::{dump, facts::of_space};

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

fn parse(file: &str, text: &str) -> Vec<Dumped> {
    let functions = dump::parse(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let functions = functions.iter().map(|function| {
        let space = function.space();
        let facts = of_space(&space, function.bus()).expect("an endpoint or a bridge");
        Dumped {
            name: format!("{file} {}", function.address),
            device: Device::add(facts, &space),
            space,
        }
    });
    functions.collect()
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
