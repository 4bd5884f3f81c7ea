// SPDX-License-Identifier: GPL-2.0-only

//! The harness from its command line to its exit code, with a guest that is played by the test.

mod fake;

use std::process::Command;
use std::process::Stdio;

use fake::Files;
use fake::Guest;
use fake::is_alive;
use fake::wait_for;
use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

const PASSING: &str = "\
KTAP version 1
1..2
# running: bind
  KTAP version 1
  # Subtest: bind
  1..2
  ok 1 through driver_override
  ok 2 BARs are kept
ok 1 bind
# running: suspend
ok 2 suspend # SKIP no pm_test
";

fn signal(process: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn tests_that_pass() {
    let mut guest = Guest::boot("check", &[]);
    guest.console("[    0.000000] Linux version 7.3.4-fake\n");
    guest.output(PASSING);
    assert_eq!(guest.request("exit 0"), "ok");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.last_line(), "2 passed, 0 failed, 1 skipped");
    assert!(
        ended.stdout.contains("# no pm_test"),
        "a skip gives its reason"
    );
    assert_eq!(ended.files.list("logs"), ["check-passed"]);
    assert_eq!(ended.log("check-passed/output.log"), PASSING);
    assert!(
        ended
            .log("check-passed/console.log")
            .contains("Linux version")
    );
    assert!(
        ended
            .log("check-passed/qmp.log")
            .contains("qmp_capabilities")
    );
    assert!(ended.files.list("tmp").is_empty());
}

#[test]
fn each_topology_that_a_test_names_has_a_guest() {
    let files = Files::new();
    files.write("kselftest/tests/suspend.sh", b"# topology: switch\n");
    let harness = files.harness("check").spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    assert!(!guest.arguments().contains("x3130"), "first the endpoint");
    let one = |name: &str, word: &str| {
        format!("KTAP version 1\n1..1\n# running: {name}\n# report: all\n{word} 1 {name}\n")
    };
    guest.output(&one("bind", "ok"));
    assert_eq!(guest.request("exit 0"), "ok");
    let mut guest = guest.power_off_for_next();
    assert!(guest.arguments().contains("x3130"), "then the switch");
    guest.output(&one("suspend", "not ok"));
    assert_eq!(guest.request("exit 1"), "ok");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("ok   endpoint/bind ("),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("Failed:\n  switch/suspend\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.last_line(), "1 passed, 1 failed, 0 skipped");
}

#[test]
fn a_known_fault_and_what_is_reported_are_shown() {
    let mut guest = Guest::boot("check", &[]);
    guest.output(
        "KTAP version 1\n1..1\n# running: loss\n  KTAP version 1\n  # Subtest: loss\n  1..1\n\
         \x20 # running: loss.stock\n  # report: points=214 path=suspend\n  # other\n\
         \x20 ok 1 stock # XFAIL it saves what is lost\nok 1 loss\n\
         # report: all of it\n",
    );
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (results, end) = ended.stdout.split_once("\n\n").expect("two parts");
    assert!(
        results.starts_with(
            "loss\n    points=214 path=suspend\n    xfail stock # it saves what is lost\nok   loss ("
        ),
        "{results}"
    );
    assert!(!results.contains("other"), "{results}");
    assert_eq!(
        end,
        "Reported:\n  loss: points=214 path=suspend\n  all of it\n  214 injection points in 1 paths, 0 poisoned\n\n\
         1 passed, 0 failed, 0 skipped\n"
    );
}

#[test]
fn the_models_end_in_a_table() {
    let files = Files::new();
    files.write("kselftest/models/some.sh", b"# topology: models\n");
    files.write("kselftest/models/some.list", b"igb\nnvme\n");
    let harness = files.harness("check").arg("--models").spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output(
        "KTAP version 1\n1..2\n# running: igb\n  KTAP version 1\n  # Subtest: igb\n  1..1\n\
         \x20 # running: igb.reset\n  ok 1 reset\nok 1 igb\n# running: nvme\n  KTAP version 1\n\
         \x20 # Subtest: nvme\n  1..1\n  # running: nvme.reset\n  ok 1 reset # SKIP it offers none\nok 2 nvme\n",
    );
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (_, end) = ended.stdout.split_once("\n\n").expect("two parts");
    assert_eq!(
        end,
        "|      | reset    |\n|------|----------|\n| igb  | ok       |\n| nvme | skip (1) |\n1: it offers none\n\
         1 passed, 0 failed, 1 skipped\n"
    );
}

#[test]
fn a_test_that_fails() {
    let mut guest = Guest::boot("check", &["--filter", "b*"]);
    guest.output(
        "KTAP version 1\n1..1\n# running: bind\n# BAR0 was 0xfe000000, is 0\nnot ok 1 bind\n",
    );
    guest.request("exit 1");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.last_line(), "0 passed, 1 failed, 0 skipped");
    assert!(ended.stdout.contains("BAR0 was 0xfe000000, is 0"));
    assert_eq!(ended.files.list("logs"), ["check-1"]);
    assert!(ended.stdout.contains("logs/check-1"));
}

