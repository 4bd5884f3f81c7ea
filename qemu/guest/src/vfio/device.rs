// SPDX-License-Identifier: GPL-2.0-only

//! A function that is open through VFIO: group, container, device (`include/uapi/linux/vfio.h`,
//! `Documentation/driver-api/vfio.rst`).

use std::ffi::CString;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

const API_VERSION: i32 = 0;
/// `VFIO_TYPE1v2_IOMMU`.
const TYPE1V2: u64 = 3;
/// `VFIO_PCI_CONFIG_REGION_INDEX`.
const CONFIG_REGION: u32 = 7;
/// `VFIO_GROUP_FLAGS_VIABLE`.
const VIABLE: u32 = 1;

/// `struct vfio_group_status`.
#[repr(C)]
#[derive(Default)]
struct GroupStatus {
    argsz: u32,
    flags: u32,
}

/// `struct vfio_region_info`.
#[repr(C)]
#[derive(Default)]
struct RegionInfo {
    argsz: u32,
    flags: u32,
    index: u32,
    cap_offset: u32,
    size: u64,
    offset: u64,
}

/// `struct vfio_pci_hot_reset`, of one group.
#[repr(C)]
struct HotReset {
    argsz: u32,
    flags: u32,
    count: u32,
    group: i32,
}

mod raw {
    use super::{GroupStatus, HotReset, RegionInfo};
    use std::ffi::c_char;

    // `_IO(VFIO_TYPE, VFIO_BASE + n)`, whatever they take: of another form than nix has a name for.
    nix::ioctl_none_bad!(get_api_version, nix::request_code_none!(b';', 100));
    nix::ioctl_write_int_bad!(set_iommu, nix::request_code_none!(b';', 102));
    nix::ioctl_read_bad!(
        group_get_status,
        nix::request_code_none!(b';', 103),
        GroupStatus
    );
    nix::ioctl_write_ptr_bad!(group_set_container, nix::request_code_none!(b';', 104), i32);
    nix::ioctl_write_ptr_bad!(
        group_get_device_fd,
        nix::request_code_none!(b';', 106),
        c_char
    );
    nix::ioctl_read_bad!(
        device_get_region_info,
        nix::request_code_none!(b';', 108),
        RegionInfo
    );
    nix::ioctl_none_bad!(device_reset, nix::request_code_none!(b';', 111));
    nix::ioctl_write_ptr_bad!(
        device_hot_reset,
        nix::request_code_none!(b';', 113),
        HotReset
    );
}

/// An open function. Its file descriptors are closed when this is dropped.
pub struct Device {
    device: File,
    config: u64,
    group: File,
    _container: File,
}

/// The size of a struct, as the kernel wants to know it.
fn size<T>() -> u32 {
    // Some dozen bytes.
    size_of::<T>() as u32
}

fn open(path: impl AsRef<Path>) -> Result<File> {
    let path = path.as_ref();
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

impl Device {
    /// Opens the function with this address, which must be bound to `vfio-pci`.
    pub fn open(address: &str) -> Result<Self> {
        let link = format!("/sys/bus/pci/devices/{address}/iommu_group");
        let group = fs::read_link(&link)
            .with_context(|| format!("{address} has no IOMMU group: is intel_iommu=on?"))?;
        let number = group.file_name().context("a group without a number")?;

        let container = open("/dev/vfio/vfio")?;
        // SAFETY: No argument.
        let version = unsafe { raw::get_api_version(container.as_raw_fd()) }?;
        ensure!(version == API_VERSION, "unknown version of VFIO: {version}");
        let group = open(Path::new("/dev/vfio").join(number))?;
        let mut status = GroupStatus {
            argsz: size::<GroupStatus>(),
            ..GroupStatus::default()
        };
        // SAFETY: The kernel writes what `argsz` says.
        unsafe { raw::group_get_status(group.as_raw_fd(), &mut status) }?;
        ensure!(status.flags & VIABLE != 0, "not all of its group is VFIO's");
        // SAFETY: The kernel reads one file descriptor.
        unsafe { raw::group_set_container(group.as_raw_fd(), &container.as_raw_fd()) }
            .context("cannot put the group into a container")?;
        // SAFETY: The argument is a number.
        unsafe { raw::set_iommu(container.as_raw_fd(), TYPE1V2 as i32) }
            .context("the container has no IOMMU of type 1: is vfio_iommu_type1 loaded?")?;

        let name = CString::new(address)?;
        // SAFETY: The kernel reads a string that ends with 0.
        let device = unsafe { raw::group_get_device_fd(group.as_raw_fd(), name.as_ptr()) }
            .with_context(|| format!("cannot open {address}"))?;
        // SAFETY: It was just returned, and nothing else owns it.
        let device = unsafe { File::from_raw_fd(device) };
        let mut info = RegionInfo {
            argsz: size::<RegionInfo>(),
            index: CONFIG_REGION,
            ..RegionInfo::default()
        };
        // SAFETY: The kernel writes what `argsz` says.
        unsafe { raw::device_get_region_info(device.as_raw_fd(), &mut info) }
            .context("no configuration space")?;
        Ok(Self {
            device,
            config: info.offset,
            group,
            _container: container,
        })
    }

    /// `VFIO_DEVICE_RESET`.
    pub fn reset(&self) -> nix::Result<i32> {
        // SAFETY: No argument.
        unsafe { raw::device_reset(self.device.as_raw_fd()) }
    }

    /// `VFIO_DEVICE_PCI_HOT_RESET` of the function's group.
    pub fn hot_reset(&self) -> nix::Result<i32> {
        let request = HotReset {
            argsz: size::<HotReset>(),
            flags: 0,
            count: 1,
            group: self.group.as_raw_fd(),
        };
        // SAFETY: The kernel reads what `argsz` says.
        unsafe { raw::device_hot_reset(self.device.as_raw_fd(), &request) }
    }

    /// Reads Command, as VFIO shows it.
    pub fn command(&self) -> Result<u16> {
        let mut bytes = [0; 2];
        self.device.read_exact_at(&mut bytes, self.config + 4)?;
        Ok(u16::from_le_bytes(bytes))
    }

    /// Writes Command.
    pub fn set_command(&self, command: u16) -> Result<()> {
        self.device
            .write_all_at(&command.to_le_bytes(), self.config + 4)?;
        Ok(())
    }
}
