// SPDX-License-Identifier: GPL-2.0-only

//! QEMU's control channel: typed commands (crate qapi), each exchange logged with its time.

use std::io;
use std::io::BufRead;
use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use qapi::Command;
use qapi::ExecuteError;
use qapi::Stream;
use qapi::qmp;
use thiserror::Error;

use crate::logs::QmpLog;

/// How long QEMU may take to answer. Commands are answered at once, unless QEMU hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to make the machine: hundreds of devices take longer than a command.
const COMPLETE: Duration = Duration::from_secs(90);

#[derive(Debug, Error)]
pub enum QmpError {
    /// QEMU understood and refused.
    #[error("{0}")]
    Refused(String),
    #[error("QEMU's control channel: {0}")]
    Channel(#[from] io::Error),
}

impl From<ExecuteError> for QmpError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Qapi(error) => Self::Refused(error.desc),
            ExecuteError::Io(error) => Self::Channel(error),
        }
    }
}

/// A connection that has been greeted.
pub struct Qmp {
    inner: qapi::Qmp<Stream<Reader, Writer>>,
}

impl Qmp {
    /// Waits until QEMU has greeted and the machine is complete.
    pub fn connect(stream: UnixStream, log: QmpLog) -> Result<Self, QmpError> {
        stream.set_read_timeout(Some(COMPLETE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut reader = Reader {
            stream: stream.try_clone()?,
            log: log.clone(),
            received: Vec::new(),
            line: 0,
        };
        // qapi panics when the stream ends before the greeting.
        if reader.fill_buf()?.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let socket = stream.try_clone()?;
        let writer = Writer {
            stream,
            log,
            line: Vec::new(),
        };
        let mut inner = qapi::Qmp::new(Stream::new(reader, writer));
        inner.handshake()?;
        // Greeted at once, the answer to that comes when all devices are there.
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { inner })
    }

    fn execute<C: Command>(&mut self, command: C) -> Result<C::Ok, QmpError> {
        Ok(self.inner.execute(&command)?)
    }

    /// Runs a command of QEMU's human monitor, and returns what it prints.
    pub fn human(&mut self, command: &str) -> Result<String, QmpError> {
        self.execute(qmp::human_monitor_command {
            command_line: command.into(),
            cpu_index: None,
        })
    }

    /// Wakes the guest if it is suspended; otherwise returns false.
    pub fn wake_if_suspended(&mut self) -> Result<bool, QmpError> {
        if self.execute(qmp::query_status {})?.status != qmp::RunState::suspended {
            return Ok(false);
        }
        self.execute(qmp::system_wakeup {})?;
        Ok(true)
    }

    /// When the guest switches the machine off, QEMU is to stay, so that it can be switched on again.
    pub fn stay_when_off(&mut self) -> Result<(), QmpError> {
        self.set_action(qmp::RebootAction::shutdown, qmp::ShutdownAction::pause)
    }

    /// QEMU ends with the machine, as it does from the start.
    pub fn end_when_off(&mut self) -> Result<(), QmpError> {
        self.set_action(qmp::RebootAction::shutdown, qmp::ShutdownAction::poweroff)
    }

    fn set_action(
        &mut self,
        reboot: qmp::RebootAction,
        shutdown: qmp::ShutdownAction,
    ) -> Result<(), QmpError> {
        self.execute(qmp::set_action {
            panic: None,
            reboot: Some(reboot),
            shutdown: Some(shutdown),
            watchdog: None,
        })?;
        Ok(())
    }

    /// Switches the machine on if it is off; returns whether it is on again. QEMU ends with it, but not when it reboots:
    /// the firmware does so when it finds itself in memory.
    pub fn power_on_if_off(&mut self) -> Result<bool, QmpError> {
        match self.execute(qmp::query_status {})?.status {
            qmp::RunState::shutdown => {
                // It happens after the answer.
                self.set_action(qmp::RebootAction::reset, qmp::ShutdownAction::pause)?;
                self.execute(qmp::system_reset {})?;
                Ok(false)
            }
            qmp::RunState::prelaunch => {
                self.set_action(qmp::RebootAction::reset, qmp::ShutdownAction::poweroff)?;
                self.execute(qmp::cont {})?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Asks for a device to be unplugged: behind a hotplug port it goes when the guest lets it go.
    pub fn unplug(&mut self, id: &str) -> Result<(), QmpError> {
        self.execute(qmp::device_del { id: id.into() })?;
        Ok(())
    }

    /// Plugs a device in, given as on QEMU's command line. The monitor reads it so; `device_add` of QMP takes `true` for
    /// one switch and only `"on"` for another.
    pub fn plug(&mut self, argument: &str) -> Result<(), QmpError> {
        let text = self.human(&format!("device_add {argument}"))?;
        match text.trim() {
            "" => Ok(()),
            text => Err(QmpError::Refused(text.trim_start_matches("Error: ").into())),
        }
    }

    /// Switches an event of QEMU's trace on or off.
    pub fn trace_event(&mut self, name: &str, on: bool) -> Result<(), QmpError> {
        self.execute(qmp::trace_event_set_state {
            name: name.into(),
            enable: on,
            ignore_unavailable: None,
        })?;
        Ok(())
    }

    /// Makes QEMU signal a break on a serial port.
    pub fn send_break(&mut self, chardev: &str) -> Result<(), QmpError> {
        self.execute(qmp::chardev_send_break { id: chardev.into() })?;
        Ok(())
    }
}

/// Gives qapi one whole line at a time, without events: those are logged only, and a QEMU newer than qapi has
/// events that qapi cannot read.
struct Reader {
    stream: UnixStream,
    log: QmpLog,
    received: Vec<u8>,
    /// How much of `received` is a line to be given out.
    line: usize,
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.line == 0 {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                self.log.line("<-", &self.received[..end]);
                if is_event(&self.received[..end]) {
                    self.received.drain(..=end);
                } else {
                    self.line = end + 1;
                }
                continue;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(&[]),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let text = format!("no answer within {} s", PATIENCE.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(&self.received[..self.line])
    }

    fn consume(&mut self, amount: usize) {
        self.received.drain(..amount);
        self.line -= amount;
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut line = self.fill_buf()?;
        let count = line.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// An event starts with its time (`{"timestamp": …`) or its name; an answer does with `return`, `error` or `QMP`.
fn is_event(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let start = line.trim_start_matches(['{', ' ', '"']);
    start.starts_with("timestamp") || start.starts_with("event")
}

/// Collects a command until it is flushed, and sends it whole.
struct Writer {
    stream: UnixStream,
    log: QmpLog,
    line: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.log.line("->", self.line.trim_ascii_end());
            self.stream.write_all(&self.line)?;
            self.line.clear();
        }
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// QEMU's side: greets, then gives each of `answers` for a line that it reads.
    fn qemu(answers: &'static [&'static str]) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut reader = io::BufReader::new(theirs.try_clone().unwrap());
            let mut theirs = theirs;
            let version = r#"{"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}"#;
            writeln!(
                theirs,
                r#"{{"QMP": {{"version": {version}, "capabilities": []}}}}"#
            )
            .unwrap();
            for answer in answers {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                theirs.write_all(answer.as_bytes()).unwrap();
            }
        });
        ours
    }

    #[test]
    fn events_are_passed_over_and_refusals_are_told() {
        let stream = qemu(&[
            "{\"return\": {}}\n",
            "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"NEW_IN_QEMU_99\"}\n{\"return\": \"OK id: ep0\\r\\n\"}\n",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such chardev\"}}\n",
        ]);
        let mut qmp = Qmp::connect(stream, QmpLog::nowhere()).unwrap();
        assert_eq!(qmp.human("x").unwrap(), "OK id: ep0\r\n");
        assert_eq!(
            qmp.send_break("x").unwrap_err().to_string(),
            "no such chardev"
        );
        assert!(
            matches!(qmp.human("x"), Err(QmpError::Channel(_))),
            "QEMU has gone"
        );
    }

    #[test]
    fn what_the_monitor_says_to_a_plug_is_a_refusal() {
        let stream = qemu(&[
            "{\"return\": {}}\n",
            "{\"return\": \"\"}\n",
            "{\"return\": \"Error: Duplicate device ID 'ep0'\\r\\n\"}\n",
        ]);
        let mut qmp = Qmp::connect(stream, QmpLog::nowhere()).unwrap();
        qmp.plug("edu,id=ep0").unwrap();
        assert_eq!(
            qmp.plug("edu,id=ep0").unwrap_err().to_string(),
            "Duplicate device ID 'ep0'"
        );
    }

    #[test]
    fn a_qemu_that_dies_before_its_greeting_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert!(matches!(
            Qmp::connect(ours, QmpLog::nowhere()),
            Err(QmpError::Channel(_))
        ));
    }
}
