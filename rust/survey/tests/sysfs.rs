// SPDX-License-Identifier: GPL-2.0-only

//! `survey --sysfs`: what the kernel's files tell, and what is said of a directory that is none.

#[path = "../../tests/common/cases.rs"]
mod cases;
mod common;

use std::fs;

use common::{endpoint, set, survey, told, Sysfs};
use proptest::prelude::*;

/// The cells of the row of `address`.
fn row(table: &str, address: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.contains(address));
    let line = line.unwrap_or_else(|| panic!("no {address} in {table}"));
    let line = line.trim_matches('│');
    line.split('┆').map(|cell| cell.trim().into()).collect()
}

#[test]
fn a_machine_that_is_well_is_accepted() {
    let (sysfs, endpoint) = Sysfs::of_two();
    sysfs.bind(&endpoint, "igb");
    let (code, table, errors) = sysfs.survey(&["--losses"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{table}");
    let cells = row(&table, "0000:01:00.0");
    assert_eq!(
        cells[1..6],
        ["1234:11e8", "igb", "yes", "flr bus", "accepted"]
    );
    assert_eq!(row(&table, "0000:00:04.0")[2..4], ["pcieport", "yes"]);
    assert!(table.starts_with("survey "), "{table}");
}

#[test]
fn without_the_service_at_the_port_nobody_listens() {
    let (sysfs, _) = Sysfs::of_two();
    let service = "devices/pci0000:00/0000:00:04.0/0000:00:04.0:pcie002";
    fs::remove_dir_all(sysfs.root.path().join(service)).expect("removed");
    let (_, table, _) = sysfs.survey(&[]);
    assert_eq!(row(&table, "0000:01:00.0")[3], "cap");
}

/// What was assigned the kernel knows, not the registers.
#[test]
fn a_wiped_function_is_refused() {
    let (sysfs, path) = Sysfs::of_two();
    let mut space = endpoint();
    set(&mut space, 0x04, &[0, 0]);
    set(&mut space, 0x10, &[0; 4]);
    fs::write(path.join("config"), &space).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1, "{table}");
    let cells = row(&table, "0000:01:00.0");
    assert_eq!(cells[5], "refused");
    assert_eq!(cells[6], "wiped: the assigned BARs read 0, it was reset");

    // Its BARs are right, what the kernel has enabled is off.
    set(&mut space, 0x10, &[0, 0, 0, 0xfe]);
    fs::write(path.join("config"), &space).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1, "{table}");
    assert!(table.contains("PCI_COMMAND reads 0x0000"), "{table}");

    // No driver has enabled it.
    fs::write(path.join("enable"), "0\n").expect("written");
    assert_eq!(sysfs.survey(&[]).0, 0);
}

#[test]
fn a_bar_that_is_elsewhere_is_refused() {
    let (sysfs, path) = Sysfs::of_two();
    let mut space = endpoint();
    set(&mut space, 0x13, &[0xfd]);
    fs::write(path.join("config"), &space).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1);
    assert!(table.contains("PCI_BASE_ADDRESS_0"), "{table}");
}

#[test]
fn a_bridge_that_lost_its_bus_numbers_is_refused() {
    let (sysfs, _) = Sysfs::of_two();
    let port = sysfs.root.path().join("bus/pci/devices/0000:00:04.0");
    let mut space = common::root_port();
    set(&mut space, 0x18, &[0, 0, 0]);
    fs::write(port.join("config"), &space).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1);
    let cells = row(&table, "0000:00:04.0");
    assert!(cells[6].starts_with("PCI_PRIMARY_BUS"), "{table}");
}

#[test]
fn one_that_is_gone_is_refused() {
    let (sysfs, path) = Sysfs::of_two();
    fs::write(path.join("config"), [0xff; 4096]).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1);
    let cells = row(&table, "0000:01:00.0");
    // The rest is the kernel's record.
    assert_eq!(cells[1], "1234:11e8");
    assert_eq!(cells[6], "config space reads all-ones");

    fs::write(path.join("power_state"), "D3cold\n").expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1);
    assert!(table.contains("the function is in D3cold"), "{table}");
}

