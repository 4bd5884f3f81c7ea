// SPDX-License-Identifier: GPL-2.0-only

//! What can become of a config space, and must be refused.

use pci_recovery_guard::guard::{BarKind, Function, Header, HeaderType, Refusal, ALL_ONES};

use crate::{
    driver::{Device, KnownGood},
    space::{Entry, List, Space},
};

const LISTS: [List; 2] = [List::Ordinary, List::Extended];

/// The header after a reset without a restore: writable bits are 0.
pub fn wiped_header(function: &Function, header: &Header) -> Header {
    let mut header = *header;
    header[1] &= 0xffff_0000;
    if function.header_type == HeaderType::Bridge {
        header[6..10].fill(0);
    }
    for (i, bar) in function.bars.iter().enumerate() {
        let (Some(bar), true) = (bar, i < function.header_type.bars()) else {
            continue;
        };
        header[4 + i] &= match bar.kind {
            BarKind::Io => 0x3,
            BarKind::Mem32 | BarKind::Mem64 => 0xf,
        };
        if bar.kind == BarKind::Mem64 {
            header[5 + i] = 0;
        }
    }
    header
}

/// The config space after a reset without a restore, as far as a reset is known to clear it.
pub fn wiped(function: &Function, space: &Space) -> Space {
    let mut wiped = space.clone();
    wiped.set_header(&wiped_header(function, &space.header()));
    wiped
}

/// Whether there is anything that a reset of the function clears and the guard knows of. A device
/// of the machine itself that has no BAR and no driver has nothing, nor has a bridge to no bus: its
/// bus mastering follows the kernel.
pub fn has_something_to_lose(function: &Function) -> bool {
    let bars = function.bars.iter().take(function.header_type.bars());
    function.bus_master && function.header_type != HeaderType::Bridge
        || function
            .buses
            .is_some_and(|buses| (buses.primary, buses.secondary, buses.subordinate) != (0, 0, 0))
        || bars.flatten().any(|bar| bar.address != 0)
}

/// Each of the capabilities that another one follows, with those that do.
fn followed(space: &Space) -> impl Iterator<Item = (Entry, Vec<Entry>)> + '_ {
    LISTS.into_iter().flat_map(|list| {
        let entries = space.list(list);
        (1..entries.len()).map(move |n| (entries[n - 1], entries[n..].to_vec()))
    })
}

/// The list ends early: behind any capability but the last one. Also says which are missing.
pub fn truncated(space: &Space) -> impl Iterator<Item = (Space, Vec<Entry>)> + '_ {
    followed(space).map(|(entry, rest)| {
        let mut space = space.clone();
        space.set_link(entry, 0);
        (space, rest)
    })
}

/// A list that is empty: Status says so, or its first capability is none. Also says which are
/// missing.
pub fn emptied(space: &Space) -> impl Iterator<Item = (Space, Vec<Entry>)> + '_ {
    LISTS
        .into_iter()
        .filter(|&list| !space.list(list).is_empty())
        .map(|list| {
            let missing = space.list(list);
            let mut space = space.clone();
            match list {
                List::Ordinary => space.set(4, 0x10_0000, 0),
                List::Extended => space.set(0x100, ALL_ONES, 0),
            }
            (space, missing)
        })
}

/// The list comes back: from any capability to any before it, or to itself. Also says which are
/// missing.
pub fn looping(space: &Space) -> impl Iterator<Item = (Space, Vec<Entry>)> + '_ {
    LISTS.into_iter().flat_map(move |list| {
        let entries = space.list(list);
        let pairs = (0..entries.len()).flat_map(|from| (0..=from).map(move |to| (from, to)));
        pairs.map(move |(from, to)| {
            let mut space = space.clone();
            space.set_link(entries[from], entries[to].offset);
            (space, entries[from + 1..].to_vec())
        })
    })
}

/// The list leads from any capability to where nothing answers. Also says which are missing.
pub fn astray(space: &Space) -> impl Iterator<Item = (Space, Vec<Entry>)> + '_ {
    LISTS.into_iter().flat_map(move |list| {
        let entries = space.list(list);
        let end = if list == List::Ordinary {
            0x100
        } else {
            0x1000
        };
        let free = (0x40..end)
            .step_by(4)
            .rev()
            .find(|&offset| entries.iter().all(|entry| entry.offset != offset));
        let froms = free.into_iter().flat_map(move |free| {
            let entries = entries.clone();
            (0..entries.len()).map(move |from| (entries[from], entries[from + 1..].to_vec(), free))
        });
        froms.map(move |(entry, rest, free)| {
            let mut space = space.clone();
            match list {
                // Enough for the core to stop there; all-ones would also point to itself.
                List::Ordinary => space.set(free, 0xffff, 0x00ff),
                List::Extended => space.set(free, ALL_ONES, ALL_ONES),
            }
            space.set_link(entry, free);
            (space, rest)
        })
    })
}

