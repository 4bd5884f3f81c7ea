// SPDX-License-Identifier: GPL-2.0-only

//! The results for people: one table, and the targets below it.

use comfy_table::CellAlignment;
use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use super::figures::Figures;
use super::results::Results;
use super::targets::OF_MANY;
use super::targets::OF_ONE;

const COLUMNS: [&str; 15] = [
    "where",
    "what",
    "accesses: core",
    "stock",
    "plain C",
    "guarded",
    "instructions: core",
    "stock",
    "plain C",
    "guarded",
    "ratio",
    "ms: stock",
    "plain C",
    "guarded",
    "ratio",
];

/// The operations of one function, in the order of the table.
pub const OPERATIONS: [&str; 8] = [
    "probe",
    "save",
    "restore",
    "suspend",
    "reset_flr",
    "reset_pm",
    "reset_bus",
    "nonfatal",
];

/// Returns a row of the table; none where nothing was measured.
fn row(figures: &Figures, topology: &str, operation: &str) -> Option<Vec<String>> {
    let get = |unit, who| figures.get(topology, operation, unit, who);
    let text = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    let ratio = |unit| match (get(unit, "guarded"), get(unit, "plain")) {
        (Some(guarded), Some(plain)) if plain > 0 => {
            format!("{:.3}", guarded as f64 / plain as f64)
        }
        _ => String::new(),
    };
    let ms = |who| get("ns", who).map_or(String::new(), |ns| format!("{:.3}", ns as f64 / 1e6));
    get("accesses", "guarded").or(get("instructions", "guarded"))?;
    Some(vec![
        topology.into(),
        operation.replace('_', " "),
        text(get("accesses", "core")),
        text(get("accesses", "stock")),
        text(get("accesses", "plain")),
        text(get("accesses", "guarded")),
        text(get("instructions", "core")),
        text(get("instructions", "stock")),
        text(get("instructions", "plain")),
        text(get("instructions", "guarded")),
        ratio("instructions"),
        ms("stock"),
        ms("plain"),
        ms("guarded"),
        ratio("ns"),
    ])
}

/// The table, as Markdown and as a person reads it on a terminal.
pub fn table(figures: &Figures) -> String {
    let mut table = Table::new();
    table
        .load_preset(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(COLUMNS);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let of_one = OF_ONE.iter().flat_map(|topology| {
        let operations = OPERATIONS.iter().chain(&["fatal"]);
        operations.map(|operation| (*topology, (*operation).to_owned()))
    });
    let of_many = OF_MANY
        .iter()
        .map(|(count, topology)| (*topology, format!("fatal_{count}")));
    for (topology, operation) in of_one.chain(of_many) {
        if let Some(row) = row(figures, topology, &operation) {
            table.add_row(row);
        }
    }
    table.to_string()
}

/// Returns the figures outside the table, and the targets with whether they are met: a line each.
pub fn lines(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, size) in &results.sizes {
        lines.push(format!(
            "{name}.ko: {} bytes of code, {} of data, {} of constants",
            size.text, size.data, size.rodata
        ));
    }
    for (who, fit) in &results.fits {
        lines.push(format!(
            "instructions of a fatal recovery, {who}: {:.0} a function and {:.0} (r² {:.6})",
            fit.slope, fit.intercept, fit.r2
        ));
    }
    for who in ["plain", "guarded"] {
        if let Some(bytes) = results.figures.get("fleet64", "memory_slab", "bytes", who) {
            lines.push(format!(
                "the kernel's slabs grow by {bytes} bytes a function, {who}, with its files in debugfs"
            ));
        }
    }
    for (who, with) in [
        ("every0", "without verification"),
        ("every", "with verification"),
    ] {
        let get = |who| {
            results
                .figures
                .get("endpoint", "every_restore", "instructions", who)
        };
        if let (Some(guarded), Some(plain)) = (get(who), get("plain")) {
            lines.push(format!(
                "pci_guard: a restore {with} takes {:.3} times the instructions",
                guarded as f64 / plain as f64
            ));
        }
    }
    for target in &results.targets {
        let met = if target.met { "met   " } else { "MISSED" };
        lines.push(format!(
            "{met} {}: {}, should be {}",
            target.what, target.is, target.should
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::*;

    #[test]
    fn a_row_has_what_was_measured() {
        let figures = figures(&[
            "endpoint save core reads 38",
            "endpoint save core writes 0",
            "endpoint save stock instructions 1200",
            "endpoint save guarded reads 40",
            "endpoint save guarded writes 0",
            "endpoint save guarded instructions 1500",
            "endpoint save plain instructions 1000",
            "endpoint fatal guarded instructions 7",
            "endpoint fatal guarded ns 1500000",
        ]);
        let table = table(&figures);
        let save = table.lines().find(|line| line.contains("save")).unwrap();
        let words: Vec<&str> = save.split('|').map(str::trim).collect();
        assert_eq!(
            words[1..],
            [
                "endpoint", "save", "38", "", "", "40", "", "1200", "1000", "1500", "1.500", "",
                "", "", "", ""
            ]
        );
        assert!(table.contains("1.500"));
        assert!(!table.contains("restore"));
    }
}
