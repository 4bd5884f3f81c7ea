// SPDX-License-Identifier: GPL-2.0-only

//! What a fault does to which accesses. Knows no kernel: host tests compile the same file.

/// How many faults may be armed on one bus at the same time.
pub const MAX_FAULTS: usize = 4;

/// The last offset of config space.
pub const LAST_OFFSET: u16 = 0xfff;

/// An access to config space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Device number in bits 7:3, function number in bits 2:0.
    pub devfn: u8,
    /// Offset in config space.
    pub offset: u16,
    /// 1, 2 or 4 bytes.
    pub size: u8,
    /// A write, else a read.
    pub write: bool,
}

impl Access {
    /// All bits of a register of this access's size.
    pub fn mask(&self) -> u32 {
        match self.size {
            1 => 0xff,
            2 => 0xffff,
            _ => u32::MAX,
        }
    }

    /// The offset of the last byte.
    fn last(&self) -> u16 {
        self.offset.saturating_add(u16::from(self.size.max(1)) - 1)
    }
}

/// What is wrong with the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is gone: reads return all-ones, writes are lost.
    Gone,
    /// Reads return all-ones.
    Ones,
    /// Reads return zeros.
    Zeros,
    /// Accesses fail (`PCIBIOS_DEVICE_NOT_FOUND`).
    Error,
    /// Writes are dropped.
    Drop,
    /// Reads of `PCI_COMMAND` and of the BARs return what a reset leaves, until they are written.
    Wiped,
    /// Reads return this value, whatever is written. It is that of the range's first bytes.
    Stuck(u32),
    /// Every access takes so many microseconds longer.
    Delay(u32),
}

impl Kind {
    /// The word by which it is armed and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Ones => "ones",
            Self::Zeros => "zeros",
            Self::Error => "error",
            Self::Drop => "drop",
            Self::Wiped => "wiped",
            Self::Stuck(_) => "stuck",
            Self::Delay(_) => "delay",
        }
    }
}

/// A requested fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: Kind,
    /// The function it is wrong with, else all of the bus.
    pub devfn: Option<u8>,
    /// The first offset that it is wrong at.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// So many matching accesses are right before it begins.
    pub from: u64,
    /// It ends after so many accesses.
    pub count: Option<u64>,
    /// It ends so many milliseconds after its first access.
    pub ms: Option<u64>,
}

impl Fault {
    /// A fault of everything, until it is disarmed.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            devfn: None,
            first: 0,
            last: LAST_OFFSET,
            from: 0,
            count: None,
            ms: None,
        }
    }

    fn matches(&self, access: &Access) -> bool {
        self.devfn.is_none_or(|devfn| devfn == access.devfn)
            && access.offset <= self.last
            && access.last() >= self.first
    }
}

/// Where an armed fault is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun.
    Waiting,
    /// It has begun.
    Active,
    /// It has ended by itself.
    Over,
}

impl Phase {
    /// The phase's name in debugfs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Over => "over",
        }
    }
}

/// A fault that is armed.
#[derive(Clone, Copy, Debug)]
pub struct Armed {
    /// The request.
    pub fault: Fault,
    /// How many accesses matched.
    pub seen: u64,
    /// How many of them met the fault.
    pub hits: u64,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it ends, in nanoseconds.
    ends_ns: Option<u64>,
    /// For [`Kind::Wiped`]: the bytes of the first 64 that have been written.
    written: u64,
}

impl Armed {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            seen: 0,
            hits: 0,
            phase: Phase::Waiting,
            ends_ns: None,
            written: 0,
        }
    }

    /// Counts `access` if it matches. Returns whether it meets the fault.
    fn meets(&mut self, access: &Access, now_ns: u64) -> bool {
        if self.phase == Phase::Over || !self.fault.matches(access) {
            return false;
        }
        self.seen += 1;
        if self.seen <= self.fault.from {
            return false;
        }
        if self.phase == Phase::Waiting {
            self.phase = Phase::Active;
            self.ends_ns = self
                .fault
                .ms
                .map(|ms| now_ns.saturating_add(ms.saturating_mul(1_000_000)));
        }
        if self.ends_ns.is_some_and(|end| now_ns >= end)
            || self.fault.count.is_some_and(|count| self.hits >= count)
        {
            self.phase = Phase::Over;
            return false;
        }
        self.hits += 1;
        if self.fault.count == Some(self.hits) {
            self.phase = Phase::Over;
        }
        true
    }
}

/// What happens to an access instead of reaching the function as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A read returns this, without an access to the function.
    Answer(u32),
    /// The access fails.
    Fail,
    /// A write is lost.
    Dropped,
    /// Of what the function returns, the bits of `mask` are replaced by those of `value`.
    Replace {
        /// The bits that are wrong.
        mask: u32,
        /// What they read.
        value: u32,
    },
}

/// What is to be done with an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Decision {
    /// Microseconds to wait first.
    pub delay_us: u32,
    /// What happens to it, and what is wrong with the function; [`None`] where nothing is.
    pub effect: Option<(Kind, Effect)>,
}

/// The faults of one bus.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults([Option<Armed>; MAX_FAULTS]);

