// SPDX-License-Identifier: GPL-2.0-only

//! Saved capabilities: which registers the PCI core saves of each, and where.

use core::iter;

/// `PCI_CAP_ID_EXP`.
pub const ID_EXP: u16 = 0x10;
/// `PCI_CAP_ID_PCIX`.
const ID_PCIX: u16 = 0x07;
/// `PCI_EXT_CAP_ID_ERR`.
pub const ID_ERR: u16 = 0x01;
/// `PCI_EXT_CAP_ID_VC`.
const ID_VC: u16 = 0x02;
/// `PCI_EXT_CAP_ID_MFVC`.
const ID_MFVC: u16 = 0x08;
/// `PCI_EXT_CAP_ID_VC9`.
const ID_VC9: u16 = 0x09;
/// `PCI_EXT_CAP_ID_TPH`.
pub const ID_TPH: u16 = 0x17;
/// `PCI_EXT_CAP_ID_LTR`.
const ID_LTR: u16 = 0x18;
/// `PCI_EXT_CAP_ID_DPC`.
const ID_DPC: u16 = 0x1d;
/// `PCI_EXT_CAP_ID_L1SS`.
pub const ID_L1SS: u16 = 0x1e;
/// `PCI_EXT_CAP_ID_PTM`.
const ID_PTM: u16 = 0x1f;

/// How many 16-bit registers the core saves of the PCI Express capability.
pub const EXP_REGISTERS: usize = 7;
/// How many 32-bit registers the core saves of the AER capability at the most.
pub const ERR_REGISTERS: usize = 5;

/// A register of a capability that the core saves.
#[derive(Debug)]
pub struct CapRegister {
    /// Its PCI_* name.
    pub name: &'static str,
    /// Its offset in the capability.
    pub offset: u16,
    /// Its width in bytes, 2 or 4.
    pub width: u8,
    /// Where the core keeps it in what it saves of the capability.
    pub place: u8,
    /// The bits compared after a restore.
    pub mask: u32,
    /// Those without which the function cannot be used, see
    /// [`Snapshot::verify`](super::Snapshot::verify).
    pub vital: u32,
}

impl CapRegister {
    /// A register of 16 bits, of which nothing is vital.
    const fn word(name: &'static str, offset: u16, place: u8, mask: u16) -> Self {
        Self {
            name,
            offset,
            width: 2,
            place,
            // CAST: Widens.
            mask: mask as u32,
            vital: 0,
        }
    }

    /// A register of 32 bits, of which nothing is vital.
    const fn dword(name: &'static str, offset: u16, place: u8, mask: u32) -> Self {
        Self {
            name,
            offset,
            width: 4,
            place,
            mask,
            vital: 0,
        }
    }

    /// The same register with vital bits.
    const fn vital(self, vital: u32) -> Self {
        Self { vital, ..self }
    }
}

/// A capability of which the core saves registers.
#[derive(Debug)]
pub struct Kind {
    /// Capability ID.
    pub id: u16,
    /// Whether it is an extended capability (offset 0x100 and above).
    pub extended: bool,
    /// The registers that are compared after a restore.
    pub registers: &'static [CapRegister],
}

const fn ordinary(id: u16, registers: &'static [CapRegister]) -> Kind {
    Kind {
        id,
        extended: false,
        registers,
    }
}

const fn extended(id: u16, registers: &'static [CapRegister]) -> Kind {
    Kind {
        id,
        extended: true,
        registers,
    }
}

/// Max_Payload_Size in Device Control: a function that sends more than the other end of the link
/// takes has its packets dropped (PCIe r6.0, sec 7.5.3.4).
const DEVCTL_PAYLOAD: u32 = 0x00e0;
/// Link Disable in Link Control, of a port (PCIe r6.0, sec 7.5.3.7).
const LNKCTL_DISABLE: u32 = 0x0010;

/// The registers of the PCI Express capability in the order in which the core saves them (PCIe
/// r6.0, sec 7.5.3).
pub const EXP: [CapRegister; EXP_REGISTERS] = [
    // Bit 15 starts an FLR and reads 0.
    CapRegister::word("PCI_EXP_DEVCTL", 0x08, 0, 0x7fff).vital(DEVCTL_PAYLOAD),
    // Bit 5 retrains the link and reads 0.
    CapRegister::word("PCI_EXP_LNKCTL", 0x10, 2, 0xffdf).vital(LNKCTL_DISABLE),
    CapRegister::word("PCI_EXP_SLTCTL", 0x18, 4, 0xffff),
    CapRegister::word("PCI_EXP_RTCTL", 0x1c, 6, 0xffff),
    CapRegister::word("PCI_EXP_DEVCTL2", 0x28, 8, 0xffff),
    CapRegister::word("PCI_EXP_LNKCTL2", 0x30, 10, 0xffff),
    CapRegister::word("PCI_EXP_SLTCTL2", 0x38, 12, 0xffff),
];

