// SPDX-License-Identifier: GPL-2.0-only

//! The demonstration: shows what the guest says, and its rows as a table at the end.

use anyhow::Result;
use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::console::Lines;
use crate::session::Program;
use crate::ui::Color;
use crate::ui::Ui;

const COLUMNS: [&str; 4] = ["step", "callbacks", "config space", "verdict"];

#[derive(Default)]
pub struct Demo {
    lines: Lines,
    rows: Vec<[String; 4]>,
    /// The last line that was shown: what the demonstration is doing.
    last: Option<String>,
}

impl Demo {
    fn line(&mut self, line: &str, ui: &Ui) {
        match row(line) {
            Some(row) => self.rows.push(row),
            None => {
                ui.line(line);
                if !line.trim().is_empty() {
                    let text = line.trim().to_owned();
                    ui.status(&text);
                    self.last = Some(text);
                }
            }
        }
    }

    /// Takes what came without a line's end.
    pub fn finish(&mut self, ui: &Ui) {
        if let Some(rest) = self.lines.rest().map(str::to_owned) {
            self.line(&rest, ui);
        }
    }

    /// Whether the guest reported at least one step, and each was right.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(is_ok)
    }

    /// The table and its one-line sum.
    pub fn summarize(&self, ui: &Ui) {
        let mut table = Table::new();
        table
            .load_preset(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(COLUMNS);
        for row in &self.rows {
            table.add_row(row);
        }
        let failed = self.rows.iter().filter(|row| !is_ok(row)).count();
        ui.line("");
        if !self.rows.is_empty() {
            ui.line(&table.to_string());
        }
        let color = if failed == 0 && !self.rows.is_empty() {
            Color::Green
        } else {
            Color::Red
        };
        ui.line(&ui.paint(
            color,
            &format!(
                "{} of {} steps are ok",
                self.rows.len() - failed,
                self.rows.len()
            ),
        ));
    }
}

impl Program for Demo {
    fn begin(&mut self, ui: &Ui) -> Result<()> {
        ui.status("the demonstration starts");
        Ok(())
    }

    fn output(&mut self, bytes: &[u8], ui: &Ui) {
        for line in self.lines.feed(bytes) {
            self.line(&line, ui);
        }
    }

    fn running(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

/// `row<TAB>step<TAB>callbacks<TAB>config space<TAB>verdict`
fn row(line: &str) -> Option<[String; 4]> {
    let mut fields = line
        .strip_prefix("row\t")?
        .split('\t')
        .map(|field| field.trim().to_owned());
    let mut next = || fields.next().unwrap_or_default();
    Some([next(), next(), next(), next()])
}

fn is_ok(row: &[String; 4]) -> bool {
    row[3] == "ok"
        || row[3].starts_with("ok ")
        || row[3].starts_with("ok:")
        || row[3].starts_with("ok,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_from_text() {
        assert_eq!(row("row 1"), None);
        assert_eq!(row("row\ta\tb\tc\tok").unwrap(), ["a", "b", "c", "ok"]);
        assert_eq!(
            row("row\ta").unwrap()[3],
            "",
            "a row that was cut off is not ok"
        );
    }

    #[test]
    fn only_ok_is_ok() {
        let verdict = |text: &str| is_ok(&["".into(), "".into(), "".into(), text.into()]);
        assert!(verdict("ok") && verdict("ok (20 registers)"));
        assert!(!verdict("FAIL") && !verdict("") && !verdict("okay") && !verdict("not ok"));
    }

    #[test]
    fn a_demonstration_without_rows_has_not_passed() {
        assert!(!Demo::default().passed());
    }
}
