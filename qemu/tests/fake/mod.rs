// SPDX-License-Identifier: GPL-2.0-only

//! A guest without QEMU: the harness's runner is a script that notes QEMU's command line and waits, and the test itself
//! serves the sockets that QEMU would.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

const BOUND: Duration = Duration::from_secs(20);

/// Notes its arguments and its process, then ends with the code that the test writes into a pipe.
const RUNNER: &str = r#"#!/bin/sh
dir=$(dirname "$0")
echo $$ >"$dir/pid"
printf '%s\n' "$@" >"$dir/arguments.part"
mv "$dir/arguments.part" "$dir/arguments"
read -r code <"$dir/end"
exit "$code"
"#;

/// Files that pass for what a guest is made of.
pub struct Files {
    pub dir: TempDir,
}

impl Files {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("fake-").tempdir().unwrap();
        let files = Self { dir };
        let mut kernel = vec![0; 0x1000];
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x20f] = 1;
        kernel[0x300..0x30b].copy_from_slice(b"7.3.4-fake ");
        files.write("bzImage", &kernel);
        let mut busybox = vec![0; 64];
        busybox[..6].copy_from_slice(b"\x7fELF\x02\x01");
        files.write("busybox", &busybox);
        files.write("module/x.ko", b"\x7fELF\0vermagic=7.3.4-fake SMP \0");
        files.write("kselftest/tests/bind.sh", b"");
        files.write("kselftest/tests/suspend.sh", b"");
        files.write("tmp/.keep", b"");
        files.write("runner", RUNNER.as_bytes());
        fs::set_permissions(files.path("runner"), fs::Permissions::from_mode(0o755)).unwrap();
        let made = Command::new("mkfifo")
            .arg(files.path("end"))
            .status()
            .unwrap();
        assert!(made.success());
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, data: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    /// The names in a folder.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".keep");
        names.sort();
        names
    }

    /// The harness, ready to be given more options.
    pub fn harness(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pci-recovery-qemu"));
        command.arg(subcommand).args(["--accel", "tcg"]);
        for (option, name) in [
            ("--kernel", "bzImage"),
            ("--busybox", "busybox"),
            ("--module-dir", "module"),
            ("--kselftest", "kselftest"),
            ("--runner", "runner"),
            ("--log-dir", "logs"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        command.env("TMPDIR", self.path("tmp"));
        // The fake is one guest.
        command.env("JOBS", "1");
        for variable in [
            "FILTER",
            "REPORT",
            "SEED",
            "TIMEOUT",
            "TOPOLOGY",
            "PCI_RECOVERY_BIND",
        ] {
            command.env_remove(variable);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// A harness that runs with this test as its guest.
pub struct Guest {
    pub files: Files,
    pub harness: Child,
    console: Option<UnixStream>,
    requests: BufReader<UnixStream>,
    output: Option<UnixStream>,
    qmp: Arc<Mutex<Vec<String>>>,
}

/// The output and files of a harness that has ended.
pub struct Ended {
    pub files: Files,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    /// The file that `--report` named.
    pub fn report(&self) -> Value {
        let text = fs::read_to_string(self.files.path("report.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.files.path("logs").join(name)).unwrap()
    }
}

impl Guest {
    /// Starts the harness with more options, and plays QEMU until the guest runs.
    pub fn boot(subcommand: &str, options: &[&str]) -> Self {
        let files = Files::new();
        let harness = files.harness(subcommand).args(options).spawn().unwrap();
        Self::attach(files, harness)
    }

    pub fn attach(files: Files, harness: Child) -> Self {
        wait_for(|| files.path("arguments").exists());
        let arguments = fs::read_to_string(files.path("arguments")).unwrap();
        let listen = |name: &str| {
            let start = format!("socket,id={name},path=");
            let line = arguments
                .lines()
                .find_map(|line| line.strip_prefix(&start))
                .unwrap();
            UnixListener::bind(line.split(',').next().unwrap()).unwrap()
        };
        let listeners = ["console", "requests", "output", "qmp"].map(listen);
        let [console, requests, output, qmp] =
            listeners.map(|listener| listener.accept().unwrap().0);
        requests.set_read_timeout(Some(BOUND)).unwrap();
        let seen = Arc::default();
        serve_qmp(qmp, Arc::clone(&seen));
        Self {
            files,
            harness,
            console: Some(console),
            requests: BufReader::new(requests),
            output: Some(output),
            qmp: seen,
        }
    }

    /// Prints on the kernel console, and waits until the harness has read it.
    pub fn console(&mut self, text: &str) {
        self.console_of(1, text);
    }

    /// As [`Self::console`], of the QEMU with this number.
    pub fn console_of(&mut self, run: usize, text: &str) {
        let stream = self.console.as_mut().unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        self.wait_for_log(run, "console.log", text);
    }

    /// Prints as the guest's program, and waits until the harness has read it.
    pub fn output(&mut self, text: &str) {
        self.output_of(1, text);
    }

    /// As [`Self::output`], of the QEMU with this number.
    pub fn output_of(&mut self, run: usize, text: &str) {
        let stream = self.output.as_mut().unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        self.wait_for_log(run, "output.log", text);
    }

    /// The ports are read by threads of their own: what is to come later must be sent later.
    fn wait_for_log(&self, run: usize, name: &str, text: &str) {
        wait_for(|| {
            let runs = self.files.list("logs");
            let path = runs
                .get(run - 1)
                .map(|run| self.files.path("logs").join(run).join(name));
            path.and_then(|path| fs::read_to_string(path).ok())
                .is_some_and(|log| log.ends_with(text))
        });
    }

    /// The typed input, until `end`.
    pub fn input_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut input = Vec::new();
        let output = self.output.as_mut().unwrap();
        while !input.ends_with(end) {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            input.push(byte[0]);
        }
        input
    }

    /// Sends a request to the harness.
    pub fn request(&mut self, line: &str) -> String {
        writeln!(self.requests.get_mut(), "{line}").unwrap();
        let mut answer = String::new();
        self.requests.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// The QMP commands that came, when `enough` have.
    pub fn qmp(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        wait_for(|| enough(&self.qmp.lock().unwrap()));
        self.qmp.lock().unwrap().clone()
    }

    /// The process that stands for QEMU.
    pub fn qemu(&self) -> u32 {
        fs::read_to_string(self.files.path("pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    /// QEMU ends, and the harness starts another one.
    pub fn power_off_for_next(mut self) -> Self {
        self.console = None;
        self.output = None;
        fs::remove_file(self.files.path("arguments")).unwrap();
        fs::write(self.files.path("end"), "0\n").unwrap();
        Self::attach(self.files, self.harness)
    }

    /// The arguments of QEMU, one a line.
    pub fn arguments(&self) -> String {
        fs::read_to_string(self.files.path("arguments")).unwrap()
    }

    /// QEMU ends with this code.
    pub fn power_off(mut self, code: i32) -> Ended {
        self.console = None;
        self.output = None;
        fs::write(self.files.path("end"), format!("{code}\n")).unwrap();
        self.wait()
    }

    /// Waits until the harness has ended.
    pub fn wait(self) -> Ended {
        let done = self.harness.wait_with_output().unwrap();
        Ended {
            files: self.files,
            code: done.status.code(),
            stdout: String::from_utf8(done.stdout).unwrap(),
            stderr: String::from_utf8(done.stderr).unwrap(),
        }
    }
}

/// Greets, then answers every command: an injection with `OK`, others with nothing.
fn serve_qmp(stream: UnixStream, seen: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        let mut out = stream.try_clone().unwrap();
        let version = r#"{"qemu": {"micro": 0, "minor": 0, "major": 11}, "package": "fake"}"#;
        writeln!(
            out,
            r#"{{"QMP": {{"version": {version}, "capabilities": []}}}}"#
        )
        .unwrap();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let answer = if line.contains("device_add") {
                r#"{"return": ""}"#
            } else if line.contains("human-monitor-command") {
                r#"{"return": "OK id: ep0\r\n"}"#
            } else if line.contains("query-status") {
                r#"{"return": {"status": "suspended", "running": false}}"#
            } else {
                r#"{"return": {}}"#
            };
            seen.lock().unwrap().push(line);
            if writeln!(out, "{answer}").is_err() {
                return;
            }
        }
    });
}

pub fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    state.is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with(['Z', 'X'])
    })
}
