// SPDX-License-Identifier: GPL-2.0-only

//! Config space through sysfs: no setpci.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::options::Options;
use crate::options::Parsed;
use crate::options::shell_number;

pub const READ: &str = "prints a register of 1, 2 or 4 bytes, read with one access";
pub const WRITE: &str =
    "writes a register with one access, and one for each further VALUE behind it";

/// The longest config space.
pub const MOST_BYTES: usize = 4096;

/// The file with the config space of a function, by its address; a word with a slash is a file itself.
pub fn path(function: &str) -> PathBuf {
    if function.contains('/') {
        return function.into();
    }
    format!("/sys/bus/pci/devices/{function}/config").into()
}

/// The first `bytes` bytes of a config space, fewer where it is shorter; read at once, in order.
pub fn read(function: &str, bytes: usize) -> Result<Vec<u8>> {
    let path = path(function);
    let read = || -> io::Result<Vec<u8>> {
        let file = File::open(&path)?;
        let mut buffer = vec![0; bytes.min(MOST_BYTES)];
        let length = file.read_at(&mut buffer, 0)?;
        buffer.truncate(length);
        Ok(buffer)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// Where a register is, as OFFSET SIZE.
fn register(parsed: &mut Parsed) -> Result<(u64, usize)> {
    let offset = shell_number(&parsed.word("OFFSET")?)?;
    let size = shell_number(&parsed.word("SIZE")?)?;
    ensure!(
        matches!(size, 1 | 2 | 4),
        "a register has 1, 2 or 4 bytes, not {size}"
    );
    ensure!(
        offset % size == 0,
        "a register of {size} bytes is not at {offset:#x}"
    );
    Ok((offset.into(), size as usize))
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes
        .iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("0x{digits}")
}

/// `guest config-read`: false where the config space ends before.
pub fn read_command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &[])?;
    let path = path(&parsed.word("FUNCTION")?);
    let (offset, size) = register(&mut parsed)?;
    parsed.end()?;
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = vec![0; size];
    match file.read_at(&mut bytes, offset) {
        Ok(length) if length == size => println!("{}", hex(&bytes)),
        Ok(_) => return Ok(ExitCode::FAILURE),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    Ok(ExitCode::SUCCESS)
}

/// A value as shell computes it, with 64 bits: it may be negative.
fn value(text: &str) -> Result<i64> {
    match text.strip_prefix("0x") {
        Some(_) => Ok(shell_number(text)?.into()),
        None => text
            .parse()
            .with_context(|| format!("`{text}` is no number")),
    }
}

/// `guest config-write`
pub fn write_command(options: Options) -> Result<ExitCode> {
    let words = options.words()?;
    ensure!(words.len() >= 4, "four words are needed");
    let (place, values) = words.split_at(3);
    let mut parsed = Options::new(place.iter().map(Into::into)).parse(&[], &[])?;
    let path = path(&parsed.word("FUNCTION")?);
    let (mut offset, size) = register(&mut parsed)?;
    let values = values
        .iter()
        .map(|text| value(text))
        .collect::<Result<Vec<_>>>()?;
    let write = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&path)?;
        for value in values {
            file.write_all_at(&value.to_le_bytes()[..size], offset)?;
            offset += size as u64;
        }
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        Options::new(words.iter().map(|word| (*word).into()))
    }

    #[test]
    fn addresses_are_files_of_sysfs() {
        assert_eq!(
            path("0000:01:00.0").to_str(),
            Some("/sys/bus/pci/devices/0000:01:00.0/config")
        );
        assert_eq!(path("./x").to_str(), Some("./x"));
    }

    #[test]
    fn registers_are_little_endian() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().to_str().unwrap();
        std::fs::write(file.path(), [0x11, 0x22, 0x33, 0x44, 0x55]).unwrap();
        assert_eq!(hex(&[0x11, 0x22]), "0x2211");
        assert_eq!(
            read_command(options(&[name, "0x4", "1"])).unwrap(),
            ExitCode::SUCCESS
        );
        assert_eq!(
            read_command(options(&[name, "4", "2"])).unwrap(),
            ExitCode::FAILURE
        );
        assert!(read_command(options(&[name, "1", "2"])).is_err());
        assert!(read_command(options(&[name, "0", "3"])).is_err());
        write_command(options(&[name, "2", "2", "0xbeef"])).unwrap();
        write_command(options(&[name, "0", "1", "-1"])).unwrap();
        assert_eq!(read(name, 4096).unwrap(), [0xff, 0x22, 0xef, 0xbe, 0x55]);
        assert_eq!(read(name, 2).unwrap(), [0xff, 0x22]);
        write_command(options(&[name, "0", "2", "0", "0x1234"])).unwrap();
        assert_eq!(read(name, 4).unwrap(), [0, 0, 0x34, 0x12]);
        assert!(write_command(options(&[name, "0", "1", "x"])).is_err());
        assert!(write_command(options(&["/does/not/exist", "0", "1", "1"])).is_err());
    }
}
