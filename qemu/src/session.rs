// SPDX-License-Identifier: GPL-2.0-only

//! One guest from its boot to its end: joins what QEMU, the guest and the person send, and decides when it is over.

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;

use crate::command;
use crate::console::Console;
use crate::logs::Logs;
use crate::machine;
use crate::machine::Machine;
use crate::qmp::Qmp;
use crate::ui::Ui;

/// How often the deadlines are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long the guest may take to power off after its program has ended.
const POWER_OFF: Duration = Duration::from_secs(10);

/// How long the console is read after a panic, and after the tasks of a hang were requested.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The events of a session.
#[derive(Debug)]
pub enum Event {
    /// Bytes from the kernel console.
    Console(Vec<u8>),
    /// Bytes from the guest's program.
    Output(Vec<u8>),
    /// A port was closed.
    Closed,
    /// A request of the guest.
    Activity,
    /// The guest's program has ended.
    GuestExit(i32),
    /// A signal came.
    Signal(i32),
    /// A person typed something for the guest's program.
    Input(Vec<u8>),
    /// A person left the shell.
    Left,
}

/// How a session ended.
#[derive(Debug, PartialEq)]
pub enum End {
    /// The guest's program ended with this status.
    Exit(i32),
    /// The guest's program was silent for this long.
    Hang(Duration),
    /// The guest's program did not begin within this time.
    NoBoot(Duration),
    /// The kernel panicked; its message.
    Panic(String),
    /// QEMU ended before the guest's program did; in words.
    Died(String),
    /// The harness got this signal.
    Signal(i32),
    /// A person left.
    Left,
}

/// The purpose of the guest's program: the tests, the demonstration, the shell.
pub trait Program {
    /// The guest has booted: its first output is about to be given to [`Program::output`].
    fn begin(&mut self, ui: &Ui) -> Result<()>;
    fn output(&mut self, bytes: &[u8], ui: &Ui);
    /// The kernel printed something.
    fn console(&mut self, _bytes: &[u8]) {}
    /// The running test or step, as the guest's program names it.
    fn running(&self) -> Option<&str>;
}

/// The bounds of a session.
#[derive(Clone, Copy)]
pub struct Limits {
    pub boot: Duration,
    /// For how long the guest's program may be silent; none for a person.
    pub silence: Option<Duration>,
}

/// A guest that boots.
pub struct Session {
    pub machine: Machine,
    pub qmp: Arc<Mutex<Qmp>>,
    pub console_port: UnixStream,
    pub output_port: UnixStream,
    pub events: Receiver<Event>,
    pub logs: Logs,
    pub limits: Limits,
    pub console: Console,
    /// The guest's program has printed something.
    pub has_begun: bool,
}

/// Sends what comes from a port as events.
pub fn forward(mut port: UnixStream, events: Sender<Event>, event: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A signal handler never runs in this thread, so any error means that QEMU has gone.
        while let Ok(count @ 1..) = port.read(&mut buffer) {
            if events.send(event(buffer[..count].to_vec())).is_err() {
                return;
            }
        }
        let _ = events.send(Event::Closed);
    });
}

/// The state of a running session.
struct State {
    started: Instant,
    /// The last sign of life of the guest's program; none before the first.
    alive: Option<Instant>,
    closed: usize,
    exit: Option<(i32, Instant)>,
    panicked: Option<Instant>,
    ended: Option<(ExitStatus, Instant)>,
}

