// SPDX-License-Identifier: GPL-2.0-only

//! A model as text: what is written to the file `model` of a function. Knows no kernel: host tests
//! compile the same file.
//!
//! A line is empty, a comment (`#`), or one of these. Offsets before a colon and the bytes after it
//! are hexadecimal, as `lspci -xxxx` prints them; other numbers are decimal, or hexadecimal with
//! `0x`. Values are little-endian. A range is `FIRST-LAST` or one offset; with a mask it has 4
//! bytes at most.
//!
//! | line | |
//! |---|---|
//! | `100: 01 00 02 14` | what the bytes from 0x100 on read after a reset; without such a line 0 |
//! | `device range=R [mask=M]` | these bits are those of the device below, from this line on |
//! | `set range=R mask=M value=V` | these bits of the device's read this after a reset instead |
//! | `running` | the bytes are those of a function in use, see [`capabilities::apply`] |
//! | `bar N size=S` | BAR `N`, whose kind the bytes say, has `S` bytes; nothing answers there |
//! | `rom size=S` | so has the expansion ROM |
//! | `fixed range=R [mask=M]` | nothing changes these bits: hard-wired |
//! | `writable range=R [mask=M]` | these can be written |
//! | `clears range=R [mask=M]` | these are cleared by writing 1 |
//! | `sticky range=R [mask=M]` | these are left by a reset |
//! | `changes range=R [mask=M]` | these read inverted at every other read |
//! | `ready ms=N` | for N ms after a reset it reads all-ones, and writes are lost |
//! | `end` | must be the last line: a text that was cut off is no model |
//!
//! What can be written to the header and to which capability is not said here: [`capabilities`]
//! knows it. The lines from `fixed` on say what is different in this function, after that. A BAR
//! that the device decodes is `device`, with its bits of `PCI_COMMAND`. In a function in use a BAR
//! without a line has the largest size that its address allows, up to 1 MiB.

use core::fmt;

use super::{
    capabilities,
    registers::{
        byte,
        set_byte,
        word,
        Bits,
        Device,
        RegisterFile,
        SIZE, //
    },
    spec::{
        hex,
        number,
        once,
        range, //
    },
};

/// No text is longer, in bytes: all of config space, and as much again.
pub const MAX_TEXT: usize = 65_536;

/// A function is never looked for so long: the kernel gives up after a minute.
const MAX_READY_MS: u64 = 60_000;

/// The offsets of the ROM's address, by header type.
const ROM: [u16; 2] = [0x30, 0x38];

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It begins with no word that is known, and with no offset.
    Line,
    /// It has a word that is no key that this line takes, or has it twice.
    Key,
    /// A number, a byte or a range is none, or out of its bounds.
    Value,
    /// A key that this line needs is not there.
    Missing,
    /// `bar` with a number that this header does not have, or the upper half of another one.
    NoBar,
    /// A size that is no power of two, or none that a BAR of this kind can have.
    Size,
    /// A BAR has an address, which no reset leaves.
    Address,
    /// There is no vendor ID.
    NoFunction,
    /// `PCI_HEADER_TYPE` is neither 0 nor 1.
    HeaderType,
    /// There is no last line `end`.
    CutOff,
    /// Something follows `end`.
    AfterEnd,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => {
                "begin with OFFSET:, or one of device, set, running, bar, rom, fixed, writable, \
                 clears, sticky, changes, ready, end"
            }
            Self::Key => {
                "each key once, and only range=, mask=, value=, size=, ms= where they mean \
                 something"
            }
            Self::Value => {
                "a number is none, or out of its bounds; a range with a mask has 4 bytes at most"
            }
            Self::Missing => "a key is missing: range= (set: also mask= and value=), size=, or ms=",
            Self::NoBar => {
                "there is no such BAR in this header, or it is the upper half of another one"
            }
            Self::Size => {
                "a BAR has a power of two: from 16 bytes, for I/O from 4 to 65536, a ROM from \
                 2048; above 2 GiB it has 64 bits"
            }
            Self::Address => {
                "this BAR has an address, which it has not after a reset: `bar` gives it a size, \
                 `running` says that it is in use"
            }
            Self::NoFunction => {
                "the first two bytes are the vendor ID, which is neither 0000 nor ffff"
            }
            Self::HeaderType => "byte 0e is 00 or 01, with or without 80",
            Self::CutOff => "the last line must be `end`",
            Self::AfterEnd => "nothing may follow `end`",
        })
    }
}