/// The registers of the AER capability in the order in which the core saves them (PCIe r6.0, sec
/// 7.8.4); the last one only of root ports and event collectors.
pub const ERR: [CapRegister; ERR_REGISTERS] = [
    CapRegister::dword("PCI_ERR_UNCOR_MASK", 0x08, 0, u32::MAX),
    CapRegister::dword("PCI_ERR_UNCOR_SEVER", 0x0c, 4, u32::MAX),
    CapRegister::dword("PCI_ERR_COR_MASK", 0x14, 8, u32::MAX),
    // Only the enable bits for ECRC are kept; the rest is capabilities and the first error pointer.
    CapRegister::dword("PCI_ERR_CAP", 0x18, 12, 0x0000_0140),
    CapRegister::dword("PCI_ERR_ROOT_COMMAND", 0x2c, 16, u32::MAX),
];

/// Both latencies: value and scale (PCIe r6.0, sec 7.8.2.2 and 7.8.2.3).
const LTR: [CapRegister; 1] = [CapRegister::dword(
    "PCI_LTR_MAX_SNOOP_LAT",
    0x04,
    0,
    0x1fff_1fff,
)];

/// L1 PM Substates (PCIe r6.0, sec 7.8.3.3 and 7.8.3.4), the second register first. Link Activation
/// Control, bit 5, is cleared by hardware. The core saves those of the port above, too.
pub const L1SS: [CapRegister; 2] = [
    CapRegister::dword("PCI_L1SS_CTL2", 0x0c, 0, 0x0000_00fb),
    CapRegister::dword("PCI_L1SS_CTL1", 0x08, 4, 0xe3ff_ff1f),
];

/// Restored and not compared: all that can be written (PCIe r6.0, sec 7.9.15.3) is the kernel's to
/// change around sleep.
const PTM: [CapRegister; 0] = [];

/// Bit 6 triggers and reads 0 (PCIe r6.0, sec 7.9.14.3).
const DPC: [CapRegister; 1] = [CapRegister::word("PCI_EXP_DPC_CTL", 0x06, 0, 0xffbf)];

/// Of an endpoint; a bridge has its Secondary Status there, which is not compared (PCI-X addendum
/// r2.0, sec 7.2.3 and 8.6.2.3).
const PCIX: [CapRegister; 1] = [CapRegister::word("PCI_X_CMD", 0x02, 0, 0x007f)];

/// ST Mode Select and TPH Requester Enable (PCIe r6.0, sec 7.9.13.3). The steering tags are
/// restored and not compared.
const TPH: [CapRegister; 1] = [CapRegister::dword("PCI_TPH_CTRL", 0x08, 0, 0x0000_0307)];

/// VC Arbitration Select; bit 0 loads the table and reads 0 (PCIe r6.0, sec 7.9.1.5).
const VC_PORT: CapRegister = CapRegister::word("PCI_VC_PORT_CTRL", 0x0c, 0, 0x000e);

/// The name of the control of a channel.
pub const VC_RES_CTRL: &str = "PCI_VC_RES_CTRL";

/// VC Resource Control of channel `n`: traffic classes, arbitration, ID and enable; bit 16 loads
/// the table and reads 0 (PCIe r6.0, sec 7.9.1.8). Where the core keeps it is this only without
/// arbitration tables, see [`Kind::saved`].
const fn vc_resource(n: u16) -> CapRegister {
    CapRegister::dword(
        VC_RES_CTRL,
        0x14 + 12 * n,
        // CAST: 4 to 32.
        4 + 4 * n as u8,
        0x870e_00ff,
    )
}

const VC: [CapRegister; 9] = [
    VC_PORT,
    vc_resource(0),
    vc_resource(1),
    vc_resource(2),
    vc_resource(3),
    vc_resource(4),
    vc_resource(5),
    vc_resource(6),
    vc_resource(7),
];

/// How many kinds of capabilities there are that the core saves.
pub const KIND_COUNT: usize = 11;

/// The kinds of capabilities that the core saves (`pci_save_state()`).
pub const KINDS: [Kind; KIND_COUNT] = [
    ordinary(ID_EXP, &EXP),
    extended(ID_ERR, &ERR),
    extended(ID_LTR, &LTR),
    extended(ID_L1SS, &L1SS),
    extended(ID_PTM, &PTM),
    extended(ID_DPC, &DPC),
    ordinary(ID_PCIX, &PCIX),
    extended(ID_TPH, &TPH),
    extended(ID_VC, &VC),
    extended(ID_MFVC, &VC),
    extended(ID_VC9, &VC),
];

/// Index in [`KINDS`] of the PCI Express capability.
pub const EXP_KIND: usize = 0;
/// Index in [`KINDS`] of the AER capability.
pub const ERR_KIND: usize = 1;

