// SPDX-License-Identifier: GPL-2.0-only

//! `survey --dump`: verdicts, exit codes, and what is said of a file that is no dump.

#[path = "../../tests/common/cases.rs"]
mod cases;
mod common;

use std::{
    env, fs,
    io::Write,
    process::{Command, Stdio},
};

use common::{dumped, endpoint, file, root_port, set, survey, survey_dump, told};
use proptest::prelude::*;
use serde_json::Value;

/// The config space of a function that is gone.
const GONE: [u8; 256] = [0xff; 256];

#[test]
fn functions_that_are_well_are_accepted() {
    let text = dumped("00:04.0", &root_port()) + &dumped("0000:01:00.0", &endpoint());
    let (code, table, errors) = survey_dump(text, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(
        table.ends_with("2 functions: 2 accepted, 0 refused, 0 not judged\n"),
        "{table}"
    );
    let row = table.lines().find(|line| line.contains("0000:01:00.0"));
    let cells: Vec<_> = row.expect("a row").split('┆').map(str::trim).collect();
    assert_eq!(
        cells[1..],
        ["1234:11e8", "-", "cap", "flr", "accepted", "│"]
    );
    assert!(!table.contains('\x1b'), "colours without a terminal");
}

#[test]
fn one_that_is_refused_names_its_register() {
    let text = dumped("01:00.0", &endpoint()) + &dumped("02:00.0", &GONE);
    let (code, table, _) = survey_dump(&text, &[]);
    assert_eq!(code, 1);
    assert!(table.contains("refused"), "{table}");
    assert!(table.contains("config space reads all-ones"), "{table}");

    for (offset, bytes, register) in [
        (0x48, &[0xff, 0xff][..], "PCI_EXP_DEVCTL reads all-ones"),
        (0x0e, &[0x02], "PCI_HEADER_TYPE"),
        (0x34, &[0x20], "PCI_CAPABILITY_LIST"),
        (0x3c, &[0xff; 4], "PCI_INTERRUPT_LINE reads all-ones"),
    ] {
        let mut space = endpoint();
        set(&mut space, offset, bytes);
        let (code, table, _) = survey_dump(dumped("01:00.0", &space), &[]);
        assert_eq!(code, 1, "{table}");
        assert!(table.contains(register), "{register}: {table}");
    }
}

#[test]
fn what_the_driver_would_only_warn_of_is_accepted_with_a_remark() {
    let mut space = endpoint();
    set(&mut space, 0x41, &[0x40]);
    let (code, table, _) = survey_dump(dumped("01:00.0", &space), &[]);
    assert_eq!(code, 0, "{table}");
    let warning = "warning: a capability list loops, it comes back to 0x040";
    assert!(table.contains(warning), "{table}");

    let mut space = endpoint();
    set(&mut space, 0x108, &[0xff; 4]);
    let (code, table, _) = survey_dump(dumped("01:00.0", &space), &[]);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("warning: registers of AER"), "{table}");

    let (code, table, _) = survey_dump(dumped("01:00.0", &endpoint()[..256]), &[]);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("warning: the dump ends at 256"), "{table}");
}

#[test]
fn a_header_alone_is_judged_only_where_it_is_certain() {
    let text = dumped("01:00.0", &endpoint()[..64]);
    let (code, table, _) = survey_dump(&text, &[]);
    assert_eq!(code, 3);
    assert!(table.contains("not judged"), "{table}");
    assert!(table.contains("has only 64 bytes"), "{table}");

    let (code, table, _) = survey_dump(text + &dumped("02:00.0", &GONE[..64]), &[]);
    assert_eq!(code, 1);
    assert!(
        table.ends_with("0 accepted, 1 refused, 1 not judged\n"),
        "{table}"
    );
}