impl Session {
    /// Runs until the guest, the person or a bound ends it.
    pub fn run(&mut self, program: &mut dyn Program, ui: &Ui) -> Result<End> {
        let mut state = State {
            started: Instant::now(),
            alive: None,
            closed: 0,
            exit: None,
            panicked: None,
            ended: None,
        };
        let end = loop {
            match self.events.recv_timeout(TICK) {
                Ok(event) => {
                    if let Some(end) = self.handle(event, program, &mut state, ui)? {
                        break end;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
            }
            if state.ended.is_none() {
                state.ended = self.machine.ended()?.map(|status| (status, Instant::now()));
            }
            if let Some(end) = self.over(&state) {
                break end;
            }
            self.logs.check()?;
        };
        if matches!(end, End::Hang(_) | End::NoBoot(_)) {
            self.note_processors();
        }
        if matches!(end, End::Hang(_)) {
            self.ask_for_tasks(program)?;
        }
        self.machine.kill();
        Ok(end)
    }

    /// The events for another session, when this one is over: of what came since then a signal is kept.
    pub fn into_events(self, sender: &Sender<Event>) -> Receiver<Event> {
        let events = self.events;
        drop((self.machine, self.qmp, self.console_port, self.output_port));
        thread::sleep(LAST_WORDS);
        let late: Vec<_> = events.try_iter().collect();
        for event in late {
            if matches!(event, Event::Signal(_)) {
                // The receiver is here.
                let _ = sender.send(event);
            }
        }
        events
    }

    fn handle(
        &mut self,
        event: Event,
        program: &mut dyn Program,
        state: &mut State,
        ui: &Ui,
    ) -> Result<Option<End>> {
        match event {
            Event::Console(bytes) => {
                self.logs.console(&bytes)?;
                self.console.feed(&bytes, program.running());
                program.console(&bytes);
                if state.panicked.is_none() && self.console.panic().is_some() {
                    state.panicked = Some(Instant::now());
                }
            }
            Event::Output(bytes) => {
                self.logs.output(&bytes)?;
                if state.alive.is_none() {
                    self.has_begun = true;
                    program.begin(ui)?;
                }
                state.alive = Some(Instant::now());
                program.output(&bytes, ui);
            }
            Event::Closed => state.closed += 1,
            Event::Activity => state.alive = state.alive.map(|_| Instant::now()),
            Event::GuestExit(code) => state.exit = Some((code, Instant::now())),
            Event::Input(bytes) => drop(self.output_port.write_all(&bytes)),
            Event::Signal(signal) => return Ok(Some(End::Signal(signal))),
            Event::Left => return Ok(Some(End::Left)),
        }
        Ok(None)
    }

    /// Whether it is over, and how it ended.
    fn over(&self, state: &State) -> Option<End> {
        let now = Instant::now();
        let past = |since: Instant, limit: Duration| now.duration_since(since) >= limit;

        // QEMU has gone: everything that it sent is read before anything is concluded.
        if let Some((status, at)) = state.ended {
            if state.closed < 2 && !past(at, LAST_WORDS) {
                return None;
            }
            return Some(match (state.exit, self.console.panic()) {
                (Some((code, _)), _) => End::Exit(code),
                (None, Some(message)) => End::Panic(message.into()),
                (None, None) => End::Died(self.how_it_died(status)),
            });
        }
        if let Some((code, at)) = state.exit {
            return past(at, POWER_OFF).then_some(End::Exit(code));
        }
        if let Some(at) = state.panicked {
            return past(at, LAST_WORDS)
                .then(|| End::Panic(self.console.panic().unwrap_or_default().into()));
        }
        match (state.alive, self.limits.silence) {
            (None, _) if past(state.started, self.limits.boot) => {
                Some(End::NoBoot(self.limits.boot))
            }
            (Some(alive), Some(limit)) if past(alive, limit) => Some(End::Hang(limit)),
            _ => None,
        }
    }

    fn how_it_died(&self, status: ExitStatus) -> String {
        if status.success() {
            return "the guest powered off or rebooted before its program had ended".into();
        }
        let words = self.machine.last_words();
        let words = if words.is_empty() {
            String::new()
        } else {
            format!(": {}", words.join("; "))
        };
        format!("QEMU died ({}){words}", machine::describe(status))
    }

    /// Asks QEMU twice where each processor is, so that one can tell a loop from a wait: the answers are in qmp.log. A
    /// QEMU that does not answer has nothing to tell.
    fn note_processors(&self) {
        let Ok(mut qmp) = self.qmp.lock() else { return };
        for _ in 0..2 {
            if qmp.human("info registers -a").is_err() {
                return;
            }
        }
    }

    /// Makes the kernel print its blocked tasks (sysrq w, by a break on the console) and reads what it prints.
    fn ask_for_tasks(&mut self, program: &mut dyn Program) -> Result<()> {
        let asked = self
            .qmp
            .lock()
            .is_ok_and(|mut qmp| qmp.send_break(command::CONSOLE).is_ok());
        if !asked || self.console_port.write_all(b"w").is_err() {
            return Ok(());
        }
        let deadline = Instant::now() + LAST_WORDS;
        while let Ok(event) = self
            .events
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if let Event::Console(bytes) = event {
                self.logs.console(&bytes)?;
                self.console.feed(&bytes, program.running());
            }
        }
        Ok(())
    }
}
