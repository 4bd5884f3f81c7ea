// SPDX-License-Identifier: GPL-2.0-only

//! Saved configuration space.
//!
//! The PCI core keeps one copy of a function's config space in `struct pci_dev`, in two parts: the
//! header (`saved_config_space`) and a list of capabilities (`saved_cap_space`).
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use core::{
    cell::Cell,
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
};

use kernel::{
    bindings,
    container_of,
    error::to_result,
    pci::Device,
    prelude::*, //
};

use super::{
    as_raw,
    Exclusive, //
};

/// Mirrors `struct pci_cap_saved_data` of `drivers/pci/pci.h`, which is not a public header: out of
/// tree there is no binding for it. [`SavedCapabilities`] checks what it can.
#[repr(C)]
struct CapSavedData {
    cap_nr: u16,
    cap_extended: bool,
    size: u32,
    data: [u32; 0],
}

/// Mirrors `struct pci_cap_saved_state` of `drivers/pci/pci.h`.
#[repr(C)]
struct CapSavedState {
    next: bindings::hlist_node,
    cap: CapSavedData,
}

/// The PCI core's saved state of a function (`pci_dev.saved_config_space`, `saved_cap_space`).
///
/// Context: process context; nobody else is at the function, which [`Exclusive`] says. Not while
/// the channel is frozen, for [`State::save_state`] and [`State::restore_state`]; the others do not
/// touch the function.
pub trait State {
    /// Saves config space into the core's buffer and sets `state_saved` (`pci_save_state()`).
    ///
    /// Nothing that is read is looked at: a function that is gone is saved as all-ones.
    ///
    /// # Errors
    ///
    /// `ENOMEM` where the core has no buffer for a capability. The buffer may then hold a mixture.
    fn save_state(&self) -> Result;

    /// Writes the core's buffer to the function and clears `state_saved` (`pci_restore_state()`).
    ///
    /// Nothing is read back.
    fn restore_state(&self);

    /// Returns `state_saved`. It does *not* say that the buffer is valid: during suspend it tells
    /// the core that the driver has saved and has taken over the transition to low power.
    fn state_saved(&self) -> bool;

    /// Sets `state_saved`, see [`State::state_saved`].
    fn set_state_saved(&self, saved: bool);

    /// Returns the header in the core's buffer: 16 words of 32 bits, word `i` of offset `4 * i`
    /// (PCIe r6.0, sec 7.5.1).
    fn saved_header(&self) -> [u32; 16];

    /// Iterates over the capabilities in the core's buffer (`struct pci_cap_saved_state`).
    fn saved_capabilities(&self) -> SavedCapabilities<'_>;
}

impl State for Exclusive<'_> {
    fn save_state(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_save_state(as_raw(self)) })
    }

    fn restore_state(&self) {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_restore_state(as_raw(self)) };
    }

    fn state_saved(&self) -> bool {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The bit
        // shares its bytes with others, which the same code writes: by the type invariant of
        // `Exclusive`, nobody does so now.
        unsafe { bindings::pci_dev::state_saved_raw(as_raw(self)) != 0 }
    }

    fn set_state_saved(&self, saved: bool) {
        // SAFETY: As in `state_saved()`. The C code writes these bits, too, by plain
        // read-modify-write.
        unsafe { bindings::pci_dev::set_state_saved_raw(as_raw(self), saved.into()) };
    }

    fn saved_header(&self) -> [u32; 16] {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by that of
        // `Exclusive`, nobody saves at the same time.
        unsafe { (*as_raw(self)).saved_config_space }
    }

    fn saved_capabilities(&self) -> SavedCapabilities<'_> {
        SavedCapabilities {
            // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The list
            // is made when the function is added and freed when it is released.
            next: unsafe { (*as_raw(self)).saved_cap_space.first },
            left: SavedCapabilities::MAX,
            _device: PhantomData,
        }
    }
}

/// A capability in the core's buffer.
///
/// The next save or [`SavedState::load`] writes it, whoever still looks at it: what is in it is
/// read when it is used.
#[derive(Clone, Copy)]
pub struct SavedCapability<'a> {
    /// Capability ID.
    pub id: u16,
    /// An extended capability (offset 0x100 and above)?
    pub extended: bool,
    /// The saved registers, in the CPU's byte order.
    pub data: &'a [Cell<u8>],
    /// The same with what the core keeps before them, a `struct pci_cap_saved_data`.
    record: &'a [Cell<u8>],
}

