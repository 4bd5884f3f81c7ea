// SPDX-License-Identifier: GPL-2.0-only

//! Room for what the PCI core writes behind its buffer for Virtual Channels.
//!
//! `pci_vc_do_save_buffer()` asks the function for the number of its channels and the size of its
//! arbitration tables twice: to compare the size of the buffer, and while it fills it. A function
//! that is lost in between says all-ones the second time, and the core writes eight channels with a
//! table each into a buffer for one: 2596 bytes, over whatever lies behind it (Linux 7.2, 7.3). A
//! restore writes back what it reads there.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h); `drivers/pci/vc.c`.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Release, //
    }, //
};

use super::{
    as_raw,
    context::Exclusive,
    state::{
        cap_states,
        CapSavedState, //
    },
};

/// The capabilities that the core saves as Virtual Channels: `PCI_EXT_CAP_ID_VC`, `_MFVC`, `_VC9`.
const KINDS: [u16; 3] = [0x02, 0x08, 0x09];

/// What the core writes at the most: the port's control, its arbitration table, and eight channels
/// with a control and a table each, in bytes.
const MOST: usize = 4 + 512 + 8 * (4 + 256);

/// The number of a buffer that was replaced, of which kind in the lower half: no capability has it,
/// and the core finds it no more.
const REPLACED: u16 = 0xff00;

/// Returns whether this is the number of a replaced buffer.
pub fn is_replaced(id: u16, extended: bool) -> bool {
    extended && id & REPLACED == REPLACED
}

/// The core's buffers for Virtual Channels.
pub trait Channels {
    /// Replaces the core's buffers for Virtual Channels by longer ones, once for each function, so
    /// that a save of a function that is lost half-way through does not overwrite other memory.
    ///
    /// Context: process context, sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn make_room(&self) -> Result;

    /// Clears the room behind the core's buffers. A save of a function that is lost half-way leaves
    /// all-ones there, and a restore that loses the read of the number of channels writes what it
    /// finds there to registers behind the capability.
    ///
    /// Context: any. Does nothing where [`Self::make_room`] has not made any.
    fn clear_room(&self);
}

impl Channels for Exclusive<'_> {
    fn make_room(&self) -> Result {
        for kind in KINDS {
            make_room(*self, kind)?;
        }
        Ok(())
    }

    fn clear_room(&self) {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, which
        // outlives `self`.
        let mut states = unsafe { cap_states(as_raw(self)) };
        let has_room = states.any(|state| {
            // SAFETY: `cap_states()` returns valid pointers.
            let cap = unsafe { &raw const (*state).cap };
            // SAFETY: As above.
            unsafe { is_replaced((*cap).cap_nr, (*cap).cap_extended) }
        });
        if !has_room {
            return;
        }
        for kind in KINDS {
            if find(*self, REPLACED | kind).is_none() {
                continue;
            }
            if let Some(state) = find(*self, kind) {
                // SAFETY: The first buffer of a kind that was replaced is the one that
                // `make_room()` has allocated, with `MOST` bytes behind `size` bytes of registers.
                // By the type invariant of `Exclusive`, nobody else is at it.
                unsafe {
                    let size = (*state).cap.size as usize;
                    let end = (&raw mut (*state).cap).cast::<u8>();
                    end.add(size_of_val(&(*state).cap) + size)
                        .write_bytes(0, MOST);
                }
            }
        }
    }
}

/// The buffer of the capability with this number.
fn find(dev: Exclusive<'_>, id: u16) -> Option<*mut CapSavedState> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, which outlives
    // `dev`.
    let mut states = unsafe { cap_states(as_raw(&dev)) };
    // SAFETY: `cap_states()` returns valid pointers.
    states.find(|&state| unsafe { (*state).cap.cap_nr == id && (*state).cap.cap_extended })
}

fn make_room(dev: Exclusive<'_>, kind: u16) -> Result {
    let Some(old) = find(dev, kind) else {
        return Ok(());
    };
    if find(dev, REPLACED | kind).is_some() {
        return Ok(());
    }
    // SAFETY: `find()` returns a buffer of the function. Its size is written when it is made.
    let size = unsafe { (*old).cap.size } as usize;
    let words = (size_of::<CapSavedState>() + size + MOST).div_ceil(size_of::<u64>());
    // The core frees it, by kfree(), with the function.
    let (new, _, _) = KVec::from_elem(0_u64, words, GFP_KERNEL)?.into_raw_parts();
    let new = new.cast::<CapSavedState>();

    // SAFETY: Both are valid for their head and `size` bytes of registers, and do not overlap. The
    // list has a head of its own in the function. By the type invariant of `Exclusive`, nobody else
    // changes it; whoever looks for a buffer meanwhile finds the old one or the new one, which is
    // first, and whole before it is there.
    unsafe {
        core::ptr::copy_nonoverlapping(
            (&raw const (*old).cap).cast::<u8>(),
            (&raw mut (*new).cap).cast::<u8>(),
            size_of_val(&(*old).cap) + size,
        );
        let head = &raw mut (*as_raw(&dev)).saved_cap_space;
        let node = &raw mut (*new).next;
        (*node).next = (*head).first;
        (*node).pprev = &raw mut (*head).first;
        if !(*head).first.is_null() {
            (*(*head).first).pprev = &raw mut (*node).next;
        }
        Atomic::from_ptr(&raw mut (*head).first).store(node, Release);
        (&raw mut (*old).cap.cap_nr).write_volatile(REPLACED | kind);
    }
    Ok(())
}
