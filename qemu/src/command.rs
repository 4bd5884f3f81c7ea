// SPDX-License-Identifier: GPL-2.0-only

//! The QEMU command line.

use std::ffi::OsString;
use std::path::Path;

use crate::accel::Accel;
use crate::arch::Arch;
use crate::topology::Device;
use crate::topology::Topology;

/// The character devices that QEMU serves as sockets: the guest's console, its two other ports, and QMP.
pub const CONSOLE: &str = "console";
pub const REQUESTS: &str = "requests";
pub const OUTPUT: &str = "output";
pub const QMP: &str = "qmp";
pub const SOCKETS: [&str; 4] = [CONSOLE, REQUESTS, OUTPUT, QMP];

/// The ACPI table of [`crate::wake`].
pub const WAKE: &str = "wake.aml";

/// Where QEMU writes what it traces, among the logs.
pub const TRACE: &str = "trace.log";

/// The inputs of a command line.
pub struct Parts<'a> {
    pub arch: Arch,
    pub accel: Accel,
    pub kernel: &'a Path,
    pub initramfs: &'a Path,
    /// The folder of the sockets and of the files that are there for one run.
    pub own: &'a Path,
    pub topology: &'a Topology,
    /// Whether the guest's time counts its instructions.
    pub icount: bool,
    pub processors: u32,
    /// Where QEMU writes what it traces.
    pub trace: &'a Path,
    /// Whether an oops is the end: a person at a shell may want to look around after it.
    pub panic_on_oops: bool,
}

/// The arguments after the program's name.
pub fn arguments(parts: &Parts<'_>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));

    add(&[
        "-name",
        "pci-recovery",
        "-machine",
        parts.arch.machine(parts.topology.iommu),
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
    ]);
    match parts.accel {
        Accel::Kvm => add(&["-accel", "kvm", "-cpu", "max"]),
        // An instruction is a nanosecond, and sleeps take no time. So that all clocks are this one, and show
        // the same in each run, the kernel is told that its counter can be relied on.
        Accel::Tcg if parts.icount => add(&[
            "-accel",
            "tcg,thread=single",
            "-cpu",
            parts.arch.processor(),
            "-icount",
            "shift=0,sleep=off",
            "-rtc",
            "base=2026-01-01,clock=vm",
        ]),
        Accel::Tcg => add(&["-accel", "tcg,thread=multi", "-cpu", parts.arch.processor()]),
    }
    let processors = parts.processors.to_string();
    let memory = parts.topology.memory_mib.to_string();
    add(&["-smp", &processors, "-m", &memory, "-no-reboot"]);
    if parts.icount {
        add(&["-D", &parts.trace.to_string_lossy()]);
    }
    add(parts.arch.machine_options());

    let own = |name: &str| escape(&parts.own.join(name).to_string_lossy());
    if parts.arch.acpi_table().is_some() {
        add(&["-acpitable", &format!("file={}", own(WAKE))]);
    }

    for name in SOCKETS {
        let path = own(&format!("{name}.sock"));
        add(&[
            "-chardev",
            &format!("socket,id={name},path={path},server=on,wait=off"),
        ]);
    }
    for word in parts.arch.ports(CONSOLE, [REQUESTS, OUTPUT]) {
        add(&[&word]);
    }
    add(&["-qmp", &format!("chardev:{QMP}")]);

    // Before the devices that are behind it.
    let iommu = parts.arch.iommu_device();
    if let Some(device) = iommu.filter(|_| parts.topology.iommu) {
        add(&["-device", device]);
    }
    for disk in parts.topology.disks() {
        let drive = format!(
            "if=none,id={},format=raw,file={}",
            disk.name,
            own(&disk.file())
        );
        add(&["-drive", &drive]);
    }
    let devices = parts.topology.devices.iter();
    for name in devices.filter_map(|device| device.network.as_ref()) {
        add(&["-netdev", &format!("hubport,id={name},hubid=0")]);
    }
    for device in &parts.topology.devices {
        if let Some(number) = device.zpci() {
            let zpci = format!("zpci,uid=0x{number},fid=0x{number},target={}", device.id);
            add(&["-device", &zpci]);
        }
        add(&["-device", &device_argument(device)]);
    }
    if let Some(swap) = &parts.topology.swap {
        let device = format!("virtio-blk-pci,drive={},bus=pcie.0,addr=1e.0", swap.name);
        add(&["-device", &device]);
    }

    add(&["-append", &kernel_command_line(parts)]);
    arguments.extend([
        "-kernel".into(),
        parts.kernel.into(),
        "-initrd".into(),
        parts.initramfs.into(),
    ]);
    arguments
}

