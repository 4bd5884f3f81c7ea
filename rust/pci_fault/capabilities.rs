// SPDX-License-Identifier: GPL-2.0-only

//! What can be written to a config space, and what a reset leaves of it: for the header and for
//! each capability, once, from the specifications. Knows no kernel: host tests compile the same
//! file.
//!
//! Sources: PCI Express Base Specification 6.0, chapter 7 (header, PCI Express and extended
//! capabilities); PCI Local Bus Specification 3.0, chapter 6 (header, MSI, MSI-X); PCI Power
//! Management 1.2, chapter 3; PCI-X 2.0, chapter 7; the names and offsets are those of
//! [`include/uapi/linux/pci_regs.h`](srctree/include/uapi/linux/pci_regs.h). A capability that is
//! not here is read-only, as are the virtual functions that SR-IOV would add: a model has none.

use super::registers::{
    byte,
    set_word,
    word,
    RegisterFile,
    Resizable, //
};

/// A register of four bytes: its offset in the capability, and bits of it.
#[derive(Clone, Copy)]
struct Row {
    offset: u16,
    /// They can be written.
    writable: u32,
    /// Writing 1 clears them.
    clears: u32,
    /// A reset leaves them.
    sticky: u32,
    /// What the writable ones are after a reset, where the specification says so.
    default: u32,
}

/// A register whose writable bits are 0 after a reset.
const fn row(offset: u16, writable: u32) -> Row {
    Row {
        offset,
        writable,
        clears: 0,
        sticky: 0,
        default: 0,
    }
}

/// The same, with bits that are cleared by writing 1.
const fn status(offset: u16, writable: u32, clears: u32) -> Row {
    Row {
        clears,
        ..row(offset, writable)
    }
}

/// The same, with a default.
const fn with_default(offset: u16, writable: u32, default: u32) -> Row {
    Row {
        default,
        ..row(offset, writable)
    }
}

/// The same, and a reset leaves all of it.
const fn sticky(offset: u16, writable: u32, default: u32) -> Row {
    Row {
        sticky: u32::MAX,
        ..with_default(offset, writable, default)
    }
}

const HEADER: &[Row] = &[
    // PCI_COMMAND: decoding, mastering, parity, SERR#, INTx; PCI_STATUS.
    status(0x04, 0x0547, 0xf900_0000),
    // PCI_CACHE_LINE_SIZE; PCI_LATENCY_TIMER, 0 in PCI Express.
    row(0x0c, 0x0000_00ff),
];

/// PCI_INTERRUPT_LINE.
const HEADER_0: &[Row] = &[row(0x3c, 0xff)];

const HEADER_1: &[Row] = &[
    // Bus numbers.
    row(0x18, 0x00ff_ffff),
    // I/O window, PCI_SEC_STATUS.
    status(0x1c, 0xf0f0, 0xf900_0000),
    row(0x20, 0xfff0_fff0),
    row(0x24, 0xfff0_fff0),
    row(0x28, u32::MAX),
    row(0x2c, u32::MAX),
    row(0x30, u32::MAX),
    // PCI_INTERRUPT_LINE, PCI_BRIDGE_CONTROL.
    row(0x3c, 0x005f_00ff),
];

/// PCI_PM_CTRL: power state, PME enable; PME status.
const PM: &[Row] = &[Row {
    offset: 4,
    writable: 0x0103,
    clears: 0x8000,
    sticky: 0x8100,
    default: 0,
}];

/// PCI_X_CMD; PCI_X_STATUS: discarded and unexpected split completions.
const PCI_X: &[Row] = &[row(0, 0x007f_0000), status(4, 0, 0x000c_0000)];

/// PCI_MSIX_FLAGS: enable, mask all.
const MSI_X: &[Row] = &[row(0, 0xc000_0000)];

