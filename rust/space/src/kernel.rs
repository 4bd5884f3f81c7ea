// SPDX-License-Identifier: GPL-2.0-only

//! What the PCI core does with a config space: `pci_allocate_cap_save_buffers()` when a function is
//! added, and `pci_save_state()` of Linux 7.3, read by read.

use pci_recovery_guard::guard::{
    capability::{ERR, EXP, ID_ERR, ID_EXP},
    Header,
};

use crate::{
    reads::{Saved, ID_DPC, ID_L1SS, ID_LTR, ID_PCIX, ID_PTM, ID_TPH, ID_VC, ID_VC9, ID_VC_MF},
    space::{List, Space},
};

/// Who answers: the value of `width` bytes at an offset.
pub type Read<'a> = dyn FnMut(u16, u16) -> u32 + 'a;

/// A buffer for a capability, and how it is filled.
#[derive(Clone, Debug)]
struct Buffer {
    list: List,
    /// Where it was when the function was added.
    offset: u16,
    /// Offsets of the registers in the capability and their widths; those of width 0 read 0.
    registers: Vec<(u16, u16)>,
    saved: Saved,
}

impl Buffer {
    fn new(list: List, id: u16, offset: u16, registers: Vec<(u16, u16)>, slot: u16) -> Self {
        let size = usize::from(slot) * registers.len();
        let extended = list == List::Extended;
        let data = vec![0; size];
        Self {
            list,
            offset,
            registers,
            saved: Saved { id, extended, data },
        }
    }

    /// Whether the core looks it up at each save.
    fn is_looked_for(&self) -> bool {
        match self.list {
            List::Ordinary => self.saved.id == ID_PCIX,
            List::Extended => matches!(self.saved.id, ID_LTR | ID_VC | ID_VC_MF | ID_VC9),
        }
    }

    fn fill(&mut self, offset: u16, read: &mut Read<'_>) {
        let slot = self.saved.data.len() / self.registers.len();
        let slots = self.saved.data.chunks_exact_mut(slot);
        for (bytes, &(register, width)) in slots.zip(&self.registers) {
            if width == 0 {
                bytes.fill(0);
                continue;
            }
            let value = read(offset + register, width).to_ne_bytes();
            let value = match width {
                2 if cfg!(target_endian = "big") => &value[2..],
                _ => &value[..usize::from(width)],
            };
            bytes[..value.len()].copy_from_slice(value);
        }
    }
}

/// Which registers of the PCI Express capability are there (`pcie_capability_reg_implemented()`).
fn exp_registers(flags: u16) -> Vec<(u16, u16)> {
    let (version, kind) = (flags & 0xf, (flags >> 4) & 0xf);
    let downstream = matches!(kind, 0x4 | 0x6 | 0x8);
    let link = version > 1 || matches!(kind, 0x0 | 0x1 | 0x4..=0x8);
    let there = |offset| match offset {
        0x10 => link,
        0x18 => downstream && flags & 0x100 != 0,
        0x1c => matches!(kind, 0x4 | 0xa),
        0x28 => version > 1,
        0x30 => link && version > 1,
        0x38 => downstream && version > 1,
        _ => true,
    };
    let width = |offset| if there(offset) { 2 } else { 0 };
    EXP.iter().map(|r| (r.offset, width(r.offset))).collect()
}

/// The core's record of a function, and its buffer.
#[derive(Clone, Debug)]
pub struct Core {
    pub pcie_cap: u16,
    pub aer_cap: u16,
    space_extended: bool,
    pub header: Header,
    buffers: Vec<Buffer>,
}

impl Core {
    /// A function is added: its capabilities are looked for, and buffers made for them.
    pub fn new(space: &Space) -> Self {
        let mut buffers = Vec::new();
        let mut add = |list, id, registers: &dyn Fn(u16) -> Vec<(u16, u16)>, slot| {
            let offset = space.find(list, id);
            if offset != 0 {
                buffers.push(Buffer::new(list, id, offset, registers(offset), slot));
            }
            offset
        };
        let dwords = |offsets: &[u16]| offsets.iter().map(|&o| (o, 4)).collect::<Vec<_>>();

        let flags = |offset| space.read(offset + 2, 2) as u16;
        let exp = &|offset| exp_registers(flags(offset));
        let pcie_cap = add(List::Ordinary, ID_EXP, exp, 2);
        add(List::Extended, ID_L1SS, &|_| dwords(&[0x0c, 0x08]), 4);
        add(List::Extended, ID_LTR, &|_| dwords(&[0x04]), 4);
        add(List::Ordinary, ID_PCIX, &|_| vec![(2, 2)], 2);
        add(List::Extended, ID_DPC, &|_| vec![(6, 2)], 2);
        let is_root = pcie_cap != 0 && exp_registers(flags(pcie_cap))[3].1 != 0;
        let count = if is_root { ERR.len() } else { ERR.len() - 1 };
        let err: Vec<_> = ERR.iter().take(count).map(|r| r.offset).collect();
        let aer_cap = add(List::Extended, ID_ERR, &|_| dwords(&err), 4);
        add(List::Extended, ID_PTM, &|_| dwords(&[0x08]), 4);
        add(List::Extended, ID_TPH, &|_| dwords(&[0x08]), 4);
        for id in [ID_VC_MF, ID_VC, ID_VC9] {
            // Without arbitration tables: control, then that of each channel.
            let registers = |offset| {
                let channels = space.read(offset + 4, 1) as u16 & 7;
                let each = (0..=channels).map(|n| (0x14 + 12 * n, 4));
                std::iter::once((0x0c, 2)).chain(each).collect()
            };
            add(List::Extended, id, &registers, 4);
        }
        Self {
            pcie_cap,
            aer_cap,
            space_extended: space.is_extended(),
            header: space.header(),
            buffers,
        }
    }

    /// `pci_save_state()`. Where the core finds a capability no more, its buffer stays as it was.
    pub fn save(&mut self, read: &mut Read<'_>) {
        self.header = std::array::from_fn(|index| read(4 * index as u16, 4));
        for buffer in &mut self.buffers {
            let offset = if buffer.is_looked_for() {
                find(buffer.list, buffer.saved.id, read)
            } else {
                Some(buffer.offset)
            };
            if let Some(offset) = offset {
                buffer.fill(offset, read);
            }
        }
    }

    /// Whether config space has 4096 bytes.
    pub fn is_extended(&self) -> bool {
        self.space_extended
    }

    /// The capabilities in the buffer.
    pub fn saved(&self) -> Vec<Saved> {
        self.buffers.iter().map(|b| b.saved.clone()).collect()
    }
}

/// `pci_find_capability()` and `pci_find_ext_capability()`, with their bounds.
fn find(list: List, id: u16, read: &mut Read<'_>) -> Option<u16> {
    if list == List::Ordinary {
        let there = read(6, 2) & 0x10 != 0;
        let mut offset = if there { read(0x34, 1) as u16 } else { 0 };
        for _ in 0..48 {
            if offset < 0x40 {
                break;
            }
            offset &= 0xfc;
            let word = read(offset, 2) as u16;
            match word & 0xff {
                0xff => break,
                found if found == id => return Some(offset),
                _ => offset = word >> 8,
            }
        }
        return None;
    }
    let mut offset = 0x100;
    for _ in 0..(4096 - 256) / 8 {
        let header = read(offset, 4);
        if header == 0 {
            break;
        }
        if header as u16 == id {
            return Some(offset);
        }
        offset = (header >> 20) as u16 & 0xffc;
        if offset < 0x100 {
            break;
        }
    }
    None
}
