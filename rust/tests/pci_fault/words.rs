// SPDX-License-Identifier: GPL-2.0-only

//! Faults as text: each key, each refusal, and that what is shown is what is read.

use pci_recovery_guard::pci_fault::{
    fault::{Fault, Kind, LAST_OFFSET, MAX_FAULTS},
    spec::{bus, devfn, number, parse, register, DevFn, SpecError, MAX_DELAY_US},
};
use proptest::prelude::*;

use crate::{
    bus::{fault, read, Bus},
    cases::config,
    generate,
};

#[test]
fn each_kind_alone_is_for_everything_and_for_ever() {
    for (text, kind) in [
        ("gone", Kind::Gone),
        ("ones", Kind::Ones),
        ("zeros", Kind::Zeros),
        ("error", Kind::Error),
        ("drop", Kind::Drop),
        ("delay us=7", Kind::Delay(7)),
    ] {
        assert_eq!(parse(text), Ok(Fault::new(kind)), "{text}");
    }
    assert_eq!(fault("wiped devfn=01.0").kind, Kind::Wiped);
    let stuck = fault("stuck range=0xc value=0x77");
    assert_eq!(
        (stuck.kind, stuck.first, stuck.last),
        (Kind::Stuck(0x77), 0xc, 0xc)
    );
}

#[test]
fn every_key_is_read() {
    let all = Fault {
        kind: Kind::Stuck(0xfebf_0004),
        devfn: Some(0xfa),
        first: 0x10,
        last: 0x13,
        from: 2,
        count: Some(3),
        ms: Some(50),
    };
    let text = "stuck devfn=1f.2 range=0x10-0x13 from=2 count=3 ms=50 value=0xfebf0004";
    assert_eq!(parse(text), Ok(all));
    // In any order, however they are set apart.
    let text = "\tstuck  value=0xfebf0004 ms=50\ncount=0x3 from=2 range=16-19 devfn=1F.2\n";
    assert_eq!(parse(text), Ok(all));
}

#[test]
fn a_line_end_is_no_harm() {
    assert_eq!(parse("gone\n"), Ok(Fault::new(Kind::Gone)));
}

#[test]
fn it_begins_with_a_kind() {
    for text in [
        "",
        " ",
        "\n",
        "off",
        "none",
        "GONE",
        "Gone",
        "gone,",
        "gon",
        "gonee",
        "devfn=01.0",
        "gone=1",
        "gone\0",
        "gone\x0b",
        "\u{a0}gone",
        "0",
    ] {
        assert_eq!(parse(text), Err(SpecError::Kind), "{text:?}");
    }
}

/// An unknown kind is reported first.
#[test]
fn a_kind_that_is_not_known_is_told_before_its_keys() {
    for text in [
        "gonee devfn",
        "gonee us=x",
        "gonee from=1 from=1",
        "off off",
    ] {
        assert_eq!(parse(text), Err(SpecError::Kind), "{text:?}");
    }
}

#[test]
fn a_key_is_one_that_is_known_and_once() {
    for text in [
        "gone gone",
        "gone devfn",
        "gone =",
        "gone =1",
        "gone FROM=1",
        "gone to=1",
        "gone from =1",
        "gone from=1 from=1",
        "gone from=1 from=x",
        "gone count=1 count=2",
        "gone ms=1 ms=1",
        "gone range=1 range=1",
        "gone devfn=01.0 devfn=01.0",
        "stuck range=1 value=1 value=1",
        "delay us=1 us=1",
    ] {
        assert_eq!(parse(text), Err(SpecError::Key), "{text}");
    }
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for kind in ["gone", "ones", "zeros", "error", "drop", "wiped devfn=01.0"] {
        for key in ["value=1", "us=1"] {
            assert_eq!(
                parse(&format!("{kind} {key}")),
                Err(SpecError::Key),
                "{kind} {key}"
            );
        }
    }
    assert_eq!(parse("stuck range=1 value=1 us=1"), Err(SpecError::Key));
    assert_eq!(parse("delay us=1 value=1"), Err(SpecError::Key));
}

