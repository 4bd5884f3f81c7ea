// SPDX-License-Identifier: GPL-2.0-only

//! The architecture of the guest: the one file that knows how machines, their ports and their kernels differ.
//! `scripts/lib/arch.sh` is that of the scripts.

use std::fmt;
use std::fs::File;
use std::io::BufRead;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use clap::ValueEnum;
use serde::Deserialize;

use crate::image::first_word;
use crate::wake;

/// An architecture, by Debian's name.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    #[default]
    Amd64,
    Arm64,
    S390x,
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::S390x => "s390x",
        })
    }
}

impl Arch {
    /// Whether it is the usual one, which results do not name.
    pub fn is_default(self) -> bool {
        self == Self::default()
    }

    /// Whether the host's processor could run its kernel.
    pub fn is_of_host(self) -> bool {
        let host = match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::S390x => "s390x",
        };
        host == std::env::consts::ARCH
    }

    /// QEMU's program; the runner, if there is one, knows where it is.
    pub fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
            Self::S390x => "qemu-system-s390x",
        }
    }

    /// QEMU's machine, of which an IOMMU may be a part.
    pub fn machine(self, iommu: bool) -> &'static str {
        match (self, iommu) {
            (Self::Amd64, _) => "q35",
            (Self::Arm64, false) => "virt,gic-version=3",
            (Self::Arm64, true) => "virt,gic-version=3,iommu=smmuv3",
            (Self::S390x, _) => "s390-ccw-virtio",
        }
    }

    /// The processor that TCG emulates.
    pub fn processor(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu64",
            Self::Arm64 => "cortex-a57",
            Self::S390x => "max",
        }
    }

    /// More of the machine.
    pub fn machine_options(self) -> &'static [&'static str] {
        match self {
            // With q35's ACPI hotplug the root port never shows Link Active, and each reset of a fatal recovery fails.
            Self::Amd64 => &[
                "-global",
                "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            ],
            Self::Arm64 | Self::S390x => &[],
        }
    }

    /// Whether its PCI functions are on no bus, but each in a domain of its own.
    pub fn is_zpci(self) -> bool {
        self == Self::S390x
    }

    /// A table of ACPI beside those of QEMU.
    pub fn acpi_table(self) -> Option<Vec<u8>> {
        (self == Self::Amd64).then(wake::table)
    }

    /// An IOMMU that is a device; it comes before the devices that are behind it.
    pub fn iommu_device(self) -> Option<&'static str> {
        (self == Self::Amd64).then_some("intel-iommu,intremap=on,caching-mode=on")
    }

    /// The options for a console on the character device `console`, and two more ports on those of `ports`.
    pub fn ports(self, console: &str, ports: [&str; 2]) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |key: &str, value: String| options.extend([key.to_owned(), value]);
        match self {
            Self::Amd64 => {
                for port in [console, ports[0], ports[1]] {
                    add("-serial", format!("chardev:{port}"));
                }
                return options;
            }
            // The machine has one serial port.
            Self::Arm64 => {
                add("-serial", format!("chardev:{console}"));
                add("-device", "virtio-serial-device".into());
            }
            Self::S390x => {
                add("-device", format!("sclpconsole,chardev={console}"));
                add("-device", "virtio-serial-ccw".into());
            }
        }
        for port in ports {
            add("-device", format!("virtconsole,chardev={port}"));
        }
        options
    }

    /// What the guest calls the two ports beside the console.
    pub fn port_names(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS1 ttyS2",
            Self::Arm64 | Self::S390x => "hvc0 hvc1",
        }
    }

    /// The modules of the guest that drive them, in the order in which they are loaded; a kernel may have them built in.
    pub fn port_modules(self) -> &'static str {
        match self {
            Self::Amd64 | Self::S390x => "",
            Self::Arm64 => "virtio_mmio virtio_console",
        }
    }

    /// The kernel's parameters for its console.
    pub fn console(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &[
                "console=ttyS0,115200",
                // A kernel that cannot be unpacked, or that dies before it has a console, says so too.
                "earlyprintk=ttyS0,115200",
            ],
            Self::Arm64 => &["console=ttyAMA0", "earlycon"],
            Self::S390x => &["console=ttysclp0"],
        }
    }

    /// The kernel's parameters for its clock; `icount` where that counts instructions.
    pub fn clock(self, icount: bool) -> &'static [&'static str] {
        match (self, icount) {
            (Self::Amd64, true) => &["tsc=reliable"],
            // While the clock is that of jiffies, at the boot, the watchdog of 7.3 waits for ever for a processor that
            // waits in stop_machine() for this one: both have interrupts off, and no jiffy ends it (watchdog_wait_seq()).
            (Self::Amd64, false) => &["tsc=nowatchdog"],
            (Self::Arm64 | Self::S390x, _) => &[],
        }
    }

    /// The kernel's parameters for PCI.
    pub fn pci(self, iommu: bool) -> &'static [&'static str] {
        match (self, iommu) {
            (Self::Amd64, true) => &["intel_iommu=on"],
            // Off x86 ports with hot-plug sleep in D3hot. Those of QEMU send no PME when something happens there.
            (Self::Arm64, _) => &["pcie_port_pm=off"],
            (Self::Amd64 | Self::S390x, _) => &[],
        }
    }

    /// How many processors a machine may have that loads an image of itself, and parameters of its kernel. On arm64 Linux
    /// (7.3.4, `hib_end_io()`) waits for all others in the interrupt of the disk, and warns, once in a boot: two that do
    /// so at the same time never end. The warning is not for the console, where it would count as damage.
    pub fn hibernation(self) -> Option<(u32, &'static str)> {
        match self {
            Self::Arm64 => Some((1, "loglevel=4")),
            Self::Amd64 | Self::S390x => None,
        }
    }

    /// The options that a device needs there.
    pub fn device_options(self, driver: &str) -> &'static [(&'static str, &'static str)] {
        match (self, driver) {
            // The machine's memory begins at 1 GiB, which 28 bits do not reach.
            (Self::Arm64, "edu") => &[("dma_mask", "0xffffffff")],
            _ => &[],
        }
    }

    /// Where a test runs that names no topology, and what `shell` boots.
    pub fn usual_topology(self) -> &'static str {
        match self {
            Self::Amd64 | Self::Arm64 => "endpoint",
            Self::S390x => "zpci",
        }
    }

    /// The release (`uname -r`) of a kernel image.
    pub fn kernel_release(self, file: &Path) -> Result<String> {
        let mut image = Vec::new();
        let open = File::open(file)
            .with_context(|| format!("cannot open the kernel image {}", file.display()))?;
        let length = match self {
            Self::Amd64 => 0x10000,
            Self::Arm64 | Self::S390x => u64::MAX,
        };
        open.take(length)
            .read_to_end(&mut image)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let (release, what) = match self {
            Self::Amd64 => (
                of_bzimage(&image),
                "an x86 bzImage (give arch/x86/boot/bzImage or a vmlinuz)",
            ),
            Self::Arm64 => (
                of_image(&image),
                "an image of arm64 (give arch/arm64/boot/Image or a vmlinuz)",
            ),
            Self::S390x => (
                of_banner(&image),
                "an image of s390x (give arch/s390/boot/bzImage)",
            ),
        };
        match release {
            Some(release) => Ok(release),
            None => bail!("{} is not {what}", file.display()),
        }
    }
}

