// SPDX-License-Identifier: GPL-2.0-only

//! The process that a subcommand runs in: what it hears and says.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;

use anyhow::Result;

use crate::guest::Guest;
use crate::session::End;
use crate::session::Event;
use crate::session::Limits;
use crate::session::Program;
use crate::session::Session;
use crate::ui::Ui;

/// What a subcommand gets from the process that it runs in.
pub struct Host {
    pub ui: Ui,
    pub events: Receiver<Event>,
    pub sender: Sender<Event>,
}

impl Host {
    /// Boots the guest and runs `program` with it to the end.
    ///
    /// A kernel that panics in its boot under TCG boots once more: now and then a processor runs code that another one
    /// has just patched, and traps (`Oops: int3`). Neither a module nor a program of ours was there.
    pub fn play(
        self,
        guest: &Guest,
        limits: Limits,
        program: &mut dyn Program,
    ) -> Result<(Session, End, Ui)> {
        let mut session = guest.boot(limits, self.events, &self.sender, &self.ui)?;
        let mut end = session.run(program, &self.ui)?;
        if let End::Panic(message) = &end
            && !session.has_begun
            && guest.is_translated()
        {
            self.ui.note(&format!(
                "the guest panicked in its boot ({message}), and boots once more; logs: {}",
                session.logs.directory().display()
            ));
            let events = session.into_events(&self.sender);
            session = guest.boot(limits, events, &self.sender, &self.ui)?;
            end = session.run(program, &self.ui)?;
        }
        self.ui.done();
        Ok((session, end, self.ui))
    }
}
