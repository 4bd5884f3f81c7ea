// SPDX-License-Identifier: GPL-2.0-only

//! Talks to the person: results on standard output, progress and notes on standard error.

use std::cell::Cell;
use std::env;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

pub struct Ui {
    /// On a terminal only.
    spinner: Option<ProgressBar>,
    spinning: Cell<bool>,
    colors: bool,
}

#[derive(Clone, Copy)]
pub enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Ui {
    pub fn new() -> Self {
        let spinner = io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                spinner.set_style(style);
            }
            spinner
        });
        Self {
            spinner,
            spinning: Cell::new(false),
            colors: io::stdout().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// What goes on at the moment; shown on a terminal until the next call, with the time that it takes.
    pub fn status(&self, text: &str) {
        if let Some(spinner) = &self.spinner {
            self.spinning.set(true);
            spinner.reset();
            spinner.set_message(text.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Nothing goes on any more.
    pub fn done(&self) {
        if let Some(spinner) = &self.spinner {
            self.spinning.set(false);
            spinner.disable_steady_tick();
            spinner.finish_and_clear();
        }
    }

    /// A line of results.
    pub fn line(&self, text: &str) {
        // When nobody reads any more, the run goes on to its end and its exit code.
        self.without_spinner(|| drop(writeln!(io::stdout(), "{text}")));
    }

    /// A line about the run itself.
    pub fn note(&self, text: &str) {
        self.without_spinner(|| drop(writeln!(io::stderr(), "{text}")));
    }

    pub fn paint(&self, color: Color, text: &str) -> String {
        if self.colors {
            format!("\x1b[{}m{text}\x1b[0m", color as u8)
        } else {
            text.into()
        }
    }

    fn without_spinner(&self, print: impl FnOnce()) {
        match &self.spinner {
            Some(spinner) if self.spinning.get() => spinner.suspend(print),
            _ => print(),
        }
    }
}
