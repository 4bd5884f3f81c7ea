// SPDX-License-Identifier: GPL-2.0-only

//! What can become of a config space, and must be refused.

use pci_recovery_guard::guard::{BarKind, Function, Header, HeaderType, ALL_ONES};

use super::{
    driver::{Device, KnownGood},
    space::{Entry, List, Space},
};

const LISTS: [List; 2] = [List::Ordinary, List::Extended];

/// The header after a reset that nobody restored: what is writable is 0.
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

/// The config space after a reset that nobody restored, as far as a reset is known to clear it.
pub fn wiped(function: &Function, space: &Space) -> Space {
    let mut wiped = space.clone();
    wiped.set_header(&wiped_header(function, &space.header()));
    wiped
}

/// Whether there is anything that a reset of the function clears and the guard knows of. A device
/// of the machine itself that has no BAR and no driver has nothing.
pub fn has_something_to_lose(function: &Function) -> bool {
    let bars = function.bars.iter().take(function.header_type.bars());
    function.bus_master
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

/// Checks that whatever becomes of a state that was accepted is refused, `pick` says of the damages
/// which: all of them take too long for a fuzzer. The error says what was let pass.
pub fn all_are_refused(
    device: &Device,
    space: &Space,
    real_wiped: Option<&Space>,
    known_good: &KnownGood,
    pick: &mut dyn FnMut(usize) -> bool,
) -> Result<(), String> {
    let mut number = 0;
    let mut picked = || {
        number += 1;
        pick(number - 1)
    };
    let refused = |what: &dyn Fn() -> String, verdict: Result<KnownGood, _>| match verdict {
        Ok(_) => Err(format!("{} is accepted", what())),
        Err(refusal) => {
            // And the reason is one that a person can read.
            let refusal: pci_recovery_guard::guard::Refusal = refusal;
            match refusal.to_string().is_empty() {
                true => Err(format!("{}: no reason", what())),
                false => Ok(()),
            }
        }
    };
    let either = [None, Some(known_good)];

    for known_good in either {
        let reads = device.reads(space, known_good);
        for from in 0..reads {
            if picked() {
                let verdict = device.save_changing(space, from, None, known_good);
                refused(&|| format!("gone from read {from} of {reads} on"), verdict)?;
            }
        }
        let wiped = real_wiped
            .cloned()
            .unwrap_or_else(|| wiped(&device.function, space));
        if has_something_to_lose(&device.function) {
            if picked() {
                refused(&|| "wiped".into(), device.save(&wiped, known_good))?;
            }
            // Command is what a reset in the middle shows in.
            let command_differs = (space.dword(4) ^ wiped.dword(4)) & 0xffff != 0;
            for from in 0..reads {
                if command_differs && picked() {
                    let verdict = device.save_changing(space, from, Some(&wiped), known_good);
                    refused(&|| format!("reset from read {from} of {reads} on"), verdict)?;
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
            let what = || format!("a list that {how}, without {missing:x?}");
            let verdict = device.save(&broken, None);
            if missing.iter().any(|entry| device.saves(space, *entry)) {
                refused(&what, verdict)?;
            } else if let Err(refusal) = verdict {
                // Nothing that the core saves is missing: it copes with such hardware.
                return Err(format!("{} is refused: {refusal}", what()));
            }
        }
    }
    Ok(())
}
