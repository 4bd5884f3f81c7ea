// SPDX-License-Identifier: GPL-2.0-only

//! The command line of one command: options as `--name VALUE` or `--flag`, and words.

use std::ffi::OsString;
use std::str::FromStr;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use lexopt::Arg;

/// The arguments behind the command's name.
pub struct Options {
    arguments: Vec<OsString>,
}

/// What `Options::parse` found.
#[derive(Debug, Default)]
pub struct Parsed {
    values: Vec<(&'static str, String)>,
    words: std::collections::VecDeque<String>,
}

impl Options {
    pub fn new(arguments: impl Iterator<Item = OsString>) -> Self {
        Self {
            arguments: arguments.collect(),
        }
    }

    pub fn ask_for_help(&self) -> bool {
        self.arguments
            .first()
            .is_some_and(|first| first == "--help")
    }

    /// The words as they are: one that begins with `-` is no option.
    pub fn words(self) -> Result<Vec<String>> {
        self.arguments.into_iter().map(text).collect()
    }

    /// Sorts them into `flags`, options with a value and words.
    pub fn parse(self, flags: &[&'static str], valued: &[&'static str]) -> Result<Parsed> {
        let mut parser = lexopt::Parser::from_args(self.arguments);
        let mut parsed = Parsed::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long(name) => {
                    let known =
                        |list: &[&'static str]| list.iter().copied().find(|known| *known == name);
                    if let Some(flag) = known(flags) {
                        parsed.values.push((flag, String::new()));
                    } else if let Some(option) = known(valued) {
                        let value = text(parser.value()?)?;
                        parsed.values.push((option, value));
                    } else {
                        bail!("unknown option `--{name}`");
                    }
                }
                Arg::Short(letter) => bail!("unknown option `-{letter}`"),
                Arg::Value(word) => parsed.words.push_back(text(word)?),
            }
        }
        Ok(parsed)
    }
}

fn text(word: OsString) -> Result<String> {
    word.into_string()
        .map_err(|word| anyhow::anyhow!("`{}` is not UTF-8", word.to_string_lossy()))
}

impl Parsed {
    /// The value of an option, the last one where it is there several times.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().rev().find(|(option, _)| *option == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn flag(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The number that an option has.
    pub fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>> {
        self.value(name)
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| anyhow::anyhow!("--{name} is no number: `{value}`"))
            })
            .transpose()
    }

    /// Takes the next word.
    pub fn word(&mut self, what: &str) -> Result<String> {
        self.words
            .pop_front()
            .with_context(|| format!("{what} is missing"))
    }

    /// Takes the next word, if there is one.
    pub fn optional_word(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> Vec<String> {
        self.words.drain(..).collect()
    }

    /// Refuses words that nobody took.
    pub fn end(&self) -> Result<()> {
        match self.words.front() {
            None => Ok(()),
            Some(word) => bail!("there is a word too much: `{word}`"),
        }
    }
}

/// A number as shell reads it: decimal, or hexadecimal with `0x`.
pub fn shell_number(text: &str) -> Result<u32> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.with_context(|| format!("`{text}` is no number of 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        Options::new(words.iter().map(|word| (*word).into()))
    }

    #[test]
    fn options_come_in_any_place() {
        let mut parsed = options(&["a", "--times", "3", "--all", "b", "--times=4"])
            .parse(&["all"], &["times"])
            .unwrap();
        assert_eq!(parsed.number::<u8>("times").unwrap(), Some(4));
        assert!(parsed.flag("all") && !parsed.flag("none"));
        assert_eq!(parsed.word("WORD").unwrap(), "a");
        assert!(parsed.end().is_err());
        assert_eq!(parsed.rest(), ["b"]);
        assert!(parsed.end().is_ok());
        assert!(
            parsed
                .word("WORD")
                .unwrap_err()
                .to_string()
                .contains("WORD is missing")
        );
    }

    #[test]
    fn what_is_unknown_is_refused() {
        assert!(options(&["--x"]).parse(&[], &["times"]).is_err());
        assert!(options(&["-x"]).parse(&[], &[]).is_err());
        assert!(options(&["--times"]).parse(&[], &["times"]).is_err());
        let parsed = options(&["--times", "x"]).parse(&[], &["times"]).unwrap();
        assert!(parsed.number::<u8>("times").is_err());
    }

    #[test]
    fn words_may_look_like_options() {
        assert_eq!(options(&["file", "-1"]).words().unwrap(), ["file", "-1"]);
    }

    #[test]
    fn numbers_are_those_of_shell() {
        assert_eq!(shell_number("0x1F").unwrap(), 31);
        assert_eq!(shell_number("17").unwrap(), 17);
        assert!(shell_number("0x100000000").is_err() && shell_number("x").is_err());
    }
}
