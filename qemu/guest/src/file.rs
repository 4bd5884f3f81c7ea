// SPDX-License-Identifier: GPL-2.0-only

//! Operations on files and modules whose errno is wanted, by its name.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use nix::errno::Errno;
use nix::kmod;

use crate::options::Options;

pub const WRITE: &str = "\
writes TEXT, or standard input, with one write(2); prints OK or the errno

The file must be there. A write that takes a part only is SHORT.";
pub const OPEN: &str = "opens a file; prints OK or the errno";
pub const LOAD: &str = "loads a module from its file; prints OK or the errno";
pub const UNLOAD: &str = "unloads a module; prints OK or the errno";

/// The result of an operation: `OK`, an errno's name, or `SHORT` for a write that took a part only.
#[derive(Debug)]
pub struct Outcome(pub Result<(), Option<Errno>>);

impl Outcome {
    pub fn of(result: &io::Result<()>) -> Self {
        Self(
            result
                .as_ref()
                .copied()
                .map_err(|error| error.raw_os_error().map(Errno::from_raw)),
        )
    }
}

impl From<io::Result<()>> for Outcome {
    fn from(result: io::Result<()>) -> Self {
        Self::of(&result)
    }
}

impl From<nix::Result<()>> for Outcome {
    fn from(result: nix::Result<()>) -> Self {
        Self(result.map_err(Some))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(()) => f.write_str("OK"),
            Err(None) => f.write_str("SHORT"),
            Err(Some(errno)) => write!(f, "{errno:?}"),
        }
    }
}

/// Fails where a write took a part only.
pub fn whole(written: io::Result<usize>, length: usize) -> io::Result<()> {
    match written {
        Ok(written) if written == length => Ok(()),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) => Err(error),
    }
}

/// Opens a file that is there and writes to it once.
pub fn write(path: &str, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    whole(file.write(text), text.len())
}

/// Loads a module.
pub fn load(module: &File) -> nix::Result<()> {
    kmod::finit_module(module, c"", kmod::ModuleInitFlags::empty())
}

fn print(outcome: impl Into<Outcome>) -> Result<ExitCode> {
    println!("{}", outcome.into());
    Ok(ExitCode::SUCCESS)
}

/// `guest write`
pub fn write_command(options: Options) -> Result<ExitCode> {
    match &options.words()?[..] {
        [file] => {
            let mut text = Vec::new();
            io::stdin()
                .read_to_end(&mut text)
                .context("cannot read standard input")?;
            print(write(file, &text))
        }
        [file, text] => print(write(file, text.as_bytes())),
        _ => bail!("one or two words are needed"),
    }
}

/// `guest open`
pub fn open_command(options: Options) -> Result<ExitCode> {
    let words = options.words()?;
    let [how, file] = &words[..] else {
        bail!("two words are needed")
    };
    ensure!(
        matches!(&**how, "read" | "write"),
        "a file is opened to read or to write, not to `{how}`"
    );
    let result = OpenOptions::new()
        .read(how == "read")
        .write(how == "write")
        .open(file);
    print(result.map(drop))
}

/// `guest load`
pub fn load_command(options: Options) -> Result<ExitCode> {
    let words = options.words()?;
    let [file] = &words[..] else {
        bail!("one word is needed")
    };
    match File::open(file) {
        Ok(module) => print(load(&module)),
        Err(error) => print(Err::<(), _>(error)),
    }
}

/// `guest unload`
pub fn unload_command(options: Options) -> Result<ExitCode> {
    let words = options.words()?;
    let [name] = &words[..] else {
        bail!("one word is needed")
    };
    let name = CString::new(name.as_str())?;
    // As rmmod does: it does not wait until nobody uses the module.
    print(kmod::delete_module(
        &name,
        kmod::DeleteModuleFlags::O_NONBLOCK,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_outcome(path: &str, text: &[u8]) -> String {
        Outcome::from(write(path, text)).to_string()
    }

    #[test]
    fn an_errno_has_its_name() {
        assert_eq!(write_outcome("/dev/null", b"1"), "OK");
        assert_eq!(write_outcome("/dev/full", b"1"), "ENOSPC");
        assert_eq!(write_outcome("/does/not/exist", b"1"), "ENOENT");
        assert_eq!(write_outcome("/", b"1"), "EISDIR");
        let named =
            |errno| Outcome::from(Err::<(), _>(io::Error::from_raw_os_error(errno))).to_string();
        assert_eq!(named(95), "EOPNOTSUPP");
        assert_eq!(named(11), "EAGAIN");
        assert_eq!(named(25), "ENOTTY");
        assert_eq!(
            Outcome::from(Err::<(), _>(Errno::ENOEXEC)).to_string(),
            "ENOEXEC"
        );
    }

    #[test]
    fn a_part_is_not_the_whole() {
        assert_eq!(Outcome::from(whole(Ok(3), 4)).to_string(), "SHORT");
        assert_eq!(Outcome::from(whole(Ok(4), 4)).to_string(), "OK");
    }

    #[test]
    fn what_is_there_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "long text").unwrap();
        write(file.path().to_str().unwrap(), b"1").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "1ong text");
    }

    #[test]
    fn no_module_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // ENOEXEC as root, EPERM otherwise.
        assert!(load(&File::open(file.path()).unwrap()).is_err());
    }
}