#[test]
fn stuck_needs_a_value_and_a_short_range() {
    for text in [
        "stuck",
        "stuck value=1",
        "stuck range=0x0c",
        "stuck range=0-4 value=1",
        "stuck range=0-0xfff value=1",
    ] {
        assert_eq!(parse(text), Err(SpecError::Missing), "{text}");
    }
    for text in ["stuck range=0-3 value=1", "stuck range=0xffc-0xfff value=1"] {
        assert!(parse(text).is_ok(), "{text}");
    }
    for (value, ok) in [("0", true), ("0xffffffff", true), ("0x100000000", false)] {
        assert_eq!(
            parse(&format!("stuck range=0-3 value={value}")).is_ok(),
            ok,
            "{value}"
        );
    }
}

/// What does not fit would be cut off: it was meant for another range.
#[test]
fn a_value_that_is_wider_than_the_range_is_refused() {
    for (range, widest) in [("4", 0xff), ("4-5", 0xffff), ("4-6", 0x00ff_ffff)] {
        let text = |value| format!("stuck range={range} value={value:#x}");
        assert_eq!(
            parse(&text(widest)).map(|fault| fault.kind),
            Ok(Kind::Stuck(widest))
        );
        assert_eq!(parse(&text(widest + 1)), Err(SpecError::Value), "{range}");
    }
}

#[test]
fn delay_needs_a_time_that_is_not_too_long() {
    assert_eq!(parse("delay"), Err(SpecError::Missing));
    assert_eq!(MAX_DELAY_US, 200_000);
    assert_eq!(
        parse("delay us=200000"),
        Ok(Fault::new(Kind::Delay(200_000)))
    );
    for text in [
        "200001",
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "",
        "x",
    ] {
        assert_eq!(
            parse(&format!("delay us={text}")),
            Err(SpecError::Value),
            "{text}"
        );
    }
}

