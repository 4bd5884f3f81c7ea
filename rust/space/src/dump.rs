// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces in the form of `lspci -xxxx`: a line that begins with a function's address, then
//! rows of 16 bytes, then a line that is empty. What `lspci` decodes is indented, and passed over.

use std::{error::Error, fmt};

use crate::space::{Space, CONVENTIONAL, EXTENDED};

/// How many bytes of a config space everybody may read: a header.
pub const HEADER: usize = 64;
/// As many of that of a CardBus bridge.
const CARDBUS: usize = 128;
/// How many bytes a row has.
const ROW: usize = 16;

/// A line of a dump.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Begins a function.
    Function {
        /// `BB:DD.F`, perhaps with a domain before it.
        address: &'a str,
        /// What follows in the line.
        name: &'a str,
    },
    /// 16 bytes of config space.
    Row {
        /// The offset of the first one.
        offset: usize,
        /// The bytes.
        bytes: [u8; ROW],
    },
    /// What `lspci` decodes, without the white space around it.
    Text(&'a str),
    /// Ends a function.
    Blank,
}

impl<'a> Line<'a> {
    /// Parses a line without its end.
    ///
    /// # Errors
    ///
    /// What is wrong with the line, in words.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let text = line.trim();
        if text.is_empty() {
            return Ok(Self::Blank);
        }
        if line.starts_with([' ', '\t']) {
            return Ok(Self::Text(text));
        }
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        if is_address(first) {
            return Ok(Self::Function {
                address: first,
                name: rest.trim(),
            });
        }
        match first
            .strip_suffix(':')
            .and_then(|digits| hex(digits, 2..=3))
        {
            Some(offset) => row(offset, rest),
            None => Err(format!(
                "{:?} is neither the address of a function nor a row of config space; \
                 is this what `lspci -xxxx` prints?",
                shortened(text)
            )),
        }
    }
}

/// A row of config space.
fn row<'a>(offset: usize, text: &str) -> Result<Line<'a>, String> {
    let mut bytes = [0; ROW];
    let mut count = 0;
    for word in text.split_ascii_whitespace() {
        let byte = hex(word, 2..=2).and_then(|value| u8::try_from(value).ok());
        let Some(byte) = byte else {
            let word = shortened(word);
            return Err(format!("{word:?} in row {offset:#05x} is no byte"));
        };
        if let Some(place) = bytes.get_mut(count) {
            *place = byte;
        }
        count += 1;
    }
    match count {
        ROW => Ok(Line::Row { offset, bytes }),
        _ => Err(format!("row {offset:#05x} has {count} bytes, not {ROW}")),
    }
}

/// A number of hexadecimal digits, as many as `digits` says.
fn hex(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<usize> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && digits.contains(&text.len())).then(|| usize::from_str_radix(text, 16).ok())?
}

/// Returns whether it is `BB:DD.F`, perhaps with a domain before it.
pub fn is_address(text: &str) -> bool {
    bus_of(text).is_some()
}

/// The bus of an address, [`None`] where `text` is none.
pub fn bus_of(address: &str) -> Option<u8> {
    let (rest, function) = address.rsplit_once('.')?;
    let (rest, device) = rest.rsplit_once(':')?;
    let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0000", rest));
    hex(domain, 4..=8)?;
    hex(device, 2..=2).filter(|&device| device < 32)?;
    hex(function, 1..=1).filter(|&function| function < 8)?;
    u8::try_from(hex(bus, 2..=2)?).ok()
}

/// The beginning of a text, to be shown.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;

    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

/// A function of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// The number of the line that it begins in.
    pub line: usize,
    /// `BB:DD.F`, perhaps with a domain before it.
    pub address: String,
    /// What follows it in the line: class and name.
    pub name: String,
    /// Its driver, where the dump has the output of `lspci -k`.
    pub driver: Option<String>,
    /// Its config space: 64, 128, 256 or 4096 bytes.
    pub bytes: Vec<u8>,
}

impl Dumped {
    /// Its config space; what the dump does not have of it is 0.
    pub fn space(&self) -> Space {
        Space::new(&self.bytes, self.bytes.len() > CONVENTIONAL)
    }

    /// The bus that it is on.
    pub fn bus(&self) -> u8 {
        bus_of(&self.address).unwrap_or(0)
    }

    /// Whether the dump has no more of it than everybody may read.
    pub fn is_header_only(&self) -> bool {
        self.bytes.len() < CONVENTIONAL
    }
}

/// What is wrong with a dump, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpError {
    /// The number of the line, from 1.
    pub line: usize,
    what: String,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Error for DumpError {}

/// Splits a dump into its functions.
///
/// # Errors
///
/// The first line that is no part of a dump, the end of a function whose config space is not
/// whole, and line 1 where there is no function at all.
pub fn parse(text: &str) -> Result<Vec<Dumped>, DumpError> {
    let mut functions = Vec::new();
    let mut current: Option<Dumped> = None;
    let mut last = 0;
    for (line, content) in (1..).zip(text.lines()) {
        let wrong = |what| DumpError { line, what };
        last = line;
        match (Line::parse(content).map_err(wrong)?, &mut current) {
            (Line::Function { address, name }, _) => {
                finish(&mut current, &mut functions, line - 1)?;
                current = Some(Dumped {
                    line,
                    address: address.into(),
                    name: name.into(),
                    driver: None,
                    bytes: Vec::new(),
                });
            }
            (Line::Row { offset, bytes }, Some(function)) => {
                let expected = function.bytes.len();
                if offset != expected || expected >= EXTENDED {
                    return Err(wrong(format!(
                        "row {offset:#05x} of {} follows {expected:#05x} bytes: rows are missing, \
                         or too many",
                        function.address
                    )));
                }
                function.bytes.extend(bytes);
            }
            (Line::Row { .. }, None) => {
                return Err(wrong("a row, and no function that it is of".into()));
            }
            (Line::Text(text), Some(function)) => {
                if let Some(driver) = text.strip_prefix("Kernel driver in use: ") {
                    function.driver = Some(driver.into());
                }
            }
            (Line::Text(_), None) => {}
            (Line::Blank, _) => finish(&mut current, &mut functions, line - 1)?,
        }
    }
    finish(&mut current, &mut functions, last)?;
    if functions.is_empty() {
        let what = "there is no function in it".into();
        return Err(DumpError { line: 1, what });
    }
    Ok(functions)
}

/// Ends a function at the line `line`: its config space must be whole.
fn finish(
    current: &mut Option<Dumped>,
    functions: &mut Vec<Dumped>,
    line: usize,
) -> Result<(), DumpError> {
    let Some(function) = current.take() else {
        return Ok(());
    };
    let (address, found) = (&function.address, function.bytes.len());
    let what = match found {
        HEADER | CARDBUS | CONVENTIONAL | EXTENDED => {
            functions.push(function);
            return Ok(());
        }
        0 => format!("{address} has no config space: dump it with `lspci -xxxx`"),
        _ => format!(
            "the config space of {address} ends after {found} bytes: it is cut off \
             (one has {HEADER}, {CARDBUS}, {CONVENTIONAL} or {EXTENDED})"
        ),
    };
    Err(DumpError { line, what })
}
