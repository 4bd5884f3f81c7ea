// SPDX-License-Identifier: GPL-2.0-only

//! From the bytes that a fuzzer gives: a function, its config space, and what becomes of it.
//!
//! | bytes | |
//! |---|---|
//! | 0 | where config space comes from: [`Source`] |
//! | 1 to 7 | which model of the corpus, or which damages are tried |
//! | 8 to 95 | what the kernel knows of the function |
//! | 96 to the end | its config space |
//!
//! What is missing is 0.

use pci_recovery_guard::guard::{Bar, BarKind, Buses, Function, HeaderType, Learned, Windows};

use super::{
    build::{fit_bars, space},
    corpus::Model,
    damage::all_are_refused,
    driver::Device,
    space::{Space, CONVENTIONAL, EXTENDED},
};

const FACTS: usize = 8;
const SPACE: usize = 96;
/// As many bytes as mean something.
pub const SIZE: usize = SPACE + EXTENDED;

const BRIDGE: u8 = 0x01;
const VIRTUAL: u8 = 0x02;
const ENABLED: u8 = 0x04;
const BUS_MASTER: u8 = 0x08;
const BUSES: u8 = 0x10;
const LONG: u8 = 0x20;

/// How many damages of one input are tried.
const TRIED: usize = 24;

/// Where a config space comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The input as it is: accepted or refused.
    Raw,
    /// The input, made valid for the function: accepted.
    Built,
    /// The corpus: accepted.
    Corpus,
}

/// An input.
pub struct Input {
    bytes: Vec<u8>,
}

impl Input {
    pub fn new(bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        bytes.resize(SIZE, 0);
        Self { bytes }
    }

    pub fn source(&self) -> Source {
        match self.bytes[0] % 3 {
            0 => Source::Raw,
            1 => Source::Built,
            _ => Source::Corpus,
        }
    }

    fn dword(&self, at: usize) -> u32 {
        Space::new(&self.bytes[at..at + 4], false).dword(0)
    }

    /// What the kernel knows, as it is in the input.
    fn function(&self) -> Function {
        let flags = self.bytes[FACTS];
        let bar = |index: usize| {
            let at = FACTS + 16 + 9 * index;
            let kind = match self.bytes[at] & 3 {
                0 => return None,
                1 => BarKind::Io,
                2 => BarKind::Mem32,
                _ => BarKind::Mem64,
            };
            let [low, high] = [at + 1, at + 5].map(|at| u64::from(self.dword(at)));
            let address = high << 32 | low;
            Some(Bar { address, kind })
        };
        Function {
            header_type: match flags & BRIDGE {
                0 => HeaderType::Normal,
                _ => HeaderType::Bridge,
            },
            is_vf: flags & VIRTUAL != 0,
            ids: self.dword(FACTS + 4),
            class_revision: self.dword(FACTS + 8),
            subsystem: self.dword(FACTS + 12),
            bars: std::array::from_fn(bar),
            enabled: flags & ENABLED != 0,
            bus_master: flags & BUS_MASTER != 0,
            msi: false,
            rom_enabled: true,
            l1ss: false,
            tph: false,
            windows: Windows::default(),
            buses: (flags & BUSES != 0).then(|| Buses {
                primary: self.bytes[FACTS + 1],
                secondary: self.bytes[FACTS + 2],
                subordinate: self.bytes[FACTS + 3],
            }),
            extended: flags & LONG != 0,
            // What `Device::add` finds.
            pcie_cap: 0,
            aer_cap: 0,
            saved_before: [0; 16],
            learned: Learned::default(),
        }
    }

    /// The function and its config space, as they are in the input.
    pub fn raw(&self) -> (Function, Space) {
        let function = self.function();
        let space = Space::new(self.space_bytes(&function), function.extended);
        (Device::add(function, &space).function, space)
    }

    fn space_bytes(&self, function: &Function) -> &[u8] {
        let size = if function.extended {
            EXTENDED
        } else {
            CONVENTIONAL
        };
        &self.bytes[SPACE..SPACE + size]
    }

