// SPDX-License-Identifier: GPL-2.0-only

//! Any fault that can be written, and any access that the PCI core makes.

use pci_recovery_guard::pci_fault::{
    fault::{Access, Fault, Kind, LAST_OFFSET},
    spec::MAX_DELAY_US,
};
use proptest::{option, prelude::*, sample};

use crate::bus::{FUNCTION, NEIGHBOUR, SIZES};

/// Mostly the header, where the faults of the tests are, and all of config space.
fn offset() -> impl Strategy<Value = u16> {
    prop_oneof![3 => 0..0x48_u16, 1 => 0..=LAST_OFFSET, 1 => 0xff8..=LAST_OFFSET]
}

/// Mostly the function and its neighbour.
pub fn devfn() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(FUNCTION), 2 => Just(NEIGHBOUR), 1 => any::<u8>()]
}

/// Any access, aligned, as the core sees to.
pub fn access() -> impl Strategy<Value = Access> {
    (devfn(), offset(), sample::select(&SIZES[..]), any::<bool>()).prop_map(
        |(devfn, offset, size, write)| Access {
            devfn,
            offset: offset - offset % u16::from(size),
            size,
            write,
        },
    )
}

/// The first and the last offset.
pub fn range() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        1 => Just((0, LAST_OFFSET)),
        1 => offset().prop_map(|offset| (offset, offset)),
        3 => (offset(), offset()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        1 => short_range(),
    ]
}

/// A range of four bytes or less.
pub fn short_range() -> impl Strategy<Value = (u16, u16)> {
    (offset(), 0..4_u16).prop_map(|(first, more)| (first, LAST_OFFSET.min(first + more)))
}

/// A value for so short a range.
pub fn value_for((first, last): (u16, u16)) -> impl Strategy<Value = u32> {
    any::<u32>().prop_map(move |value| value >> (8 * (3 - (last - first))))
}

fn stuck() -> impl Strategy<Value = (Kind, (u16, u16))> {
    short_range()
        .prop_flat_map(|range| value_for(range).prop_map(move |value| (Kind::Stuck(value), range)))
}

fn other() -> impl Strategy<Value = (Kind, (u16, u16))> {
    let kinds = [
        Kind::Gone,
        Kind::Ones,
        Kind::Zeros,
        Kind::Error,
        Kind::Drop,
        Kind::Wiped,
    ];
    let kind = prop_oneof![
        6 => sample::select(kinds.to_vec()),
        1 => (0..=MAX_DELAY_US).prop_map(Kind::Delay),
    ];
    (kind, range())
}

/// Mostly a few, at times any number.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..20_u64, 1 => 1..=u64::MAX]
}

/// Any fault that can be written.
pub fn fault() -> impl Strategy<Value = Fault> {
    let when = (
        prop_oneof![2 => Just(0), 1 => number()],
        option::of(number()),
        option::of(number()),
    );
    let what = prop_oneof![6 => other(), 1 => stuck()];
    (what, option::of(devfn()), when).prop_map(
        |((kind, (first, last)), devfn, (from, count, ms))| Fault {
            kind,
            // What has been written is known of one function.
            devfn: devfn.or((kind == Kind::Wiped).then_some(FUNCTION)),
            first,
            last,
            from,
            count,
            ms,
        },
    )
}
