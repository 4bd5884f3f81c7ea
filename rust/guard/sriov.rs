// SPDX-License-Identifier: GPL-2.0-only

//! The SR-IOV capability of a physical function whose virtual functions are enabled.
//!
//! It is not part of the saved state: the kernel restores it from what it has enabled and assigned
//! itself (`pci_restore_iov_state()`), and the same says what it must read.

use super::{
    bars::ADDRESS_MEM,
    Bar,
    BarKind,
    Mismatch,
    Register,
    ALL_ONES, //
};

/// Offsets in the capability (PCIe r6.0, sec 9.3.3).
const CONTROL: u16 = 0x08;
const NUM_VFS: u16 = 0x10;
const FIRST_BAR: u16 = 0x24;

/// VF Enable and VF Memory Space Enable; the other bits of SR-IOV Control are options, and SR-IOV
/// Status, above, changes by itself.
const ENABLED: u32 = 0x9;
/// NumVFs, without the Function Dependency Link above it.
const NUM_VFS_MASK: u32 = 0xffff;

/// What the kernel knows of a function's virtual functions.
#[derive(Clone, Debug)]
pub struct Sriov {
    /// Offset of the SR-IOV extended capability.
    pub cap: u16,
    /// How many virtual functions are enabled.
    pub num_vfs: u16,
    /// The assigned base addresses of the first virtual function.
    pub bars: [Option<Bar>; 6],
}

impl Sriov {
    /// The registers and the values that they must have; none where no virtual function is enabled.
    pub fn registers(&self) -> impl Iterator<Item = Register> + '_ {
        let register = |name, offset: u16, value, mask| Register {
            name,
            offset: self.cap.saturating_add(offset),
            width: 4,
            express: false,
            value,
            mask,
            vital: mask,
        };

        let control = [
            register("PCI_SRIOV_CTRL", CONTROL, ENABLED, ENABLED),
            register(
                "PCI_SRIOV_NUM_VF",
                NUM_VFS,
                self.num_vfs.into(),
                NUM_VFS_MASK,
            ),
        ];
        let bars = self.bars.iter().zip(0..).flat_map(move |(bar, index)| {
            let offset = FIRST_BAR + 4 * index;
            // A virtual function has no I/O ports (PCIe r6.0, sec 9.3.3.14).
            let address = bar.filter(|bar| bar.kind != BarKind::Io);
            let low = address.map(|bar| {
                let value = bar.address as u32;
                register("PCI_SRIOV_BAR", offset, value, ADDRESS_MEM)
            });
            let high = address.filter(|bar| bar.kind == BarKind::Mem64).map(|bar| {
                let value = (bar.address >> 32) as u32;
                register("PCI_SRIOV_BAR", offset + 4, value, ALL_ONES)
            });
            low.into_iter().chain(high)
        });
        control
            .into_iter()
            .chain(bars)
            .filter(|_| self.num_vfs != 0)
    }

    /// Compares each register with what `read` returns for it: the first that differs is the error.
    pub fn verify(&self, mut read: impl FnMut(&Register) -> u32) -> Result<(), Mismatch> {
        self.registers()
            .try_for_each(|register| register.verify(read(&register)))
    }
}
