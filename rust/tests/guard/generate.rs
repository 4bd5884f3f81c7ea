// SPDX-License-Identifier: GPL-2.0-only

//! Any function, in a state that is valid for it; and garbage.

use pci_recovery_guard::guard::{
    capability::EXP_REGISTERS, function::Buses, Bar, BarKind, Function, HeaderType, Learned,
    Windows, ALL_ONES, HEADER_WORDS,
};
use proptest::{array, collection, prelude::*, sample};

use crate::model::{
    build::{fit_bars, header},
    reads::{Save, Saved, ID_DPC, ID_L1SS, ID_LTR, ID_PCIX, ID_PTM, ID_VC, ID_VC9, ID_VC_MF},
};

/// A function and a save of it when all was well.
#[derive(Clone, Debug)]
pub struct Device {
    pub function: Function,
    pub save: Save,
}

/// Any word, more often one at the edge.
pub fn word() -> BoxedStrategy<u32> {
    prop_oneof![
        4 => any::<u32>(),
        1 => Just(0),
        1 => Just(ALL_ONES),
        1 => (0..32_u32).prop_map(|bit| 1 << bit),
    ]
    .boxed()
}

fn kind() -> impl Strategy<Value = BarKind> {
    sample::select(&[BarKind::Io, BarKind::Mem32, BarKind::Mem64][..])
}

fn address() -> impl Strategy<Value = u64> {
    (word(), word()).prop_map(|(high, low)| (u64::from(high) << 32) | u64::from(low))
}

/// Words of PCI Express with encodings of MPS and MRRS that exist.
fn exp() -> impl Strategy<Value = Saved> {
    let words = array::uniform7(prop_oneof![2 => 0..0xffff_u16, 1 => Just(0)]);
    (words, 0..6_u16, 0..6_u16).prop_map(
        |(mut words, payload, request): ([u16; EXP_REGISTERS], _, _)| {
            words[0] = words[0] & 0x8f1f | (payload << 5) | (request << 12);
            Saved::exp(&words)
        },
    )
}

fn dwords(id: u16, count: usize) -> impl Strategy<Value = Saved> {
    collection::vec(0..ALL_ONES, count).prop_map(move |dwords| Saved::dwords(id, &dwords))
}

fn channels() -> impl Strategy<Value = Saved> {
    let ids = sample::select(&[ID_VC, ID_VC_MF, ID_VC9][..]);
    (ids, 0..0xffff_u16, collection::vec(0..ALL_ONES, 1..9)).prop_map(|(id, control, dwords)| {
        let [a, b] = control.to_ne_bytes();
        let mut saved = Saved::dwords(id, &dwords);
        saved.data.splice(0..0, [a, b, 0, 0]);
        saved
    })
}

fn tph() -> impl Strategy<Value = Saved> {
    (0..ALL_ONES, collection::vec(any::<u16>(), 0..9))
        .prop_map(|(control, tags)| Saved::tph(control, &tags))
}

fn word16(id: u16, extended: bool) -> impl Strategy<Value = Saved> {
    (0..0xffff_u16).prop_map(move |word| Saved::words(id, extended, &[word]))
}

/// Any choice of the capabilities that the core saves, in the order of the saves or any other.
fn capabilities() -> BoxedStrategy<Vec<Saved>> {
    let all = (
        prop::option::weighted(0.9, exp()),
        prop::option::of(dwords(ID_L1SS, 2)),
        prop::option::of(dwords(ID_LTR, 1)),
        prop::option::weighted(0.2, word16(ID_PCIX, false)),
        prop::option::weighted(0.3, word16(ID_DPC, true)),
        prop::option::weighted(0.8, (4..=5_usize).prop_flat_map(|n| dwords(0x01, n))),
        prop::option::of(dwords(ID_PTM, 1)),
        prop::option::weighted(0.3, tph()),
        prop::option::weighted(0.3, channels()),
    );
    all.prop_map(|(exp, l1ss, ltr, pcix, dpc, err, ptm, tph, vc)| {
        let all = [exp, l1ss, ltr, pcix, dpc, err, ptm, tph, vc];
        all.into_iter().flatten().collect::<Vec<_>>()
    })
    .prop_flat_map(|saved| prop_oneof![Just(saved.clone()), Just(saved).prop_shuffle()])
    .boxed()
}

