// SPDX-License-Identifier: GPL-2.0-only

//! A function that is open through VFIO: group, container, device (`include/uapi/linux/vfio.h`,
//! `Documentation/driver-api/vfio.rst`).

use std::ffi::CString;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use nix::errno::Errno;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::sys::eventfd::EfdFlags;
use nix::sys::eventfd::EventFd;

const API_VERSION: i32 = 0;
/// `VFIO_TYPE1v2_IOMMU`.
const TYPE1V2: u64 = 3;
/// `VFIO_PCI_BAR0_REGION_INDEX`.
const BAR0_REGION: u32 = 0;
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

/// `VFIO_PCI_ERR_IRQ_INDEX`.
const ERROR_INTERRUPT: u32 = 3;
/// `VFIO_IRQ_SET_DATA_EVENTFD`, `VFIO_IRQ_SET_ACTION_TRIGGER`.
const BY_EVENTFD: u32 = 1 << 2 | 1 << 5;

/// `struct vfio_irq_set`, with one eventfd.
#[repr(C)]
struct IrqSet {
    argsz: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    eventfd: i32,
}

/// `VFIO_DEVICE_FEATURE_GET`, `VFIO_DEVICE_FEATURE_ZPCI_ERROR`.
const GET_ZPCI_ERROR: u32 = 1 << 16 | 13;
/// More than the kernel has of an error event (`struct zpci_ccdf_err`).
const EVENT_BYTES: usize = 256;

/// `struct vfio_device_feature` with `struct vfio_device_feature_zpci_err`.
#[repr(C)]
struct ZpciErrorFeature {
    argsz: u32,
    flags: u32,
    data: u64,
}

/// An error event of a zPCI function.
#[derive(Debug, PartialEq, Eq)]
pub struct ZpciEvent {
    pub code: u16,
    pub handle: u32,
}

impl ZpciEvent {
    /// Out of the machine's own form (`struct zpci_ccdf_err`, `arch/s390/include/asm/pci.h`).
    fn of(bytes: &[u8; EVENT_BYTES]) -> Self {
        let [_, _, _, _, h0, h1, h2, h3, ..] = *bytes;
        Self {
            code: u16::from_be_bytes([bytes[30], bytes[31]]),
            handle: u32::from_be_bytes([h0, h1, h2, h3]),
        }
    }
}

mod raw {
    use super::{GroupStatus, HotReset, IrqSet, RegionInfo, ZpciErrorFeature};
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
    nix::ioctl_write_ptr_bad!(device_set_irqs, nix::request_code_none!(b';', 110), IrqSet);
    nix::ioctl_write_ptr_bad!(
        device_feature,
        nix::request_code_none!(b';', 117),
        ZpciErrorFeature
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
    /// The kernel counts the errors in it.
    errors: EventFd,
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

/// Returns where a region of the function begins in its file.
fn region(device: &File, index: u32) -> nix::Result<u64> {
    let mut info = RegionInfo {
        argsz: size::<RegionInfo>(),
        index,
        ..RegionInfo::default()
    };
    // SAFETY: The kernel writes what `argsz` says.
    unsafe { raw::device_get_region_info(device.as_raw_fd(), &mut info) }?;
    Ok(info.offset)
}

/// What went wrong when a region was read or written.
fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// BAR 0 of a function, a register of 32 bits at a time.
pub struct Bar0<'a> {
    device: &'a File,
    offset: u64,
}

impl Bar0<'_> {
    pub fn read(&self, register: u64) -> nix::Result<u32> {
        let mut bytes = [0; 4];
        self.device
            .read_exact_at(&mut bytes, self.offset + register)
            .map_err(errno)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub fn write(&self, register: u64, value: u32) -> nix::Result<()> {
        self.device
            .write_all_at(&value.to_le_bytes(), self.offset + register)
            .map_err(errno)
    }
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
        let config = region(&device, CONFIG_REGION).context("no configuration space")?;
        let errors = EventFd::from_flags(EfdFlags::EFD_NONBLOCK)?;
        let request = IrqSet {
            argsz: size::<IrqSet>(),
            flags: BY_EVENTFD,
            index: ERROR_INTERRUPT,
            start: 0,
            count: 1,
            eventfd: errors.as_raw_fd(),
        };
        // SAFETY: The kernel reads what `argsz` says.
        match unsafe { raw::device_set_irqs(device.as_raw_fd(), &request) } {
            // A function without PCI Express reports no errors.
            Ok(_) | Err(Errno::EINVAL) => {}
            Err(error) => return Err(error).context("errors cannot be waited for"),
        }
        Ok(Self {
            device,
            config,
            errors,
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

    /// Waits so long until the kernel reports an error, and returns whether it has. Each report counts once.
    pub fn error_is_reported(&self, within: Duration) -> Result<bool> {
        let mut files = [PollFd::new(self.errors.as_fd(), PollFlags::POLLIN)];
        let within = PollTimeout::try_from(within)?;
        let ready = nix::poll::poll(&mut files, within).context("cannot wait")?;
        if ready != 0 {
            self.errors.read()?;
        }
        Ok(ready != 0)
    }

    /// `VFIO_DEVICE_FEATURE_ZPCI_ERROR`: the first error event that was not returned before.
    ///
    /// # Errors
    ///
    /// `ENOMSG` where there is none, `ENOTTY` where the machine has none.
    pub fn zpci_error(&self) -> nix::Result<ZpciEvent> {
        let mut bytes = [0; EVENT_BYTES];
        let request = ZpciErrorFeature {
            argsz: size::<ZpciErrorFeature>(),
            flags: GET_ZPCI_ERROR,
            data: bytes.as_mut_ptr() as u64,
        };
        // SAFETY: The kernel reads what `argsz` says, and writes an event to `data`, which is long enough.
        unsafe { raw::device_feature(self.device.as_raw_fd(), &request) }?;
        Ok(ZpciEvent::of(&bytes))
    }

    /// Reads Command, as VFIO shows it.
    pub fn command(&self) -> nix::Result<u16> {
        let mut bytes = [0; 2];
        match self.device.read_at(&mut bytes, self.config + 4) {
            Ok(2) => Ok(u16::from_le_bytes(bytes)),
            Ok(_) => Err(Errno::EIO),
            Err(error) => Err(errno(error)),
        }
    }

    /// BAR 0, whose memory must be decoded.
    pub fn bar0(&self) -> nix::Result<Bar0<'_>> {
        let offset = region(&self.device, BAR0_REGION)?;
        Ok(Bar0 {
            device: &self.device,
            offset,
        })
    }

    /// Writes Command.
    pub fn set_command(&self, command: u16) -> Result<()> {
        self.device
            .write_all_at(&command.to_le_bytes(), self.config + 4)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_code_and_the_handle() {
        let mut bytes = [0; EVENT_BYTES];
        bytes[4..8].copy_from_slice(&[0, 1, 0, 2]);
        bytes[30..32].copy_from_slice(&[0, 0x3a]);
        let event = ZpciEvent {
            code: 0x3a,
            handle: 0x10002,
        };
        assert_eq!(ZpciEvent::of(&bytes), event);
    }
}