    /// A function that a kernel would describe so.
    fn plausible_function(&self) -> Function {
        let mut function = self.function();
        let is_bridge = function.header_type == HeaderType::Bridge;
        function.is_vf &= !is_bridge;
        let raw = function
            .bars
            .map(|bar| bar.map(|bar| (bar.kind, bar.address)));
        function.bars = match function.is_vf {
            true => [None; 6],
            false => fit_bars(function.header_type, &raw),
        };
        // A vendor ID is neither 0 nor all-ones; 255 is no bus below a bridge.
        if matches!(function.ids as u16, 0 | 0xffff) {
            function.ids ^= 1;
        }
        function.buses = function.buses.filter(|_| is_bridge).map(|buses| Buses {
            subordinate: buses.subordinate & 0x7f,
            ..buses
        });
        function
    }

    /// Judges the function and what becomes of it. The error says what the guard did wrong.
    pub fn run(&self, models: &[Model]) -> Result<(), String> {
        let source = self.source();
        let model = match (source, models) {
            (Source::Corpus, [_, ..]) => models.get(usize::from(self.bytes[1]) % models.len()),
            _ => None,
        };
        let (function, space) = match (source, model) {
            (_, Some(model)) => (model.function.clone(), model.good.clone()),
            (Source::Raw, _) => self.raw(),
            _ => {
                let function = self.plausible_function();
                let space = space(&function, self.space_bytes(&function));
                (function, space)
            }
        };
        let device = Device::add(function, &space);

        let known_good = match device.save(&space, None) {
            Ok(known_good) => known_good,
            Err(refusal) if source == Source::Raw && !refusal.to_string().is_empty() => {
                return Ok(());
            }
            Err(refusal) => return Err(format!("a good state is refused: {refusal}")),
        };
        device
            .save(&space, Some(&known_good))
            .map_err(|refusal| format!("the known-good state itself is refused: {refusal}"))?;

        // Some damages: all of them take too long. Which ones is the fuzzer's to find out.
        let (mut next, step) = (self.dword(2) as usize % 64, 1 + usize::from(self.bytes[6]));
        let mut left = TRIED;
        let wiped = model.and_then(|model| model.wiped.as_ref());
        all_are_refused(&device, &space, wiped, &known_good, &mut |number| {
            let is_it = number == next && left > 0;
            if is_it {
                next += step;
                left -= 1;
            }
            is_it
        })
    }

    /// The input that means `model`.
    pub fn of_model(model: &Model) -> Self {
        let function = &model.function;
        let mut bytes = vec![0; SPACE];
        let flags = [
            (function.header_type == HeaderType::Bridge, BRIDGE),
            (function.is_vf, VIRTUAL),
            (function.enabled, ENABLED),
            (function.bus_master, BUS_MASTER),
            (function.buses.is_some(), BUSES),
            (model.good.is_extended(), LONG),
        ];
        bytes[FACTS] = flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag)
            .sum();
        if let Some(buses) = function.buses {
            bytes[FACTS + 1..FACTS + 4].copy_from_slice(&[
                buses.primary,
                buses.secondary,
                buses.subordinate,
            ]);
        }
        for (number, word) in [function.ids, function.class_revision, function.subsystem]
            .iter()
            .enumerate()
        {
            let at = FACTS + 4 + 4 * number;
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        for (index, bar) in function.bars.iter().enumerate() {
            let at = FACTS + 16 + 9 * index;
            if let Some(bar) = bar {
                bytes[at] = match bar.kind {
                    BarKind::Io => 1,
                    BarKind::Mem32 => 2,
                    BarKind::Mem64 => 3,
                };
                bytes[at + 1..at + 9].copy_from_slice(&bar.address.to_le_bytes());
            }
        }
        bytes.extend_from_slice(model.good.bytes());
        Self { bytes }
    }

    /// The input that means the model with this number.
    pub fn of_number(number: u8) -> Self {
        Self::new(&[0, number]).with_source(Source::Corpus)
    }

    /// The same bytes with damages that are spread over all there are; others for each `number`.
    pub fn spread(mut self, number: usize) -> Self {
        const STEP: u8 = 19;
        self.bytes[2] = (number % usize::from(STEP)) as u8;
        self.bytes[6] = STEP - 1;
        self
    }

    /// The same bytes with another source.
    pub fn with_source(mut self, source: Source) -> Self {
        self.bytes[0] = match source {
            Source::Raw => 0,
            Source::Built => 1,
            Source::Corpus => 2,
        };
        self
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