/// An ordinary user gets 64 bytes.
#[test]
fn an_ordinary_user_learns_what_is_certain_only() {
    let (sysfs, path) = Sysfs::of_two();
    fs::write(path.join("config"), &endpoint()[..64]).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 3, "{table}");
    let cells = row(&table, "0000:01:00.0");
    assert_eq!(cells[5], "not judged");
    assert!(cells[6].ends_with("run this as root"), "{table}");

    let mut space = endpoint();
    set(&mut space, 0x04, &[0, 0]);
    set(&mut space, 0x10, &[0; 4]);
    fs::write(path.join("config"), &space[..64]).expect("written");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 1, "{table}");
    assert!(table.contains("wiped"), "{table}");
}

#[test]
fn a_virtual_function_has_its_addresses_elsewhere() {
    let (sysfs, path) = Sysfs::of_two();
    let mut space = endpoint();
    set(&mut space, 0x00, &[0xff; 4]);
    set(&mut space, 0x10, &[0; 4]);
    fs::write(path.join("config"), &space).expect("written");
    assert_eq!(sysfs.survey(&[]).0, 1);
    std::os::unix::fs::symlink("..", path.join("physfn")).expect("linked");
    let (code, table, _) = sysfs.survey(&[]);
    assert_eq!(code, 0, "{table}");
}

#[test]
fn a_file_that_is_missing_or_odd_is_named_and_the_others_are_judged() {
    let (sysfs, path) = Sysfs::of_two();
    // The header and a little more.
    let part = endpoint()[..70].to_vec();
    for (name, text, what) in [
        ("enable", Some(&b"maybe\n"[..]), "enable has no number"),
        (
            "resource",
            Some(b"1 2\n"),
            "resource, line 1: \"1 2\" is no resource",
        ),
        ("config", None, "cannot open its config space: No such file"),
        ("config", Some(b"short"), "cannot read its config space"),
        ("config", Some(&part), "cannot read its config space"),
    ] {
        let file = path.join(name);
        let before = fs::read(&file).expect("read");
        fs::remove_file(&file).expect("removed");
        if let Some(text) = text {
            fs::write(&file, text).expect("written");
        }
        let (code, table, _) = sysfs.survey(&[]);
        assert_eq!(code, 3, "{table}");
        assert!(table.contains(what), "{what}: {table}");
        assert_eq!(row(&table, "0000:00:04.0")[5], "accepted");
        fs::write(&file, before).expect("written");
    }
}

#[test]
fn a_directory_that_is_no_sysfs_is_an_error() {
    let empty = tempfile::tempdir().expect("a directory");
    let path = empty.path().to_str().expect("a path");
    let (code, table, errors) = told(&survey(&["--sysfs", path]));
    assert_eq!((code, table.as_str()), (2, ""));
    assert!(errors.contains("is no sysfs"), "{errors}");

    let sysfs = Sysfs::new();
    let (code, _, errors) = sysfs.survey(&[]);
    assert_eq!(code, 2);
    assert!(errors.contains("there is no PCI function in"), "{errors}");

    fs::write(sysfs.root.path().join("bus/pci/devices/readme"), "").expect("written");
    let (code, _, errors) = sysfs.survey(&[]);
    assert_eq!(code, 2);
    assert!(errors.contains("readme is not a function"), "{errors}");
}

proptest! {
    #![proptest_config(cases::config(48))]

    /// Never a panic, whatever the function and the kernel's files say.
    #[test]
    fn any_function_is_judged(
        space in common::changed(),
        readable in prop_oneof![4 => Just(4096_usize), 1 => 0..256_usize],
        resource in prop_oneof![
            4 => Just(None),
            1 => any::<[u64; 3]>().prop_map(Some),
        ],
        text in any::<String>(),
    ) {
        let (sysfs, path) = Sysfs::of_two();
        let space: Vec<u8> = space.into_iter().take(readable).collect();
        fs::write(path.join("config"), space).expect("written");
        if let Some([start, end, flags]) = resource {
            let resource = format!("{start:#x} {end:#x} {flags:#x}\n{text}");
            fs::write(path.join("resource"), resource).expect("written");
        }
        fs::write(path.join("reset_method"), text).expect("written");
        let (code, _, errors) = sysfs.survey(&["--losses"]);
        prop_assert!((0..=3).contains(&code), "{code}: {errors}");
    }
}
