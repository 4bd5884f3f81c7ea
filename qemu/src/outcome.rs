// SPDX-License-Identifier: GPL-2.0-only

//! The outcome of a session: the exit status, the message for a person, and which logs stay.

use std::path::PathBuf;

use anyhow::Result;

use crate::session::End;
use crate::session::Session;
use crate::ui::Color;
use crate::ui::Ui;

pub const PASSED: u8 = 0;
pub const FAILED: u8 = 1;
/// No test or program was run.
pub const UNUSABLE: u8 = 2;
/// The guest did not come to its end.
pub const BROKEN: u8 = 3;

/// The exit status of a session whose program would give `own`.
pub fn status(end: &End, own: u8) -> u8 {
    match end {
        End::Exit(_) | End::Left => own,
        End::Signal(signal) => u8::try_from(128 + signal).unwrap_or(UNUSABLE),
        End::Hang(_) | End::NoBoot(_) | End::Panic(_) | End::Died(_) => BROKEN,
    }
}

/// One line about a session that a signal ended.
pub fn tell_interrupted(session: &Session, running: Option<&str>, ui: &Ui) {
    let during = during(running);
    ui.note(&format!(
        "interrupted {during}; logs: {}",
        session.logs.directory().display()
    ));
}

/// Says why the guest did not come to its end, with what the console last said.
pub fn explain(end: &End, session: &Session, running: Option<&str>, ui: &Ui) {
    let during = during(running);
    let what = match end {
        End::Exit(_) | End::Left | End::Signal(_) => return,
        End::Hang(limit) => format!(
            "the guest hung {during}: no output for {} s (--timeout)",
            limit.as_secs()
        ),
        End::NoBoot(limit) => {
            format!(
                "the guest did not boot: no output of its program within {} s (--boot-timeout)",
                limit.as_secs()
            )
        }
        End::Panic(message) => format!("the guest panicked {during}: {message}"),
        End::Died(how) => format!("{how} ({during})"),
    };
    let mut tail = session.console.tail().peekable();
    if tail.peek().is_none() {
        ui.note("The console printed nothing.");
    } else {
        ui.note("The console's last lines:");
        tail.for_each(|line| ui.note(&format!("    {line}")));
    }
    if !matches!(end, End::Died(_)) {
        for line in session.machine.last_words() {
            ui.note(&format!("QEMU said: {line}"));
        }
    }
    ui.note(&ui.paint(Color::Red, &what));
}

/// `running` as it fits into a sentence.
fn during(running: Option<&str>) -> String {
    match running {
        None => "during the boot".into(),
        Some(after) if after.starts_with("after ") => after.into(),
        Some(name) => format!("during {name}"),
    }
}

/// Keeps the logs: of a session that passed until the next one passes. Returns where they are.
pub fn keep_logs(session: Session, status: u8) -> Result<PathBuf> {
    match status {
        PASSED => session.logs.keep_as_last_passed(),
        _ => Ok(session.logs.directory().to_owned()),
    }
}
