// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of a function, apart from its config space.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_dev`.

use kernel::{
    bindings,
    device::Bound,
    pci::Device, //
};

use super::{
    as_raw,
    lock::upstream_bridge, //
};

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

/// A range of addresses that the kernel assigned to a window of a bridge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WindowResource {
    /// The first address on the bus.
    pub start: u64,
    /// The last address on the bus.
    pub end: u64,
}

/// The windows of a bridge (`PCI_BRIDGE_RESOURCES`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BridgeWindow {
    /// I/O ports.
    Io = 0,
    /// Memory.
    Memory = 1,
    /// Prefetchable memory.
    Prefetchable = 2,
}

/// Facts that stay right while the function itself does not answer. None of them touches it.
///
/// Context: any; does not sleep. What is enabled, the power state and the bus numbers change, with
/// the device lock held.
pub trait Info {
    /// Bits 6:0 of `PCI_HEADER_TYPE` (PCIe r6.0, sec 7.5.1.1.9).
    fn header_type(&self) -> u8;
    /// Whether it is an SR-IOV virtual function (`pci_dev.is_virtfn`).
    fn is_virtfn(&self) -> bool;
    /// Class code in bits 31:8, revision in bits 7:0, as in `PCI_CLASS_REVISION`.
    fn class_revision(&self) -> u32;
    /// Decoding is enabled (`pci_is_enabled()`).
    fn is_enabled(&self) -> bool;
    /// Bus mastering is enabled (`pci_set_master()`).
    fn is_busmaster(&self) -> bool;
    /// MSI or MSI-X is enabled, and the core switches INTx Disable along with it
    /// (`pci_intx_for_msi()`).
    fn msi_disables_intx(&self) -> bool;
    /// The expansion ROM was enabled when the function was added (`IORESOURCE_ROM_ENABLE`).
    fn is_rom_enabled(&self) -> bool;
    /// The core saves and restores L1 PM Substates of the function, and of the port above with it
    /// (`pci_save_aspm_l1ss_state()`).
    fn saves_l1ss(&self) -> bool;
    /// The core saves and restores TPH (`pci_dev.tph_enabled`).
    fn is_tph_enabled(&self) -> bool;
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
    /// The range assigned to a window of a bridge, [`None`] where the window is closed or this is
    /// no bridge.
    fn bridge_window(&self, window: BridgeWindow) -> Option<WindowResource>;
    /// The I/O window of a bridge has a granularity of 1 KiB (`pci_dev.io_window_1k`).
    fn has_io_window_1k(&self) -> bool;
    /// A number that changes when the kernel moves, opens or closes a BAR, the ROM or a window: to
    /// find out that [`Info::bar_resource`] and [`Info::bridge_window`] are as they were.
    fn resources_key(&self) -> u64;
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

    fn msi_disables_intx(&self) -> bool {
        const BUG: u16 = bindings::pci_dev_flags_PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG as u16;

        let pdev = as_raw(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. Whoever
        // enables or disables MSI has the device bound.
        unsafe {
            let enabled = bindings::pci_dev::msi_enabled_raw(pdev) != 0
                || bindings::pci_dev::msix_enabled_raw(pdev) != 0;
            enabled && (*pdev).dev_flags & BUG == 0
        }
    }

    fn is_rom_enabled(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let flags = unsafe { (*as_raw(self)).resource[bindings::PCI_ROM_RESOURCE as usize].flags };
        flags as u64 & u64::from(bindings::IORESOURCE_ROM_ENABLE) != 0
    }

    fn saves_l1ss(&self) -> bool {
        let Some(port) = upstream_bridge(self) else {
            return false;
        };
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, and so is
        // the bridge above it. The fields are set when they are added.
        unsafe {
            (*as_raw(self)).l1ss != 0 && (*port).l1ss != 0 && !is_downstream_port(as_raw(self))
        }
    }

    fn is_tph_enabled(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_dev::tph_enabled_raw(as_raw(self)) != 0 }
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

    fn bridge_window(&self, window: BridgeWindow) -> Option<WindowResource> {
        if !is_bridge(self) {
            return None;
        }
        let resource = raw_resource(
            self,
            bindings::PCI_BRIDGE_RESOURCES as usize + window as usize,
        )?;
        // SAFETY: `raw_resource()` returns a valid resource of the device.
        if unsafe { (*resource).parent }.is_null() {
            return None;
        }
        let region = bus_region(self, resource);
        Some(WindowResource {
            start: region.start,
            end: region.end,
        })
    }

    fn has_io_window_1k(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_dev::io_window_1k_raw(as_raw(self)) != 0 }
    }

