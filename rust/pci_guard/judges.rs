// SPDX-License-Identifier: GPL-2.0-only

//! The modules that judge by themselves what they save ([`judge`](super::pci::judge)): their calls
//! are let through.

use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    }, //
};

use super::pci::judge::Text;

/// Calls that were let through, since they come from somebody who judges by himself.
static PASSED: Atomic<u64> = Atomic::new(0);

/// How many modules there may be that judge by themselves.
const MAX_JUDGES: usize = 16;

/// The code of a module that judges by itself; `len` is 0 where there is none.
struct Judge {
    start: Atomic<usize>,
    len: Atomic<usize>,
    /// How many functions it has.
    functions: Atomic<u64>,
}

/// Written by [`add`] and [`remove`], of which one runs at a time.
static JUDGES: [Judge; MAX_JUDGES] = [const {
    Judge {
        start: Atomic::new(0),
        len: Atomic::new(0),
        functions: Atomic::new(0),
    }
}; MAX_JUDGES];

/// How many of them are looked at: those behind have never had functions, or have none any more.
static JUDGES_END: Atomic<usize> = Atomic::new(0);

/// Lets calls through that come from `text`, whose module has one more function. One of them runs
/// at a time: the caller sees to that.
///
/// # Errors
///
/// `ENOSPC`: no more than [`MAX_JUDGES`] modules.
pub(super) fn add(text: Text) -> Result {
    let mut free = None;
    for (index, judge) in JUDGES.iter().enumerate() {
        let functions = judge.functions.load(Relaxed);
        if functions == 0 {
            free = free.or(Some((index, judge)));
        } else if judge.start.load(Relaxed) == text.start {
            judge.functions.store(functions + 1, Relaxed);
            return Ok(());
        }
    }
    let (index, judge) = free.ok_or(ENOSPC)?;
    judge.start.store(text.start, Relaxed);
    judge.functions.store(1, Relaxed);
    judge.len.store(text.len, Release);
    if JUDGES_END.load(Relaxed) <= index {
        JUDGES_END.store(index + 1, Release);
    }
    Ok(())
}

/// The module of `text` has one function less.
pub(super) fn remove(text: Text) {
    for judge in &JUDGES {
        let functions = judge.functions.load(Relaxed);
        if functions == 0 || judge.start.load(Relaxed) != text.start {
            continue;
        }
        if functions == 1 {
            judge.len.store(0, Release);
        }
        judge.functions.store(functions - 1, Relaxed);
    }
    let last = JUDGES
        .iter()
        .rposition(|judge| judge.functions.load(Relaxed) != 0);
    JUDGES_END.store(last.map_or(0, |last| last + 1), Release);
}

/// Returns whether a call that returns to `parent_ip` comes from a judge. Counts it then.
#[inline]
pub(super) fn lets_through(parent_ip: usize) -> bool {
    let end = JUDGES_END.load(Acquire);
    end != 0 && is_judge(parent_ip, end)
}

/// Returns how many calls were let through.
pub(super) fn passed() -> u64 {
    PASSED.load(Relaxed)
}

/// Returns whether a call that returns to `parent_ip` is one of the first `end` judges'. Counts it
/// then.
///
/// Each load is a call, and this is asked of every save and restore of the machine.
#[inline(never)]
fn is_judge(parent_ip: usize, end: usize) -> bool {
    let is_judge = JUDGES.iter().take(end).any(|judge| {
        let len = judge.len.load(Acquire);
        let start = judge.start.load(Relaxed);
        Text { start, len }.contains(parent_ip)
    });
    if is_judge {
        PASSED.fetch_add(1, Relaxed);
    }
    is_judge
}
