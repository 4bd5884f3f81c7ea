// SPDX-License-Identifier: GPL-2.0-only

//! A function of each sort, with a header that is valid for it.

use core::iter;

use pci_recovery_guard::guard::{
    function::Buses, Bar, BarKind, Capability, Function, Header, HeaderType, Learned, Refusal,
    Snapshot, Windows, ALL_ONES,
};

/// The offset of the PCI Express capability of every example.
pub(crate) const PCIE_CAP: u16 = 0x80;
/// The offset of the AER capability of every example.
pub(crate) const AER_CAP: u16 = 0x100;

/// A function and the header that it has when all is well.
pub(crate) struct Example {
    pub(crate) function: Function,
    pub(crate) header: Header,
}

impl Example {
    /// The header with word `index` replaced.
    pub(crate) fn with(&self, index: usize, value: u32) -> Header {
        let mut header = self.header;
        header[index] = value;
        header
    }

    /// The verdict on the header with word `index` replaced, without a known-good state.
    pub(crate) fn check_with(&self, index: usize, value: u32) -> Result<(), Refusal> {
        self.check(&self.with(index, value))
    }

    /// The verdict on `header`, without a known-good state.
    pub(crate) fn check(&self, header: &Header) -> Result<(), Refusal> {
        pci_recovery_guard::guard::check_header(header, &self.function, None)
    }

    /// The known-good state that the example's own header makes.
    pub(crate) fn known_good(&self) -> Snapshot {
        Snapshot::new(
            &self.header,
            iter::empty::<Capability<'_>>(),
            &self.function,
        )
    }
}

fn bar(address: u64, kind: BarKind) -> Option<Bar> {
    Some(Bar { address, kind })
}

/// An endpoint: a 64-bit BAR above 4G, a 32-bit one, I/O ports and an unused BAR.
pub(crate) fn endpoint() -> Example {
    Example {
        function: Function {
            header_type: HeaderType::Normal,
            is_vf: false,
            ids: 0x0005_1b36,
            class_revision: 0x00ff_0010,
            subsystem: 0x1100_1af4,
            bars: [
                bar(0x38_0000_4000, BarKind::Mem64),
                None,
                bar(0xfebf_0000, BarKind::Mem32),
                bar(0xc040, BarKind::Io),
                None,
                None,
            ],
            enabled: true,
            bus_master: true,
            msi: false,
            rom_enabled: false,
            l1ss: false,
            tph: false,
            buses: None,
            windows: Windows::default(),
            extended: true,
            pcie_cap: PCIE_CAP,
            aer_cap: AER_CAP,
            saved_before: [0; 16],
            learned: Learned::default(),
        },
        header: [
            0x0005_1b36,
            0x0010_0507,
            0x00ff_0010,
            0x0080_0010,
            0x0000_400c,
            0x0000_0038,
            0xfebf_0000,
            0x0000_c041,
            0,
            0,
            0,
            0x1100_1af4,
            0xfeb0_0001,
            0x0000_0040,
            0,
            0x0000_010a,
        ],
    }
}

/// A virtual function: its IDs read all-ones, its BARs and its Memory Space Enable 0.
pub(crate) fn virtual_function() -> Example {
    let Example {
        mut function,
        mut header,
    } = endpoint();
    function.is_vf = true;
    function.bars = [None; 6];
    header[0] = ALL_ONES;
    header[1] = 0x0010_0004;
    header[4..10].fill(0);
    header[12] = 0;
    header[15] = 0;
    Example { function, header }
}

/// A root port with one BAR.
pub(crate) fn bridge() -> Example {
    Example {
        function: Function {
            header_type: HeaderType::Bridge,
            is_vf: false,
            ids: 0x000c_1b36,
            class_revision: 0x0604_0000,
            subsystem: 0,
            bars: [
                bar(0xfe80_0000, BarKind::Mem32),
                None,
                None,
                None,
                None,
                None,
            ],
            enabled: true,
            bus_master: true,
            msi: false,
            rom_enabled: false,
            l1ss: false,
            tph: false,
            buses: Some(Buses {
                primary: 0,
                secondary: 1,
                subordinate: 3,
            }),
            windows: Windows::default(),
            extended: true,
            pcie_cap: PCIE_CAP,
            aer_cap: AER_CAP,
            saved_before: [0; 16],
            learned: Learned::default(),
        },
        header: [
            0x000c_1b36,
            0x0010_0507,
            0x0604_0000,
            0x0001_0010,
            0xfe80_0000,
            0,
            0x0003_0100,
            0x0000_d1c1,
            0xfe70_fe60,
            0x0001_fff1,
            0x0000_0038,
            0x0000_0038,
            0,
            0x0000_0040,
            0,
            0x0002_010b,
        ],
    }
}

/// The refusal of a register that reads all-ones.
pub(crate) fn all_ones(register: &'static str) -> Result<(), Refusal> {
    Err(Refusal::AllOnes { register })
}

/// The refusal of a register that reads `found` where only `expected` can be.
pub(crate) fn unexpected(register: &'static str, found: u32, expected: u32) -> Result<(), Refusal> {
    Err(Refusal::Unexpected {
        register,
        found,
        expected,
    })
}