/// Iterator over the capabilities in the core's buffer, see [`State::saved_capabilities`].
pub struct SavedCapabilities<'a> {
    next: *mut bindings::hlist_node,
    left: usize,
    _device: PhantomData<&'a Device>,
}

impl SavedCapabilities<'_> {
    /// The core saves about ten kinds of capabilities; a longer list is not one of them.
    const MAX: usize = 32;

    /// No saved capability is larger than config space.
    const MAX_SIZE: u32 = 4096;
}

impl<'a> Iterator for SavedCapabilities<'a> {
    type Item = SavedCapability<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_null() || self.left == 0 {
            return None;
        }
        self.left -= 1;

        // SAFETY: The node is on `saved_cap_space`, whose nodes are all embedded in a
        // `struct pci_cap_saved_state` and live as long as the device, which `'a` borrows.
        let state = unsafe { container_of!(self.next, CapSavedState, next) };

        // SAFETY: As above; `CapSavedState` mirrors the C struct.
        let (next, id, extended, size) = unsafe {
            (
                (*self.next).next,
                (*state).cap.cap_nr,
                (*state).cap.cap_extended,
                (*state).cap.size,
            )
        };
        self.next = next;

        if size > Self::MAX_SIZE {
            return None;
        }

        // SAFETY: `size` bytes of saved registers follow the header, as
        // `_pci_add_cap_save_buffer()` allocated them, with zeroes in between. By the type
        // invariant of `Exclusive`, which `'a` borrows, only this thread writes them, as a `Cell`
        // allows.
        let record = unsafe {
            core::slice::from_raw_parts(
                (&raw mut (*state).cap).cast::<Cell<u8>>(),
                size_of::<CapSavedData>() + size as usize,
            )
        };
        Some(SavedCapability {
            id,
            extended,
            data: record.get(size_of::<CapSavedData>()..)?,
            record,
        })
    }
}

/// A copy of the core's buffer (`struct pci_saved_state`).
///
/// # Examples
///
/// What the function holds now is written back after `change`; what the core has saved stays as it
/// is. Nobody looks at what was read: [`Recovery`](crate::recovery::Recovery) does.
///
/// ```
/// use kernel::prelude::*;
/// use pci_recovery::pci::{Exclusive, SavedState, State};
///
/// fn keep_over(dev: Exclusive<'_>, change: impl FnOnce() -> Result) -> Result {
///     let flag = dev.state_saved();
///     let core = SavedState::store(dev)?;
///     let changed = dev.save_state().and_then(|()| change());
///     dev.restore_state();
///     core.load(dev)?;
///     dev.set_state_saved(flag);
///     changed
/// }
/// ```
///
/// # Invariants
///
/// `state` is a `struct pci_saved_state` returned by `pci_store_saved_state()` and owned by
/// `self`. It has `bytes` bytes: the header, each capability, and zeroes as the end of the list.
pub struct SavedState {
    state: NonNull<bindings::pci_saved_state>,
    bytes: usize,
}

// SAFETY: A `struct pci_saved_state` is plain memory that belongs to nobody else.
unsafe impl Send for SavedState {}

// SAFETY: A `&SavedState` only allows reading the memory (`pci_load_saved_state()` copies from it).
unsafe impl Sync for SavedState {}

/// The core's buffer as `pci_store_saved_state()` copies it: the header, then each capability.
fn records<'a>(dev: &'a Exclusive<'_>) -> impl Iterator<Item = &'a [Cell<u8>]> + 'a {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by that of
    // `Exclusive`, which `'a` borrows, only this thread writes it, as a `Cell` allows.
    let header = unsafe {
        let header = &raw mut (*as_raw(dev)).saved_config_space;
        core::slice::from_raw_parts(header.cast::<Cell<u8>>(), size_of::<[u32; 16]>())
    };
    Iterator::chain(
        core::iter::once(header),
        dev.saved_capabilities().map(|saved| saved.record),
    )
}