/// Why a text is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// The number of the line, from 1 on.
    pub line: u32,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// The keys of a line.
#[derive(Default)]
struct Keys {
    range: Option<(u16, u16)>,
    mask: Option<u32>,
    value: Option<u32>,
    size: Option<u64>,
    ms: Option<u64>,
}

impl Keys {
    fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, Reason> {
        let mut keys = Self::default();
        let word = |text| number(text).and_then(|n| u32::try_from(n).ok());
        for text in words {
            let (key, text) = text.split_once('=').ok_or(Reason::Key)?;
            match key {
                "range" => once(&mut keys.range, range(text)),
                "mask" => once(&mut keys.mask, word(text)),
                "value" => once(&mut keys.value, word(text)),
                "size" => once(&mut keys.size, number(text)),
                "ms" => once(&mut keys.ms, number(text)),
                _ => return Err(Reason::Key),
            }
            .map_err(|error| match error {
                super::spec::SpecError::Value => Reason::Value,
                _ => Reason::Key,
            })?;
        }
        Ok(keys)
    }

    /// The number of keys that are there.
    fn len(&self) -> usize {
        [
            self.range.is_some(),
            self.mask.is_some(),
            self.value.is_some(),
            self.size.is_some(),
            self.ms.is_some(),
        ]
        .into_iter()
        .filter(|&is| is)
        .count()
    }

    /// `range=` with or without `mask=`, and nothing else: each byte of it, with its bits.
    fn bits(&self) -> Result<impl Iterator<Item = (u16, u8)>, Reason> {
        let (first, last) = self.range.ok_or(Reason::Missing)?;
        if self.len() != 1 + usize::from(self.mask.is_some()) {
            return Err(Reason::Key);
        }
        let mask = self.mask;
        if let Some(mask) = mask {
            let bytes = u32::from(last - first) + 1;
            if bytes > 4 || mask.checked_shr(8 * bytes).unwrap_or(0) != 0 || mask == 0 {
                return Err(Reason::Value);
            }
        }
        Ok((first..=last).map(move |at| {
            let bits = match mask {
                // CAST: One byte of it.
                Some(mask) => mask.checked_shr(8 * u32::from(at - first)).unwrap_or(0) as u8,
                None => 0xff,
            };
            (at, bits)
        }))
    }

    /// The only key.
    fn only<T>(&self, key: Option<T>) -> Result<T, Reason> {
        let key = key.ok_or(Reason::Missing)?;
        if self.len() == 1 {
            Ok(key)
        } else {
            Err(Reason::Key)
        }
    }
}

/// The lines that say something, with their numbers; the first word of each, and the others.
fn lines(text: &str) -> impl Iterator<Item = (u32, &str, core::str::SplitAsciiWhitespace<'_>)> {
    (1..).zip(text.lines()).filter_map(|(line, text)| {
        let text = text.split('#').next().unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let first = words.next()?;
        Some((line, first, words))
    })
}

