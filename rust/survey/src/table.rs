// SPDX-License-Identifier: GPL-2.0-only

//! The report for a person: a table and a line of totals.

use std::env;

use comfy_table::{
    presets::UTF8_FULL_CONDENSED, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width,
};

use crate::report::{Count, Losses, Report, Row, Verdict};

/// How many columns of a terminal the remarks get at the least.
const REMARKS: u16 = 24;

/// What the lines of the totals need to know of all functions.
#[derive(Default)]
struct Totals {
    losses: Count,
    wipes: Count,
    lists: Count,
    nothing_to_lose: usize,
}

/// Text without what a terminal would obey: a dump is from anywhere.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect()
}

fn or_dash(text: &str) -> String {
    match text {
        "" => "-".into(),
        text => plain(text),
    }
}

/// Why it is refused, or what is warned of, one a line.
fn remarks(row: &Row) -> String {
    let mut lines = Vec::new();
    if let Verdict::Refused { reason, .. } | Verdict::NotJudged { reason } = &row.verdict {
        lines.push(plain(reason));
    }
    let warnings = row.warnings.iter();
    lines.extend(warnings.map(|warning| format!("warning: {}", plain(warning))));
    if let Some(losses) = &row.losses {
        lines.extend(losses.wrong.iter().map(|wrong| format!("wrong: {wrong}")));
    }
    lines.join("\n")
}

fn verdict(row: &Row, colors: bool) -> Cell {
    let is_wrong = row.losses.as_ref().is_some_and(|l| !l.wrong.is_empty());
    let color = match row.verdict {
        Verdict::Accepted if !is_wrong => Color::Green,
        Verdict::NotJudged { .. } => Color::Yellow,
        _ => Color::Red,
    };
    let cell = Cell::new(row.verdict.word());
    if colors {
        cell.fg(color)
    } else {
        cell
    }
}

/// Losses and wipes, in the columns of `--losses`.
fn counts(losses: Option<&Losses>) -> [String; 2] {
    let Some(losses) = losses else {
        return ["-".into(), "-".into()];
    };
    let wipes = match losses.wipes.tried {
        0 => "nothing to lose".into(),
        _ => losses.wipes.to_string(),
    };
    [losses.losses.to_string(), wipes]
}

/// The whole report. `losses`: with the columns of `--losses`.
pub fn render(report: &Report, losses: bool) -> String {
    let colors = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    let mut columns = vec!["function", "device", "driver", "AER", "reset", "verdict"];
    if losses {
        columns.extend(["losses refused", "wipes refused"]);
    }
    columns.push("remarks");
    let is_wrapped = report.functions.iter().any(|row| !remarks(row).is_empty());
    let fixed = columns.len() - usize::from(is_wrapped);
    table.set_header(columns);
    // What is narrow stays whole on a narrow terminal, the remarks are wrapped.
    let constraint = |index| match index < fixed {
        true => ColumnConstraint::ContentWidth,
        false => ColumnConstraint::LowerBoundary(Width::Fixed(REMARKS)),
    };
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_constraint(constraint(index));
    }

    let mut totals = Totals::default();
    for row in &report.functions {
        let mut cells: Vec<Cell> = vec![
            plain(&row.function).into(),
            format!("{:04x}:{:04x}", row.vendor, row.device).into(),
            or_dash(row.driver.as_deref().unwrap_or_default()).into(),
            row.aer.word().into(),
            or_dash(&row.reset.join(" ")).into(),
            verdict(row, colors),
        ];
        if losses {
            cells.extend(counts(row.losses.as_ref()).map(Cell::from));
        }
        if let Some(losses) = &row.losses {
            totals.losses += losses.losses;
            totals.wipes += losses.wipes;
            totals.lists += losses.lists;
            totals.nothing_to_lose += usize::from(losses.wipes.tried == 0);
        }
        cells.push(remarks(row).into());
        table.add_row(cells);
    }
    format!(
        "survey {} of {}\n{table}\n{}",
        report.survey,
        plain(&report.source),
        conclusion(report, losses.then_some(&totals))
    )
}

/// The lines below the table.
fn conclusion(report: &Report, losses: Option<&Totals>) -> String {
    let mut text = String::new();
    if let Some(totals) = losses {
        text += &format!(
            "judged as they must be: {} losses, {} wipes, {} broken capability lists; \
             nothing to lose in a reset: {}\n",
            totals.losses, totals.wipes, totals.lists, totals.nothing_to_lose
        );
        if report.wrong() > 0 {
            text += "what is wrong is a fault of the rules: please report it with this table\n";
        }
    }
    let count = report.functions.len();
    let (accepted, refused) = (report.accepted, report.refused);
    let functions = if count == 1 { "function" } else { "functions" };
    text += &format!(
        "{count} {functions}: {accepted} accepted, {refused} refused, {} not judged\n",
        report.not_judged
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::report::{Aer, REFUSED};

    /// No dump at hand shows that a rule fails: here is one that would.
    #[test]
    fn a_loss_that_would_be_accepted_is_told_and_is_no_success() {
        let count = |right| Count { tried: 40, right };
        let row = Row {
            function: "01:00.0".into(),
            vendor: 1,
            device: 2,
            class: 3,
            driver: Some("evil\x1b[2J".into()),
            aer: Aer::None,
            reset: Vec::new(),
            verdict: Verdict::Accepted,
            warnings: Vec::new(),
            losses: Some(Losses {
                losses: count(39),
                wipes: count(40),
                lists: count(40),
                wrong: vec!["gone from read 7 of 40 on is accepted".into()],
            }),
        };
        let report = Report::new("a test".into(), vec![row]);
        assert_eq!(report.exit_code(), REFUSED);
        let text = render(&report, true);
        for part in [
            "┆ 39 of 40 ",
            "wrong: gone from read 7 of 40 on is accepted",
            "judged as they must be: 39 of 40 losses, 40 of 40 wipes",
            "please report it",
            "evil?[2J",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
