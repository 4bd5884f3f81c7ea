// SPDX-License-Identifier: GPL-2.0-only

//! Answers the guest's requests: each line on the port for them gets one line, `ok[ TEXT]` or `error TEXT`.

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::command::device_argument;
use crate::console::Lines;
use crate::logs::QmpLog;
use crate::qmp::Qmp;
use crate::qmp::QmpError;
use crate::session::Event;
use crate::topology::Device;
use crate::trace::Trace;

/// How often a guest that wants to be woken or switched on is looked at, and for how long.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const WAKE_WITHIN: Duration = Duration::from_secs(60);
const POWER_ON_WITHIN: Duration = Duration::from_secs(120);

/// How long a guest whose instructions are counted is left alone with an error: the interrupts of an answer that comes
/// while it recovers would be among those of the recovery, now and then.
pub const LEFT_ALONE: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Request {
    Inject {
        device: String,
        error: String,
        after: Duration,
    },
    Plug(Device),
    Unplug(String),
    Wakeup,
    PowerOn,
    TraceBegin,
    TraceEnd(String),
    Exit(i32),
}

/// The guest's requests for when it sleeps.
#[derive(Clone, Copy)]
enum Later {
    Wake {
        until: Instant,
    },
    PowerOn {
        until: Instant,
    },
    /// It was switched on: when it asks for something it has booted, and must not reboot any more.
    Booted,
}

impl Request {
    fn parse(line: &str, devices: &[Device]) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["inject", device, error, delay @ ..] if delay.len() < 2 => {
                let device = find(device, devices)?;
                // The word goes into a command line of QEMU's monitor.
                if !error.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return Err(format!("{error} is not the name of an error"));
                }
                let ms = delay.first().map_or(Ok(0), |ms| ms.parse());
                Ok(Self::Inject {
                    device: device.id.clone(),
                    error: (*error).into(),
                    after: Duration::from_millis(ms.map_err(|_| "MS is a number".to_owned())?),
                })
            }
            ["inject", ..] => Err("usage: inject ID ERROR [MS]".into()),
            ["plug", device] => Ok(Self::Plug(find(device, devices)?.clone())),
            ["unplug", device] => Ok(Self::Unplug(find(device, devices)?.id.clone())),
            ["plug" | "unplug", ..] => Err("usage: plug ID, unplug ID".into()),
            ["wakeup"] => Ok(Self::Wakeup),
            ["poweron"] => Ok(Self::PowerOn),
            ["trace", "begin"] => Ok(Self::TraceBegin),
            ["trace", "end", address] => Ok(Self::TraceEnd((*address).into())),
            ["exit", code] => code
                .parse()
                .map(Self::Exit)
                .map_err(|_| format!("{code} is not an exit code")),
            _ => Err(format!(
                "unknown request {}; there are inject ID ERROR [MS], plug ID, unplug ID, wakeup, poweron, trace begin, trace end ADDRESS, exit CODE",
                line.trim()
            )),
        }
    }
}

/// The device of the topology that the guest names.
fn find<'a>(id: &str, devices: &'a [Device]) -> Result<&'a Device, String> {
    devices
        .iter()
        .find(|device| device.id == id)
        .ok_or_else(|| {
            let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
            format!("no device {id}; there are {}", ids.join(", "))
        })
}

/// The side of the harness.
pub struct Requests {
    pub stream: UnixStream,
    pub qmp: Arc<Mutex<Qmp>>,
    pub devices: Vec<Device>,
    pub log: QmpLog,
    pub trace: Trace,
    /// So long after an error was raised the guest has its answer.
    pub answers_after: Duration,
    pub events: Sender<Event>,
}

impl Requests {
    /// Answers in a thread of its own until QEMU closes the port.
    pub fn serve(mut self) {
        thread::spawn(move || {
            if let Err(error) = self.answer_all() {
                self.log.line("requests:", error.to_string().as_bytes());
            }
        });
    }

