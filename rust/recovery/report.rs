// SPDX-License-Identifier: GPL-2.0-only

//! Tells people and programs: one line in the log, a uevent, the timeline.

use core::fmt;

use kernel::{
    pci::Device,
    prelude::*,
    str::CString, //
};

use super::{
    events::{
        now_ns,
        Event, //
    },
    status::Health,
    Inner,
    Recovery, //
};
use crate::{
    guard::Refusal,
    pci::uevent, //
};

/// Shows a value of [`core::fmt::Display`] by the kernel's `fmt!`.
pub(super) struct Shown<'a, T>(pub(super) &'a T);

impl<T: fmt::Display> kernel::fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

impl kernel::fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Limits the lines of each kind that one function writes into the log.
pub(super) struct LogLimits {
    refused: LogLimit,
    restored: LogLimit,
    failed: LogLimit,
}

impl LogLimits {
    pub(super) const fn new() -> Self {
        Self {
            refused: LogLimit::new(),
            restored: LogLimit::new(),
            failed: LogLimit::new(),
        }
    }
}

/// Does what `dev_warn_ratelimited()` does in C.
struct LogLimit {
    window_began_ns: u64,
    lines: u32,
    suppressed: u64,
}

impl LogLimit {
    /// `DEFAULT_RATELIMIT_INTERVAL`.
    const WINDOW_NS: u64 = 5_000_000_000;
    /// `DEFAULT_RATELIMIT_BURST`.
    const LINES: u32 = 10;

    const fn new() -> Self {
        Self {
            window_began_ns: 0,
            lines: 0,
            suppressed: 0,
        }
    }

    /// May a line be written now? If so: how many were not, since the last one.
    fn next_line(&mut self) -> Option<u64> {
        let now = now_ns();
        if now.saturating_sub(self.window_began_ns) >= Self::WINDOW_NS {
            self.window_began_ns = now;
            self.lines = 0;
        }
        if self.lines == Self::LINES {
            self.suppressed += 1;
            return None;
        }
        self.lines += 1;
        Some(core::mem::take(&mut self.suppressed))
    }
}

/// Writes one line, and before it how many were suppressed.
macro_rules! limited {
    ($next_line:expr, $print:ident, $dev:expr, $($args:tt)*) => {
        if let Some(suppressed) = $next_line {
            if suppressed != 0 {
                $print!($dev, "{} lines suppressed\n", suppressed);
            }
            $print!($dev, $($args)*);
        }
    };
}

/// A save was refused; the known-good state was kept.
pub(super) fn refused(recovery: &Recovery, dev: &Device, refusal: Refusal) {
    let mut inner = recovery.inner.lock();
    inner.counters.refusals += 1;
    inner.last_refusal = Some(refusal);
    inner.events.push(Event::Refusal(refusal));
    let at_ns = inner.known_good.at_ns;
    let next_line = inner.log_limits.refused.next_line();
    drop(inner);

    limited!(
        next_line,
        dev_warn,
        dev,
        "refused to save: {}; kept the state saved at {} ns\n",
        refusal,
        at_ns
    );
    send(dev, "refusal", &refusal);
}

/// The known-good state was written and read back.
pub(super) fn restored(inner: &mut Inner, dev: &Device) {
    let next_line = inner.log_limits.restored.next_line();
    limited!(
        next_line,
        dev_info,
        dev,
        "restored the state saved at {} ns, {} registers verified\n",
        inner.known_good.at_ns,
        inner.known_good.snapshot.verified()
    );
}

/// The function could not be restored.
pub(super) fn failed(recovery: &Recovery, dev: &Device, error: &impl fmt::Display) {
    let mut inner = recovery.inner.lock();
    inner.health = Health::Lost;
    inner.last_verdict = Some("lost");
    inner.events.push(Event::Lost);
    let next_line = inner.log_limits.failed.next_line();
    drop(inner);

    limited!(
        next_line,
        dev_err,
        dev,
        "not restored: {}; try the function's reset file in sysfs or debugfs\n",
        Shown(error)
    );
    send(dev, "failed", error);
}

/// Sends a uevent; where there is no memory for it, the log has to do.
fn send<T: fmt::Display>(dev: &Device, what: &'static str, reason: &T) {
    let event = CString::try_from_fmt(fmt!("PCI_RECOVERY={what}"));
    let reason = CString::try_from_fmt(fmt!("PCI_RECOVERY_REASON={}", Shown(reason)));
    if let (Ok(event), Ok(reason)) = (event, reason) {
        // Nobody waits for it: an error says that there was no memory.
        let _ = uevent::change(dev, &event, &reason);
    }
}
