// SPDX-License-Identifier: GPL-2.0-only

//! Device IDs by number.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    pci::DeviceId, //
};

/// Returns the ID of `vendor` and `device`, any subsystem (`PCI_DEVICE()`).
///
/// For vendors that the kernel crate has no name for. Evaluated at compile time, in a
/// [`pci_device_table!`](crate::pci_device_table).
pub const fn device_id(vendor: u16, device: u16) -> DeviceId {
    let id = bindings::pci_device_id {
        vendor: vendor as u32,
        device: device as u32,
        subvendor: !0,
        subdevice: !0,
        class: 0,
        class_mask: 0,
        driver_data: 0,
        override_only: 0,
    };
    // SAFETY: `DeviceId` is a `#[repr(transparent)]` wrapper of `struct pci_device_id` without
    // invariants of its own.
    unsafe { core::mem::transmute::<bindings::pci_device_id, DeviceId>(id) }
}
