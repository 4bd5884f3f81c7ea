// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of a function, apart from its config space.
//!
//! These facts were learned when the function was enumerated, or assigned by the kernel since, and
//! live in `struct pci_dev`: they stay right while the function itself reads all-ones.

use super::{
    capability::Places,
    Header, //
};

/// The layout of the header (`PCI_HEADER_TYPE`, bits 6:0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderType {
    /// `PCI_HEADER_TYPE_NORMAL`, an endpoint: six BARs (PCIe r6.0, sec 7.5.1.2).
    Normal,
    /// `PCI_HEADER_TYPE_BRIDGE`: two BARs, bus numbers, windows (PCIe r6.0, sec 7.5.1.3).
    Bridge,
}

impl HeaderType {
    /// The value of the register's bits 6:0.
    pub const fn as_raw(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Bridge => 1,
        }
    }

    /// How many BARs a header of this type has.
    pub const fn bars(self) -> usize {
        match self {
            Self::Normal => 6,
            Self::Bridge => 2,
        }
    }
}

/// What a base address register decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// I/O ports: bit 0 is set, address in bits 31:2.
    Io,
    /// Memory, 32 bits: address in bits 31:4.
    Mem32,
    /// Memory, 64 bits: the address continues in the next word.
    Mem64,
}

/// A base address that the kernel assigned, as the bus sees it (not the CPU).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Bus address of the first byte.
    pub address: u64,
    /// What the register decodes.
    pub kind: BarKind,
}

/// The bus numbers of a bridge (`PCI_PRIMARY_BUS` and the two bytes after it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buses {
    /// The bus that the bridge is on.
    pub primary: u8,
    /// The bus below the bridge.
    pub secondary: u8,
    /// The highest bus number below the bridge.
    pub subordinate: u8,
}

impl Buses {
    /// The lower three bytes of the word of `PCI_PRIMARY_BUS`.
    pub fn as_raw(self) -> u32 {
        u32::from_le_bytes([self.primary, self.secondary, self.subordinate, 0])
    }
}

/// A range of addresses that a bridge forwards, as the bus sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first address.
    pub start: u64,
    /// The last address.
    pub end: u64,
}

/// The windows of a bridge; [`None`] where the kernel assigned none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// I/O ports (`PCI_IO_BASE`).
    pub io: Option<Window>,
    /// The I/O window has a granularity of 1 KiB, not 4 KiB.
    pub io_1k: bool,
    /// Memory (`PCI_MEMORY_BASE`).
    pub memory: Option<Window>,
    /// Prefetchable memory (`PCI_PREF_MEMORY_BASE`).
    pub prefetchable: Option<Window>,
}

/// Hardware that differs from what the rules expect of any function, learned at the first save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Bus Master Enable does not take a 1 (PCIe r6.0, sec 7.5.1.1.3 allows that).
    pub no_bus_master: bool,
    /// The AER registers that read all-ones twice: bit `i` stands for
    /// [`ERR`](super::capability::ERR)`[i]`.
    pub aer_ones: u8,
    /// Where the capabilities are.
    pub places: Places,
}

/// What the kernel knows of a function, apart from its config space.
#[derive(Clone, Debug)]
pub struct Function {
    /// The header's layout.
    pub header_type: HeaderType,
    /// An SR-IOV virtual function. Its dword 0 reads all-ones and its BARs read zero by design
    /// (PCIe r6.0, sec 9.3.4.1): neither is a sign of loss.
    pub is_vf: bool,
    /// Device ID in the upper half, vendor ID in the lower.
    pub ids: u32,
    /// Class code in bits 31:8, revision in bits 7:0.
    pub class_revision: u32,
    /// Subsystem ID in the upper half, subsystem vendor ID in the lower; 0 where there are none.
    pub subsystem: u32,
    /// The assigned base addresses; [`None`] where there is none, where it is the upper half of a
    /// 64-bit BAR, and where the register need not hold it (fixed legacy ranges, enhanced
    /// allocation, a virtual function).
    pub bars: [Option<Bar>; 6],
    /// The kernel enabled memory decoding (`pci_enable_device_mem()`).
    pub enabled: bool,
    /// The kernel made the function a bus master (`pci_set_master()`).
    pub bus_master: bool,
    /// MSI or MSI-X is enabled, and the kernel sets INTx Disable along with it.
    pub msi: bool,
    /// The expansion ROM was enabled when the function was added (`IORESOURCE_ROM_ENABLE`).
    pub rom_enabled: bool,
    /// The core saves and restores L1 PM Substates: the function is the downstream end of a link
    /// both of whose ends have that capability.
    pub l1ss: bool,
    /// The core saves and restores TPH, which a driver enabled.
    pub tph: bool,
    /// A bridge's bus numbers.
    pub buses: Option<Buses>,
    /// A bridge's windows.
    pub windows: Windows,
    /// Its config space has 4096 bytes, not 256.
    pub extended: bool,
    /// Offset of the PCI Express capability, 0 if there is none.
    pub pcie_cap: u16,
    /// Offset of the AER extended capability, 0 if there is none.
    pub aer_cap: u16,
    /// The header that the kernel saved last, when the function was added or since. Not trusted: it
    /// only tells which words have been all-ones before. Of a function that the kernel has not
    /// saved yet: the words that read all-ones twice, 0 in the others.
    pub saved_before: Header,
    /// What was learned of the hardware.
    pub learned: Learned,
}
