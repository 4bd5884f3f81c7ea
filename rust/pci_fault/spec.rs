// SPDX-License-Identifier: GPL-2.0-only

//! Faults as text: what is written to and read from the file `fault`. Knows no kernel.

use core::fmt;

use super::fault::{
    Armed,
    Fault,
    Kind,
    LAST_OFFSET, //
};

/// No fault waits longer: an access may be made with interrupts off. A save, of forty
/// accesses, then takes 8 seconds, in which something else can happen.
pub const MAX_DELAY_US: u32 = 200_000;

/// The words that a fault begins with.
const KINDS: [&str; 8] = [
    "gone", "ones", "zeros", "error", "drop", "wiped", "stuck", "delay",
];

/// Why a text is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// It is empty, or does not begin with a word that is known.
    Kind,
    /// It has a word that is no `key=value` that is known, or has it twice.
    Key,
    /// A value is not a number, or out of its bounds.
    Value,
    /// `stuck` needs `value=` and a range of four bytes or less, `delay` needs `us=`, `wiped` the
    /// function.
    Missing,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => {
                "begin with one of gone, ones, zeros, error, drop, wiped, stuck, delay, or off"
            }
            Self::Key => "each key once, of devfn=, range=, from=, count=, ms=, value=, us=",
            Self::Value => "a value is not a number, or out of its bounds",
            Self::Missing => {
                "stuck needs value= and a range of up to 4 bytes, delay us=, wiped devfn="
            }
        })
    }
}

/// Reads a number: decimal, or hexadecimal after `0x`.
pub fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Reads hexadecimal digits without `0x`, as in an address.
pub(super) fn hex(text: &str, max: u32) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(text, 16).ok().filter(|&n| n <= max)
}

/// Reads `DD.F`, device and function number.
pub fn devfn(text: &str) -> Option<u8> {
    let (device, function) = text.split_once('.')?;
    let (device, function) = (hex(device, 0x1f)?, hex(function, 7)?);
    u8::try_from(device << 3 | function).ok()
}

/// Reads `DDDD:BB`, domain and bus number.
pub fn bus(text: &str) -> Option<(u32, u8)> {
    let (domain, bus) = text.split_once(':')?;
    let domain = hex(domain, i32::MAX as u32)?;
    Some((domain, u8::try_from(hex(bus, 0xff)?).ok()?))
}

/// Reads `FIRST-LAST` or one offset.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let offset = |text| {
        u16::try_from(number(text)?)
            .ok()
            .filter(|&n| n <= LAST_OFFSET)
    };
    let (first, last) = (offset(first)?, offset(last)?);
    (first <= last).then_some((first, last))
}

/// Reads `BAR N`: a BAR, and its size as 2^`N` MiB.
pub fn resize(text: &str) -> Option<(u8, u8)> {
    let (bar, size) = text.trim().split_once(' ')?;
    let small = |text, max| number(text).and_then(|n| u8::try_from(n).ok().filter(|n| *n <= max));
    Some((small(bar, 5)?, small(size, 43)?))
}

/// Reads `OFFSET SIZE VALUE`, as the files show registers.
pub fn register(text: &str) -> Option<(u16, u8, u32)> {
    let mut words = text.split_ascii_whitespace().map(number);
    let mut next = || words.next().flatten();
    let register = (
        u16::try_from(next()?).ok()?,
        u8::try_from(next()?).ok()?,
        u32::try_from(next()?).ok()?,
    );
    words.next().is_none().then_some(register)
}

/// Puts a value into its place, which must be empty.
pub(super) fn once<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), SpecError> {
    if place.is_some() {
        return Err(SpecError::Key);
    }
    *place = Some(value.ok_or(SpecError::Value)?);
    Ok(())
}

/// Reads a fault: `KIND [KEY=VALUE]...`.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse(text: &str) -> Result<Fault, SpecError> {
    let mut words = text.split_ascii_whitespace();
    let kind = words.next().ok_or(SpecError::Kind)?;
    if !KINDS.contains(&kind) {
        return Err(SpecError::Kind);
    }

    let (mut function, mut offsets, mut from, mut count, mut ms) = (None, None, None, None, None);
    let (mut value, mut us) = (None, None);
    for word in words {
        let (key, text) = word.split_once('=').ok_or(SpecError::Key)?;
        match key {
            "devfn" => once(&mut function, devfn(text))?,
            "range" => once(&mut offsets, range(text))?,
            "from" => once(&mut from, number(text))?,
            "count" => once(&mut count, number(text).filter(|&n| n > 0))?,
            "ms" => once(&mut ms, number(text).filter(|&n| n > 0))?,
            "value" => once(&mut value, number(text).and_then(|n| u32::try_from(n).ok()))?,
            "us" => once(&mut us, number(text).and_then(|n| u32::try_from(n).ok()))?,
            _ => return Err(SpecError::Key),
        }
    }

    let (first, last) = offsets.unwrap_or((0, LAST_OFFSET));
    let kind = match kind {
        "gone" => Kind::Gone,
        "ones" => Kind::Ones,
        "zeros" => Kind::Zeros,
        "error" => Kind::Error,
        "drop" => Kind::Drop,
        // What has been written is remembered of one function.
        "wiped" if function.is_some() => Kind::Wiped,
        "wiped" => return Err(SpecError::Missing),
        "stuck" if last - first < 4 => {
            let value: u32 = value.take().ok_or(SpecError::Missing)?;
            let bits = 8 * (u32::from(last - first) + 1);
            if value.checked_shr(bits).unwrap_or(0) != 0 {
                return Err(SpecError::Value);
            }
            Kind::Stuck(value)
        }
        "stuck" => return Err(SpecError::Missing),
        "delay" => match us.take() {
            Some(us) if us <= MAX_DELAY_US => Kind::Delay(us),
            Some(_) => return Err(SpecError::Value),
            None => return Err(SpecError::Missing),
        },
        _ => return Err(SpecError::Kind),
    };
    // A value that means nothing to this fault was meant for another one.
    if value.is_some() || us.is_some() {
        return Err(SpecError::Key);
    }

    Ok(Fault {
        kind,
        devfn: function,
        first,
        last,
        from: from.unwrap_or(0),
        count,
        ms,
    })
}

/// The fault, as [`parse`] reads it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        match self.kind {
            Kind::Stuck(value) => write!(f, " value={value:#x}")?,
            Kind::Delay(us) => write!(f, " us={us}")?,
            _ => {}
        }
        if let Some(devfn) = self.devfn {
            write!(f, " devfn={}", DevFn(devfn))?;
        }
        write!(f, " range={:#05x}-{:#05x}", self.first, self.last)?;
        if self.from != 0 {
            write!(f, " from={}", self.from)?;
        }
        if let Some(count) = self.count {
            write!(f, " count={count}")?;
        }
        if let Some(ms) = self.ms {
            write!(f, " ms={ms}")?;
        }
        Ok(())
    }
}

/// The fault and how it is: `gone range=0x000-0xfff count=3: active, seen 7, hits 2`.
impl fmt::Display for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}, seen {}, hits {}",
            self.fault,
            self.phase.as_str(),
            self.seen,
            self.hits
        )
    }
}

/// Shows device and function number as `DD.F`.
pub struct DevFn(pub u8);

impl fmt::Display for DevFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}.{}", self.0 >> 3, self.0 & 7)
    }
}
