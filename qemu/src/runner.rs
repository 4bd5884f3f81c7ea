// SPDX-License-Identifier: GPL-2.0-only

//! Runs programs so that they never outlive the harness, through the runner (`scripts/in-root.sh`) if there is one.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use rustix::process::Signal;

/// The variable that names the folders a program may use besides those that the runner knows.
pub const BIND: &str = "PCI_RECOVERY_BIND";

/// The hidden first argument by which this program becomes a program that dies with its parent.
const UNTIL_PARENT_DIES: &str = "__exec-until-parent-dies";

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

    /// `program`, ready to be given arguments. It dies with the thread that spawns it, so that must be the main thread.
    pub fn command(&self, program: &str, folders: &[&Path]) -> Command {
        // This program itself, also when its file has been replaced since it was started.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(env!("CARGO_PKG_NAME"));
        command
            .arg(UNTIL_PARENT_DIES)
            .arg(std::process::id().to_string());
        command.args(self.words(program, &[]));
        let binds = self.binds(folders);
        if !binds.is_empty() {
            command.env(BIND, binds);
        }
        // Ctrl-C is for the harness; it ends its programs itself.
        command.process_group(0);
        command
    }

    /// Runs `program` to its end with `input`, and returns what it printed.
    pub fn output(&self, program: &str, arguments: &[&str], input: &str) -> io::Result<Output> {
        let mut command = self.command(program, &[]);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that has ended does not read; its status says why.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output()
    }
}

/// If this process was started by [`Runner::command`], becomes the program that it names; otherwise returns None.
pub fn become_program() -> Option<io::Result<Infallible>> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != UNTIL_PARENT_DIES {
        return None;
    }
    let parent = arguments.next()?;
    let program = arguments.next()?;
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return Some(Err(error.into()));
    }
    // The parent may have died before the request.
    let now = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent != now.to_string().as_str() {
        return Some(Err(io::Error::other("the harness has gone")));
    }
    let error = Command::new(&program).args(arguments).exec();
    Some(Err(io::Error::new(
        error.kind(),
        format!("cannot run {}: {error}", program.to_string_lossy()),
    )))
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