impl Kind {
    /// Returns the index in [`KINDS`] of a capability, [`None`] where it is none of them.
    pub fn index(id: u16, extended: bool) -> Option<usize> {
        KINDS
            .iter()
            .position(|kind| kind.id == id && kind.extended == extended)
    }

    /// Returns whether it is Virtual Channel, in any of its forms.
    pub fn is_vc(&self) -> bool {
        self.extended && matches!(self.id, ID_VC | ID_MFVC | ID_VC9)
    }

    /// Returns whether it is PCI-X.
    pub fn is_pcix(&self) -> bool {
        !self.extended && self.id == ID_PCIX
    }

    /// Returns whether it is L1 PM Substates.
    pub fn is_l1ss(&self) -> bool {
        self.extended && self.id == ID_L1SS
    }

    /// Returns whether it is TPH.
    pub fn is_tph(&self) -> bool {
        self.extended && self.id == ID_TPH
    }

    /// Returns how many of the registers `data` holds, which the core saved of a capability with
    /// `channels` virtual channels beside the first one.
    ///
    /// Arbitration tables lie between the controls of the channels: where there are any, only the
    /// port's own control is compared.
    pub fn saved(&self, data: &[u8], channels: u8) -> usize {
        if !self.is_vc() {
            return self.registers.len();
        }
        let resources = usize::from(channels) + 1;
        if data.len() == 4 + 4 * resources {
            1 + resources
        } else {
            1
        }
    }
}

/// Where the capabilities are that the core saves, by their index in [`KINDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub(super) at: [u16; KIND_COUNT],
    /// Virtual channels beside the first one.
    pub(super) channels: [u8; KIND_COUNT],
}

impl Places {
    /// Returns the offset of the first capability of a kind, [`None`] where there is none.
    pub fn at(&self, kind: usize) -> Option<u16> {
        self.at.get(kind).copied().filter(|&offset| offset != 0)
    }

    /// Returns how many virtual channels a capability of that kind has beside the first one.
    pub fn channels(&self, kind: usize) -> u8 {
        self.channels.get(kind).copied().unwrap_or(0)
    }

    /// Adds a capability unless there is one of its kind: the core takes the first.
    pub(super) fn add(&mut self, id: u16, extended: bool, offset: u16) {
        let place = Kind::index(id, extended).and_then(|kind| self.at.get_mut(kind));
        if let Some(place) = place.filter(|place| **place == 0) {
            *place = offset;
        }
    }
}

/// What the core saved of one capability: `struct pci_cap_saved_data` without its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability<'a> {
    /// Capability ID.
    pub id: u16,
    /// Whether it is an extended capability (offset 0x100 and above).
    pub extended: bool,
    /// The saved registers, in the CPU's byte order.
    pub data: &'a [u8],
}

impl Capability<'_> {
    /// Returns whether it is the PCI Express capability.
    pub fn is_exp(&self) -> bool {
        !self.extended && self.id == ID_EXP
    }

    /// Returns whether it is the AER capability.
    pub fn is_err(&self) -> bool {
        self.extended && self.id == ID_ERR
    }

    /// Returns whether it is Virtual Channel, in any of its forms.
    pub fn is_vc(&self) -> bool {
        self.extended && matches!(self.id, ID_VC | ID_MFVC | ID_VC9)
    }

    /// Returns the saved value of `register`, [`None`] where the core has not saved it.
    pub fn value(&self, register: &CapRegister) -> Option<u32> {
        let rest = self.data.get(usize::from(register.place)..)?;
        match (register.width, rest) {
            (2, [a, b, ..]) => Some(u16::from_ne_bytes([*a, *b]).into()),
            (4, [a, b, c, d, ..]) => Some(u32::from_ne_bytes([*a, *b, *c, *d])),
            _ => None,
        }
    }

    /// The saved 16-bit words.
    pub fn words(&self) -> impl Iterator<Item = u16> + '_ {
        arrays(self.data).map(|bytes| u16::from_ne_bytes(*bytes))
    }

    /// The saved 32-bit words.
    pub fn dwords(&self) -> impl Iterator<Item = u32> + '_ {
        arrays(self.data).map(|bytes| u32::from_ne_bytes(*bytes))
    }
}

/// Returns the arrays of `N` bytes that follow each other in `bytes`, without a shorter rest.
///
/// `chunks_exact()` keeps its length and divides by it: in a kernel that is optimized for size the
/// panic for a length of 0 stays in the code, and objtool does not know that this one
/// (`panic_const_div_by_zero`) does not return: "falls through to next function".
fn arrays<const N: usize>(mut bytes: &[u8]) -> impl Iterator<Item = &[u8; N]> {
    iter::from_fn(move || {
        let (array, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(array)
    })
}
