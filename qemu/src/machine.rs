// SPDX-License-Identifier: GPL-2.0-only

//! A running QEMU: started, connected to, and ended in every case.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Child;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use rustix::process::Pid;
use rustix::process::Signal;

use crate::logs::QmpLog;
use crate::runner::Runner;

/// How long QEMU, and the runner before it, may take until the sockets are there.
const START: Duration = Duration::from_secs(30);

/// How many of the last lines that QEMU printed are kept to be shown.
const SAID: usize = 5;

/// QEMU; dropping it ends it.
pub struct Machine {
    /// QEMU's supervisor; its standard input, held here, is what keeps it alive.
    child: Child,
    /// Its process group, until that has been killed.
    group: Option<Pid>,
    said: Arc<Mutex<VecDeque<String>>>,
}

impl Machine {
    /// Starts QEMU, which is `program`.
    pub fn start(
        runner: &Runner,
        program: &str,
        arguments: &[OsString],
        folders: &[&Path],
        log: &QmpLog,
    ) -> Result<Self> {
        let mut child = runner
            .command(program, folders)
            .args(arguments)
            .spawn()
            .context("cannot start QEMU")?;
        let said = Arc::default();
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, &said, log);
        }
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, &said, log);
        }
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self { child, group, said })
    }

    /// Connects to a socket that QEMU serves, as soon as it is there.
    pub fn connect(&mut self, socket: &Path) -> Result<UnixStream> {
        let deadline = Instant::now() + START;
        loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                return Ok(stream);
            }
            if self.ended()?.is_some() {
                bail!(self.why_not_started());
            }
            if Instant::now() > deadline {
                bail!(
                    "QEMU has not opened {} within {} s",
                    socket.display(),
                    START.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// QEMU's exit status, once it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot ask for QEMU's state")
    }

    /// One line about a QEMU that ended before its machine was complete.
    pub fn why_not_started(&mut self) -> String {
        // Its socket closes before it has ended, and its last words may still be on their way.
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut status = None;
        while (status.is_none() || self.last_words().is_empty()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            status = self.ended().ok().flatten();
        }
        let how = status.map_or("it does not answer".into(), describe);
        match self.last_words() {
            words if words.is_empty() => format!("QEMU did not start: {how}"),
            words => format!("QEMU did not start ({how}): {}", words.join("; ")),
        }
    }

    /// The last lines that QEMU printed.
    pub fn last_words(&self) -> Vec<String> {
        self.said
            .lock()
            .map(|said| said.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Ends QEMU and what runs it, now.
    pub fn kill(&mut self) {
        // Its supervisor leads a process group (see Runner::command), which may outlive it if somebody killed it.
        if let Some(group) = self.group.take() {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(from: impl Read + Send + 'static, said: &Arc<Mutex<VecDeque<String>>>, log: &QmpLog) {
    let said = Arc::clone(said);
    let log = log.clone();
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            log.line("qemu:", &line);
            if let Ok(mut said) = said.lock() {
                if said.len() == SAID {
                    said.pop_front();
                }
                said.push_back(String::from_utf8_lossy(&line).trim().to_owned());
            }
        }
    });
}

/// How a program ended. A shell or bwrap reports a program's signal as 128 plus its number.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) if code > 128 => format!("killed by {}", signal_name(code - 128)),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by {}", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

fn signal_name(number: i32) -> String {
    signal_hook::low_level::signal_name(number)
        .map_or_else(|| format!("signal {number}"), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_are_told_in_words() {
        assert_eq!(describe(ExitStatus::from_raw(1 << 8)), "exit status 1");
        assert_eq!(describe(ExitStatus::from_raw(9)), "killed by SIGKILL");
        assert_eq!(
            describe(ExitStatus::from_raw(137 << 8)),
            "killed by SIGKILL"
        );
    }
}