#[test]
fn losses_are_tried_and_counted() {
    let mut host_bridge = vec![0; 256];
    set(&mut host_bridge, 0, &[0x86, 0x80, 0x05, 0x34]);
    set(&mut host_bridge, 8, &[0, 0, 0, 6]);
    let text = dumped("00:00.0", &host_bridge) + &dumped("01:00.0", &endpoint());
    let (code, table, _) = survey_dump(&text, &["--losses"]);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("┆ nothing to lose ┆"), "{table}");
    assert!(table.contains("in a reset: 1\n"), "{table}");

    let (code, json, _) = survey_dump(&text, &["--losses", "--json", "01:00.0"]);
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let losses = &report["functions"][0]["losses"];
    for kind in ["losses", "wipes", "lists"] {
        assert_eq!(losses[kind]["tried"], losses[kind]["right"], "{json}");
    }
    // Lost, or reset, at each read of a first and of a second save; wiped before either.
    let tried = |kind: &str| losses[kind]["tried"].as_u64().expect("a number");
    assert!(tried("losses") > 40, "{json}");
    assert_eq!(tried("wipes"), tried("losses") + 2, "{json}");
    assert!(tried("lists") > 1, "{json}");
    assert_eq!(losses["wrong"], Value::Array(Vec::new()));
}