    fn resources_key(&self) -> u64 {
        let windows = if is_bridge(self) { 3 } else { 0 };
        let bars = 0..=bindings::PCI_ROM_RESOURCE as usize;
        let windows = (0..windows).map(|n| bindings::PCI_BRIDGE_RESOURCES as usize + n);
        bars.chain(windows).fold(0, |key: u64, index| {
            let Some(resource) = raw_resource(self, index) else {
                return key;
            };
            // SAFETY: `raw_resource()` returns a valid resource of the device.
            let flags = unsafe { (*resource).flags as u64 };
            if flags == 0 {
                // There is none: it decodes nothing, whatever its addresses are.
                return key.rotate_left(7);
            }
            // SAFETY: As above.
            let (start, end, parent) = unsafe {
                let resource = &raw const *resource;
                (
                    (*resource).start,
                    (*resource).end,
                    u64::from(!(*resource).parent.is_null()),
                )
            };
            let own = start ^ end.rotate_left(20) ^ flags.rotate_left(40) ^ parent.rotate_left(60);
            key.rotate_left(7).wrapping_add(own)
        })
    }
}

/// Returns whether the header is that of a bridge (`PCI_HEADER_TYPE_BRIDGE`).
fn is_bridge(dev: &Device<Bound>) -> bool {
    u32::from(dev.header_type()) == bindings::PCI_HEADER_TYPE_BRIDGE
}

/// Returns whether it decodes a range of memory: a BAR, of Enhanced Allocation, too, or a window.
///
/// As `pci_enable_resources()` sees it. A virtual function has ranges, and no Memory Space Enable
/// of its own (PCIe r6.0, sec 9.3.4.1.3).
pub(super) fn decodes_memory(dev: &Device<Bound>) -> bool {
    if dev.is_virtfn() {
        return false;
    }
    let bars = 0..bindings::PCI_STD_NUM_BARS as usize;
    let rom = dev
        .is_rom_enabled()
        .then_some(bindings::PCI_ROM_RESOURCE as usize);
    let windows = if is_bridge(dev) { 3 } else { 0 };
    let windows = (0..windows).map(|n| bindings::PCI_BRIDGE_RESOURCES as usize + n);
    bars.chain(rom)
        .chain(windows)
        .filter_map(|index| raw_resource(dev, index))
        .any(|resource| {
            // SAFETY: `raw_resource()` returns a valid resource of the device.
            let (flags, parent) = unsafe { ((*resource).flags as u64, (*resource).parent) };
            flags & u64::from(bindings::IORESOURCE_MEM) != 0 && !parent.is_null()
        })
}

/// Returns whether it is at the upper end of a link (`pcie_downstream_port()`).
///
/// # Safety
///
/// `pdev` must be valid.
pub(super) unsafe fn is_downstream_port(pdev: *mut bindings::pci_dev) -> bool {
    // SAFETY: By the safety requirements of this function. The fields are set when it is added.
    let (capability, flags) = unsafe { ((*pdev).pcie_cap, (*pdev).pcie_flags_reg) };
    capability != 0
        && matches!(
            u32::from(flags) >> 4 & 0xf,
            bindings::PCI_EXP_TYPE_ROOT_PORT
                | bindings::PCI_EXP_TYPE_DOWNSTREAM
                | bindings::PCI_EXP_TYPE_PCIE_BRIDGE
        )
}

/// Resource `index` of `dev`, [`None`] where there is no such one.
fn raw_resource(dev: &Device<Bound>, index: usize) -> Option<*mut bindings::resource> {
    if index >= bindings::PCI_NUM_RESOURCES as usize {
        return None;
    }
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let resources = unsafe { (&raw mut (*as_raw(dev)).resource).cast::<bindings::resource>() };
    // SAFETY: The array has `PCI_NUM_RESOURCES` elements.
    Some(unsafe { resources.add(index) })
}

/// The addresses of a resource of `dev` as the bus sees them.
fn bus_region(dev: &Device<Bound>, resource: *mut bindings::resource) -> bindings::pci_bus_region {
    let mut region = bindings::pci_bus_region { start: 0, end: 0 };
    // SAFETY: The device holds its bus; `region` and `resource` are valid.
    unsafe { bindings::pcibios_resource_to_bus((*as_raw(dev)).bus, &raw mut region, resource) };
    region
}

/// The address in resource `index` of `dev` that a register of it holds, see
/// [`Info::bar_resource`]. [`None`] where there is no such resource.
pub(super) fn resource(dev: &Device<Bound>, index: usize) -> Option<BarResource> {
    const EA: u64 = bindings::IORESOURCE_PCI_EA_BEI as u64;
    const FIXED: u64 = bindings::IORESOURCE_PCI_FIXED as u64;
    const UNSET: u64 = (bindings::IORESOURCE_UNSET | bindings::IORESOURCE_DISABLED) as u64;

    // There an address is a cookie, which no register holds (`zpci_map_resources()`).
    if cfg!(CONFIG_S390) {
        return None;
    }

    let resource = raw_resource(dev, index)?;
    // SAFETY: `raw_resource()` returns a valid resource of the device.
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

    Some(BarResource {
        bus_address: bus_region(dev, resource).start,
        kind,
    })
}