/// A device as QEMU's `-device` and its monitor's `device_add` take it.
pub fn device_argument(device: &Device) -> String {
    let mut text = format!("{},id={}", device.driver, device.id);
    if device.zpci().is_none() {
        text.push_str(&format!(",bus={},addr={}", device.bus, device.addr));
    }
    for (key, value) in &device.options {
        text.push_str(&format!(",{key}={}", escape(value)));
    }
    text
}

/// QEMU's option parser reads two commas as one.
fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

fn kernel_command_line(parts: &Parts<'_>) -> String {
    let mut words = parts.arch.console().to_vec();
    words.extend([
        // With -no-reboot QEMU ends at once after a panic.
        "panic=-1",
        "no_console_suspend",
        // A kernel may leave out the times of its log by default, which tests read.
        "printk.time=1",
        // After a hang the blocked tasks are printed by SysRq.
        "sysrq_always_enabled",
        // Under TCG the self-tests of the crypto algorithms take most of a second.
        "cryptomgr.notests",
        // A kernel may have KUnit built in and switched off; to one without, this says nothing.
        "kunit.enable=1",
    ]);
    words.extend(parts.arch.clock(parts.icount));
    if parts.icount {
        // A serial port takes 87000 instructions for each byte: only errors are printed.
        words.push("quiet");
    }
    if parts.panic_on_oops {
        words.push("oops=panic");
    }
    words.extend(parts.arch.pci(parts.topology.iommu));
    words.extend(parts.topology.cmdline.split_whitespace());
    words.join(" ")
}

/// `command` as one shell command, an option a line, that can be copied and pasted.
pub fn for_shell(environment: &[(&str, OsString)], command: &[OsString]) -> String {
    let mut text = String::new();
    for (key, value) in environment {
        text.push_str(&format!("{key}={} ", quote(&value.to_string_lossy())));
    }
    for (number, word) in command.iter().enumerate() {
        let word = word.to_string_lossy();
        match number {
            0 => {}
            _ if word.starts_with('-') => text.push_str(" \\\n    "),
            _ => text.push(' '),
        }
        text.push_str(&quote(&word));
    }
    text
}

