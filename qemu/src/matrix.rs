// SPDX-License-Identifier: GPL-2.0-only

//! Results as a table: a line for each test, a column for each name that their subtests have.

use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use crate::ktap::Report;
use crate::ktap::Test;
use crate::ktap::Verdict;

/// The lines of the table, and below it the reasons that its cells give by number.
pub fn lines(report: &Report) -> Vec<String> {
    let mut columns: Vec<&str> = Vec::new();
    for test in report.tests.iter().flat_map(|test| &test.children) {
        if is_named(test) && !columns.contains(&test.name.as_str()) {
            columns.push(&test.name);
        }
    }
    let mut reasons: Vec<String> = Vec::new();
    let mut table = Table::new();
    table
        .load_preset(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([""].iter().chain(&columns));
    for test in &report.tests {
        let cells = columns
            .iter()
            .map(|column| cell(test, column, &mut reasons));
        table.add_row([test.name.clone()].into_iter().chain(cells));
    }
    let mut lines: Vec<_> = table.lines().collect();
    let numbered = reasons.iter().enumerate();
    lines.extend(numbered.map(|(index, reason)| format!("{}: {reason}", index + 1)));
    lines
}

/// Whether a result has the name of a subtest: one that did not come has another.
fn is_named(test: &Test) -> bool {
    !test.name.starts_with('(') && test.name != "not_reached"
}

/// The result of the subtest `column`. Why it was not run, or what its failure shows, is added to `reasons` if it is not
/// there, but for numbers.
fn cell(test: &Test, column: &str, reasons: &mut Vec<String>) -> String {
    let Some(child) = test.children.iter().find(|child| child.name == column) else {
        let complete = test.children.iter().all(is_named) && !test.children.is_empty();
        return match (complete, test.verdict) {
            (true, _) => String::new(),
            (false, Verdict::Skip) => "skip".into(),
            (false, _) => "FAIL".into(),
        };
    };
    let word = match child.verdict {
        Verdict::Pass => return "ok".into(),
        Verdict::Fail => return "FAIL".into(),
        Verdict::Xfail => "xfail",
        Verdict::Skip => "skip",
    };
    let Some(reason) = &child.reason else {
        return word.into();
    };
    let index = reasons.iter().position(|known| known == reason);
    let index = index.unwrap_or_else(|| {
        reasons.push(reason.clone());
        reasons.len() - 1
    });
    format!("{word} ({})", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ktap::Parser;

    fn lines_of(text: &str) -> Vec<String> {
        let mut parser = Parser::default();
        for line in text.lines() {
            parser.feed(line);
        }
        lines(&parser.finish())
    }

    #[test]
    fn a_line_is_a_test_and_a_column_a_subtest() {
        let text = "KTAP version 1\n1..3\n  KTAP version 1\n  # Subtest: a\n  1..2\n  ok 1 x\n  not ok 2 y\n\
                    not ok 1 a\n  KTAP version 1\n  # Subtest: b\n  1..2\n  ok 1 x # SKIP why\n  \
                    ok 2 z # XFAIL why\nok 2 b\n  KTAP version 1\n  # Subtest: c\n  1..2\n  ok 1 x\n  \
                    not ok 2 not_reached\nnot ok 3 c\n";
        let expected = [
            "|   | x        | y    | z         |",
            "|---|----------|------|-----------|",
            "| a | ok       | FAIL |           |",
            "| b | skip (1) |      | xfail (1) |",
            "| c | ok       | FAIL | FAIL      |",
            "1: why",
        ];
        assert_eq!(lines_of(text), expected);
    }
}
