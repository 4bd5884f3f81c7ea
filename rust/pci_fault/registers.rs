// SPDX-License-Identifier: GPL-2.0-only

//! A register file: the config space of a function that there is none of, presented in place of
//! that of a device. Knows no kernel: host tests compile the same file.
//!
//! Each bit is one of these, and reads its value after a reset until something changes it:
//!
//! | bit | a write | source |
//! |---|---|---|
//! | read-only | changes nothing | PCIe 6.0, 7.4, `RO`, `HwInit` |
//! | writable | changes it | `RW` |
//! | cleared by writing 1 | clears it where it is 1 | `RW1C` |
//! | sticky, beside one of these | a reset leaves it | `ROS`, `RWS`, `RW1CS` |
//! | changing, beside one of these | reads inverted at every other read | status of hardware |
//! | the device's | goes to the device below, and so does a read | |
//!
//! # Resets
//!
//! A register file has its values after a reset again when
//!
//! * the device below was reset, however: a secondary bus reset, FLR of its own, a slot without
//!   power. QEMU clears `PCI_INTERRUPT_LINE` then, in which [`RegisterFile`] keeps a mark: every
//!   access looks there first. So that register of the device is never seen;
//! * a function level reset is requested by `PCI_EXP_DEVCTL_BCR_FLR` or `PCI_AF_CTRL_FLR`;
//! * it goes from D3hot to D0 without `PCI_PM_CTRL_NO_SOFT_RESET`.

use super::fault::{
    Access,
    LAST_OFFSET, //
};

/// How many bytes there are.
pub const SIZE: usize = LAST_OFFSET as usize + 1;

/// `PCI_INTERRUPT_LINE`.
const INTERRUPT_LINE: u16 = 0x3c;

/// What `PCI_INTERRUPT_LINE` of the device below holds until it is reset. No interrupt has that
/// number where there are 24 or so of them.
const MARK: u32 = 0xa5;

/// The device below, whose place the register file takes.
pub trait Device {
    /// Reads `size` bytes at `offset`.
    fn read(&mut self, offset: u16, size: u8) -> u32;

    /// Writes `size` bytes at `offset`.
    fn write(&mut self, offset: u16, size: u8, value: u32);
}

/// A bit of the register file for each that config space has.
pub type Bits = [u8; SIZE];

/// A resizable BAR (PCIe 6.0, 7.8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resizable {
    /// The offset of its Resizable BAR Control Register; 0 where there is none.
    pub control: u16,
}

/// What a write to a register means beside its bits: the offset of the register, 0 where the
/// function has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Special {
    /// `PCI_EXP_DEVCTL`, where `PCI_EXP_DEVCAP_FLR` is set.
    pub device_control: u16,
    /// `PCI_AF_CTRL`, where `PCI_AF_CAP_FLR` is set.
    pub af_control: u16,
    /// `PCI_PM_CTRL`.
    pub pm_control: u16,
    /// The Resizable BAR Control Registers.
    pub resizable: [Resizable; 6],
}

/// The register file of one function. All-zeros is an empty one.
pub struct RegisterFile {
    /// What is read.
    value: Bits,
    /// What is read after a reset.
    pub after_reset: Bits,
    /// Which bits can be written.
    pub writable: Bits,
    /// Which are cleared by writing 1.
    pub clears: Bits,
    /// Which a reset leaves.
    pub sticky: Bits,
    /// Which change by themselves.
    pub changes: Bits,
    /// Which are the device's.
    pub device: Bits,
    /// What writes mean.
    pub special: Special,
    /// So many milliseconds after a reset it answers.
    pub ready_ms: u32,
    ready_ns: u64,
    /// How often it was reset.
    pub resets: u32,
}

/// The place of a byte; the last one for what is no offset.
fn index(offset: u16) -> usize {
    usize::from(offset.min(LAST_OFFSET))
}

/// A byte of these bits.
pub fn byte(bits: &Bits, offset: u16) -> u8 {
    bits.get(index(offset)).copied().unwrap_or_default()
}

/// Sets a byte of these bits.
pub fn set_byte(bits: &mut Bits, offset: u16, value: u8) {
    if let Some(place) = bits.get_mut(index(offset)) {
        *place = value;
    }
}

/// `size` bytes of these bits, little-endian.
pub fn word(bits: &Bits, offset: u16, size: u8) -> u32 {
    (0..u16::from(size)).rev().fold(0, |word, n| {
        word << 8 | u32::from(byte(bits, offset.saturating_add(n)))
    })
}

/// Sets `size` bytes of these bits, little-endian.
pub fn set_word(bits: &mut Bits, offset: u16, size: u8, value: u32) {
    for (n, value) in (0..u16::from(size)).zip(value.to_le_bytes()) {
        set_byte(bits, offset.saturating_add(n), value);
    }
}

/// Moves what is selected by `mask` from `from` into `to`.
fn select(to: u8, from: u8, mask: u8) -> u8 {
    to & !mask | from & mask
}