#[test]
fn a_guest_that_ends_with_an_error_although_all_passed() {
    let mut guest = Guest::boot("check", &[]);
    guest.output(PASSING);
    guest.request("exit 7");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.last_line(), "2 passed, 1 failed, 1 skipped");
    assert!(ended.stdout.contains("exit status 7"));
}

#[test]
fn output_that_ends_early() {
    let mut guest = Guest::boot("check", &[]);
    guest.output("KTAP version 1\n1..3\nok 1 bind\n");
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.last_line(), "1 passed, 2 failed, 0 skipped");
}

#[test]
fn a_guest_that_runs_no_test() {
    let mut guest = Guest::boot("check", &[]);
    guest.output("run_kselftest.sh: no such device\n");
    guest.request("exit 2");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("no test was run: run_kselftest.sh: no such device"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_hang_has_the_name_of_its_test() {
    let mut guest = Guest::boot("check", &["--timeout", "1"]);
    guest.output("KTAP version 1\n1..2\nok 1 bind\n# running: suspend\n");
    let ended = guest.wait();
    assert_eq!(ended.code, Some(3));
    assert!(
        ended
            .stderr
            .contains("the guest hung during suspend: no output for 1 s"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("  suspend\n"), "{}", ended.stdout);
    assert_eq!(ended.last_line(), "1 passed, 1 failed, 0 skipped");
    assert!(
        ended.log("check-1/qmp.log").contains("chardev-send-break"),
        "the kernel was asked for its tasks"
    );
    assert!(
        ended.log("check-1/qmp.log").contains("info registers -a"),
        "QEMU was asked where the processors are"
    );
}

#[test]
fn a_guest_that_does_not_boot_shows_its_console() {
    let mut guest = Guest::boot("check", &["--boot-timeout", "1"]);
    guest.console("[    0.5] VFS: no root\n");
    let ended = guest.wait();
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.stderr.contains("VFS: no root") && ended.stderr.contains("did not boot"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.last_line(), "0 passed, 1 failed, 0 skipped");
    assert!(
        ended.log("check-1/qmp.log").contains("info registers -a"),
        "QEMU was asked where the processors are"
    );
}

#[test]
fn a_panic_is_told_at_once() {
    let mut guest = Guest::boot("check", &[]);
    guest.output("KTAP version 1\n1..1\n# running: bind\n");
    guest.console(
        "[   10.1] Oops: 0002 [#1]\n[   10.2] Kernel panic - not syncing: Fatal exception\n",
    );
    let ended = guest.wait();
    assert_eq!(ended.code, Some(3));
    let expected = "the guest panicked during bind: [   10.2] Kernel panic";
    assert!(
        ended.stderr.contains(&expected.replace("[   10.2] ", "")),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("Oops: 0002"));
    assert_eq!(ended.last_line(), "0 passed, 1 failed, 0 skipped");
}

const PANIC_IN_BOOT: &str =
    "[    2.2] Oops: int3: 0000 [#1]\n[    2.3] Kernel panic - not syncing: Fatal exception\n";

#[test]
fn a_panic_in_the_boot_boots_once_more() {
    let mut guest = Guest::boot("check", &[]);
    guest.console(PANIC_IN_BOOT);
    let mut guest = guest.power_off_for_next();
    guest.output_of(2, "KTAP version 1\n1..1\nok 1 bind\n");
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.last_line(), "1 passed, 0 failed, 0 skipped");
    let expected = "the guest panicked in its boot (Kernel panic";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    assert!(ended.log("check-1/console.log").contains("Oops: int3"));
}

#[test]
fn a_second_panic_in_the_boot_is_a_failure() {
    let mut guest = Guest::boot("check", &[]);
    guest.console(PANIC_IN_BOOT);
    let mut guest = guest.power_off_for_next();
    guest.console_of(2, PANIC_IN_BOOT);
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.last_line(), "0 passed, 1 failed, 0 skipped");
}

#[test]
fn kernel_damage_fails_a_test_that_passed() {
    let mut guest = Guest::boot("check", &[]);
    guest.console("[    1.0] WARNING: CPU: 0 PID: 1 at boot.c:1\n");
    guest.output("KTAP version 1\n1..1\n# running: bind\n");
    guest.console("[   10.1] WARNING: CPU: 0 PID: 1 at pci.c:1\n");
    guest.output("ok 1 bind\n");
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.last_line(), "0 passed, 1 failed, 0 skipped");
    assert!(
        ended.stdout.contains("pci.c:1") && !ended.stdout.contains("boot.c"),
        "{}",
        ended.stdout
    );
}