/// Makes `file`, which is empty, the register file that `text` describes, in the place of `device`.
///
/// # Errors
///
/// What is wrong with the first line that is wrong.
pub fn load(
    text: &str,
    file: &mut RegisterFile,
    device: &mut impl Device,
) -> Result<(), ModelError> {
    let mut running = false;
    let mut last = 0;
    let mut ended = false;
    for (line, first, words) in lines(text) {
        last = line;
        let wrong = |reason| ModelError { line, reason };
        if ended {
            return Err(wrong(Reason::AfterEnd));
        }
        match first {
            "running" => running = true,
            "end" => ended = true,
            _ => value(first, words, file, device).map_err(wrong)?,
        }
    }
    let wrong = |reason| ModelError { line: last, reason };
    if !ended {
        return Err(wrong(Reason::CutOff));
    }
    if matches!(word(&file.after_reset, 0, 2), 0 | 0xffff) {
        return Err(wrong(Reason::NoFunction));
    }
    let header_type = usize::from(byte(&file.after_reset, 0x0e) & 0x7f);
    let Some(&rom) = ROM.get(header_type) else {
        return Err(wrong(Reason::HeaderType));
    };

    capabilities::apply(file, running);
    let bars = if header_type == 0 { 6 } else { 2 };
    if running {
        for n in 0..bars {
            guess_size(file, 0x10 + 4 * n);
        }
    }
    for (line, first, words) in lines(text) {
        behaviour(first, words, file, bars, rom).map_err(|reason| ModelError { line, reason })?;
    }
    // Bits of a BAR that nothing can write are what it is; an address is not.
    for n in 0..bars {
        if !is_upper_half(file, n) && bar_address(file, n) != 0 {
            return Err(wrong(Reason::Address));
        }
    }
    Ok(())
}

/// A line that says what is read.
fn value<'a>(
    first: &str,
    words: impl Iterator<Item = &'a str>,
    file: &mut RegisterFile,
    device: &mut impl Device,
) -> Result<(), Reason> {
    if let Some(offset) = first.strip_suffix(':') {
        // CAST: It was bounded.
        let offset = hex(offset, 0xfff).ok_or(Reason::Line)? as u16;
        return bytes(offset, words, file);
    }
    match first {
        "device" => {
            for (at, bits) in Keys::read(words)?.bits()? {
                // CAST: One byte.
                let theirs = device.read(at, 1) as u8;
                let value = byte(&file.after_reset, at) & !bits | theirs & bits;
                set_byte(&mut file.after_reset, at, value);
                let device = byte(&file.device, at) | bits;
                set_byte(&mut file.device, at, device);
            }
        }
        "set" => {
            let mut keys = Keys::read(words)?;
            let value = keys.value.take().ok_or(Reason::Missing)?;
            let (first, _) = keys.range.ok_or(Reason::Missing)?;
            if value & !keys.mask.ok_or(Reason::Missing)? != 0 {
                return Err(Reason::Value);
            }
            for (at, bits) in keys.bits()? {
                // CAST: One byte of it.
                let ours = value.checked_shr(8 * u32::from(at - first)).unwrap_or(0) as u8;
                let value = byte(&file.after_reset, at) & !bits | ours;
                set_byte(&mut file.after_reset, at, value);
                let device = byte(&file.device, at) & !bits;
                set_byte(&mut file.device, at, device);
            }
        }
        "bar" | "rom" | "fixed" | "writable" | "clears" | "sticky" | "changes" | "ready" => {}
        _ => return Err(Reason::Line),
    }
    Ok(())
}

/// The bytes of a line of `lspci -xxxx`.
fn bytes<'a>(
    offset: u16,
    words: impl Iterator<Item = &'a str>,
    file: &mut RegisterFile,
) -> Result<(), Reason> {
    let mut at = offset;
    for text in words {
        if text.len() != 2 || usize::from(at) >= SIZE {
            return Err(Reason::Value);
        }
        // CAST: Two digits.
        let value = hex(text, 0xff).ok_or(Reason::Value)? as u8;
        set_byte(&mut file.after_reset, at, value);
        set_byte(&mut file.device, at, 0);
        at += 1;
    }
    if at == offset {
        return Err(Reason::Missing);
    }
    Ok(())
}

