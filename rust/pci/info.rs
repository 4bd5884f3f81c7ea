// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of a function, apart from its config space.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_dev`.

use kernel::{
    bindings,
    device::Bound,
    pci::Device, //
};

use super::as_raw;

/// What a base address register decodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BarResourceKind {
    /// I/O ports.
    Io,
    /// Memory, 32-bit register.
    Mem32,
    /// Memory, 64-bit register.
    Mem64,
}

/// A base address that the kernel assigned.
#[derive(Clone, Copy)]
pub struct BarResource {
    /// The address on the bus, which is what the register holds.
    pub bus_address: u64,
    /// What the register decodes.
    pub kind: BarResourceKind,
}

/// Facts that stay right while the function itself does not answer. None of them touches it.
///
/// Context: any; does not sleep. What is enabled, the power state and the bus numbers change, with
/// the device lock held.
pub trait Info {
    /// Bits 6:0 of `PCI_HEADER_TYPE` (PCIe r6.0, sec 7.5.1.1.9).
    fn header_type(&self) -> u8;
    /// An SR-IOV virtual function (`pci_dev.is_virtfn`)?
    fn is_virtfn(&self) -> bool;
    /// Class code in bits 31:8, revision in bits 7:0, as in `PCI_CLASS_REVISION`.
    fn class_revision(&self) -> u32;
    /// Decoding is enabled (`pci_is_enabled()`).
    fn is_enabled(&self) -> bool;
    /// Bus mastering is enabled (`pci_set_master()`).
    fn is_busmaster(&self) -> bool;
    /// Power and config space are off, as far as the core knows (`pci_dev.current_state` is
    /// `PCI_D3cold`).
    fn is_d3cold(&self) -> bool;
    /// The function is a bridge: primary, secondary and subordinate bus number.
    fn bus_numbers(&self) -> Option<(u8, u8, u8)>;
    /// Config space has 4096 bytes, not 256.
    fn has_extended_config(&self) -> bool;
    /// Offset of the PCI Express capability in config space, in bytes; 0 if there is none.
    fn pcie_cap(&self) -> u16;
    /// Offset of the AER extended capability in config space, in bytes; 0 if there is none.
    fn aer_cap(&self) -> u16;
    /// The assigned address of BAR `index`, 0 to 5 (`pci_dev.resource`,
    /// `pcibios_resource_to_bus()`).
    ///
    /// [`None`] where there is no such BAR or no address, and where the register need not hold the
    /// address: fixed legacy ranges (`IORESOURCE_PCI_FIXED`), enhanced allocation, virtual
    /// functions.
    fn bar_resource(&self, index: usize) -> Option<BarResource>;
}

impl Info for Device<Bound> {
    fn header_type(&self) -> u8 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The field is
        // set when the function is enumerated.
        unsafe { (*as_raw(self)).hdr_type & bindings::PCI_HEADER_TYPE_MASK as u8 }
    }

    fn is_virtfn(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_dev::is_virtfn_raw(as_raw(self)) != 0 }
    }

    fn class_revision(&self) -> u32 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let (class, revision) = unsafe { ((*as_raw(self)).class, (*as_raw(self)).revision) };
        class << 8 | u32::from(revision)
    }

    fn is_enabled(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The counter
        // is an `atomic_t`; a volatile read is an `atomic_read()`.
        unsafe { core::ptr::read_volatile(&raw const (*as_raw(self)).enable_cnt.counter) > 0 }
    }

    fn is_busmaster(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_dev::is_busmaster_raw(as_raw(self)) != 0 }
    }

    fn is_d3cold(&self) -> bool {
        /// `PCI_D3cold`, a cast in C and therefore not in the bindings.
        const D3COLD: bindings::pci_power_t = 4;

        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { (*as_raw(self)).current_state == D3COLD }
    }

    fn bus_numbers(&self) -> Option<(u8, u8, u8)> {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let subordinate = unsafe { (*as_raw(self)).subordinate };
        if subordinate.is_null() {
            return None;
        }
        // SAFETY: `subordinate` is the bus below the bridge, which lives as long as the bridge is
        // bound. The numbers are assigned before.
        unsafe {
            Some((
                (*subordinate).primary,
                (*subordinate).busn_res.start as u8,
                (*subordinate).busn_res.end as u8,
            ))
        }
    }

    fn has_extended_config(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The field is
        // set when the function is enumerated.
        unsafe { (*as_raw(self)).cfg_size > bindings::PCI_CFG_SPACE_SIZE as i32 }
    }

    fn pcie_cap(&self) -> u16 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { (*as_raw(self)).pcie_cap.into() }
    }

    fn aer_cap(&self) -> u16 {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { (*as_raw(self)).aer_cap }
    }

    fn bar_resource(&self, index: usize) -> Option<BarResource> {
        if index >= bindings::PCI_STD_NUM_BARS as usize || self.is_virtfn() {
            return None;
        }
        resource(self, index)
    }
}

/// The address in resource `index` of `dev` that a register of it holds, see
/// [`Info::bar_resource`]. [`None`] where there is no such resource.
pub(super) fn resource(dev: &Device<Bound>, index: usize) -> Option<BarResource> {
    const EA: u64 = bindings::IORESOURCE_PCI_EA_BEI as u64;
    const FIXED: u64 = bindings::IORESOURCE_PCI_FIXED as u64;
    const UNSET: u64 = (bindings::IORESOURCE_UNSET | bindings::IORESOURCE_DISABLED) as u64;

    if index >= bindings::PCI_NUM_RESOURCES as usize {
        return None;
    }

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. A resource of
    // a bound function is not reassigned.
    let resource = unsafe { (&raw mut (*as_raw(dev)).resource).cast::<bindings::resource>() };
    // SAFETY: The array has `PCI_NUM_RESOURCES` elements.
    let resource = unsafe { resource.add(index) };
    // SAFETY: As above.
    let (start, end, flags) = unsafe { ((*resource).start, (*resource).end, (*resource).flags) };
    let flags = flags as u64;
    if flags & (UNSET | FIXED | EA) != 0 || (start == 0 && end == 0) {
        return None;
    }

    let kind = if flags & u64::from(bindings::IORESOURCE_IO) != 0 {
        BarResourceKind::Io
    } else if flags & u64::from(bindings::IORESOURCE_MEM) == 0 {
        return None;
    } else if flags & u64::from(bindings::IORESOURCE_MEM_64) != 0 {
        BarResourceKind::Mem64
    } else {
        BarResourceKind::Mem32
    };

    let mut region = bindings::pci_bus_region { start: 0, end: 0 };
    // SAFETY: The device holds its bus; `region` and `resource` are valid.
    unsafe { bindings::pcibios_resource_to_bus((*as_raw(dev)).bus, &raw mut region, resource) };
    Some(BarResource {
        bus_address: region.start,
        kind,
    })
}
