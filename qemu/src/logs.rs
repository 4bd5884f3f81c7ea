// SPDX-License-Identifier: GPL-2.0-only

//! The logs of a run: console.log, output.log and qmp.log in a folder of its own.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;

/// The logs of one run.
pub struct Logs {
    parent: PathBuf,
    mode: &'static str,
    directory: PathBuf,
    console: File,
    output: File,
    qmp: QmpLog,
}

impl Logs {
    /// Makes `parent/MODE-N`, with the next free number.
    pub fn create(parent: &Path, mode: &'static str) -> Result<Self> {
        let context = || format!("cannot keep logs in {} (--log-dir)", parent.display());
        fs::create_dir_all(parent).with_context(context)?;
        let mut number = 1 + last_number(parent, mode).with_context(context)?;
        let directory = loop {
            let directory = parent.join(format!("{mode}-{number}"));
            match fs::create_dir(&directory) {
                Ok(()) => break directory,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error).with_context(context),
            }
        };
        let file = |name: &str| {
            let path = directory.join(name);
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))
        };
        let qmp = QmpLog(Arc::new(Mutex::new(Sink {
            file: Some(file("qmp.log")?),
            start: Instant::now(),
            error: None,
        })));
        Ok(Self {
            console: file("console.log")?,
            output: file("output.log")?,
            qmp,
            parent: parent.into(),
            mode,
            directory,
        })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn qmp(&self) -> QmpLog {
        self.qmp.clone()
    }

    pub fn console(&mut self, bytes: &[u8]) -> Result<()> {
        self.console
            .write_all(bytes)
            .with_context(|| format!("cannot write {}/console.log", self.directory.display()))
    }

    pub fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.output
            .write_all(bytes)
            .with_context(|| format!("cannot write {}/output.log", self.directory.display()))
    }

    /// Whether everything was written to qmp.log, which others write to as well.
    pub fn check(&self) -> Result<()> {
        let error = self
            .qmp
            .0
            .lock()
            .ok()
            .and_then(|mut sink| sink.error.take());
        error
            .map_or(Ok(()), Err)
            .with_context(|| format!("cannot write {}/qmp.log", self.directory.display()))
    }

    /// Keeps the logs of a run that passed until the next one passes, under one name. Returns where they are.
    pub fn keep_as_last_passed(self) -> Result<PathBuf> {
        let to = self.parent.join(format!("{}-passed", self.mode));
        let context = || {
            format!(
                "cannot rename {} to {}",
                self.directory.display(),
                to.display()
            )
        };
        match fs::remove_dir_all(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(context);
            }
            _ => {}
        }
        fs::rename(&self.directory, &to).with_context(context)?;
        Ok(to)
    }
}

/// The highest number of the folders `MODE-N`.
fn last_number(parent: &Path, mode: &str) -> io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(mode)?.strip_prefix('-')?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

struct Sink {
    file: Option<File>,
    start: Instant,
    error: Option<io::Error>,
}

/// qmp.log: lines with the seconds since the start, written by all who talk with QEMU.
#[derive(Clone)]
pub struct QmpLog(Arc<Mutex<Sink>>);

impl QmpLog {
    /// A log that keeps nothing.
    #[cfg(test)]
    pub fn nowhere() -> Self {
        Self(Arc::new(Mutex::new(Sink {
            file: None,
            start: Instant::now(),
            error: None,
        })))
    }

    /// Writes a line; an error is kept for [`Logs::check`].
    pub fn line(&self, who: &str, text: &[u8]) {
        let Ok(mut sink) = self.0.lock() else { return };
        let time = sink.start.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(text);
        let Some(file) = &mut sink.file else { return };
        if let Err(error) = writeln!(file, "[{time:9.3}] {who} {}", text.trim_end()) {
            sink.error.get_or_insert(error);
        }
    }
}
