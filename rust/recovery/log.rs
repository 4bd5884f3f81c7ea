// SPDX-License-Identifier: GPL-2.0-only

//! Limits what is written into the log: lines of one kind by one function, and by all functions
//! together, so that the recovery of a fleet does not flood it.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

use super::events::now_ns;

/// How many lines of each kind all functions together may write in a window.
const LINES_OF_ALL: u64 = 20;

/// What all functions together may write.
pub(crate) static ALL: LogLimits = LogLimits::new(LINES_OF_ALL);

/// Correctable errors of all functions: they are reported without a lock, and perhaps of a function
/// that has no [`Recovery`](super::Recovery) any more.
pub(crate) static CORRECTED: LogLimit = LogLimit::new(LogLimit::LINES);

/// Milliseconds since boot.
fn now_ms() -> u64 {
    now_ns() / 1_000_000
}

/// The limits of each kind of line: many of one kind do not hide those of another.
pub(crate) struct LogLimits {
    pub(crate) refused: LogLimit,
    pub(crate) restored: LogLimit,
    pub(crate) failed: LogLimit,
    /// What was found on the way to one of these.
    pub(crate) found: LogLimit,
}

impl LogLimits {
    const fn new(lines: u64) -> Self {
        Self {
            refused: LogLimit::new(lines),
            restored: LogLimit::new(lines),
            failed: LogLimit::new(lines),
            found: LogLimit::new(lines),
        }
    }

    /// The limits of one function.
    pub(crate) const fn of_one() -> Self {
        Self::new(LogLimit::LINES)
    }

    /// How many lines were not written, in all.
    pub(crate) fn suppressed(&self) -> u64 {
        [&self.refused, &self.restored, &self.failed, &self.found]
            .iter()
            .map(|limit| limit.suppressed.load(Relaxed))
            .sum()
    }
}

/// Does what `dev_warn_ratelimited()` does in C.
pub(crate) struct LogLimit {
    lines: u64,
    /// When the window began, in milliseconds since boot, and below that how many lines it has had.
    window: Atomic<u64>,
    suppressed: Atomic<u64>,
    /// How many of those the log has reported.
    reported: Atomic<u64>,
}

impl LogLimit {
    /// `DEFAULT_RATELIMIT_INTERVAL`.
    const WINDOW_MS: u64 = 5_000;
    /// `DEFAULT_RATELIMIT_BURST`.
    const LINES: u64 = 10;
    /// The bits of `window` that count lines. The others last for 2000 years.
    const COUNT_BITS: u32 = 16;

    pub(crate) const fn new(lines: u64) -> Self {
        Self {
            lines,
            window: Atomic::new(0),
            suppressed: Atomic::new(0),
            reported: Atomic::new(0),
        }
    }

    /// May a line be written at `now_ms`, in milliseconds since boot? Then it counts.
    pub(crate) fn take(&self, now_ms: u64) -> bool {
        let mut window = self.window.load(Relaxed);
        loop {
            let (mut began, mut lines) = (
                window >> Self::COUNT_BITS,
                window & ((1 << Self::COUNT_BITS) - 1),
            );
            if lines == 0 || now_ms.saturating_sub(began) >= Self::WINDOW_MS {
                (began, lines) = (now_ms, 0);
            }
            if lines >= self.lines {
                return false;
            }
            let next = began << Self::COUNT_BITS | (lines + 1);
            match self.window.cmpxchg(window, next, Relaxed) {
                Ok(_) => return true,
                Err(changed) => window = changed,
            }
        }
    }

    /// Returns how many lines were not written since the last one, if one may be written now.
    pub(crate) fn next_line(&self) -> Option<u64> {
        if self.take(now_ms()) {
            return Some(self.report());
        }
        self.suppressed.add(1, Relaxed);
        None
    }

    /// Returns how many were suppressed since the last report. The caller reports them.
    fn report(&self) -> u64 {
        let suppressed = self.suppressed.load(Relaxed);
        suppressed.saturating_sub(self.reported.xchg(suppressed, Relaxed))
    }
}

/// Whether a line may be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Yes. How many were not since the last one: by this function, and by all of them together.
    Write {
        own: u64,
        all: u64, //
    },
    /// No, and it is the first one: the log is to say that there are more.
    First,
    /// No.
    No,
}

/// Returns whether a line may be written that both limits count.
pub(crate) fn next_line(own: &LogLimit, all: &LogLimit) -> Line {
    line_at(now_ms(), own, all)
}

/// As [`next_line`], at `now_ms`.
pub(crate) fn line_at(now_ms: u64, own: &LogLimit, all: &LogLimit) -> Line {
    if !own.take(now_ms) {
        own.suppressed.add(1, Relaxed);
        return Line::No;
    }
    if all.take(now_ms) {
        return Line::Write {
            own: own.report(),
            all: all.report(),
        };
    }
    // The function counts it, but it is reported with those of the others.
    own.suppressed.add(1, Relaxed);
    own.reported.add(1, Relaxed);
    if all.suppressed.fetch_add(1, Relaxed) == all.reported.load(Relaxed) {
        Line::First
    } else {
        Line::No
    }
}

/// Writes one line of a kind (a field of [`LogLimits`]), and before it how many were suppressed.
///
/// `limits` are those of the function.
macro_rules! limited {
    ($limits:expr, $kind:ident, $print:ident, $dev:expr, $($args:tt)*) => {
        match $crate::recovery::log::next_line(
            &$limits.$kind,
            &$crate::recovery::log::ALL.$kind,
        ) {
            $crate::recovery::log::Line::Write { own, all } => {
                if own != 0 {
                    $print!($dev, "{} lines suppressed\n", own);
                }
                if all != 0 {
                    $print!($dev, "{} lines of all functions suppressed\n", all);
                }
                $print!($dev, $($args)*);
            }
            $crate::recovery::log::Line::First => $print!(
                $dev,
                "and more: lines of all functions are suppressed for up to 5 s\n"
            ),
            $crate::recovery::log::Line::No => {}
        }
    };
}
pub(crate) use limited;