/// PCI Express, but for the registers that its type and its version decide.
const EXPRESS: &[Row] = &[
    // PCI_EXP_DEVCTL (FLR reads 0), PCI_EXP_DEVSTA.
    status(0x08, 0x7fff, 0x000f_0000),
    // PCI_EXP_LNKCTL, as an endpoint has it.
    row(0x10, 0x03cb),
];

/// What a port has in PCI_EXP_LNKCTL (link disable), PCI_EXP_LNKSTA, PCI_EXP_SLTCTL and
/// PCI_EXP_SLTSTA.
const EXPRESS_PORT: &[Row] = &[
    status(0x10, 0x0fdb, 0xc000_0000),
    status(0x18, 0x3fff, 0x011f_0000),
];

/// PCI_EXP_RTCTL, PCI_EXP_RTSTA.
const EXPRESS_ROOT: &[Row] = &[row(0x1c, 0x001f), status(0x20, 0, 0x0001_0000)];

/// PCI_EXP_DEVCTL2, PCI_EXP_LNKCTL2 and PCI_EXP_SLTCTL2, since version 2 of the capability.
const EXPRESS_2: &[Row] = &[row(0x28, 0xffff), sticky(0x30, 0xffbf, 0), row(0x38, 0)];

const AER: &[Row] = &[
    // PCI_ERR_UNCOR_STATUS, _MASK, _SEVER.
    Row {
        clears: 0x07ff_f030,
        ..sticky(0x04, 0, 0)
    },
    sticky(0x08, 0x07ff_f030, 0x0040_0000),
    sticky(0x0c, 0x07ff_f030, 0x0046_2030),
    // PCI_ERR_COR_STATUS, _MASK.
    Row {
        clears: 0xf1c1,
        ..sticky(0x10, 0, 0)
    },
    sticky(0x14, 0xf1c1, 0xe000),
    // PCI_ERR_CAP: generate and check ECRC.
    sticky(0x18, 0x0140, 0),
    // PCI_ERR_HEADER_LOG.
    sticky(0x1c, 0, 0),
    sticky(0x20, 0, 0),
    sticky(0x24, 0, 0),
    sticky(0x28, 0, 0),
];

/// PCI_ERR_ROOT_COMMAND, PCI_ERR_ROOT_STATUS, PCI_ERR_ROOT_ERR_SRC.
const AER_ROOT: &[Row] = &[
    row(0x2c, 7),
    Row {
        clears: 0x7f,
        ..sticky(0x30, 0, 0)
    },
    sticky(0x34, 0, 0),
];

/// The capabilities below 0x100 of which no register depends on another one: number, registers.
const FIXED: &[(u8, &[Row])] = &[(0x01, PM), (0x07, PCI_X), (0x11, MSI_X)];