/// A command that writes a short file.
pub fn file_for_shell(path: &Path, bytes: &[u8]) -> String {
    let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{octal}' > {}", quote(&path.to_string_lossy()))
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(panic_on_oops: bool) -> Vec<String> {
        example_of(&Topology::load("endpoint").unwrap(), panic_on_oops)
    }

    fn example_of(topology: &Topology, panic_on_oops: bool) -> Vec<String> {
        words(&parts(topology, panic_on_oops))
    }

    fn parts(topology: &Topology, panic_on_oops: bool) -> Parts<'_> {
        Parts {
            arch: Arch::Amd64,
            accel: Accel::Tcg,
            kernel: Path::new("/k/vmlinuz"),
            initramfs: Path::new("/t/initramfs.cpio"),
            own: Path::new("/t,x"),
            topology,
            icount: false,
            processors: 2,
            trace: Path::new("/l/trace.log"),
            panic_on_oops,
        }
    }

    fn words(parts: &Parts<'_>) -> Vec<String> {
        arguments(parts)
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_devices_are_in_their_places() {
        let words = example(true);
        assert!(
            words.contains(&"pcie-root-port,id=rp0,bus=pcie.0,addr=04.0,chassis=1,slot=1".into())
        );
        assert!(
            words.contains(
                &"virtio-rng-pci,id=ep0,bus=rp0,addr=00.0,aer=on,disable-legacy=on".into()
            )
        );
        assert!(words.contains(&"ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off".into()));
    }

    #[test]
    fn serial_ports_have_the_order_that_the_guest_expects() {
        let words = example(true);
        let serial: Vec<_> = words
            .iter()
            .filter(|word| word.starts_with("chardev:"))
            .collect();
        assert_eq!(
            serial,
            [
                "chardev:console",
                "chardev:requests",
                "chardev:output",
                "chardev:qmp"
            ]
        );
        assert!(
            words.contains(&"socket,id=console,path=/t,,x/console.sock,server=on,wait=off".into())
        );
    }

    #[test]
    fn disks_are_there_where_they_are_wanted() {
        let has = |words: &[String], end: &str| words.iter().any(|word| word.ends_with(end));
        assert!(!has(&example(true), ".raw"));
        let swap = example_of(&Topology::load("hibernation").unwrap(), true);
        assert!(has(
            &swap,
            "if=none,id=swap-disk,format=raw,file=/t,,x/swap-disk.raw"
        ));
        let nvme = example_of(&Topology::load("nvme").unwrap(), true);
        assert!(has(&nvme, "/ep0-disk.raw") && has(&nvme, ",drive=ep0-disk"));
    }

    #[test]
    fn adapters_of_the_network_are_on_one_hub() {
        let words = example_of(&Topology::load("guard_net").unwrap(), true);
        for id in ["ep0", "peer"] {
            assert!(words.contains(&format!("hubport,id={id}-net,hubid=0")));
            let device = format!(",netdev={id}-net");
            assert!(words.iter().any(|word| word.contains(&device)));
        }
    }

    #[test]
    fn the_kernel_gets_the_parameters_of_its_topology() {
        let mut topology = Topology::load("endpoint").unwrap();
        topology.cmdline = "a=b  c".into();
        let words = example_of(&topology, true);
        let append = words.iter().position(|word| word == "-append").unwrap();
        assert!(words[append + 1].ends_with(" oops=panic a=b c"));
    }

    #[test]
    fn an_iommu_comes_before_the_devices_that_are_behind_it() {
        let mut topology = Topology::load("endpoint").unwrap();
        let place = |words: &[String], what: &str| words.iter().position(|w| w.starts_with(what));
        assert_eq!(place(&example_of(&topology, true), "intel-iommu"), None);
        topology.iommu = true;
        let words = example_of(&topology, true);
        assert!(place(&words, "intel-iommu,").unwrap() < place(&words, "pcie-root-port").unwrap());
        assert!(words.iter().any(|word| word.contains(" intel_iommu=on")));
    }

    #[test]
    fn time_counts_instructions_on_one_processor_where_it_is_to() {
        let topology = Topology::load("endpoint").unwrap();
        let has = |words: &[String], pair: [&str; 2]| words.windows(2).any(|two| two == pair);
        let icount = words(&Parts {
            icount: true,
            processors: 1,
            ..parts(&topology, true)
        });
        assert!(has(&icount, ["-icount", "shift=0,sleep=off"]));
        assert!(has(&icount, ["-smp", "1"]) && has(&icount, ["-D", "/l/trace.log"]));
        let usual = example(true);
        assert!(has(&usual, ["-smp", "2"]));
        assert!(!usual.iter().any(|word| word == "-icount" || word == "-D"));
    }

    #[test]
    fn another_architecture_has_another_machine_and_the_same_devices() {
        let mut topology = Topology::load("vfio").unwrap();
        topology.fit(Arch::Arm64).unwrap();
        let words = words(&Parts {
            arch: Arch::Arm64,
            ..parts(&topology, true)
        });
        let has = |word: &str| words.iter().any(|other| other == word);
        assert!(has("virt,gic-version=3,iommu=smmuv3") && has("cortex-a57"));
        assert!(has("chardev:console") && has("virtconsole,chardev=output"));
        assert!(has(
            "pcie-root-port,id=rp0,bus=pcie.0,addr=04.0,chassis=1,slot=1"
        ));
        assert!(!words.iter().any(|word| word.contains("q35")
            || word.contains("ICH9")
            || word.contains("acpi")
            || word.contains("ttyS")
            || word.contains("tsc=")
            || word.contains("intel")));
    }

    #[test]
    fn a_function_of_zpci_comes_with_its_number() {
        let mut topology = Topology::load("zpci").unwrap();
        topology.fit(Arch::S390x).unwrap();
        let words = words(&Parts {
            arch: Arch::S390x,
            ..parts(&topology, true)
        });
        let at = |text: &str| words.iter().position(|word| word == text).unwrap();
        assert_eq!(
            at("zpci,uid=0x1,fid=0x1,target=ep0") + 2,
            at("virtio-rng-pci,id=ep0,disable-legacy=on")
        );
        assert!(!words.iter().any(|word| word.contains("bus=")));
    }

    #[test]
    fn only_a_shell_survives_an_oops() {
        assert!(
            example(true)
                .iter()
                .any(|word| word.ends_with(" oops=panic"))
        );
        assert!(!example(false).iter().any(|word| word.contains("oops")));
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let command = ["a b", "-c", "d'e", "", "plain=1"].map(OsString::from);
        let text = for_shell(&[("X", "y z".into())], &command);
        assert_eq!(text, "X='y z' 'a b' \\\n    -c 'd'\\''e' '' plain=1");
    }
}
