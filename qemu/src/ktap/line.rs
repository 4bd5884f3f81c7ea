// SPDX-License-Identifier: GPL-2.0-only

//! One line of KTAP, without its indentation.

/// What follows ` # ` in a result.
#[derive(Debug, Default, PartialEq)]
pub enum Directive {
    #[default]
    None,
    /// Not run, with the reason.
    Skip(String),
    /// It shows a fault that is known (`XFAIL`), with the reason.
    Xfail(String),
    /// Not finished (`TODO`), with the reason.
    Todo(String),
    /// Another directive that the specification knows (`TIMEOUT`, `ERROR`), as it was written.
    Other(String),
}

#[derive(Debug, PartialEq)]
pub enum Line<'a> {
    Version,
    Plan {
        count: usize,
        reason: Option<String>,
    },
    Running(&'a str),
    Subtest(&'a str),
    Result {
        ok: bool,
        name: &'a str,
        directive: Directive,
    },
    Bail(&'a str),
    /// A diagnostic that a person wants to see even of a test that passed: `# report: TEXT`.
    Report(&'a str),
    /// A diagnostic, or anything else that a test printed.
    Note(&'a str),
    Empty,
}

impl<'a> Line<'a> {
    pub fn parse(body: &'a str) -> Self {
        if body.is_empty() {
            return Line::Empty;
        }
        if let Some(comment) = body.strip_prefix('#') {
            let comment = comment.trim();
            if let Some(name) = comment.strip_prefix("running:") {
                return Line::Running(name.trim());
            }
            if let Some(name) = comment.strip_prefix("Subtest:") {
                return Line::Subtest(name.trim());
            }
            if let Some(text) = comment.strip_prefix("report: ") {
                return Line::Report(text.trim());
            }
            return if comment.is_empty() {
                Line::Empty
            } else {
                Line::Note(comment)
            };
        }
        if body.starts_with("KTAP version ") || body.starts_with("TAP version ") {
            return Line::Version;
        }
        if let Some(reason) = body.strip_prefix("Bail out!") {
            return Line::Bail(reason.trim());
        }
        if let Some(rest) = body.strip_prefix("1..") {
            let (count, reason) = rest.split_once('#').unwrap_or((rest, ""));
            if let Ok(count) = count.trim().parse() {
                let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
                return Line::Plan { count, reason };
            }
        }
        if let Some(rest) = body.strip_prefix("ok ") {
            return Self::result(true, rest).unwrap_or(Line::Note(body));
        }
        if let Some(rest) = body.strip_prefix("not ok ") {
            return Self::result(false, rest).unwrap_or(Line::Note(body));
        }
        Line::Note(body)
    }

    /// `N [- ]NAME [# DIRECTIVE]`; a line without a number is no result.
    fn result(ok: bool, rest: &'a str) -> Option<Self> {
        let rest = rest.trim_start();
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        number.parse::<u32>().ok()?;
        let rest = rest.trim();
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        for (at, _) in rest.match_indices('#') {
            let directive = directive(rest[at + 1..].trim());
            if directive != Directive::None && (at == 0 || rest[..at].ends_with(' ')) {
                return Some(Line::Result {
                    ok,
                    name: rest[..at].trim(),
                    directive,
                });
            }
        }
        Some(Line::Result {
            ok,
            name: rest,
            directive: Directive::None,
        })
    }
}

fn directive(text: &str) -> Directive {
    let (word, reason) = text.split_once([' ', ':']).unwrap_or((text, ""));
    let reason = reason.trim().to_owned();
    match word.to_ascii_uppercase().as_str() {
        "SKIP" => Directive::Skip(reason),
        "XFAIL" => Directive::Xfail(reason),
        "TODO" => Directive::Todo(reason),
        "TIMEOUT" | "ERROR" => Directive::Other(text.to_owned()),
        _ => Directive::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ok: bool, name: &str, directive: Directive) -> Line<'_> {
        Line::Result {
            ok,
            name,
            directive,
        }
    }

    #[test]
    fn lines() {
        let cases = [
            ("KTAP version 1", Line::Version),
            (
                "1..12",
                Line::Plan {
                    count: 12,
                    reason: None,
                },
            ),
            (
                "1..0 # SKIP no device",
                Line::Plan {
                    count: 0,
                    reason: Some("SKIP no device".into()),
                },
            ),
            ("1..many", Line::Note("1..many")),
            ("# running: bind", Line::Running("bind")),
            ("# Subtest: bind", Line::Subtest("bind")),
            ("# BAR0 0xfe000000", Line::Note("BAR0 0xfe000000")),
            (
                "# report: points=214 path=suspend",
                Line::Report("points=214 path=suspend"),
            ),
            ("# report:", Line::Note("report:")),
            ("#", Line::Empty),
            ("Bail out! no debugfs", Line::Bail("no debugfs")),
            ("ok 1 bind", result(true, "bind", Directive::None)),
            ("ok 1 - bind it", result(true, "bind it", Directive::None)),
            ("not ok 2 fatal", result(false, "fatal", Directive::None)),
            ("ok 3", result(true, "", Directive::None)),
            (
                "ok 4 x # SKIP no root",
                result(true, "x", Directive::Skip("no root".into())),
            ),
            (
                "ok 4 x # skip: no root",
                result(true, "x", Directive::Skip("no root".into())),
            ),
            (
                "not ok 5 x # TODO later",
                result(false, "x", Directive::Todo("later".into())),
            ),
            (
                "ok 6 x # XFAIL",
                result(true, "x", Directive::Xfail(String::new())),
            ),
            (
                "ok 6 x # XFAIL the stock kernel loses it",
                result(
                    true,
                    "x",
                    Directive::Xfail("the stock kernel loses it".into()),
                ),
            ),
            (
                "not ok 7 x # TIMEOUT 45s",
                result(false, "x", Directive::Other("TIMEOUT 45s".into())),
            ),
            (
                "ok 8 issue #12 is fixed",
                result(true, "issue #12 is fixed", Directive::None),
            ),
            (
                "ok 9 # SKIP x",
                result(true, "", Directive::Skip("x".into())),
            ),
            ("ok then", Line::Note("ok then")),
            ("sh: foo: not found", Line::Note("sh: foo: not found")),
        ];
        for (text, expected) in cases {
            assert_eq!(Line::parse(text), expected, "{text}");
        }
    }
}
