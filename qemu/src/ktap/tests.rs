// SPDX-License-Identifier: GPL-2.0-only

//! Streams, whole and broken.

use super::*;

fn read(text: &str) -> Report {
    let mut parser = Parser::default();
    for line in text.lines() {
        parser.feed(line);
    }
    parser.finish()
}

fn totals(text: &str) -> (usize, usize, usize) {
    let Totals {
        passed,
        failed,
        skipped,
    } = read(text).totals();
    (passed, failed, skipped)
}

const NESTED: &str = "\
KTAP version 1
1..2
# running: bind
  KTAP version 1
  # Subtest: bind
  1..2
  ok 1 through driver_override
  # BAR0 is 0
  not ok 2 BARs are kept
not ok 1 bind
# running: suspend
ok 2 suspend # SKIP no pm_test
";

#[test]
fn leaves_are_counted() {
    assert_eq!(totals(NESTED), (1, 1, 1));
    assert_eq!(
        read(NESTED).totals().to_string(),
        "1 passed, 1 failed, 1 skipped"
    );
}

#[test]
fn failures_have_their_full_name_and_notes() {
    let report = read(NESTED);
    assert_eq!(
        report.failures(),
        [("bind: BARs are kept".to_owned(), vec!["BAR0 is 0"])]
    );
    assert_eq!(report.tests[1].reason.as_deref(), Some("no pm_test"));
}

#[test]
fn the_steps_tell_what_runs() {
    let mut parser = Parser::default();
    let mut seen = Vec::new();
    for line in NESTED.lines() {
        match parser.feed(line) {
            Some(Step::Running { name, .. }) => seen.push(format!("running {name}")),
            Some(Step::Group { depth, name }) => seen.push(format!("group {depth} {name}")),
            Some(Step::Result { depth, test }) => {
                seen.push(format!("{depth} {:?} {}", test.verdict, test.name))
            }
            Some(Step::Report { .. } | Step::Bail(_)) | None => {}
        }
    }
    assert_eq!(
        seen,
        [
            "running bind",
            "group 1 bind",
            "1 Pass through driver_override",
            "1 Fail BARs are kept",
            "0 Fail bind",
            "running suspend",
            "0 Skip suspend",
        ]
    );
    assert_eq!(parser.now(), Some("after suspend"));
}

#[test]
fn nothing_at_all_is_nothing() {
    assert_eq!(totals(""), (0, 0, 0));
    assert_eq!(totals("KTAP version 1\n1..0 # SKIP no device\n"), (0, 0, 0));
    assert_eq!(
        read("KTAP version 1\n1..0 # SKIP no device\n").notes,
        ["SKIP no device"]
    );
}

#[test]
fn a_parent_that_fails_alone_counts_as_one() {
    let text = "1..1\n  1..1\n  ok 1 child\n# WARNING: in dmesg\nnot ok 1 parent\n";
    assert_eq!(totals(text), (1, 1, 0));
    assert_eq!(
        read(text).failures(),
        [("parent".to_owned(), vec!["WARNING: in dmesg"])]
    );
}

#[test]
fn expected_failures_are_no_failures() {
    assert_eq!(
        totals("1..3\nok 1 a # XFAIL known\nnot ok 2 b # TODO\nnot ok 3 c # XFAIL known\n"),
        (1, 0, 2)
    );
}

#[test]
fn a_known_fault_passes_and_shows() {
    let report = read(
        "1..1\n  1..2\n  ok 1 a # XFAIL the stock kernel loses it\n  not ok 2 b # XFAIL\nok 1 c\n",
    );
    let [known, failed] = &report.tests[0].children[..] else {
        panic!("{report:?}");
    };
    assert_eq!(known.verdict, Verdict::Xfail);
    assert_eq!(known.reason.as_deref(), Some("the stock kernel loses it"));
    assert_eq!(failed.verdict, Verdict::Skip);
    assert_eq!(report.totals().to_string(), "1 passed, 0 failed, 1 skipped");
    assert!(report.failures().is_empty());
    assert_eq!(
        read("1..1\nok 1 a # TODO\n").tests[0].verdict,
        Verdict::Pass
    );
}

#[test]
fn damage_makes_a_failure_of_a_known_fault() {
    let mut report = read("1..1\nok 1 a # XFAIL known\n");
    report.fail("a", "BUG: x");
    assert_eq!(report.totals().to_string(), "0 passed, 1 failed, 0 skipped");
}

#[test]
fn what_is_reported_has_the_name_of_its_test() {
    let mut parser = Parser::default();
    let mut steps = Vec::new();
    for line in [
        "KTAP version 1",
        "1..1",
        "# running: a",
        "  1..1",
        "  # running: a.x",
        "  # report: points=214 path=suspend",
        "  # suspended 3 times",
        "  ok 1 x",
        "ok 1 a",
        "# report: all of it",
    ] {
        if let Some(Step::Report { depth, text }) = parser.feed(line) {
            steps.push((depth, text.to_owned()));
        }
    }
    assert_eq!(
        steps,
        [
            (1, "points=214 path=suspend".to_owned()),
            (0, "all of it".to_owned())
        ]
    );
    let report = parser.finish();
    let told: Vec<_> = report.told.iter().map(Told::to_string).collect();
    assert_eq!(told, ["a: points=214 path=suspend", "all of it"]);
    assert_eq!(report.points().map(|points| points.points), Some(214));
    assert!(report.notes.is_empty());
    assert_eq!(report.totals().to_string(), "1 passed, 0 failed, 0 skipped");
}

