// SPDX-License-Identifier: GPL-2.0-only

//! A shell in the guest on this terminal.

use std::env;
use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use anyhow::Result;
use rustix::stdio::stdin;
use rustix::termios;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;

use crate::session::Event;
use crate::session::Program;
use crate::ui::Ui;

/// Ctrl-], the key that leaves.
const LEAVE: u8 = 0x1d;

/// Sent after piped input. Not Ctrl-D: the guest's terminal loses one that comes while a command runs.
const END_OF_INPUT: &[u8] = b"\nexit\n";

/// This terminal's rows, columns and kind, for the guest.
pub fn terminal_settings() -> String {
    let size = termios::tcgetwinsize(stdin())
        .ok()
        .filter(|size| size.ws_row > 0 && size.ws_col > 0);
    let (rows, columns) = size.map_or((24, 80), |size| (size.ws_row, size.ws_col));
    let kind = env::var("TERM")
        .ok()
        .filter(|kind| !kind.is_empty() && !kind.contains(char::is_whitespace));
    format!("{rows} {columns} {}\n", kind.as_deref().unwrap_or("dumb"))
}

/// The person's side of the shell. Dropping it gives the terminal back as it was.
pub struct Shell {
    events: Sender<Event>,
    before: Option<Termios>,
    begun: bool,
}

impl Shell {
    pub fn new(events: Sender<Event>) -> Self {
        Self {
            events,
            before: None,
            begun: false,
        }
    }
}

impl Program for Shell {
    fn begin(&mut self, ui: &Ui) -> Result<()> {
        ui.done();
        self.begun = true;
        if io::stdin().is_terminal() {
            let before = termios::tcgetattr(stdin()).context("cannot read the terminal's modes")?;
            let mut raw = before.clone();
            raw.make_raw();
            self.before = Some(before);
            termios::tcsetattr(stdin(), OptionalActions::Now, &raw)
                .context("cannot set the terminal's modes")?;
        }
        let events = self.events.clone();
        thread::spawn(move || read_input(&events));
        Ok(())
    }

    fn output(&mut self, bytes: &[u8], _ui: &Ui) {
        print(bytes);
    }

    fn console(&mut self, bytes: &[u8]) {
        if self.begun {
            print(bytes);
        }
    }

    fn running(&self) -> Option<&str> {
        self.begun.then_some("shell")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(stdin(), OptionalActions::Now, before);
            print(b"\r\n");
        }
    }
}

fn print(bytes: &[u8]) {
    let mut out = io::stdout();
    let _ = out.write_all(bytes);
    let _ = out.flush();
}

fn read_input(events: &Sender<Event>) {
    let mut buffer = [0; 1024];
    loop {
        let event = match io::stdin().read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) if buffer[..count].contains(&LEAVE) => Event::Left,
            Ok(count) => Event::Input(buffer[..count].to_vec()),
        };
        if events.send(event).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Input(END_OF_INPUT.to_vec()));
}