#[test]
fn qemu_that_dies_is_told() {
    let mut guest = Guest::boot("check", &[]);
    guest.output("KTAP version 1\n1..1\n# running: bind\n");
    signal(guest.qemu(), Signal::KILL);
    let ended = guest.wait();
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.stderr.contains("QEMU died (killed by SIGKILL)"),
        "{}",
        ended.stderr
    );
}

#[test]
fn qemu_that_does_not_start_is_told() {
    let files = Files::new();
    files.write(
        "runner",
        b"#!/bin/sh\necho 'qemu: no such device' >&2\nexit 1\n",
    );
    let done = files.harness("check").output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert!(
        stderr.ends_with("error: QEMU did not start (exit status 1): qemu: no such device\n"),
        "{stderr}"
    );
    assert!(files.list("tmp").is_empty());
}

#[test]
fn qemu_does_not_outlive_a_harness_that_is_killed() {
    let guest = Guest::boot("check", &[]);
    let qemu = guest.qemu();
    guest.qmp(|seen| !seen.is_empty());
    wait_for(|| guest.files.list("tmp").is_empty());
    assert!(is_alive(qemu));
    signal(guest.harness.id(), Signal::KILL);
    wait_for(|| !is_alive(qemu));
}

#[test]
fn an_interrupt_ends_everything_in_one_line() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut guest = Guest::boot("check", &[]);
        guest.output("KTAP version 1\n1..1\n# running: bind\n");
        guest.qmp(|seen| !seen.is_empty());
        let qemu = guest.qemu();
        signal(guest.harness.id(), sent);
        let ended = guest.wait();
        assert_eq!(ended.code, Some(code));
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
        assert_eq!(
            ended.stderr.matches("interrupted during bind").count(),
            1,
            "{}",
            ended.stderr
        );
        assert!(ended.files.list("tmp").is_empty());
        wait_for(|| !is_alive(qemu));
    }
}

#[test]
fn requests_reach_qemu() {
    let mut guest = Guest::boot("check", &[]);
    assert_eq!(guest.request("inject ep0 COMP_TIME"), "ok OK id: ep0");
    assert!(
        guest
            .request("inject ep7 DLP")
            .starts_with("error no device ep7")
    );
    assert!(
        guest
            .request("dance")
            .starts_with("error unknown request dance")
    );
    assert_eq!(guest.request("unplug ep0"), "ok");
    assert_eq!(guest.request("plug ep0"), "ok");
    assert!(guest.request("wakeup").starts_with("ok"));
    let seen = guest.qmp(|seen| seen.iter().any(|line| line.contains("system_wakeup")));
    assert!(
        seen.iter()
            .any(|line| line.contains("pcie_aer_inject_error ep0 COMP_TIME")),
        "{seen:?}"
    );
    let sent = |part: &str| seen.iter().filter(|line| line.contains(part)).count();
    assert_eq!(
        sent(r#""device_del","arguments":{"id":"ep0"}"#),
        1,
        "{seen:?}"
    );
    // As on the command line.
    assert_eq!(
        sent("device_add virtio-rng-pci,id=ep0,bus=rp0,addr=00.0,aer=on,disable-legacy=on"),
        1,
        "{seen:?}"
    );
    guest.output(PASSING);
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .log("check-passed/qmp.log")
            .contains("guest: inject ep0 COMP_TIME => ok OK id: ep0")
    );
}

