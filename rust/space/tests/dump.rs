// SPDX-License-Identifier: GPL-2.0-only

//! `dump.rs`: what `lspci` prints is taken as it is, and everything else is named with its line.

use pci_recovery_space::{
    damage::try_all,
    driver::Device,
    dump::{bus_of, parse, Line},
    facts::of_space,
};
use proptest::{collection, prelude::*, sample};

#[path = "../../tests/common/cases.rs"]
mod cases;

/// The rows of `count` bytes, each byte its offset.
fn rows(count: usize) -> String {
    let row = |offset: usize| {
        let bytes: String = (offset..offset + 16)
            .map(|n| format!(" {:02x}", n as u8))
            .collect();
        format!("{offset:02x}:{bytes}\n")
    };
    (0..count).step_by(16).map(row).collect()
}

/// The error that a dump gets.
fn error(text: &str) -> String {
    match parse(text) {
        Ok(functions) => panic!("{} functions in {text:?}", functions.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn several_functions_are_split() {
    let text = format!(
        "00:1c.0 PCI bridge: A bridge\n{}\n0001:02:00.1 Ethernet controller: A card\n{}\n",
        rows(4096),
        rows(256)
    );
    let functions = parse(&text).expect("a dump");
    let [bridge, card] = functions.as_slice() else {
        panic!("{functions:?}");
    };
    assert_eq!((bridge.line, bridge.address.as_str()), (1, "00:1c.0"));
    assert_eq!(bridge.name, "PCI bridge: A bridge");
    assert_eq!((bridge.bus(), card.bus()), (0, 2));
    assert_eq!((card.line, card.address.as_str()), (259, "0001:02:00.1"));
    assert!(bridge.space().is_extended() && !card.space().is_extended());
    assert_eq!(bridge.space().dword(0x104), 0x0706_0504);
    assert!(!bridge.is_header_only() && !card.is_header_only());
}

#[test]
fn functions_need_no_blank_line_between_them() {
    let text = format!("00:00.0 A\n{}00:01.0 B\n{}", rows(64), rows(64));
    let functions = parse(&text).expect("a dump");
    assert_eq!(functions.len(), 2);
    assert!(functions.iter().all(|function| function.is_header_only()));
}

#[test]
fn what_lspci_decodes_is_passed_over_and_the_driver_kept() {
    let text = format!(
        "01:00.0 Network: N\r\n\tControl: I/O- Mem+\r\n\tKernel driver in use: igb\r\n{}\r\n",
        rows(256).replace('\n', "\r\n")
    );
    let functions = parse(&text).expect("a dump");
    assert_eq!(functions[0].driver.as_deref(), Some("igb"));
    assert_eq!(functions[0].bytes.len(), 256);
}

#[test]
fn an_address_has_its_parts_in_their_bounds() {
    assert_eq!(bus_of("ff:1f.7"), Some(0xff));
    assert_eq!(bus_of("10000:01:00.0"), Some(1));
    for wrong in [
        "00:20.0",
        "00:00.8",
        "0:00.0",
        "00:00",
        "00.0",
        "000:00:00.0",
        "00:00.0:",
        "+0:00.0",
        "",
    ] {
        assert_eq!(bus_of(wrong), None, "{wrong}");
    }
}

#[test]
fn a_file_without_a_function_is_an_error() {
    assert_eq!(error(""), "line 1: there is no function in it");
    assert_eq!(error("\n\n"), "line 1: there is no function in it");
}

#[test]
fn a_row_that_is_cut_off_is_an_error_with_its_line() {
    let text = format!("00:00.0 A\n{}", rows(256));
    let text = text.trim_end().trim_end_matches(" ff");
    assert_eq!(error(text), "line 17: row 0x0f0 has 15 bytes, not 16");
}

#[test]
fn a_config_space_that_is_cut_off_is_an_error_with_its_line() {
    let text = format!("00:00.0 A\n{}\n00:01.0 B\n{}", rows(256), rows(80));
    let found = error(&text);
    let wanted = "line 24: the config space of 00:01.0 ends after 80 bytes: it is cut off";
    assert!(found.starts_with(wanted), "{found}");
    let found = error("00:00.0 A\n\tControl: I/O-\n");
    let wanted = "line 2: 00:00.0 has no config space: dump it with `lspci -xxxx`";
    assert_eq!(found, wanted);
}

#[test]
fn a_row_that_is_missing_twice_there_or_too_much_is_an_error_with_its_line() {
    let without = rows(256).replacen(&rows(64)[16 * 3 + 4..], "", 1);
    let found = error(&format!("00:00.0 A\n{without}"));
    let wanted = "line 3: row 0x040 of 00:00.0 follows 0x010 bytes: rows are missing";
    assert!(found.starts_with(wanted), "{found}");

    let found = error(&format!("00:00.0 A\n{}{}", rows(16), rows(64)));
    let wanted = "line 3: row 0x000 of 00:00.0 follows 0x010 bytes";
    assert!(found.starts_with(wanted), "{found}");

    assert_eq!(
        error(&rows(16)),
        "line 1: a row, and no function that it is of"
    );
}

#[test]
fn an_odd_line_is_an_error_with_its_number_and_its_beginning() {
    let text = format!("00:00.0 A\n{}Slot:\t00:02.0\n", rows(64));
    let found = error(&text);
    assert!(
        found.starts_with("line 6: \"Slot:\\t00:02.0\" is"),
        "{found}"
    );
    let long = "x".repeat(10_000);
    assert!(error(&long).len() < 200);
    // Nothing that a terminal would obey.
    assert!(!error("\x1b[2J").contains('\x1b'));
    for byte in ["+f", "1", "100", "gg"] {
        let row = format!("00:00.0 A\n00: {byte} {}\n", "00 ".repeat(15));
        let wanted = format!("line 2: {byte:?} in row 0x000 is no byte");
        assert_eq!(error(&row), wanted);
    }
}

/// Parts of dumps, whole and broken.
fn part() -> impl Strategy<Value = String> {
    let line = sample::select(vec![
        "00:00.0 Host bridge: H\n",
        "0000:01:00.0 A\n",
        "\n",
        "00: ff\n",
        "\tKernel driver in use: x\n",
        "00:\n",
        "fff: 00\n",
        ":.\n",
    ]);
    prop_oneof![
        line.prop_map(String::from),
        (0..20_usize).prop_map(|n| rows(16 * n)),
        Just(rows(256)),
        Just(rows(4096)),
        any::<String>(),
    ]
}

fn space() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        collection::vec(any::<u8>(), 1..64),
        (1..200_usize).prop_map(|n| vec![0; n]),
        (1..64_usize).prop_map(|n| vec![0xff; n]),
    ];
    let length = sample::select(vec![256, 4096]);
    (collection::vec(run, 0..100), length).prop_map(|(runs, length)| {
        let mut bytes = runs.concat();
        bytes.resize(length, 0);
        bytes
    })
}

proptest! {
    #![proptest_config(cases::config(256))]

    #[test]
    fn any_text_is_a_dump_or_an_error_of_one_of_its_lines(
        parts in collection::vec(part(), 0..12),
    ) {
        let text = parts.concat();
        match parse(&text) {
            Ok(functions) => prop_assert!(!functions.is_empty()),
            Err(error) => {
                prop_assert!((1..=text.lines().count().max(1)).contains(&error.line), "{error}");
            }
        }
    }

    #[test]
    fn any_line_is_parsed(line in any::<String>()) {
        let _ = Line::parse(&line);
    }

    /// What is printed is read again, and judged without a panic.
    #[test]
    fn any_config_space_is_read_back_and_judged(bytes in space()) {
        let rows = bytes.chunks(16).enumerate().map(|(row, chunk)| {
            let chunk: String = chunk.iter().map(|byte| format!(" {byte:02x}")).collect();
            format!("{:02x}:{chunk}\n", 16 * row)
        });
        let text = format!("7f:00.0 A\n{}", rows.collect::<String>());
        let functions = parse(&text).expect("a dump");
        prop_assert_eq!(&functions[0].bytes, &bytes);

        let space = functions[0].space();
        if let Ok(function) = of_space(&space, functions[0].bus()) {
            let device = Device::add(function, &space);
            if let Ok(good) = device.save(&space, None) {
                let tried = try_all(&device, &space, None, &good, &mut |number| number % 37 == 0);
                prop_assert_eq!(tried.wrong, Vec::<String>::new());
            }
        }
    }
}