    fn answer_all(&mut self) -> io::Result<()> {
        let mut lines = Lines::default();
        let mut later: Option<Later> = None;
        let mut buffer = [0; 512];
        self.stream.set_read_timeout(Some(LOOK_INTERVAL))?;
        loop {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    0
                }
                Err(error) => return Err(error),
            };
            for line in lines.feed(&buffer[..count]) {
                if matches!(later, Some(Later::Booted)) {
                    let _ = self.with_qmp(Qmp::end_when_off);
                    later = None;
                }
                let (answer, exit) = self.answer(&line, &mut later);
                self.log
                    .line("guest:", format!("{line} => {answer}").as_bytes());
                // Before the answer: the guest may power off as soon as it has that.
                let _ = self
                    .events
                    .send(exit.map_or(Event::Activity, Event::GuestExit));
                writeln!(self.stream, "{answer}")?;
            }
            if let Some(what) = later {
                later = self.look(what);
            }
        }
    }

    /// The answer to a line, and the exit code if the guest's program has ended.
    fn answer(&self, line: &str, later: &mut Option<Later>) -> (String, Option<i32>) {
        let request = match Request::parse(line, &self.devices) {
            Ok(request) => request,
            Err(text) => return (format!("error {text}"), None),
        };
        match request {
            Request::Inject {
                device,
                error,
                after,
            } => (self.inject(device, error, after), None),
            Request::Plug(device) => (self.done(|qmp| qmp.plug(&device_argument(&device))), None),
            Request::Unplug(id) => (self.done(|qmp| qmp.unplug(&id)), None),
            Request::Wakeup => {
                *later = Some(Later::Wake {
                    until: Instant::now() + WAKE_WITHIN,
                });
                (
                    format!(
                        "ok wakes the guest when it is suspended, within {} s",
                        WAKE_WITHIN.as_secs()
                    ),
                    None,
                )
            }
            Request::PowerOn => match self.with_qmp(Qmp::stay_when_off) {
                Ok(()) => {
                    *later = Some(Later::PowerOn {
                        until: Instant::now() + POWER_ON_WITHIN,
                    });
                    (
                        format!(
                            "ok switches the guest on when it is off, within {} s",
                            POWER_ON_WITHIN.as_secs()
                        ),
                        None,
                    )
                }
                Err(error) => (format!("error {error}"), None),
            },
            Request::TraceBegin => (traced(self.with_qmp(|qmp| self.trace.begin(qmp))), None),
            Request::TraceEnd(address) => {
                let counted = self.with_qmp(|qmp| self.trace.end(qmp, &address));
                (traced(counted), None)
            }
            Request::Exit(code) => ("ok".into(), Some(code)),
        }
    }

    fn inject(&self, device: String, error: String, after: Duration) -> String {
        if after.is_zero() {
            let answer = inject(&self.qmp, &device, &error);
            thread::sleep(self.answers_after);
            return answer;
        }
        let (qmp, log) = (Arc::clone(&self.qmp), self.log.clone());
        thread::spawn(move || {
            thread::sleep(after);
            let answer = inject(&qmp, &device, &error);
            log.line("later:", answer.as_bytes());
        });
        "ok later".into()
    }

    /// The answer to a request that QEMU does without a word, or refuses.
    fn done(&self, run: impl FnOnce(&mut Qmp) -> Result<(), QmpError>) -> String {
        match self.with_qmp(run) {
            Ok(()) => "ok".into(),
            Err(error) => format!("error {error}"),
        }
    }

    /// Performs the requests that are due, and returns the others.
    fn look(&self, later: Later) -> Option<Later> {
        let (done, until, next) = match later {
            Later::Wake { until } => (self.with_qmp(Qmp::wake_if_suspended), until, None),
            Later::PowerOn { until } => {
                let done = self.with_qmp(Qmp::power_on_if_off);
                (done, until, Some(Later::Booted))
            }
            Later::Booted => return Some(later),
        };
        match done {
            Ok(true) => next,
            Ok(false) if Instant::now() < until => Some(later),
            Ok(false) | Err(_) => {
                let _ = self.with_qmp(Qmp::end_when_off);
                None
            }
        }
    }

    fn with_qmp<T>(
        &self,
        run: impl FnOnce(&mut Qmp) -> Result<T, QmpError>,
    ) -> Result<T, QmpError> {
        with_qmp(&self.qmp, run)
    }
}

/// The answer to a request about a trace.
fn traced(result: Result<String, QmpError>) -> String {
    match result {
        Ok(text) => format!("ok {text}").trim_end().into(),
        Err(error) => format!("error {error}"),
    }
}

fn with_qmp<T>(
    qmp: &Mutex<Qmp>,
    run: impl FnOnce(&mut Qmp) -> Result<T, QmpError>,
) -> Result<T, QmpError> {
    match qmp.lock() {
        Ok(mut qmp) => run(&mut qmp),
        Err(_) => Err(QmpError::Refused("the harness has failed".into())),
    }
}

/// Raises an error, and returns the answer.
fn inject(qmp: &Mutex<Qmp>, device: &str, error: &str) -> String {
    let command = format!("pcie_aer_inject_error {device} {error}");
    match with_qmp(qmp, |qmp| qmp.human(&command)) {
        // QEMU's monitor reports errors as text too.
        Ok(text) => {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.starts_with("OK") {
                format!("ok {text}")
            } else {
                format!("error {text}")
            }
        }
        Err(error) => format!("error {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(line, &Topology::load("endpoint").unwrap().devices)
    }

    #[test]
    fn requests_are_understood() {
        for (line, ms) in [("inject ep0 DLP", 0), ("inject ep0 DLP 300", 300)] {
            let Request::Inject {
                device,
                error,
                after,
            } = parse(line).unwrap()
            else {
                panic!("{line}");
            };
            assert_eq!((device.as_str(), error.as_str()), ("ep0", "DLP"));
            assert_eq!(after, Duration::from_millis(ms));
        }
        let plug = parse("plug ep0").unwrap();
        assert!(matches!(plug, Request::Plug(device) if device.driver == "virtio-rng-pci"));
        let unplug = parse("unplug ep0").unwrap();
        assert!(matches!(unplug, Request::Unplug(id) if id == "ep0"));
        assert!(matches!(parse("  wakeup "), Ok(Request::Wakeup)));
        assert!(matches!(parse("poweron"), Ok(Request::PowerOn)));
        assert!(matches!(parse("exit 4"), Ok(Request::Exit(4))));
    }

    #[test]
    fn others_are_refused_in_one_line() {
        let cases = [
            ("inject ep9 DLP", "no device ep9; there are rp0, ep0, "),
            (
                "inject ep0 DLP;quit",
                "DLP;quit is not the name of an error",
            ),
            ("inject ep0", "usage: inject ID ERROR"),
            ("inject ep0 DLP soon", "MS is a number"),
            ("unplug ep9", "no device ep9; there are rp0, ep0, "),
            ("plug", "usage: plug ID, unplug ID"),
            ("exit now", "now is not an exit code"),
            ("reboot please", "unknown request reboot please"),
            ("", "unknown request"),
        ];
        for (line, part) in cases {
            let text = parse(line).unwrap_err();
            assert!(text.contains(part) && !text.contains('\n'), "{text}");
        }
    }
}