/// Linux' x86 boot protocol: `HdrS` at 0x202, `kernel_version` at 0x20e, which counts from 0x200.
fn of_bzimage(head: &[u8]) -> Option<String> {
    if head.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = 0x200 + usize::from(u16::from_le_bytes(head.get(0x20e..0x210)?.try_into().ok()?));
    first_word(head.get(offset..)?)
}

/// Documentation/arch/arm64/booting.rst: the header has no release.
fn of_image(image: &[u8]) -> Option<String> {
    if image.get(0x38..0x3c)? != b"ARM\x64" {
        return None;
    }
    of_banner(image)
}

/// The text by which a kernel introduces itself (`linux_banner`), where the image is not compressed.
fn of_banner(mut image: &[u8]) -> Option<String> {
    while image.skip_until(b'L').ok()? > 0 {
        if let Some(rest) = image.strip_prefix(b"inux version ") {
            let release = first_word(rest);
            if release
                .as_ref()
                .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            {
                return release;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bzimage_tells_its_release() {
        let mut head = vec![0; 0x400];
        head[0x202..0x206].copy_from_slice(b"HdrS");
        head[0x20e] = 0x80;
        head[0x280..0x291].copy_from_slice(b"7.3.4+x (you@me)\0");
        assert_eq!(of_bzimage(&head).as_deref(), Some("7.3.4+x"));
        head[0x202] = b'x';
        assert_eq!(of_bzimage(&head), None);
        assert_eq!(of_bzimage(b"short"), None);
    }

    #[test]
    fn an_image_tells_its_release_in_its_banner() {
        let mut image = vec![0; 0x40];
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        image.extend_from_slice(b"Linux version %s\0LLinux version 7.3.4+x (you@me)\0");
        assert_eq!(of_image(&image).as_deref(), Some("7.3.4+x"));
        assert_eq!(of_image(&image[..0x45]), None);
        image[0x38] = b'x';
        assert_eq!(of_image(&image), None);
        assert_eq!(of_image(b"short"), None);
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for arch in Arch::value_variants() {
            let name = arch.to_string();
            assert_eq!(Arch::from_str(&name, false).as_ref(), Ok(arch));
        }
    }

    #[test]
    fn each_port_of_the_guest_has_its_character_device() {
        for arch in Arch::value_variants() {
            let options = arch.ports("c", ["r", "o"]);
            for port in ["c", "r", "o"] {
                let ends: Vec<_> = options
                    .iter()
                    .filter(|word| {
                        word.ends_with(&format!("chardev={port}"))
                            || **word == format!("chardev:{port}")
                    })
                    .collect();
                assert_eq!(ends.len(), 1, "{arch}: {port}");
            }
            assert_eq!(arch.port_names().split(' ').count(), 2);
        }
    }
}
