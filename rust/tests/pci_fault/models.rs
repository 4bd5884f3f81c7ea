// SPDX-License-Identifier: GPL-2.0-only

//! A model as text: what is one, and what is said of a text that is none.

use std::{fs, path::Path};

use pci_recovery_guard::pci_fault::{
    model::{ModelError, Reason},
    registers::RegisterFile,
};
use proptest::{collection, prelude::*, sample};

use crate::{
    cases::config,
    device::{Memory, Presented},
};

/// A smallest model, and more lines before its end.
fn with(more: &str) -> String {
    format!("00: 36 1b f0 ff 00 00 00 00 01 00 00 02 00 00 00 00\n{more}\nend\n")
}

/// What is wrong with line 2.
fn wrong(more: &str) -> Option<Reason> {
    match Presented::new(&with(more)) {
        Ok(_) => None,
        Err(ModelError { line, reason }) => {
            assert_eq!(line, 2, "{more}: {reason}");
            Some(reason)
        }
    }
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    let mut this =
        Presented::new(&with("\n# fixed range=1\n  40: 01 # a capability\n")).expect("a model");
    assert_eq!(this.read(0x40, 1), 1);
}

#[test]
fn each_mistake_has_its_line_and_its_reason() {
    for (line, reason) in [
        ("nonsense", Reason::Line),
        ("1000: 00", Reason::Line),
        ("+4: 00", Reason::Line),
        ("40:", Reason::Missing),
        ("40: 1", Reason::Value),
        ("40: 0x1", Reason::Value),
        ("40: gg", Reason::Value),
        ("fff: 00 00", Reason::Value),
        ("bar 6 size=16", Reason::NoBar),
        ("bar x size=16", Reason::NoBar),
        ("bar 0", Reason::Missing),
        ("bar 0 size=17", Reason::Size),
        ("bar 0 size=8", Reason::Size),
        ("bar 0 size=0x100000000", Reason::Size),
        ("bar 0 size=16 size=16", Reason::Key),
        ("bar 0 size=16 ms=1", Reason::Key),
        ("rom size=1024", Reason::Size),
        ("ready ms=60001", Reason::Value),
        ("ready", Reason::Missing),
        ("fixed", Reason::Missing),
        ("fixed range=4-3", Reason::Value),
        ("fixed range=0-4 mask=1", Reason::Value),
        ("fixed range=0 mask=0x100", Reason::Value),
        ("fixed range=0 mask=0", Reason::Value),
        ("fixed range=0 value=1", Reason::Key),
        ("fixed range=0x1000", Reason::Value),
        ("fixed mask=1", Reason::Missing),
        ("set range=0x50 mask=1", Reason::Missing),
        ("set range=0x50 value=1", Reason::Missing),
        ("set range=0x50 mask=1 value=2", Reason::Value),
        ("device", Reason::Missing),
        ("device range=0 nonsense=1", Reason::Key),
        ("device range=0 nonsense", Reason::Key),
    ] {
        assert_eq!(wrong(line), Some(reason), "{line}");
        assert!(!reason.to_string().is_empty());
    }
}

#[test]
fn upper_half_of_a_bar_has_no_size() {
    let text = with("10: 04 00 00 00 00 00 00 00\nbar 1 size=16");
    let error = Presented::new(&text).err().expect("no model");
    assert_eq!((error.line, error.reason), (3, Reason::NoBar));
    // The last one has no upper half.
    let text = with("24: 04 00 00 00\nbar 5 size=16");
    let error = Presented::new(&text).err().expect("no model");
    assert_eq!((error.line, error.reason), (3, Reason::NoBar));
}

#[test]
fn what_is_no_function_is_no_model() {
    let reason = |text: &str| Presented::new(text).err().expect("no model").reason;
    assert_eq!(reason(""), Reason::CutOff);
    assert_eq!(reason("end\n"), Reason::NoFunction);
    assert_eq!(reason("00: ff ff\nend\n"), Reason::NoFunction);
    assert_eq!(reason("00: 36 1b\n0e: 02\nend\n"), Reason::HeaderType);
    assert_eq!(reason("00: 36 1b\n10: 00 10 00 00\nend\n"), Reason::Address);
    assert_eq!(reason("00: 36 1b\nend\n00: 00\n"), Reason::AfterEnd);
    assert_eq!(
        reason("00: 36 1b\n0e: 01\nbar 2 size=16\nend\n"),
        Reason::NoBar
    );
}

/// Every text that was cut off is no model: what a writer wrote by halves is never presented.
#[test]
fn a_text_that_was_cut_off_is_no_model() {
    let text = with("40: 01 00 03 00 08 00 00 00\nbar 0 size=4096");
    for length in 0..text.len() - 1 {
        assert!(Presented::new(&text[..length]).is_err(), "{length}");
    }
    assert!(Presented::new(&text).is_ok());
}

/// The models that come with the tests.
#[test]
fn every_model_of_the_tests_is_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kselftest/models");
    let mut models = 0;
    for entry in fs::read_dir(folder).expect("models") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "model")
        {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a text");
        let mut this = Presented::new(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_ne!(this.read(0, 2), 0xffff, "{path:?}");
        models += 1;
    }
    assert!(models >= 10, "{models} models");
}

fn line() -> impl Strategy<Value = String> {
    let word = sample::select(vec![
        "device",
        "set",
        "running",
        "bar",
        "rom",
        "fixed",
        "writable",
        "clears",
        "sticky",
        "changes",
        "ready",
        "end",
        "0",
        "5",
        "range=0x10-0x13",
        "range=0xffe-0xfff",
        "range=0",
        "mask=0xffff",
        "mask=1",
        "value=1",
        "size=4096",
        "size=0x100000000",
        "ms=5",
        "00:",
        "fff:",
        "100:",
        "15",
        "ff",
        "01",
        "ff",
        "10",
        "40:",
        "34:",
        "70",
        "#",
    ]);
    collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Presented::new(&text);
    }

    /// Nor does any access to what is one, on any device.
    #[test]
    fn what_is_nearly_a_model_is_sound_or_refused(
        lines in collection::vec(line(), 0..12),
        bytes in collection::vec(any::<u8>(), 4096),
        accesses in collection::vec((0_u16..1024, 0_usize..3, any::<Option<u32>>()), 0..64),
    ) {
        let mut device = Memory { bytes: [0; 4096], gone: false };
        device.bytes.copy_from_slice(&bytes);
        let text = with(&lines.join("\n"));
        let mut file = Box::new(RegisterFile::new());
        if pci_recovery_guard::pci_fault::model::load(&text, &mut file, &mut device).is_err() {
            return Ok(());
        }
        file.power_on(&mut device);
        for (dword, size, write) in accesses {
            let access = pci_recovery_guard::pci_fault::fault::Access {
                devfn: 0,
                offset: dword * 4,
                size: [1, 2, 4][size],
                write: write.is_some(),
            };
            let read = file.access(&access, write.unwrap_or(0), 0, &mut device);
            prop_assert!(write.is_some() || read & !access.mask() == 0);
        }
    }
}