impl Faults {
    /// No fault.
    pub const fn new() -> Self {
        Self([None; MAX_FAULTS])
    }

    /// Adds a fault after the others; `false` where there are [`MAX_FAULTS`] already. One that is
    /// over makes place.
    #[must_use]
    pub fn arm(&mut self, fault: Fault) -> bool {
        let over = |slot: &Option<Armed>| slot.is_none_or(|armed| armed.phase == Phase::Over);
        // Empty places are behind the others; where there is none, those behind one that is over
        // move up.
        if self.0.iter().all(Option::is_some) {
            if let Some(first) = self.0.iter().position(over) {
                if let Some(from_there) = self.0.get_mut(first..) {
                    from_there.rotate_left(1);
                }
                if let Some(last) = self.0.last_mut() {
                    *last = None;
                }
            }
        }
        match self.0.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(Armed::new(fault));
                true
            }
            None => false,
        }
    }

    /// Takes all faults away.
    pub fn disarm(&mut self) {
        *self = Self::new();
    }

    /// The faults, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &Armed> {
        self.0.iter().flatten()
    }

    /// Decides what happens to `access`. The first fault that has an effect on it decides; every
    /// fault that matches counts it.
    pub fn decide(&mut self, access: &Access, now_ns: u64) -> Decision {
        let mut decision = Decision::default();
        let mut met = [false; MAX_FAULTS];
        for (slot, met) in self.0.iter_mut().zip(&mut met) {
            let Some(armed) = slot else { continue };
            *met = armed.meets(access, now_ns);
            if !*met {
                continue;
            }
            if let Kind::Delay(us) = armed.fault.kind {
                decision.delay_us = decision.delay_us.max(us);
            } else if decision.effect.is_none() {
                decision.effect = effect(armed, access).map(|effect| (armed.fault.kind, effect));
            }
        }
        // A write that does not arrive leaves the function wiped.
        if access.write && decision.effect.is_none() {
            for (slot, met) in self.0.iter_mut().zip(met) {
                if let Some(armed) = slot.as_mut().filter(|_| met) {
                    armed.written |= bytes_below_64(access);
                }
            }
        }
        decision
    }
}

/// The bytes of an access to the first 64, one bit each.
fn bytes_below_64(access: &Access) -> u64 {
    (0..u16::from(access.size)).fold(0, |bytes, byte| {
        let bit = 1_u64.checked_shl(access.offset.saturating_add(byte).into());
        bytes | bit.unwrap_or(0)
    })
}

/// The effect of a fault on an access that meets it.
fn effect(armed: &Armed, access: &Access) -> Option<Effect> {
    let reads = |effect| (!access.write).then_some(effect);
    match armed.fault.kind {
        Kind::Gone if access.write => Some(Effect::Dropped),
        Kind::Gone | Kind::Ones => reads(Effect::Answer(access.mask())),
        Kind::Zeros => reads(Effect::Answer(0)),
        Kind::Error => Some(Effect::Fail),
        Kind::Drop => access.write.then_some(Effect::Dropped),
        Kind::Wiped if access.write => None,
        Kind::Wiped => wiped(armed.written, access),
        Kind::Stuck(_) if access.write => None,
        Kind::Stuck(value) => stuck(value, armed.fault.first, armed.fault.last, access),
        Kind::Delay(_) => None,
    }
}

/// Some bits of a register, given by its bytes: `of(offset)` is mask and value of one. [`None`]
/// where none is replaced: the access is then left to the other faults.
fn replace(access: &Access, of: impl Fn(u16) -> (u8, u8)) -> Option<Effect> {
    let (mut mask, mut value) = (0, 0);
    for byte in 0..u16::from(access.size) {
        let (byte_mask, byte_value) = of(access.offset.saturating_add(byte));
        mask |= u32::from(byte_mask) << (8 * byte);
        value |= u32::from(byte_value) << (8 * byte);
    }
    (mask != 0).then_some(Effect::Replace { mask, value })
}

fn stuck(value: u32, first: u16, last: u16, access: &Access) -> Option<Effect> {
    replace(access, |offset| {
        match offset.checked_sub(first).filter(|_| offset <= last) {
            Some(index @ 0..4) => (0xff, (value >> (8 * index)) as u8),
            _ => (0, 0),
        }
    })
}

/// `PCI_COMMAND` reads 0, a BAR reads 0 but for the low bits, which say what it decodes.
fn wiped(written: u64, access: &Access) -> Option<Effect> {
    const COMMAND: core::ops::Range<u16> = 0x04..0x06;
    const BARS: core::ops::Range<u16> = 0x10..0x28;

    let is_written = |offset: u16| {
        1_u64
            .checked_shl(offset.into())
            .is_some_and(|bit| written & bit != 0)
    };
    replace(access, |offset| {
        if is_written(offset) {
            (0, 0)
        } else if COMMAND.contains(&offset) {
            (0xff, 0)
        } else if BARS.contains(&offset) {
            // The upper half of a 64-bit BAR has no such bits; keeping four of them does no harm,
            // since the lower half is wiped.
            let low = if offset % 4 == 0 { 0xf0 } else { 0xff };
            (low, 0)
        } else {
            (0, 0)
        }
    })
}