/// A line that says how registers behave.
fn behaviour<'a>(
    first: &str,
    mut words: impl Iterator<Item = &'a str>,
    file: &mut RegisterFile,
    bars: u16,
    rom: u16,
) -> Result<(), Reason> {
    let (bits, others): (&mut Bits, Option<&mut Bits>) = match first {
        "bar" => {
            let n = words.next().and_then(number).ok_or(Reason::NoBar)?;
            let n = u16::try_from(n).ok().filter(|&n| n < bars);
            let n = n.ok_or(Reason::NoBar)?;
            let keys = Keys::read(words)?;
            return bar(file, n, bars, keys.only(keys.size)?);
        }
        "rom" => {
            let keys = Keys::read(words)?;
            let size = keys.only(keys.size)?;
            if !size.is_power_of_two() || !(2048..=1 << 31).contains(&size) {
                return Err(Reason::Size);
            }
            capabilities::set_bar(file, rom, size);
            return Ok(());
        }
        "ready" => {
            let keys = Keys::read(words)?;
            let ms = keys.only(keys.ms)?;
            if ms > MAX_READY_MS {
                return Err(Reason::Value);
            }
            // CAST: It was bounded.
            file.ready_ms = ms as u32;
            return Ok(());
        }
        "fixed" => {
            for (at, bits) in Keys::read(words)?.bits()? {
                for array in [&mut file.writable, &mut file.clears] {
                    let value = byte(array, at) & !bits;
                    set_byte(array, at, value);
                }
            }
            return Ok(());
        }
        "writable" => (&mut file.writable, Some(&mut file.clears)),
        "clears" => (&mut file.clears, Some(&mut file.writable)),
        "sticky" => (&mut file.sticky, None),
        "changes" => (&mut file.changes, None),
        _ => return Ok(()),
    };
    let keys = Keys::read(words)?;
    for (at, mask) in keys.bits()? {
        let value = byte(bits, at) | mask;
        set_byte(bits, at, value);
    }
    if let Some(others) = others {
        for (at, mask) in keys.bits()? {
            let value = byte(others, at) & !mask;
            set_byte(others, at, value);
        }
    }
    Ok(())
}

/// The bits of BAR `n` that say what it is.
fn bar_flags(file: &RegisterFile, n: u16) -> u8 {
    byte(&file.after_reset, 0x10 + 4 * n)
}

/// Returns whether BAR `n` is memory with 64 bits.
fn is_64(file: &RegisterFile, n: u16) -> bool {
    !is_upper_half(file, n) && bar_flags(file, n) & 7 == 4
}

/// Returns whether it is the upper half of the one before.
fn is_upper_half(file: &RegisterFile, n: u16) -> bool {
    n > 0 && is_64(file, n - 1)
}

/// The address in BAR `n`, which the device does not decode.
fn bar_address(file: &RegisterFile, n: u16) -> u32 {
    let at = 0x10 + 4 * n;
    let fixed = if bar_flags(file, n) & 1 == 0 { 0xf } else { 3 };
    word(&file.after_reset, at, 4) & !fixed & !word(&file.device, at, 4)
}

/// `bar N size=S`.
fn bar(file: &mut RegisterFile, n: u16, bars: u16, size: u64) -> Result<(), Reason> {
    let is_64 = is_64(file, n);
    if is_upper_half(file, n) || is_64 && n + 1 == bars {
        return Err(Reason::NoBar);
    }
    let sizes = match (bar_flags(file, n) & 1, is_64) {
        (0, false) => 16..=1 << 31,
        (0, true) => 16..=1 << 51,
        _ => 4..=1 << 16,
    };
    if !size.is_power_of_two() || !sizes.contains(&size) {
        return Err(Reason::Size);
    }
    capabilities::set_bar(file, 0x10 + 4 * n, size);
    Ok(())
}

/// Gives a BAR of a function in use the largest size that its address allows, up to 1 MiB, for I/O
/// up to 256 bytes.
fn guess_size(file: &mut RegisterFile, at: u16) {
    let n = (at - 0x10) / 4;
    let address = bar_address(file, n);
    if is_upper_half(file, n) {
        return;
    }
    let most = if bar_flags(file, n) & 1 == 0 { 20 } else { 8 };
    let upper = is_64(file, n) && word(&file.after_reset, at + 4, 4) != 0;
    if address != 0 || upper {
        capabilities::set_bar(file, at, 1 << address.trailing_zeros().min(most));
    }
}