/// How many damages of a kind were judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// All of them.
    pub tried: usize,
    /// Those that were judged as they must be.
    pub right: usize,
}

impl Counted {
    fn add(&mut self, is_right: bool) {
        self.tried += 1;
        self.right += usize::from(is_right);
    }
}

/// How many damages of a state were judged, and which of them wrongly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The function is gone from one of the reads of a save on.
    pub losses: Counted,
    /// It was reset and not restored, before a save or from one of its reads on.
    pub wipes: Counted,
    /// A capability list that loops, leads astray or ends early.
    pub lists: Counted,
    /// What was accepted and must not be, or the other way round.
    pub wrong: Vec<String>,
}

impl Tried {
    /// Returns whether what must be refused is, and notes it where not.
    fn is_refused(&mut self, what: &str, verdict: Result<KnownGood, Refusal>) -> bool {
        let wrong = match verdict {
            Ok(_) => format!("{what} is accepted"),
            // And the reason is one that a person can read.
            Err(refusal) if refusal.to_string().is_empty() => format!("{what}: no reason"),
            Err(_) => return true,
        };
        self.wrong.push(wrong);
        false
    }
}

/// Checks that whatever becomes of a state that was accepted is refused, see [`try_all`]. The error
/// says what was let pass.
pub fn all_are_refused(
    device: &Device,
    space: &Space,
    real_wiped: Option<&Space>,
    known_good: &KnownGood,
    pick: &mut dyn FnMut(usize) -> bool,
) -> Result<(), String> {
    let tried = try_all(device, space, real_wiped, known_good, pick);
    match tried.wrong.into_iter().next() {
        Some(wrong) => Err(wrong),
        None => Ok(()),
    }
}

/// Judges whatever may become of a state that was accepted, `pick` says of the damages which: all
/// of them take too long for a fuzzer. Each is judged as a first save and as a later one.
pub fn try_all(
    device: &Device,
    space: &Space,
    real_wiped: Option<&Space>,
    known_good: &KnownGood,
    pick: &mut dyn FnMut(usize) -> bool,
) -> Tried {
    let mut number = 0;
    let mut picked = || {
        number += 1;
        pick(number - 1)
    };
    let mut tried = Tried::default();
    let either = [None, Some(known_good)];

    for known_good in either {
        let reads = device.reads(space, known_good);
        for from in 0..reads {
            if picked() {
                let verdict = device.save_changing(space, from, None, known_good);
                let what = format!("gone from read {from} of {reads} on");
                let is_right = tried.is_refused(&what, verdict);
                tried.losses.add(is_right);
            }
        }
        let wiped = real_wiped
            .cloned()
            .unwrap_or_else(|| wiped(&device.function, space));
        if has_something_to_lose(&device.function) {
            if picked() {
                let is_right = tried.is_refused("wiped", device.save(&wiped, known_good));
                tried.wipes.add(is_right);
            }
            // Command is what a reset in the middle shows in.
            let command_differs = (space.dword(4) ^ wiped.dword(4)) & 0xffff != 0;
            for from in 0..reads {
                if command_differs && picked() {
                    let verdict = device.save_changing(space, from, Some(&wiped), known_good);
                    let what = format!("reset from read {from} of {reads} on");
                    let is_right = tried.is_refused(&what, verdict);
                    tried.wipes.add(is_right);
                }
            }
        }
    }

    // The lists are walked by the first save, when the kernel's own record has to tell what is
    // missing: what they do not lead to later on, the core leaves out.
    let broken = [
        ("loops", looping(space).collect::<Vec<_>>()),
        ("leads astray", astray(space).collect()),
        (
            "ends early",
            truncated(space).chain(emptied(space)).collect(),
        ),
    ];
    for (how, broken) in broken {
        for (broken, missing) in broken {
            if !picked() {
                continue;
            }
            let what = format!("a list that {how}, without {missing:x?}");
            let verdict = device.save(&broken, None);
            let is_right = if missing.iter().any(|entry| device.saves(space, *entry)) {
                tried.is_refused(&what, verdict)
            } else if let Err(refusal) = verdict {
                // Nothing that the core saves is missing: it copes with such hardware.
                tried.wrong.push(format!("{what} is refused: {refusal}"));
                false
            } else {
                true
            };
            tried.lists.add(is_right);
        }
    }
    tried
}