#[test]
fn a_demonstration_ends_in_a_table() {
    let row = "row\tfatal\tslot_reset resume\tidentical\tok\n";
    let wrong = "row\tfatal\tslot_reset resume\tidentical\tFAIL BAR0 differs\n";
    for (rows, exit, code) in [(row, 0, 0), (wrong, 0, 1), (row, 1, 1), ("", 0, 1)] {
        let mut guest = Guest::boot("run", &[]);
        guest.output(&format!("Now a fatal error.\n{rows}"));
        guest.request(&format!("exit {exit}"));
        let ended = guest.power_off(0);
        assert_eq!(ended.code, Some(code), "{rows} {exit}");
        assert!(ended.stdout.starts_with("Now a fatal error.\n"));
        assert_eq!(ended.stdout.contains("slot_reset resume"), !rows.is_empty());
    }
}

#[test]
fn a_shell_takes_what_is_piped_into_it() {
    let files = Files::new();
    let harness = files
        .harness("shell")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut guest = Guest::attach(files, harness);
    let mut typed = guest.harness.stdin.take().unwrap();
    std::io::Write::write_all(&mut typed, b"uname -r\n").unwrap();
    drop(typed);
    guest.output("guest:/# ");
    assert_eq!(guest.input_until(b"exit\n"), b"uname -r\n\nexit\n");
    guest.console("[   12.0] pcieport: AER\r\n");
    guest.output("7.3.4-fake\r\n");
    guest.request("exit 0");
    let ended = guest.power_off(0);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("7.3.4-fake") && ended.stdout.contains("pcieport: AER"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_dry_run_prints_the_command_and_does_nothing() {
    let files = Files::new();
    let done = files.harness("check").arg("--dry-run").output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    let stdout = String::from_utf8(done.stdout).unwrap();
    assert!(
        stdout.contains("runner qemu-system-x86_64 \\\n"),
        "{stdout}"
    );
    assert!(
        stdout.contains("-device virtio-rng-pci,id=ep0,bus=rp0,addr=00.0,aer=on,disable-legacy=on")
    );
    assert!(!files.path("logs").exists() && !files.path("arguments").exists());
    assert!(files.list("tmp").is_empty());
}

#[test]
fn wrong_usage_is_one_line_and_runs_nothing() {
    let files = Files::new();
    let module = files.path("other");
    files.write("other/old.ko", b"\x7fELF\0vermagic=6.1.0 SMP \0");
    let cases: &[(&[&str], &str)] = &[
        (&["--topology", "ring"], "unknown topology `ring`; known: "),
        (
            &["--filter", "nosuch"],
            "no test matches `nosuch`; the tests are: bind, suspend",
        ),
        (&["--filter", "[x"], "the filter `[x` is not a pattern"),
        (&["--kernel", "/nosuch"], "no kernel image at /nosuch"),
        (
            &["--kernel", "/etc/passwd"],
            "/etc/passwd is not an x86 bzImage",
        ),
        (&["--busybox", "/etc/passwd"], "not a static 64-bit program"),
        (&["--kselftest", "/nosuch"], "cannot read /nosuch"),
        (
            &["--module-dir", module.to_str().unwrap()],
            "was built for kernel 6.1.0, the guest runs 7.3.4-fake",
        ),
        (
            &["--log-dir", "/proc/nosuch"],
            "cannot keep logs in /proc/nosuch",
        ),
    ];
    for (options, part) in cases {
        let done = files.harness("check").args(*options).output().unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{options:?}: {stderr}");
        let errors: Vec<_> = stderr
            .lines()
            .filter(|line| line.contains("error:"))
            .collect();
        assert!(
            errors.len() == 1 && errors[0].contains(part),
            "{options:?}: {stderr}"
        );
        assert!(
            !files.path("arguments").exists(),
            "{options:?}: QEMU was started"
        );
        assert!(files.list("tmp").is_empty());
    }
}

/// The only run of a report.
fn run_of(report: &Value) -> &Value {
    assert_eq!(report["version"], 1);
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(1));
    &report["runs"][0]
}

/// The harness with `--report report.json`.
fn reporting(files: &Files, options: &[&str]) -> Command {
    let mut harness = files.harness("check");
    harness.arg("--report").arg(files.path("report.json"));
    harness.args(options);
    harness
}

/// Runs a subcommand that boots nothing, and returns what it prints.
fn said(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_pci-recovery-qemu"))
        .args(arguments)
        .env_remove("REPORT")
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap()
}

#[test]
fn the_report_has_everything() {
    let files = Files::new();
    let harness = reporting(&files, &[]).spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output(
        "KTAP version 1\n1..3\n# running: loss\n  KTAP version 1\n  # Subtest: loss\n  1..2\n\
         \x20 # running: loss.a\n  # report: points=7 path=a\n  # report: seed 3\n  ok 1 a\n  # why\n  not ok 2 b\n\
         not ok 1 loss\n# running: bind\nok 2 bind\nok 3 pm # SKIP no pm_test\n# report: all of it\n",
    );
    guest.request("exit 1");
    let ended = guest.power_off(0);
    let report = ended.report();
    let run = run_of(&report);
    assert_eq!(run["suite"], "check");
    assert_eq!(run["kernel"], "7.3.4-fake");
    assert_eq!(run["ended"], "complete");
    assert_eq!(run["status"], 1);
    assert_eq!(
        run["totals"],
        json!({"passed": 2, "failed": 1, "skipped": 1})
    );
    assert_eq!(
        run["points"],
        json!({"points": 7, "paths": 1, "poisoned": 0})
    );
    let guest = &run["guests"][0];
    assert_eq!(guest["topology"], "endpoint");
    assert_eq!(guest["reports"], json!(["all of it"]));
    assert!(guest["logs"].as_str().unwrap().ends_with("logs/check-1"));
    let tests = guest["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 3);
    assert_eq!(tests[0]["reports"], json!(["seed 3"]));
    assert_eq!(tests[0]["values"], json!([{"points": "7", "path": "a"}]));
    assert!(tests[0]["seconds"].is_number());
    assert_eq!(tests[0]["subtests"][1]["verdict"], "fail");
    assert_eq!(tests[0]["subtests"][1]["notes"], json!(["why"]));
    assert_eq!(tests[2]["verdict"], "skip");
    assert_eq!(tests[2]["reason"], "no pm_test");
}

#[test]
fn a_hang_is_in_the_report() {
    let files = Files::new();
    let harness = reporting(&files, &["--timeout", "1"]).spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output("KTAP version 1\n1..2\nok 1 bind\n# running: suspend\n");
    let ended = guest.wait();
    let report = ended.report();
    let run = run_of(&report);
    assert_eq!(run["ended"], "hang");
    assert_eq!(run["status"], 3);
    let guest = &run["guests"][0];
    assert_eq!(guest["running"], "suspend");
    assert_eq!(guest["tests"][0]["verdict"], "pass");
    assert_eq!(guest["tests"][1]["verdict"], "fail");
    let file = ended.files.path("report.json");
    let file = file.to_str().unwrap();
    assert_eq!(
        said(&["judge", file]),
        "not tested: no end of the tests: no output for 1 s (suspend)\n"
    );
}

#[test]
fn an_interrupted_run_leaves_its_results() {
    let files = Files::new();
    files.write("kselftest/tests/suspend.sh", b"# topology: switch\n");
    let harness = reporting(&files, &[]).spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output("KTAP version 1\n1..2\nok 1 first\n# running: bind\n");
    guest.qmp(|seen| !seen.is_empty());
    signal(guest.harness.id(), Signal::TERM);
    let ended = guest.wait();
    assert_eq!(ended.code, Some(143));
    let report = ended.report();
    let run = run_of(&report);
    assert_eq!(run["ended"], "interrupted");
    assert_eq!(run["status"], 143);
    let guests = run["guests"].as_array().unwrap();
    assert_eq!(guests[0]["running"], "bind");
    assert_eq!(guests[0]["tests"][0]["verdict"], "pass");
    assert_eq!(guests[0]["tests"][1]["name"], "bind");
    assert_eq!(guests[0]["tests"][1]["missing"], true);
    assert_eq!(guests[1]["ended"], "not_begun");
    assert_eq!(guests[1]["selected"], json!(["suspend"]));
}

#[test]
fn a_run_that_is_killed_leaves_a_report() {
    let files = Files::new();
    let harness = reporting(&files, &[]).spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output("KTAP version 1\n1..1\n");
    signal(guest.harness.id(), Signal::KILL);
    let ended = guest.wait();
    assert_eq!(run_of(&ended.report())["ended"], "running");
}

#[test]
fn a_run_that_cannot_be_is_in_the_report() {
    let files = Files::new();
    let done = reporting(&files, &["--filter", "nothing"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    let file = files.path("report.json");
    assert_eq!(
        said(&["judge", file.to_str().unwrap()]),
        "not tested: nothing was run: no test matches `nothing`\n"
    );
    let done = files
        .harness("check")
        .args(["--report", "/nowhere/at/all.json"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2), "before anything is booted");
}

#[test]
fn a_test_that_took_too_long_catches_no_mutant() {
    let judged = |output: &str| {
        let files = Files::new();
        let harness = reporting(&files, &[]).spawn().unwrap();
        let mut guest = Guest::attach(files, harness);
        guest.output(output);
        guest.request("exit 1");
        let ended = guest.power_off(0);
        said(&["judge", ended.files.path("report.json").to_str().unwrap()])
    };
    let late = "KTAP version 1\n1..1\n# running: a\n  KTAP version 1\n  # Subtest: a\n  1..2\n  not ok 1 x\n\
                \x20 # report: timeout=60\n  not ok 2 not_reached # TIMEOUT took longer than 60 s\nnot ok 1 a\n";
    assert_eq!(
        judged(late),
        "SURVIVED: no test failed, but a took too long\n"
    );
    let early = "KTAP version 1\n1..2\n# running: a\n  KTAP version 1\n  # Subtest: a\n  1..1\n\
                 \x20 not ok 1 not_reached # ERROR ended early, status 2\nnot ok 1 a\nok 2 b\n";
    assert_eq!(judged(early), "SURVIVED: no test failed\n");
    let caught = "KTAP version 1\n1..2\nok 1 a\n# running: b\nnot ok 2 b\n";
    assert_eq!(judged(caught), "caught: b\n");
    assert_eq!(
        judged("KTAP version 1\n1..2\nnot ok 1 a\nBail out! no debugfs\n"),
        "not tested: the tests gave up: no debugfs\n"
    );
}

#[test]
fn the_total_is_of_all_parts_and_names_what_failed() {
    let files = Files::new();
    let harness = reporting(&files, &[]).spawn().unwrap();
    let mut guest = Guest::attach(files, harness);
    guest.output("KTAP version 1\n1..2\nok 1 a\n# running: b\n# BAR0 is 0\nnot ok 2 b\n");
    guest.request("exit 1");
    let ended = guest.power_off(0);
    let path = |name: &str| ended.files.path(name).to_str().unwrap().to_owned();
    ended.files.write(
        "lint.ktap",
        b"KTAP version 1\n1..2\nok 1 x\nok 2 y # SKIP none\n",
    );
    ended.files.write(
        "host.cargo",
        b"test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\n",
    );
    let report = path("report.json");
    let (lint, host, merged) = (path("lint.ktap"), path("host.cargo"), path("merged.json"));
    let part = |name: &'static str, status, file| ["--part", name, status, "9", file];
    let mut arguments = vec!["total"];
    arguments.extend(part("check, 7.3", "2", &report));
    arguments.extend(part("lint", "0", &lint));
    arguments.extend(part("cargo test", "2", &host));
    arguments.extend(part("fuzz", "1", "/nowhere.ktap"));
    arguments.extend(["--skip", "check, debug", "not built", "--report", &merged]);
    let said = said(&arguments);
    let expected = "
failed: 7.3.4-fake endpoint/b: BAR0 is 0
failed: cargo test: status 2 without a failed test: counted as one failure
failed: fuzz: status 1, cannot read the results /nowhere.ktap: No such file or directory (os error 2)
check, 7.3: 1 passed, 1 failed, 0 skipped in 9 s, status 2
lint: 1 passed, 0 failed, 1 skipped in 9 s, status 0
cargo test: 5 passed, 1 failed, 0 skipped in 9 s, status 2
fuzz: 0 passed, 1 failed, 0 skipped in 9 s, status 1
check, debug: not built: skipped
7 passed, 3 failed, 2 skipped
";
    assert_eq!(said, expected);
    let merged: Value = serde_json::from_str(&std::fs::read_to_string(merged).unwrap()).unwrap();
    assert_eq!(run_of(&merged), run_of(&ended.report()));
}
