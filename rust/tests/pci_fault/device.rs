// SPDX-License-Identifier: GPL-2.0-only

//! A device below a register file: its config space is memory, and a reset clears it.

use pci_recovery_guard::pci_fault::{
    fault::Access,
    model::{load, ModelError},
    registers::{Device, RegisterFile},
};

/// The offset of `PCI_INTERRUPT_LINE`.
const INTERRUPT_LINE: usize = 0x3c;

/// Config space as QEMU keeps it.
pub struct Memory {
    pub bytes: [u8; 4096],
    /// It was removed.
    pub gone: bool,
}

impl Device for Memory {
    fn read(&mut self, offset: u16, size: u8) -> u32 {
        (0..u16::from(size)).rev().fold(0, |word, n| {
            let byte = self.bytes[usize::from(offset + n)];
            word << 8 | u32::from(if self.gone { 0xff } else { byte })
        })
    }

    fn write(&mut self, offset: u16, size: u8, value: u32) {
        for (n, byte) in (0..u16::from(size)).zip(value.to_le_bytes()) {
            self.bytes[usize::from(offset + n)] = byte;
        }
    }
}

/// A register file in the place of a device, accessed as the kernel does.
pub struct Presented {
    pub file: Box<RegisterFile>,
    pub device: Memory,
    /// The time of the next access.
    pub now_ms: u64,
}

impl Presented {
    /// The model that `text` describes, switched on.
    pub fn new(text: &str) -> Result<Self, ModelError> {
        let mut device = Memory {
            bytes: [0; 4096],
            gone: false,
        };
        // What the tests want to see of it.
        device.bytes[..4].copy_from_slice(&[0xf4, 0x1a, 0x44, 0x10]);
        device.bytes[0x50..0x54].copy_from_slice(&[1, 2, 3, 4]);
        let mut file = Box::new(RegisterFile::new());
        load(text, &mut file, &mut device)?;
        file.power_on(&mut device);
        Ok(Self {
            file,
            device,
            now_ms: 1000,
        })
    }

    fn access(&mut self, offset: u16, size: u8, write: Option<u32>) -> u32 {
        let access = Access {
            devfn: 0,
            offset,
            size,
            write: write.is_some(),
        };
        let now_ns = self.now_ms * 1_000_000;
        self.file
            .access(&access, write.unwrap_or(0), now_ns, &mut self.device)
    }

    pub fn read(&mut self, offset: u16, size: u8) -> u32 {
        self.access(offset, size, None)
    }

    pub fn write(&mut self, offset: u16, size: u8, value: u32) {
        self.access(offset, size, Some(value));
    }

    /// The device below is reset, as by its bus.
    pub fn reset_below(&mut self) {
        self.device.bytes[INTERRUPT_LINE] = 0;
    }
}