/// The extended ones.
const FIXED_EXTENDED: &[(u16, &[Row])] = &[
    (0x01, AER),
    // Power budgeting: PCI_PWR_DSR, the data select.
    (0x04, &[row(0x04, 0xff)]),
    // PCI_ACS_CTRL. What is not in PCI_ACS_CAP cannot be written.
    (0x0d, &[row(0x04, 0x007f_0000)]),
    // PCI_ARI_CTRL.
    (0x0e, &[row(0x04, 0x0073_0000)]),
    // PCI_ATS_CTRL: enable, smallest translation unit.
    (0x0f, &[row(0x04, 0x801f_0000)]),
    // PCI_SRIOV_CTRL, PCI_SRIOV_NUM_VF, PCI_SRIOV_SYS_PGSIZE.
    (
        0x10,
        &[
            row(0x08, 0x001f),
            row(0x10, 0xffff),
            with_default(0x20, 1, 1),
        ],
    ),
    // PCI_PRI_CTRL, PCI_PRI_STATUS, PCI_PRI_ALLOC_REQ.
    (0x13, &[status(0x04, 3, 0x0003_0000), row(0x0c, u32::MAX)]),
    // PCI_TPH_CTRL: mode, requester enable.
    (0x17, &[row(0x08, 0x0307)]),
    // PCI_LTR_MAX_SNOOP_LAT, PCI_LTR_MAX_NOSNOOP_LAT.
    (0x18, &[row(0x04, 0x1fff_1fff)]),
    // PCI_SECPCI: Link Control 3.
    (0x19, &[row(0x04, 0xfe03)]),
    // PCI_PASID_CTRL.
    (0x1b, &[row(0x04, 0x0007_0000)]),
    // PCI_EXP_DPC_CTL, PCI_EXP_DPC_STATUS, and what root ports have.
    (
        0x1d,
        &[
            row(0x04, 0x00bf_0000),
            Row {
                clears: 0x001d,
                ..sticky(0x08, 0, 0)
            },
            Row {
                clears: 0x0007_0707,
                ..sticky(0x0c, 0, 0)
            },
            sticky(0x10, 0x0007_0707, 0x0007_0707),
            sticky(0x14, 0x0007_0707, 0),
            sticky(0x18, 0x0007_0707, 0),
            sticky(0x1c, 0x0007_0707, 0),
        ],
    ),
    // PCI_L1SS_CTL1, PCI_L1SS_CTL2.
    (
        0x1e,
        &[row(0x08, 0xe3ff_ff0f), with_default(0x0c, 0xfb, 0x28)],
    ),
    // PCI_PTM_CTRL: enable, root select, effective granularity.
    (0x1f, &[row(0x08, 0xff03)]),
    // Data Link Feature: exchange enable is HwInit; nothing can be written.
    (0x25, &[]),
];

/// PCI Express ports by PCI_EXP_FLAGS_TYPE.
const ROOT_PORT: u8 = 4;
const DOWNSTREAM: u8 = 6;

/// How the function is described while its registers are being made.
struct Making<'a> {
    file: &'a mut RegisterFile,
    /// The values are those of a function in use.
    running: bool,
    express_type: u8,
}

/// Reads the capabilities of `file` out of its values after a reset, and says what can be written
/// to which register. Where it is `running`, the values are those of a function in use: what can be
/// written, and what an event sets, becomes what the specification says of a reset.
pub fn apply(file: &mut RegisterFile, running: bool) {
    let mut making = Making {
        file,
        running,
        express_type: u8::MAX,
    };
    making.header();
    making.conventional();
    if making.express_type != u8::MAX {
        making.extended();
    }
}