#[test]
fn a_value_is_a_number_within_its_bounds() {
    for key in ["from", "count", "ms"] {
        for value in [
            "",
            "-1",
            "+1",
            "0x",
            "0x+1",
            "1.0",
            "1,0",
            "1_0",
            "x",
            "a",
            "1=1",
            "0X1",
            "0x0x1",
            "18446744073709551616",
            "0x10000000000000000",
            "99999999999999999999",
            "\u{663}",
        ] {
            assert_eq!(
                parse(&format!("gone {key}={value}")),
                Err(SpecError::Value),
                "{value}"
            );
        }
        let text = format!("gone {key}={}", u64::MAX);
        assert!(parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_fault_of_nothing_is_refused() {
    assert_eq!(parse("gone count=0"), Err(SpecError::Value));
    assert_eq!(parse("gone ms=0"), Err(SpecError::Value));
    assert_eq!(parse("gone from=0"), Ok(Fault::new(Kind::Gone)));
}

#[test]
fn a_range_is_within_config_space_and_not_backwards() {
    let range = |text: &str| parse(&format!("gone range={text}")).map(|f| (f.first, f.last));
    assert_eq!(LAST_OFFSET, 0xfff);
    for (text, offsets) in [
        ("0", (0, 0)),
        ("0x10", (0x10, 0x10)),
        ("16", (0x10, 0x10)),
        ("0x10-0x13", (0x10, 0x13)),
        ("4-0x5", (4, 5)),
        ("7-7", (7, 7)),
        ("0xfff", (0xfff, 0xfff)),
        ("0x000-0xfff", (0, 0xfff)),
    ] {
        assert_eq!(range(text), Ok(offsets), "{text}");
    }
    for text in [
        "",
        "-",
        "4-",
        "-4",
        "5-4",
        "0x1000",
        "0-0x1000",
        "4096",
        "65536",
        "65540-65541",
        "1-2-3",
        "1--2",
        "1:2",
        "1..2",
        "all",
    ] {
        assert_eq!(range(text), Err(SpecError::Value), "{text}");
    }
}

#[test]
fn numbers_are_decimal_or_hexadecimal() {
    for (text, value) in [
        ("0", Some(0)),
        ("007", Some(7)),
        ("10", Some(10)),
        ("0x10", Some(16)),
        ("0xAbC", Some(0xabc)),
        ("0x0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("0xffffffffffffffff", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("0x10000000000000000", None),
        ("", None),
        ("0x", None),
        ("abc", None),
        ("1f", None),
        ("0X10", None),
        ("x10", None),
        ("-0", None),
        ("+0", None),
        ("0x-1", None),
        (" 1", None),
        ("1 ", None),
        ("\u{ff11}", None),
    ] {
        assert_eq!(number(text), value, "{text:?}");
    }
}

#[test]
fn a_function_is_a_device_and_a_function_number() {
    for (text, value) in [
        ("00.0", Some(0)),
        ("0.7", Some(7)),
        ("01.0", Some(8)),
        ("10.0", Some(0x80)),
        ("1f.7", Some(0xff)),
        ("1F.7", Some(0xff)),
        ("20.0", None),
        ("00.8", None),
        ("100.0", None),
        ("0x1.0", None),
        ("01.0.0", None),
        ("01:0", None),
        ("010", None),
        ("01.", None),
        (".0", None),
        (".", None),
        ("", None),
        ("-1.0", None),
        ("+1.0", None),
        ("01.-0", None),
        ("ffffffffff.0", None),
        ("00:01.0", None),
    ] {
        assert_eq!(devfn(text), value, "{text:?}");
        if let Some(value) = value {
            assert_eq!(fault(&format!("gone devfn={text}")).devfn, Some(value));
        } else {
            let refused = Err(SpecError::Value);
            assert_eq!(parse(&format!("gone devfn={text}")), refused, "{text:?}");
        }
    }
}

#[test]
fn a_bus_is_a_domain_and_a_bus_number() {
    for (text, value) in [
        ("0000:00", Some((0, 0))),
        ("0000:01", Some((0, 1))),
        ("0:1", Some((0, 1))),
        ("0000:ff", Some((0, 0xff))),
        ("10000:E1", Some((0x10000, 0xe1))),
        ("7fffffff:00", Some((0x7fff_ffff, 0))),
        ("80000000:00", None),
        ("100000000:00", None),
        ("0000:100", None),
        ("0000:1ff", None),
        ("0000:01:00.0", None),
        ("0000", None),
        (":01", None),
        ("0000:", None),
        (":", None),
        ("", None),
        ("0x0:1", None),
        ("-1:01", None),
        ("0000:+1", None),
        ("0000:0g", None),
        (" 0000:01", None),
    ] {
        assert_eq!(bus(text), value, "{text:?}");
    }
}

#[test]
fn a_register_is_an_offset_a_size_and_a_value() {
    for (text, value) in [
        ("0x010 4 0xfebf0004", Some((0x10, 4, 0xfebf_0004))),
        ("4 2 0x0106\n", Some((4, 2, 0x106))),
        ("0 1 0", Some((0, 1, 0))),
        ("", None),
        ("4", None),
        ("4 2", None),
        ("4 2 1 1", None),
        ("4 2 x", None),
        ("4 2 1 x", None),
        ("4 x 1", None),
        ("x 2 1", None),
        ("4 2 -1", None),
        ("4 256 1", None),
        ("0x10000 4 1", None),
        ("4 4 0x100000000", None),
    ] {
        assert_eq!(register(text), value, "{text:?}");
    }
}

#[test]
fn what_is_shown_of_a_fault() {
    for (text, shown) in [
        ("gone", "gone range=0x000-0xfff"),
        (
            "ones devfn=1.0 range=4",
            "ones devfn=01.0 range=0x004-0x004",
        ),
        (
            "error from=0 count=0x10",
            "error range=0x000-0xfff count=16",
        ),
        ("drop ms=50 from=2", "drop range=0x000-0xfff from=2 ms=50"),
        ("delay us=0x10", "delay us=16 range=0x000-0xfff"),
        (
            "stuck range=16-19 value=1 devfn=1f.7",
            "stuck value=0x1 devfn=1f.7 range=0x010-0x013",
        ),
    ] {
        assert_eq!(fault(text).to_string(), shown);
    }
}

#[test]
fn what_is_shown_of_an_armed_fault() {
    let mut bus = Bus::with(&["ones from=1 count=2"]);
    let mut shown = || {
        let shown = bus.armed(0).to_string();
        bus.decide(read(0, 4));
        shown
    };
    let text = "ones range=0x000-0xfff from=1 count=2";
    for life in [
        "waiting, seen 0, hits 0",
        "waiting, seen 1, hits 0",
        "active, seen 2, hits 1",
        "over, seen 3, hits 2",
        "over, seen 3, hits 2",
    ] {
        assert_eq!(shown(), format!("{text}: {life}"));
    }
}

/// A person who reads the log finds out what to write instead.
#[test]
fn a_refusal_says_what_is_right() {
    let kinds = SpecError::Kind.to_string();
    for kind in [
        "gone", "ones", "zeros", "error", "drop", "wiped", "stuck", "delay", "off",
    ] {
        assert!(kinds.contains(kind), "{kind}: {kinds}");
    }
    let keys = SpecError::Key.to_string();
    for key in [
        "devfn=", "range=", "from=", "count=", "ms=", "value=", "us=",
    ] {
        assert!(keys.contains(key), "{key}: {keys}");
    }
    let missing = SpecError::Missing.to_string();
    assert!(missing.contains("value=") && missing.contains("us="));
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn what_is_shown_is_what_is_read(fault in generate::fault()) {
        prop_assert_eq!(parse(&fault.to_string()), Ok(fault));
    }

    /// The line of an armed fault begins with what arms it again.
    #[test]
    fn an_armed_fault_shows_what_armed_it(fault in generate::fault()) {
        let mut bus = Bus::default();
        prop_assert!(bus.faults.arm(fault));
        let line = bus.armed(0).to_string();
        let (text, life) = line.split_once(": ").expect("a colon");
        prop_assert_eq!(parse(text), Ok(fault));
        prop_assert_eq!(life, "waiting, seen 0, hits 0");
    }

    #[test]
    fn every_number_is_read(n in any::<u64>()) {
        prop_assert_eq!(number(&n.to_string()), Some(n));
        prop_assert_eq!(number(&format!("{n:#x}")), Some(n));
        prop_assert_eq!(number(&format!("0x{n:X}")), Some(n));
        prop_assert_eq!(number(&format!("{n:#020x}")), Some(n));
    }

    #[test]
    fn every_function_is_read(n in any::<u8>()) {
        prop_assert_eq!(devfn(&DevFn(n).to_string()), Some(n));
    }

    #[test]
    fn every_bus_is_read(domain in 0..=0x7fff_ffff_u32, number in any::<u8>()) {
        prop_assert_eq!(bus(&format!("{domain:04x}:{number:02x}")), Some((domain, number)));
    }

    #[test]
    fn every_register_is_read(offset in any::<u16>(), size in any::<u8>(), value in any::<u32>()) {
        let text = format!("{offset:#05x} {size} {value:#010x}");
        prop_assert_eq!(register(&text), Some((offset, size, value)));
    }

    /// A range is read iff it is in config space and not backwards.
    #[test]
    fn ranges_have_bounds(first in 0..0x1100_u32, last in 0..0x1100_u32) {
        let read = parse(&format!("gone range={first}-{last:#x}"));
        let good = first <= last && last <= 0xfff;
        prop_assert_eq!(read.is_ok(), good);
        if let Ok(fault) = read {
            prop_assert_eq!((u32::from(fault.first), u32::from(fault.last)), (first, last));
        }
    }
}

#[test]
fn there_are_four_places() {
    assert_eq!(MAX_FAULTS, 4);
}
