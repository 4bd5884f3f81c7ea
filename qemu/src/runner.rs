// SPDX-License-Identifier: GPL-2.0-only

//! Runs programs so that they never outlive the harness, through the runner (`scripts/in-root.sh`) if there is one.

use std::env;
use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;

/// The variable that names the folders a program may use besides those that the runner knows.
pub const BIND: &str = "PCI_RECOVERY_BIND";

/// The hidden first argument by which this program becomes the supervisor of another.
const SUPERVISE: &str = "__supervise";

/// A command that is put before QEMU's; none runs the host's QEMU.
pub struct Runner {
    prefix: Vec<OsString>,
}

impl Runner {
    /// `text` is the path of a program, or a program with arguments.
    pub fn new(text: &str) -> Self {
        let prefix = match Path::new(text) {
            path if path.is_file() => vec![path.into()],
            _ => text.split_whitespace().map(Into::into).collect(),
        };
        Self { prefix }
    }

    /// The whole command, as a person would type it.
    pub fn words(&self, program: &str, arguments: &[OsString]) -> Vec<OsString> {
        self.prefix
            .iter()
            .cloned()
            .chain([program.into()])
            .chain(arguments.iter().cloned())
            .collect()
    }

    /// The value of [`BIND`] for these folders; empty when there is no runner that would need it.
    pub fn binds(&self, folders: &[&Path]) -> OsString {
        let mut value = OsString::new();
        if self.prefix.is_empty() {
            return value;
        }
        let inherited = env::var_os(BIND).filter(|value| !value.is_empty());
        for folder in folders
            .iter()
            .map(|folder| folder.as_os_str())
            .chain(inherited.as_deref())
        {
            if !value.is_empty() {
                value.push(":");
            }
            value.push(folder);
        }
        value
    }

    /// `program`, ready to be given arguments, under a supervisor.
    ///
    /// The supervisor leads a process group of its own, and kills it when its standard input ends. So the harness holds
    /// the other end of that pipe: however it dies, the kernel closes it, and everything that was started dies too.
    /// (bwrap's --die-with-parent alone leaves a moment while it starts; a test with SIGKILL found it.)
    pub fn command(&self, program: &str, folders: &[&Path]) -> Command {
        // This program itself, also when its file has been replaced since it was started.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(env!("CARGO_PKG_NAME"));
        command.arg(SUPERVISE).args(self.words(program, &[]));
        let binds = self.binds(folders);
        if !binds.is_empty() {
            command.env(BIND, binds);
        }
        // Not the harness's group, either: Ctrl-C is for the harness, which ends its programs itself.
        command.process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `program` to its end with `input`, and returns what it printed.
    pub fn output(&self, program: &str, arguments: &[&str], input: &str) -> io::Result<Output> {
        let mut child = self.command(program, &[]).args(arguments).spawn()?;
        let mut lifeline = child.stdin.take();
        if let Some(stdin) = &mut lifeline {
            // A program that has ended does not read; its status says why.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output()
    }
}

/// If this process was started by [`Runner::command`], supervises the program that it names and returns its exit status;
/// otherwise returns None.
pub fn supervise() -> Option<io::Result<u8>> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != SUPERVISE {
        return None;
    }
    let program = arguments.next()?;
    let started = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let text = format!("cannot run {}: {error}", program.to_string_lossy());
            return Some(Err(io::Error::new(error.kind(), text)));
        }
    };
    let mut stdin = child.stdin.take();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = io::stdin().read(&mut buffer) {
            // Input of the supervisor goes to the program, if that still reads.
            let _ = stdin
                .as_mut()
                .map(|stdin| stdin.write_all(&buffer[..count]));
        }
        let _ = rustix::process::kill_current_process_group(Signal::KILL);
    });
    Some(child.wait().map(|status| {
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        code.and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_path_or_words() {
        let program = std::env::current_exe().unwrap();
        let runner = Runner::new(program.to_str().unwrap());
        assert_eq!(
            runner.words("qemu", &["-S".into()]),
            [program.into_os_string(), "qemu".into(), "-S".into()]
        );
        assert_eq!(Runner::new("env X=1").words("q", &[]), ["env", "X=1", "q"]);
        assert_eq!(Runner::new("").words("q", &[]), ["q"]);
    }

    #[test]
    fn folders_are_joined_for_a_runner_only() {
        let folders = [Path::new("/a"), Path::new("/b")];
        assert!(
            Runner::new("env")
                .binds(&folders)
                .to_string_lossy()
                .starts_with("/a:/b")
        );
        assert_eq!(Runner::new("").binds(&folders), "");
    }
}
