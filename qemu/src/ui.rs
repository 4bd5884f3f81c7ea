// SPDX-License-Identifier: GPL-2.0-only

//! Talks to the person: results on standard output, progress and notes on standard error.

use std::cell::Cell;
use std::cell::RefCell;
use std::env;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::sync::mpsc::Sender;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

pub struct Ui {
    /// On a terminal only.
    spinner: Option<ProgressBar>,
    spinning: Cell<bool>,
    colors: bool,
    /// Of one of several guests: what it says is held until a test is done.
    held: Option<Held>,
}

/// Lines that are to be shown as one block.
struct Held {
    guest: String,
    lines: RefCell<Vec<String>>,
    blocks: Sender<String>,
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
            held: None,
        }
    }

    /// For one of several guests, which are numbered from 1: lines go to `blocks`, together. `what` it is for is said
    /// with its number.
    pub fn held(guest: usize, what: &str, blocks: Sender<String>) -> Self {
        Self {
            spinner: None,
            held: Some(Held {
                guest: format!("guest {guest} ({what})"),
                lines: RefCell::default(),
                blocks,
            }),
            ..Self::new()
        }
    }

    /// The lines held so far form a block.
    pub fn end_block(&self) {
        if let Some(held) = &self.held {
            let lines = held.lines.take();
            if !lines.is_empty() {
                // The receiver is gone only if the run was aborted.
                let _ = held.blocks.send(lines.join("\n"));
            }
        }
    }

    /// Shows the current step on a terminal, with the time that it takes, until the next call.
    pub fn status(&self, text: &str) {
        if let Some(spinner) = &self.spinner {
            self.spinning.set(true);
            spinner.reset();
            spinner.set_message(text.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Removes the current step from the terminal.
    pub fn done(&self) {
        if let Some(spinner) = &self.spinner {
            self.spinning.set(false);
            spinner.disable_steady_tick();
            spinner.finish_and_clear();
        }
    }

    /// A line of results.
    pub fn line(&self, text: &str) {
        if let Some(held) = &self.held {
            held.lines.borrow_mut().push(text.into());
            return;
        }
        // A closed standard output does not end the run, nor change its exit code.
        self.without_spinner(|| drop(writeln!(io::stdout(), "{text}")));
    }

    /// A line about the run itself.
    pub fn note(&self, text: &str) {
        if let Some(held) = &self.held {
            eprintln!("{}: {text}", held.guest);
            return;
        }
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