#[test]
fn a_stream_that_ends_early_fails_what_is_missing() {
    // Of five tests one has a result, the second is in its middle with one of three, three have not begun.
    let text = "1..5\nok 1 a\n# running: b\n  KTAP version 1\n  # Subtest: b\n  1..3\n  ok 1 x\n";
    assert_eq!(totals(text), (2, 5, 0));
    let report = read(text);
    assert_eq!(report.now.as_deref(), Some("b"));
    assert!(
        report
            .failures()
            .iter()
            .any(|(name, _)| name == "b: (test 3 of 3)")
    );
}

#[test]
fn the_first_missing_result_has_the_name_of_the_test_that_ran() {
    let report = read("1..3\nok 1 a\n# running: b\n");
    assert_eq!(report.tests[1].name, "b");
    assert_eq!(report.tests[2].name, "(test 3 of 3)");
}

#[test]
fn a_stream_that_ends_before_its_first_result_fails() {
    assert_eq!(totals("KTAP version 1\n1..4\n"), (0, 4, 0));
    assert_eq!(
        totals("KTAP version 1\n1..1\n# running: a\n  KTAP version 1\n"),
        (0, 1, 0)
    );
}

#[test]
fn a_missing_plan_fails() {
    assert_eq!(totals("KTAP version 1\nok 1 a\n"), (1, 1, 0));
    assert_eq!(totals("1..1\n  ok 1 x\nok 1 a\n"), (1, 1, 0));
    assert_eq!(
        totals("ok 1 a\nok 2 b\n1..2\n"),
        (2, 0, 0),
        "a plan may come last"
    );
}

#[test]
fn a_wrong_count_fails() {
    assert_eq!(totals("1..3\nok 1 a\n"), (1, 2, 0));
    assert_eq!(totals("1..1\nok 1 a\nok 2 b\n"), (2, 1, 0));
    assert_eq!(totals("1..1\n  1..2\n  ok 1 x\nok 1 a\n"), (1, 1, 0));
}

#[test]
fn bail_out_is_kept_and_the_rest_fails() {
    let report = read("1..3\nok 1 a\nBail out! no debugfs\n");
    assert_eq!(report.bail.as_deref(), Some("no debugfs"));
    assert_eq!(
        report.totals(),
        Totals {
            passed: 1,
            failed: 2,
            skipped: 0
        }
    );
}

#[test]
fn other_text_belongs_to_the_next_result() {
    let report = read("1..1\nsh: foo: not found\n   indented: text\nnot ok 1 a\n");
    assert_eq!(
        report.tests[0].notes,
        ["sh: foo: not found", "indented: text"]
    );
}

#[test]
fn deep_nesting_keeps_every_leaf() {
    let text = "1..1\n  1..1\n    1..2\n    ok 1 x\n    not ok 2 y\n  not ok 1 b\nnot ok 1 a\n";
    assert_eq!(totals(text), (1, 1, 0));
    assert_eq!(read(text).failures()[0].0, "a: b: y");
}

#[test]
fn kernel_damage_fails_the_part_that_said_ok() {
    let mut report = read("1..2\n  1..2\n  ok 1 x\n  ok 2 y\nok 1 a\nok 2 ab\n");
    assert!(!report.has_failed("a.y"));
    report.fail("a.y", "WARNING: CPU 0");
    assert!(report.has_failed("a.x") && !report.has_failed("ab"));
    report.fail("after ab", "BUG: x");
    assert_eq!(
        report.totals(),
        Totals {
            passed: 2,
            failed: 2,
            skipped: 0
        }
    );
    let names: Vec<_> = report
        .failures()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a: y", "after ab"]);
}

#[test]
fn parts_of_a_test_have_names_of_their_own() {
    let mut parser = Parser::default();
    let mut now = Vec::new();
    for line in [
        "KTAP version 1",
        "1..2",
        "# running: a",
        "  1..3",
        "  # running: a.x",
        "  ok 1 x",
        "ok 1 a",
        "# running: b",
        "  1..3",
        "  # running: b.x",
        "  ok 1 x",
        "  # running: b.y",
    ] {
        parser.feed(line);
        now.push(parser.now().unwrap_or_default().to_owned());
    }
    assert_eq!(
        now[4..],
        ["a.x", "a", "after a", "b", "b", "b.x", "b", "b.y"]
    );

    let mut report = parser.finish();
    assert_eq!(report.now.as_deref(), Some("b.y"));
    report.fail("b.y", "hung");
    let failures = report.failures();
    assert_eq!(
        failures.last().map(|(name, _)| name.as_str()),
        Some("b: (test 3 of 3)")
    );
    assert!(
        failures.contains(&("b: y".to_owned(), vec!["no result", "hung"])),
        "{failures:?}"
    );
}
