// SPDX-License-Identifier: GPL-2.0-only

//! The part of docs/benchmarks.md that follows from the results.

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use super::results::Results;
use super::table;

/// The lines around that part. People write the rest of the page.
const BEGIN: &str = "<!-- make bench: begin -->";
const END: &str = "<!-- make bench: end -->";

/// Replaces what `path` says of the results.
///
/// # Errors
///
/// Fails if the file cannot be read or written, or if one of the two lines is missing.
pub fn save(results: &Results, path: &Path) -> Result<()> {
    let old =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace(&old, results).with_context(|| path.display().to_string())?;
    fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))
}

/// Returns `page` with the part between the two lines written anew.
fn replace(page: &str, results: &Results) -> Result<String> {
    let parts = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        bail!("no line `{BEGIN}` with a line `{END}` after it");
    };
    Ok(format!("{before}{BEGIN}\n{}{END}{after}", part(results)))
}

/// Returns the table and the lines below it, in Markdown.
fn part(results: &Results) -> String {
    let mut part = format!(
        "\nMade by `{}` on Linux {}, {}:\n\n{}\n\n",
        results.command,
        results.kernel,
        results.qemu,
        table::table(&results.figures)
    );
    for line in table::lines(results) {
        part += &format!("    {line}\n");
    }
    part + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        fs::read_to_string(path).unwrap()
    }

    fn results() -> Results {
        serde_json::from_str(&committed("bench/results.json")).unwrap()
    }

    #[test]
    fn the_page_says_what_the_results_say() {
        let page = committed("docs/benchmarks.md");
        let made = replace(&page, &results()).unwrap();
        assert!(
            made == page,
            "docs/benchmarks.md is not what bench/results.json gives: `make bench-report` writes it"
        );
    }

    #[test]
    fn what_people_wrote_stays() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let made = replace(&page, &results()).unwrap();
        assert!(made.starts_with(&format!("before\n{BEGIN}\n\nMade by `make bench` on Linux")));
        assert!(made.ends_with(&format!("\n\n{END}\nafter\n")));
        assert!(!made.contains("old"));
        assert_eq!(replace(&made, &results()).unwrap(), made);
    }

    #[test]
    fn a_page_without_the_lines_is_refused() {
        for page in ["", BEGIN, END, &format!("{END}\n{BEGIN}\n")] {
            assert!(replace(page, &results()).is_err(), "{page}");
        }
    }
}