impl SavedState {
    /// Copies the core's buffer (`pci_store_saved_state()`), whether or not `state_saved` is set:
    /// the flag is left as it is found. The function is not touched.
    ///
    /// Context: process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` where there is no memory for the copy, `EINVAL` where it does not look as
    /// [`SavedState::replace`] would write it: this is another kernel than this module knows.
    pub fn store(dev: Exclusive<'_>) -> Result<Self> {
        let flag = dev.state_saved();

        // The C function copies nothing where the flag is not set.
        dev.set_state_saved(true);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let state = unsafe { bindings::pci_store_saved_state(as_raw(&dev)) };
        dev.set_state_saved(flag);

        // INVARIANT: The pointer was just returned by `pci_store_saved_state()`, which passes the
        // ownership to its caller, and adds up the same sizes.
        let state = NonNull::new(state).map(|state| Self {
            state,
            bytes: Self::bytes_of(dev),
        });
        let state = state.ok_or(ENOMEM)?;
        if state.is_of(dev) {
            Ok(state)
        } else {
            Err(EINVAL)
        }
    }

    /// Copies the core's buffer over this copy. It needs no memory, and all of it is copied or
    /// nothing.
    ///
    /// # Errors
    ///
    /// `EINVAL` where this is the state of a function with other capabilities.
    pub fn replace(&mut self, dev: Exclusive<'_>) -> Result {
        if Self::bytes_of(dev) != self.bytes {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariant.
        let mut rest = unsafe {
            core::slice::from_raw_parts_mut(self.state.as_ptr().cast::<u8>(), self.bytes)
        };
        for record in records(&dev) {
            // There is room for all of them, as was just seen.
            let Some((place, next)) = rest.split_at_mut_checked(record.len()) else {
                break;
            };
            // SAFETY: `place` is as long as `record`, and of this copy, which is not in the core's
            // buffer. By the type invariant of `Exclusive`, nobody writes `record` meanwhile.
            unsafe {
                ptr::copy_nonoverlapping(
                    record.as_ptr().cast::<u8>(),
                    place.as_mut_ptr(),
                    place.len(),
                );
            }
            rest = next;
        }
        Ok(())
    }

    /// How many bytes `pci_store_saved_state()` takes.
    fn bytes_of(dev: Exclusive<'_>) -> usize {
        records(&dev).map(<[_]>::len).sum::<usize>() + size_of::<CapSavedData>()
    }

    /// Is this what the core's buffer holds, byte for byte? Where it is, [`SavedState::replace`]
    /// and [`SavedState::load`] would change nothing.
    pub fn is_of(&self, dev: Exclusive<'_>) -> bool {
        // SAFETY: By the type invariant.
        let mut rest =
            unsafe { core::slice::from_raw_parts(self.state.as_ptr().cast::<u8>(), self.bytes) };
        for record in records(&dev) {
            // SAFETY: By the type invariant of `Exclusive`, nobody else writes `record`, and
            // nothing below does so while it is looked at as bytes.
            let record =
                unsafe { core::slice::from_raw_parts(record.as_ptr().cast::<u8>(), record.len()) };
            match rest.split_at_checked(record.len()) {
                Some((copy, next)) if copy == record => rest = next,
                _ => return false,
            }
        }
        rest.iter().all(|&byte| byte == 0)
    }

    /// Returns how many bytes of memory it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies this state into the core's buffer and sets `state_saved` (`pci_load_saved_state()`).
    /// Nothing is written to the function.
    ///
    /// Context: nobody else is at the function; does not sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` where the state is of a function with other capabilities; `state_saved` is then
    /// cleared.
    pub fn load(&self, dev: Exclusive<'_>) -> Result {
        // SAFETY: By the type invariants, both pointers are valid. The state is only read.
        to_result(unsafe { bindings::pci_load_saved_state(as_raw(&dev), self.state.as_ptr()) })
    }
}

impl Drop for SavedState {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the pointer was returned by `pci_store_saved_state()`,
        // which allocates with `kzalloc()`, and nobody else frees it.
        unsafe { bindings::kfree(self.state.as_ptr().cast()) };
    }
}