impl Making<'_> {
    fn read(&self, offset: u16, size: u8) -> u32 {
        word(&self.file.after_reset, offset, size)
    }

    /// The registers of a capability at `base`, or of the header.
    fn rows(&mut self, base: u16, rows: &[Row]) {
        for row in rows {
            self.row(base, row);
        }
    }

    fn row(&mut self, base: u16, row: &Row) {
        let at = base.saturating_add(row.offset);
        if usize::from(at) + 4 > super::registers::SIZE {
            return;
        }
        set_word(&mut self.file.writable, at, 4, row.writable);
        set_word(&mut self.file.clears, at, 4, row.clears);
        set_word(&mut self.file.sticky, at, 4, row.sticky);
        if self.running {
            let fixed = self.read(at, 4) & !(row.writable | row.clears);
            let value = fixed | row.default & row.writable;
            set_word(&mut self.file.after_reset, at, 4, value);
        }
    }

    fn is_bridge(&self) -> bool {
        self.read(0x0e, 1) & 0x7f == 1
    }

    fn header(&mut self) {
        self.rows(0, HEADER);
        self.rows(0, if self.is_bridge() { HEADER_1 } else { HEADER_0 });
        if self.running {
            // PCI_LATENCY_TIMER and PCI_BIST.
            set_word(&mut self.file.after_reset, 0x0d, 1, 0);
            set_word(&mut self.file.after_reset, 0x0f, 1, 0);
        }
    }

    /// The list that PCI_CAPABILITY_LIST begins. One that loops ends where it has been.
    fn conventional(&mut self) {
        if self.read(0x06, 1) & 0x10 == 0 {
            return;
        }
        let mut seen = [false; 64];
        let mut at = self.read(0x34, 1) as u16 & 0xfc;
        while at >= 0x40 {
            match seen.get_mut(usize::from(at / 4)) {
                Some(seen) if !*seen => *seen = true,
                _ => return,
            }
            // CAST: A byte.
            let id = self.read(at, 1) as u8;
            self.capability(id, at);
            at = self.read(at + 1, 1) as u16 & 0xfc;
        }
    }

    fn capability(&mut self, id: u8, at: u16) {
        for (_, rows) in FIXED.iter().filter(|(fixed, _)| *fixed == id) {
            self.rows(at, rows);
        }
        match id {
            // Power management.
            0x01 => self.file.special.pm_control = at + 4,
            // MSI.
            0x05 => self.msi(at),
            // PCI Express.
            0x10 => self.express(at),
            // Advanced Features: PCI_AF_CAP_FLR.
            0x13 if self.read(at + 3, 1) & 2 != 0 => self.file.special.af_control = at + 4,
            _ => {}
        }
    }

    fn msi(&mut self, at: u16) {
        // PCI_MSI_FLAGS: 64-bit address, mask of each vector.
        let flags = self.read(at + 2, 2);
        let data = if flags & 0x80 == 0 { 8 } else { 12 };
        self.rows(at, &[row(0, 0x0071_0000), row(4, 0xffff_fffc)]);
        if data == 12 {
            self.rows(at, &[row(8, u32::MAX)]);
        }
        self.rows(at, &[row(data, 0xffff)]);
        if flags & 0x100 != 0 {
            let vectors = 1_u64 << (flags >> 1 & 7);
            // CAST: At most 32 bits where at most 32 vectors can be requested.
            let mask = ((1_u64 << vectors.min(32)) - 1) as u32;
            self.rows(at, &[row(data + 4, mask)]);
        }
    }

    fn express(&mut self, at: u16) {
        // PCI_EXP_FLAGS.
        let flags = self.read(at + 2, 2);
        // CAST: Four bits.
        self.express_type = (flags >> 4 & 0xf) as u8;
        // PCI_EXP_DEVCAP_FLR.
        if self.read(at + 4, 4) & 1 << 28 != 0 {
            self.file.special.device_control = at + 8;
        }
        self.rows(at, EXPRESS);
        if self.running {
            // PCI_EXP_DEVCTL: relaxed ordering, no snoop, 512 bytes a read.
            set_word(&mut self.file.after_reset, at + 8, 2, 0x2810);
        }
        if matches!(self.express_type, ROOT_PORT | DOWNSTREAM) {
            self.rows(at, EXPRESS_PORT);
        }
        if self.express_type == ROOT_PORT {
            self.rows(at, EXPRESS_ROOT);
        }
        if flags & 0xf >= 2 {
            // PCI_EXP_LNKCTL2: the fastest speed of PCI_EXP_LNKCAP is the target after a reset.
            let speed = self.read(at + 0x0c, 4) & 0xf;
            self.rows(at, EXPRESS_2);
            if self.running {
                set_word(&mut self.file.after_reset, at + 0x30, 2, speed);
            }
        }
    }

    /// The list that begins at 0x100.
    fn extended(&mut self) {
        let mut seen = [false; 1024];
        let mut at = 0x100_u16;
        while at >= 0x100 {
            match seen.get_mut(usize::from(at / 4)) {
                Some(seen) if !*seen => *seen = true,
                _ => return,
            }
            let header = self.read(at, 4);
            if header == 0 || header == u32::MAX {
                return;
            }
            // CAST: 16 and 12 bits.
            let (id, next) = ((header & 0xffff) as u16, (header >> 20 & 0xffc) as u16);
            self.extended_capability(id, at);
            at = next;
        }
    }

    fn extended_capability(&mut self, id: u16, at: u16) {
        for (_, rows) in FIXED_EXTENDED.iter().filter(|(fixed, _)| *fixed == id) {
            self.rows(at, rows);
        }
        match id {
            0x01 if self.express_type == ROOT_PORT => self.rows(at, AER_ROOT),
            // Virtual Channel, also of a function with more than one.
            0x02 | 0x09 => self.virtual_channels(at),
            0x0d => self.access_control(at),
            // The BARs of virtual functions, of which there are none.
            0x10 if self.running => {
                for bar in 0..6 {
                    set_word(&mut self.file.after_reset, at + 0x24 + 4 * bar, 4, 0);
                }
            }
            // Resizable BAR.
            0x15 => self.resizable(at),
            0x17 => self.steering_tags(at),
            _ => {}
        }
    }

    fn virtual_channels(&mut self, at: u16) {
        // PCI_VC_PORT_CAP1: extended channels; PCI_VC_PORT_CTRL: arbitration.
        let extended = self.read(at + 4, 1) & 7;
        self.rows(at, &[row(0x0c, 0x000e)]);
        for channel in 0..=extended as u16 {
            // PCI_VC_RES_CTRL. The first one is on, and has all traffic.
            let control = match channel {
                0 => with_default(0, 0x000e_00fe, 0xfe),
                _ => row(0, 0x870e_00fe),
            };
            self.rows(at + 0x14 + 12 * channel, &[control]);
        }
    }

    /// What is not in PCI_ACS_CAP cannot be written to PCI_ACS_CTRL.
    fn access_control(&mut self, at: u16) {
        let control = self.read(at + 4, 2) & 0x7f;
        set_word(&mut self.file.writable, at + 6, 2, control);
    }

    fn resizable(&mut self, at: u16) {
        // PCI_REBAR_CTRL_NBAR_MASK.
        let bars = self.read(at + 8, 4) >> 5 & 7;
        for bar in 0..bars.min(6) as u16 {
            let control = at + 8 + 8 * bar;
            // PCI_REBAR_CTRL_BAR_SIZE. It is what it is in a function in use.
            set_word(&mut self.file.writable, control, 4, 0x1f00);
            if let Some(resizable) = self.file.special.resizable.get_mut(usize::from(bar)) {
                *resizable = Resizable { control };
            }
        }
    }

    /// The table of steering tags that follows PCI_TPH_CTRL, where it is in the capability.
    fn steering_tags(&mut self, at: u16) {
        let capability = self.read(at + 4, 4);
        if capability >> 9 & 3 != 1 {
            return;
        }
        let tags = (capability >> 16 & 0x7ff) as u16 + 1;
        for two in 0..tags.div_ceil(2) {
            self.rows(at, &[row(0x0c + 4 * two, u32::MAX)]);
        }
    }
}

/// Makes the address bits of a BAR, or of the ROM, of `size` bytes writable. Its other bits stay,
/// and its address after a reset is 0.
pub fn set_bar(file: &mut RegisterFile, at: u16, size: u64) {
    let flags = byte(&file.after_reset, at);
    let is_rom = !(0x10..0x28).contains(&at);
    // PCI_ROM_ADDRESS_ENABLE can be written; the other bits say what it is.
    let (fixed, enable) = match (is_rom, flags & 1) {
        (true, _) => (0x7ff, 1),
        (false, 0) => (0xf, 0),
        (false, _) => (3, 0),
    };
    let writable = !(size.max(1) - 1);
    // CAST: Half of it each.
    let halves = [writable as u32 & !fixed | enable, (writable >> 32) as u32];
    let words = if !is_rom && flags & 7 == 4 { 2 } else { 1 };
    for (n, writable) in (0..2).zip(halves).take(words) {
        let value = word(&file.after_reset, at + 4 * n, 4) & !writable;
        set_word(&mut file.writable, at + 4 * n, 4, writable);
        set_word(&mut file.after_reset, at + 4 * n, 4, value);
    }
}