impl RegisterFile {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            value: [0; SIZE],
            after_reset: [0; SIZE],
            writable: [0; SIZE],
            clears: [0; SIZE],
            sticky: [0; SIZE],
            changes: [0; SIZE],
            device: [0; SIZE],
            special: Special {
                device_control: 0,
                af_control: 0,
                pm_control: 0,
                resizable: [Resizable { control: 0 }; 6],
            },
            ready_ms: 0,
            ready_ns: 0,
            resets: 0,
        }
    }

    /// Switches it on: everything, what is sticky too, has its value after a reset.
    pub fn power_on(&mut self, device: &mut impl Device) {
        self.value = self.after_reset;
        set_byte(&mut self.device, INTERRUPT_LINE, 0);
        device.write(INTERRUPT_LINE, 1, MARK);
        self.resize();
    }

    /// Resets it.
    fn reset(&mut self, now_ns: u64) {
        for ((value, new), sticky) in self
            .value
            .iter_mut()
            .zip(&self.after_reset)
            .zip(&self.sticky)
        {
            *value = select(*new, *value, *sticky);
        }
        self.resize();
        self.resets = self.resets.saturating_add(1);
        self.ready_ns = now_ns.saturating_add(u64::from(self.ready_ms) * 1_000_000);
    }

    /// Returns whether the device below answers. One that was reset since has reset this.
    fn look_below(&mut self, now_ns: u64, device: &mut impl Device) -> bool {
        match device.read(INTERRUPT_LINE, 1) {
            MARK => {}
            0xff => return false,
            _ => {
                device.write(INTERRUPT_LINE, 1, MARK);
                self.reset(now_ns);
            }
        }
        true
    }

    /// An access at `now_ns`. Returns what is read, or `value`, which is written.
    pub fn access(
        &mut self,
        access: &Access,
        value: u32,
        now_ns: u64,
        device: &mut impl Device,
    ) -> u32 {
        if !self.look_below(now_ns, device) || now_ns < self.ready_ns {
            return if access.write { value } else { access.mask() };
        }
        if access.write {
            self.write(access, value, now_ns, device);
            value
        } else {
            self.read(access, device)
        }
    }

    fn read(&mut self, access: &Access, device: &mut impl Device) -> u32 {
        let Access { offset, size, .. } = *access;
        let theirs = word(&self.device, offset, size);
        let mut read = word(&self.value, offset, size);
        for n in 0..u16::from(size) {
            let at = offset.saturating_add(n);
            let inverted = byte(&self.value, at) ^ byte(&self.changes, at);
            set_byte(&mut self.value, at, inverted);
        }
        if theirs != 0 {
            read = read & !theirs | device.read(offset, size) & theirs;
        }
        read
    }

    fn write(&mut self, access: &Access, value: u32, now_ns: u64, device: &mut impl Device) {
        let Access { offset, size, .. } = *access;
        let power_state = self.power_state();
        for (n, new) in (0..u16::from(size)).zip(value.to_le_bytes()) {
            let at = offset.saturating_add(n);
            let written = select(byte(&self.value, at), new, byte(&self.writable, at));
            set_byte(
                &mut self.value,
                at,
                written & !(new & byte(&self.clears, at)),
            );
        }
        let theirs = word(&self.device, offset, size);
        if theirs != 0 {
            // What is not theirs is written back as it is, but for what a 1 clears.
            let kept = match theirs == access.mask() {
                true => 0,
                false => device.read(offset, size) & !word(&self.clears, offset, size),
            };
            device.write(offset, size, value & theirs | kept & !theirs);
        }
        self.resize();

        let asks = |control: u16, bit: u32| {
            control != 0
                && (offset..offset.saturating_add(size.into()))
                    .contains(&(control + bit as u16 / 8))
                && value >> (8 * (control + bit as u16 / 8 - offset)) & 1 << (bit % 8) != 0
        };
        let flr = asks(self.special.device_control, 15) || asks(self.special.af_control, 0);
        if flr || self.wakes(power_state) {
            self.reset(now_ns);
        }
    }

    /// `PCI_PM_CTRL_STATE_MASK` of `PCI_PM_CTRL`.
    fn power_state(&self) -> u8 {
        match self.special.pm_control {
            0 => 0,
            control => byte(&self.value, control) & 3,
        }
    }

    /// Returns whether a write took it from D3hot, by `before`, to D0, which resets it. A state
    /// that it does not have is not entered (PCI PM 1.2, 3.2.4).
    fn wakes(&mut self, before: u8) -> bool {
        const D3HOT: u8 = 3;
        const NO_SOFT_RESET: u8 = 1 << 3;

        let control = self.special.pm_control;
        let now = self.power_state();
        // `PCI_PM_PMC` is two bytes before: D1 is bit 9, D2 bit 10.
        let states = byte(&self.after_reset, control.saturating_sub(1));
        if now == 1 && states & 1 << 1 == 0 || now == 2 && states & 1 << 2 == 0 {
            let value = byte(&self.value, control);
            set_byte(&mut self.value, control, value & !3 | before);
            return false;
        }
        control != 0
            && before == D3HOT
            && now == 0
            && byte(&self.value, control) & NO_SOFT_RESET == 0
    }

    /// Gives each resizable BAR the size that its control register says: its address bits below
    /// that read 0.
    fn resize(&mut self) {
        for Resizable { control } in self.special.resizable {
            if control == 0 {
                continue;
            }
            let value = word(&self.value, control, 4);
            let bar = 0x10 + 4 * (value & 7).min(5) as u16;
            // In powers of two, from 1 MiB on.
            let size = 1_u64 << (20 + (value >> 8 & 0x1f));
            let writable = !(size - 1);
            let is_64 = byte(&self.after_reset, bar) & 6 == 4;
            let words = [writable as u32, (writable >> 32) as u32];
            for (n, writable) in (0..2).zip(words).take(if is_64 { 2 } else { 1 }) {
                let at = bar + 4 * n;
                let flags = if n == 0 { 0xf } else { 0 };
                let value = word(&self.value, at, 4) & (writable | flags);
                set_word(&mut self.writable, at, 4, writable);
                set_word(&mut self.value, at, 4, value);
            }
        }
    }
}

impl Default for RegisterFile {
    fn default() -> Self {
        Self::new()
    }
}