/// BARs that fit into `header_type`, an upper half of a 64-bit one left free.
fn bars(header_type: HeaderType) -> BoxedStrategy<[Option<Bar>; 6]> {
    let raw = array::uniform6(prop::option::of((kind(), address())));
    raw.prop_map(move |raw| fit_bars(header_type, &raw)).boxed()
}

fn function() -> BoxedStrategy<Function> {
    let layout = (any::<bool>(), prop::bool::weighted(0.2));
    let describe = |(bridge, is_vf)| {
        let (header_type, is_vf) = match bridge {
            true => (HeaderType::Bridge, false),
            false => (HeaderType::Normal, is_vf),
        };
        let buses = (0..0xfe_u8, any::<u8>(), any::<u8>()).prop_map(|(primary, a, b)| Buses {
            primary,
            secondary: a.min(b).max(primary + 1),
            subordinate: a.max(b).max(primary + 1),
        });
        (
            bars(header_type),
            (any::<u16>(), 1..0xffff_u32, word(), word()),
            prop::option::weighted(0.9, buses),
            (any::<bool>(), any::<bool>()),
            (0x10..0x30_u16, 0x40..0x3e0_u16),
        )
            .prop_map(move |(bars, ids, buses, state, caps)| Function {
                header_type,
                is_vf,
                ids: (u32::from(ids.0) << 16) | ids.1,
                class_revision: ids.2,
                subsystem: ids.3,
                bars: if is_vf { [None; 6] } else { bars },
                enabled: state.0,
                bus_master: state.1,
                msi: false,
                rom_enabled: true,
                l1ss: false,
                tph: false,
                windows: Windows::default(),
                learned: Learned::default(),
                buses: buses.filter(|_| bridge),
                extended: true,
                pcie_cap: 4 * caps.0,
                aer_cap: 4 * caps.1,
                saved_before: [0; 16],
            })
            .boxed()
    };
    layout.prop_flat_map(describe).boxed()
}

/// Any function with a save of it when all was well.
pub fn device() -> impl Strategy<Value = Device> {
    (function(), array::uniform16(word()), capabilities()).prop_map(
        |(mut function, raw, capabilities)| {
            let header = header(&function, &raw);
            function.saved_before = header;
            let save = Save {
                header,
                capabilities,
                command_status: header[1],
            };
            Device { function, save }
        },
    )
}

/// A function that no kernel would describe so.
pub fn any_function() -> impl Strategy<Value = Function> {
    let bars = array::uniform6(prop::option::of((address(), kind())));
    let ids = (1..=ALL_ONES, word(), word());
    let buses = prop::option::of(any::<(u8, u8, u8)>());
    let cap = || prop_oneof![any::<u16>(), Just(0), Just(u16::MAX)];
    (bars, ids, any::<[bool; 4]>(), buses, (cap(), cap())).prop_map(
        |(bars, ids, flags, buses, caps)| Function {
            header_type: match flags[0] {
                true => HeaderType::Bridge,
                false => HeaderType::Normal,
            },
            is_vf: flags[1],
            ids: ids.0,
            class_revision: ids.1,
            subsystem: ids.2,
            bars: bars.map(|bar| bar.map(|(address, kind)| Bar { address, kind })),
            enabled: flags[2],
            bus_master: flags[3],
            msi: flags[0],
            rom_enabled: flags[1],
            l1ss: flags[2],
            tph: flags[3],
            windows: Windows::default(),
            learned: Learned::default(),
            buses: buses.map(|(primary, secondary, subordinate)| Buses {
                primary,
                secondary,
                subordinate,
            }),
            extended: flags[3],
            pcie_cap: caps.0,
            aer_cap: caps.1,
            saved_before: [0; 16],
        },
    )
}

/// A save of nothing in particular.
pub fn any_save() -> impl Strategy<Value = Save> {
    let ids = prop_oneof![
        any::<u16>(),
        sample::select(&[0x01_u16, 0x02, 0x10, 0x17][..])
    ];
    let bytes = collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff)], 0..40);
    let saved = (ids, any::<bool>(), bytes);
    let header: [_; HEADER_WORDS] = std::array::from_fn(|_| word());
    (header, collection::vec(saved, 0..6), word()).prop_map(|(header, saved, command_status)| {
        let saved = saved.into_iter();
        Save {
            header,
            capabilities: saved
                .map(|(id, extended, data)| Saved { id, extended, data })
                .collect(),
            command_status,
        }
    })
}