#[test]
fn json_has_what_the_table_has() {
    let text = dumped("01:00.0", &endpoint()) + &dumped("02:00.0", &GONE);
    let (code, json, _) = survey_dump(text, &["--json"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(report["accepted"], 1);
    assert_eq!(report["refused"], 1);
    assert_eq!(report["not_judged"], 0);
    let [good, gone] = report["functions"].as_array().expect("a list").as_slice() else {
        panic!("{json}");
    };
    assert_eq!(good["function"], "01:00.0");
    assert_eq!(
        (&good["vendor"], &good["device"]),
        (&0x1234.into(), &0x11e8.into())
    );
    assert_eq!(good["class"], 0x00ff00);
    assert_eq!(good["verdict"], "accepted");
    assert_eq!(good["aer"], "capability");
    assert_eq!(good["reset"][0], "flr");
    assert_eq!(gone["verdict"], "refused");
    assert_eq!(gone["register"], "PCI_COMMAND");
    assert_eq!(gone["reason"], "config space reads all-ones");
}

#[test]
fn functions_are_chosen_by_address() {
    let text = dumped("00:04.0", &root_port()) + &dumped("02:00.0", &GONE);
    let (code, table, _) = survey_dump(&text, &["0000:00:04.0"]);
    assert_eq!(code, 0, "{table}");
    assert!(table.ends_with("1 function: 1 accepted, 0 refused, 0 not judged\n"));
    let (code, _, errors) = survey_dump(&text, &["00:05.0"]);
    assert_eq!(code, 2);
    assert_eq!(errors, "survey: error: there is no function \"00:05.0\"\n");
}

#[test]
fn standard_input_is_read() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_survey"))
        .args(["--dump", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(dumped("01:00.0", &endpoint()).as_bytes())
        .expect("written");
    drop(stdin);
    let (code, table, _) = told(&child.wait_with_output().expect("it ends"));
    assert_eq!(code, 0, "{table}");
}

/// Each with what is wrong, and the number of its line.
#[test]
fn what_is_no_dump_is_an_error_with_its_line() {
    let whole = dumped("01:00.0", &endpoint());
    let cut = &whole[..whole.len() - 20];
    let odd = format!("{whole}something else\n");
    for (text, line, what) in [
        ("", 1, "there is no function in it"),
        (cut, 257, "row 0xff0 has"),
        (&odd, 259, "is neither the address of a function nor a row"),
        (
            &dumped("01:00.0", &endpoint()[..80]),
            6,
            "ends after 80 bytes",
        ),
        ("\0\0\0\0", 1, "is neither the address"),
    ] {
        let (code, table, errors) = survey_dump(text, &[]);
        assert_eq!((code, table.as_str()), (2, ""), "{errors}");
        assert!(errors.contains(&format!("line {line}: ")), "{errors}");
        assert!(errors.contains(what), "{what}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (arguments, what) in [
        (
            &["--dump", "/does/not/exist"][..],
            "cannot read /does/not/exist",
        ),
        (&["--dump", "/"], "cannot read /"),
        (&["--no-such-option"], "--no-such-option"),
        (&["--dump", "/", "--sysfs", "/"], "cannot be used with"),
    ] {
        let (code, table, errors) = told(&survey(arguments));
        assert_eq!((code, table.as_str()), (2, ""));
        assert!(errors.contains(what), "{what}: {errors}");
    }
}

#[test]
fn help_tells_the_exit_codes() {
    let (code, help, _) = told(&survey(&["--help"]));
    assert_eq!(code, 0);
    let codes = help.split("Exit codes:").nth(1).expect("a part");
    for line in ["  0  ", "  1  ", "  2  ", "  3  "] {
        assert!(codes.contains(line), "{help}");
    }
}

/// A reader who has seen enough is no error, and no panic.
#[test]
fn a_closed_pipe_is_no_error() {
    let dump = file(dumped("01:00.0", &endpoint()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_survey"))
        .arg("--dump")
        .arg(dump.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// Dumps of real machines: read where they are, none is part of this project.
#[test]
fn real_machines_are_accepted_and_their_losses_refused() {
    let beside = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/real-config-spaces"
    );
    let directory = env::var_os("PCI_RECOVERY_DUMPS").unwrap_or_else(|| beside.into());
    let Ok(entries) = fs::read_dir(&directory) else {
        println!("skipped: no dumps in {}", directory.to_string_lossy());
        return;
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let dumps = paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let mut functions = 0;
    for dump in dumps {
        let path = dump.to_str().expect("a path");
        let (code, json, errors) = told(&survey(&["--dump", path, "--losses", "--json"]));
        assert_eq!((code, errors.as_str()), (0, ""), "{path}: {json}");
        let report: Value = serde_json::from_str(&json).expect("JSON");
        functions += report["functions"].as_array().expect("a list").len();
    }
    assert!(functions > 0, "no dump in {}", directory.to_string_lossy());
    println!("{functions} functions");
}

proptest! {
    #![proptest_config(cases::config(64))]

    /// Never a panic, which would be a signal: `told` asserts an exit code.
    #[test]
    fn any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (code, ..) = survey_dump(&bytes, &[]);
        prop_assert_eq!(code, 2);
    }

    #[test]
    fn any_config_space_is_judged(space in common::changed()) {
        let (code, _, errors) = survey_dump(dumped("01:00.0", &space), &["--losses"]);
        prop_assert!(code == 0 || code == 1, "{code}: {errors}");
    }
}

/// The model of a function is one that the fault injector takes, and is as after a reset.
#[test]
fn a_model_is_made_of_a_function() {
    let text = dumped("00:04.0", &root_port()) + &dumped("01:00.0", &endpoint());
    let (code, model, errors) = survey_dump(&text, &["--model", "0000:01:00.0"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(model.contains("\nrunning\n00: 34 12 e8 11 06"), "{model}");
    assert!(model.ends_with("\n100: 01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\nend\n"));

    let mut header = endpoint();
    header.truncate(64);
    for (text, asked, said) in [
        (&text, "02:00.0", "there is no function"),
        (&text, "00:04.0", "is a bridge"),
        (&dumped("01:00.0", &header), "01:00.0", "needs root"),
        (&dumped("01:00.0", &GONE), "01:00.0", "cannot be presented"),
    ] {
        let (code, model, errors) = survey_dump(text, &["--model", asked]);
        assert_eq!((code, model.as_str()), (2, ""), "{asked}");
        assert!(errors.contains(said), "{errors}");
    }
}

/// Each function of the shared dumps that is no bridge.
#[test]
fn a_model_is_made_of_each_function_of_real_machines() {
    let Some(directory) = env::var_os("PCI_RECOVERY_DUMPS") else {
        return;
    };
    let mut models = 0;
    for entry in fs::read_dir(directory).expect("dumps") {
        let path = entry.expect("an entry").path();
        let path = path.to_str().expect("UTF-8");
        let (_, json, _) = told(&survey(&["--dump", path, "--json"]));
        let report: Value = serde_json::from_str(&json).unwrap_or_default();
        for function in report["functions"].as_array().into_iter().flatten() {
            let address = function["function"].as_str().expect("an address");
            let (code, model, errors) = told(&survey(&["--dump", path, "--model", address]));
            match code {
                0 => models += usize::from(model.ends_with("\nend\n")),
                _ => assert!(errors.contains("is a bridge"), "{address}: {errors}"),
            }
        }
    }
    assert!(models > 0, "no model");
    println!("{models} models");
}
