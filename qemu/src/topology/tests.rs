// SPDX-License-Identifier: GPL-2.0-only

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
    let expected = [("a", "on"), ("b", "7"), ("c", "t")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(options.as_slice(), expected);
}

#[test]
fn a_device_may_have_a_disk() {
    let text = |more: &str| {
        format!("[[device]]\nid='e'\ndriver='x'\nbus='rp0'\naddr='0.0'\ntest=true\ncount=2\n{more}")
    };
    let topology = parse(&text("disk_mib=8")).unwrap();
    let disks: Vec<_> = topology.disks().map(|d| (d.file(), d.mib)).collect();
    assert_eq!(
        disks,
        [("e0-disk.raw".into(), 8), ("e1-disk.raw".into(), 8)]
    );
    let options = &topology.devices[2].options;
    assert!(options.contains(&("drive".into(), "e1-disk".into())));
    assert!(error(&text("disk_mib=8\noptions={drive='d'}")).contains("`disk_mib` makes the drive"));
    let clash = error(&text("network=true\noptions={netdev='d'}"));
    assert!(clash.contains("`network` makes the netdev"), "{clash}");
    assert!(error(&text("disk_mib=0")).starts_with("t.toml: line "));
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let text = Topology::load("nosuch").unwrap_err().to_string();
    assert!(
        text.contains("`nosuch`") && text.contains("endpoint, ") && text.contains(", switch"),
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
            "addr `0` is not DEVICE.FUNCTION",
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

const FLEET: &str = "
    [[device]]
    id='up'
    driver='x3130-upstream'
    bus='rp0'
    addr='0.0'
    [[device]]
    id='down'
    driver='xio3130-downstream'
    bus='up'
    addr='1.0'
    count=3
    [[device]]
    id='fn'
    driver='x'
    bus='down'
    addr='0.0'
    count=2
    step='function'
    test=true
";

fn ids_and_paths(topology: &Topology) -> Vec<(&str, &str)> {
    let devices = topology.devices.iter();
    devices.map(|d| (d.id.as_str(), d.path.as_str())).collect()
}

#[test]
fn a_repeated_device_is_numbered_through_all_its_buses() {
    let topology = parse(FLEET).unwrap();
    let expected = [
        ("rp0", "00:04.0"),
        ("up", "00:04.0/00.0"),
        ("down0", "00:04.0/00.0/01.0"),
        ("down1", "00:04.0/00.0/02.0"),
        ("down2", "00:04.0/00.0/03.0"),
        ("fn0", "00:04.0/00.0/01.0/00.0"),
        ("fn1", "00:04.0/00.0/01.0/00.1"),
        ("fn2", "00:04.0/00.0/02.0/00.0"),
        ("fn3", "00:04.0/00.0/02.0/00.1"),
        ("fn4", "00:04.0/00.0/03.0/00.0"),
        ("fn5", "00:04.0/00.0/03.0/00.1"),
    ];
    assert_eq!(ids_and_paths(&topology), expected);
    assert_eq!(topology.devices[7].bus, "down1");
    assert!(topology.devices[5..].iter().all(|device| device.test));
}

#[test]
fn without_a_count_there_is_one_on_each_repeated_bus() {
    let text = format!("{FLEET}[[device]]\nid='e'\ndriver='x'\nbus='down'\naddr='2.0'");
    let topology = parse(&text).unwrap();
    let last = &ids_and_paths(&topology)[11..];
    let expected = [
        ("e0", "00:04.0/00.0/01.0/02.0"),
        ("e1", "00:04.0/00.0/02.0/02.0"),
        ("e2", "00:04.0/00.0/03.0/02.0"),
    ];
    assert_eq!(last, expected);
    let text = format!("{FLEET}[[device]]\nid='e'\ndriver='x'\nbus='down1'\naddr='2.0'");
    assert_eq!(parse(&text).unwrap().devices[11].id, "e");
}

#[test]
fn fleets_have_as_many_functions_as_their_names_say() {
    for (name, functions) in [("fleet64", 64), ("fleet256", 256)] {
        let topology = Topology::load(name).unwrap();
        let tested = topology.devices.iter().filter(|device| device.test);
        assert_eq!(tested.count(), functions, "{name}");
    }
}

#[test]
fn ports_get_a_chassis_and_a_slot_of_their_own() {
    let given = "[[device]]\nid='g'\ndriver='pcie-root-port'\nbus='pcie.0'\naddr='5.0'\noptions={chassis=2,slot=1}";
    let topology = parse(&format!("{FLEET}{given}")).unwrap();
    let numbers = |key: &str| -> Vec<(&str, &str)> {
        let devices = topology.devices.iter();
        devices
            .flat_map(|d| {
                d.options
                    .iter()
                    .map(|(k, v)| (d.id.as_str(), k, v.as_str()))
            })
            .filter(|(_, k, _)| *k == key)
            .map(|(id, _, value)| (id, value))
            .collect()
    };
    let chassis = [
        ("rp0", "1"),
        ("down0", "3"),
        ("down1", "4"),
        ("down2", "5"),
        ("g", "2"),
    ];
    assert_eq!(numbers("chassis"), chassis);
    let slots = [
        ("rp0", "2"),
        ("down0", "3"),
        ("down1", "4"),
        ("down2", "5"),
        ("g", "1"),
    ];
    assert_eq!(numbers("slot"), slots);
}

#[test]
fn functions_of_one_device_are_told_so() {
    let devices = parse(FLEET).unwrap().devices;
    let told = ("multifunction".to_owned(), "on".to_owned());
    for device in &devices {
        let is_told = device.options.contains(&told);
        assert_eq!(is_told, device.driver == "x", "{}", device.id);
    }
    let text = "[[device]]\nid='e'\ndriver='x'\nbus='rp0'\naddr='0.0'\ntest=true\noptions={multifunction=false}\n\
                [[device]]\nid='f'\ndriver='x'\nbus='rp0'\naddr='0.1'";
    let devices = parse(text).unwrap().devices;
    assert!(!devices[1].options.contains(&told));
    assert!(devices[2].options.contains(&told));
}

#[test]
fn errors_of_repeated_devices() {
    let device = |fields: &str| error(&format!("{FLEET}[[device]]\n{fields}"));
    let cases = [
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='1e.0'\ncount=3"),
            "t.toml: device `e`: `count = 3` from addr `1e.0` goes beyond device 1f",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='2.1'\ncount=8\nstep='function'"),
            "device `e`: `count = 8` from addr `02.1` goes beyond function 7",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='2.0'\ncount=0"),
            "device `e`: `count` must be at least 1",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='2.0'\nstep='function'"),
            "device `e`: `step` without `count`",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='2.0'\ncount=2\nstep='bus'"),
            "unknown variant `bus`",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='2.0'\ncount=300"),
            "t.toml: line",
        ),
        (
            device("id='down'\ndriver='x'\nbus='pcie.0'\naddr='9.0'"),
            "same id `down`",
        ),
        (
            device("id='fn3'\ndriver='x'\nbus='pcie.0'\naddr='9.0'"),
            "same id `fn3`",
        ),
        (
            device("id='down'\ndriver='x'\nbus='pcie.0'\naddr='9.0'\ncount=2"),
            "same id `down`",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down'\naddr='0.1'"),
            "device `e`: `fn1` has the same address",
        ),
        (
            device("id='e'\ndriver='x'\nbus='fn'\naddr='0.0'"),
            "device `e`: bus `fn0` is a x, not a bridge",
        ),
        (
            device("id='e'\ndriver='x'\nbus='down3'\naddr='0.0'"),
            "device `e`: bus `down3` is neither",
        ),
    ];
    for (text, part) in cases {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_machine_has_memory_and_perhaps_swap() {
    let load = |keys: &str| {
        let device = "[[device]]\nid='e'\ndriver='x'\nbus='rp0'\naddr='0.0'\ntest=true";
        Topology::parse("t", Path::new("t.toml"), &format!("{keys}{BRIDGE}{device}"))
    };
    let topology = load("").unwrap();
    assert_eq!((topology.memory_mib, topology.swap), (512, None));
    assert_eq!(topology.processors, None);
    let topology = load("processors = 4").unwrap();
    assert_eq!(topology.processors, Some(4));
    let topology = load("memory_mib = 768\nswap_mib = 64").unwrap();
    assert_eq!(
        (topology.memory_mib, topology.swap),
        (768, Some(Disk::of("swap", 64)))
    );
    for wrong in [
        "memory_mib = 0",
        "swap_mib = 0",
        "processors = 0",
        "memory_mib = 'x'",
    ] {
        let text = load(wrong).unwrap_err().to_string();
        assert!(text.starts_with("t.toml: line 1: "), "{text}");
    }
}

#[test]
fn the_kernel_may_get_parameters() {
    let load = |keys: &str| {
        let device = "[[device]]\nid='e'\ndriver='x'\nbus='rp0'\naddr='0.0'\ntest=true";
        Topology::parse("t", Path::new("t.toml"), &format!("{keys}{BRIDGE}{device}"))
    };
    assert_eq!(load("").unwrap().cmdline, "");
    assert_eq!(load("cmdline = 'a=b c'").unwrap().cmdline, "a=b c");
    let text = load("cmdline = \"a\\nb\"").unwrap_err().to_string();
    assert_eq!(text, "t.toml: `cmdline` must be one line");
}

#[test]
fn a_topology_may_be_for_some_architectures_only() {
    let mut any = parse(
        "[[device]]\nid = \"e\"\ndriver = \"edu\"\nbus = \"rp0\"\naddr = \"0.0\"\ntest = true",
    )
    .unwrap();
    let devices = any.devices.len();
    any.fit(Arch::Arm64).unwrap();
    assert_eq!(any.devices.len(), devices);
    assert_eq!(any.devices[1].option("dma_mask"), Some("0xffffffff"));
    any.arch = vec![Arch::Amd64];
    let error = any.fit(Arch::Arm64).unwrap_err().to_string();
    assert_eq!(error, "the topology t is for amd64, not for arm64");
    let mut models = Topology::load("models").unwrap();
    models.fit(Arch::Arm64).unwrap();
    assert!(!models.guest_lines().contains("\nide "));
    assert!(error_of_arch("arch = [\"x\"]").contains("unknown variant `x`"));
}

#[test]
fn functions_of_zpci_are_in_domains_of_their_own() {
    let mut zpci = Topology::load("zpci").unwrap();
    assert!(zpci.guest_lines().starts_with("ep0 0001:00:00.0 test\n"));
    assert_eq!(zpci.devices[0].zpci(), Some("1"));
    zpci.fit(Arch::S390x).unwrap();
    let text = zpci.fit(Arch::Amd64).unwrap_err().to_string();
    assert_eq!(text, "the topology zpci is for s390x, not for amd64");
    assert!(!Topology::load("endpoint").unwrap().is_of(Arch::S390x));

    let device = |addr: &str, more: &str| {
        format!("[[device]]\nid='e'\ndriver='x'\nbus='zpci'\naddr='{addr}'\ntest=true\n{more}")
    };
    assert_eq!(
        parse(&device("ffff", "")).unwrap().devices[1].path,
        "ffff:00:00.0"
    );
    for addr in ["0", "10000", "00.0"] {
        assert!(error(&device(addr, "")).contains("is not 1 to ffff, hexadecimal"));
    }
    assert!(error(&device("1", "count=2")).contains("`count` is not for the bus `zpci`"));
}

fn error_of_arch(line: &str) -> String {
    let text = Topology::parse("t", Path::new("t.toml"), line).unwrap_err();
    text.to_string()
}

#[test]
fn a_machine_that_hibernates_is_fitted_to_its_architecture() {
    let fitted = |arch| {
        let mut topology = Topology::load("hibernation").unwrap();
        topology.fit(arch).unwrap();
        (topology.processors, topology.cmdline)
    };
    let cmdline = "hibernate=nocompress".to_owned();
    assert_eq!(fitted(Arch::Amd64), (None, cmdline.clone()));
    assert_eq!(fitted(Arch::Arm64), (Some(1), cmdline + " loglevel=4"));
}

#[test]
fn another_kernel_is_beside_the_usual_one() {
    let image = |name: &str| {
        let topology = Topology::load(name).unwrap();
        topology.image(Path::new("dir/vmlinuz"))
    };
    assert_eq!(image("zpci"), Path::new("dir/vmlinuz"));
    assert_eq!(image("zpci_unchecked"), Path::new("dir/vmlinuz-unchecked"));
}
