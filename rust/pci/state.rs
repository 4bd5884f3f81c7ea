// SPDX-License-Identifier: GPL-2.0-only

//! Saved configuration space.
//!
//! The PCI core keeps one copy of a function's config space in `struct pci_dev`, in two parts: the
//! header (`saved_config_space`) and a list of capabilities (`saved_cap_space`).
//!
//! # Who writes it
//!
//! Whoever has an [`Exclusive`] is the only one who saves, restores and loads. Single registers in
//! the buffer are written without the device lock nevertheless, and no lock that a module can take
//! covers them:
//!
//! * Link Control and L1 PM Substates, when the kernel changes ASPM of the link
//!   (`pci_update_aspm_saved_state()`, `pci_save_aspm_l1ss_state()`, with `aspm_lock` held);
//! * L1 PM Substates of a port, when the function below it is saved;
//! * BARs and the ROM BAR, when the kernel moves them (`pci_std_update_resource()`).
//!
//! So nothing here makes a reference to the buffer: it is copied, word by word with volatile reads,
//! and the copy is looked at. Each register is then one that was in the buffer, and two of them
//! need not be of the same moment.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use core::{
    iter,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    container_of,
    error::to_result,
    prelude::*, //
};

use super::{
    as_raw,
    lock::upstream_bridge,
    Exclusive,
    Info, //
};

/// Mirrors `struct pci_cap_saved_data` of `drivers/pci/pci.h`, which is not a public header: out of
/// tree there is no binding for it. [`SavedState::store`] checks what it can.
#[repr(C)]
pub(super) struct CapSavedData {
    pub(super) cap_nr: u16,
    pub(super) cap_extended: bool,
    pub(super) size: u32,
    data: [u32; 0],
}

/// Mirrors `struct pci_cap_saved_state` of `drivers/pci/pci.h`.
#[repr(C)]
pub(super) struct CapSavedState {
    pub(super) next: bindings::hlist_node,
    pub(super) cap: CapSavedData,
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

    /// Returns a number that changes when the core's buffer does, but for bad luck: to find out
    /// that it was neither saved nor loaded since.
    fn saved_key(&self) -> u64;

    /// Returns what the core's buffer of the *port above* holds of L1 PM Substates:
    /// `PCI_L1SS_CTL2`, then `PCI_L1SS_CTL1`. [`None`] where the core does not save them with this
    /// function.
    ///
    /// Saving this function reads those registers of the port, and restoring it writes them to the
    /// port (`pci_save_aspm_l1ss_state()`, `pci_restore_aspm_l1ss_state()`).
    fn port_l1ss(&self) -> Option<[u32; 2]>;

    /// Replaces what [`State::port_l1ss`] returns. Nothing is written to the port.
    fn set_port_l1ss(&self, registers: [u32; 2]);
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
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let header = unsafe { &raw const (*as_raw(self)).saved_config_space }.cast::<u32>();
        // SAFETY: `index` is below 16, the length of the array. The core writes single words of it
        // at any time, hence the volatile read.
        core::array::from_fn(|index| unsafe { header.add(index).read_volatile() })
    }

    fn saved_key(&self) -> u64 {
        parts(self).fold(0, |key, part| part.key(key))
    }

    fn port_l1ss(&self) -> Option<[u32; 2]> {
        let registers = port_l1ss(self)?;
        // SAFETY: `port_l1ss()` returns two registers of the port's buffer, which lives as long as
        // the port, and that as long as a function below it. Others write them at any time, hence
        // the volatile reads.
        Some([0, 1].map(|index| unsafe { registers.add(index).read_volatile() }))
    }

    fn set_port_l1ss(&self, values: [u32; 2]) {
        let Some(registers) = port_l1ss(self) else {
            return;
        };
        for (index, value) in values.into_iter().enumerate() {
            // SAFETY: As in `port_l1ss()`. The core writes them without a lock, too.
            unsafe { registers.add(index).write_volatile(value) };
        }
    }
}

/// Finds L1 PM Substates in the core's buffer of the port above `dev`: two registers. [`None`]
/// where the core does not save them with `dev`, as `pci_save_aspm_l1ss_state()` decides.
fn port_l1ss(dev: &Exclusive<'_>) -> Option<*mut u32> {
    const L1SS: u16 = bindings::PCI_EXT_CAP_ID_L1SS as u16;

    if !dev.saves_l1ss() {
        return None;
    }
    let port = upstream_bridge(dev)?;
    // SAFETY: `port` is a valid `struct pci_dev` for as long as `dev` is below it.
    let mut states = unsafe { cap_states(port) };
    // SAFETY: `cap_states()` returns valid pointers. The fields are written when the port is added.
    let state = states.find(|&state| unsafe {
        (*state).cap.cap_nr == L1SS && (*state).cap.cap_extended && (*state).cap.size >= 8
    })?;
    // SAFETY: As above.
    Some(unsafe { &raw mut (*state).cap.data }.cast())
}

/// How many kinds of capabilities the core saves at the most: it knows about ten, and a longer list
/// is not one of them.
const MAX_CAPABILITIES: usize = 32;

/// No saved capability is larger than config space.
const MAX_SIZE: u32 = 4096;

/// Iterates over the core's buffers for the capabilities of `pdev`.
///
/// # Safety
///
/// `pdev` must be a valid `struct pci_dev` for as long as the result or what it returned is used.
pub(super) unsafe fn cap_states(
    pdev: *mut bindings::pci_dev,
) -> impl Iterator<Item = *mut CapSavedState> {
    // SAFETY: By the safety requirements of this function. The list is made when the function is
    // added and freed when it is released.
    let mut node = unsafe { (*pdev).saved_cap_space.first };
    iter::from_fn(move || {
        if node.is_null() {
            return None;
        }
        // SAFETY: The nodes of `saved_cap_space` are all embedded in a `struct
        // pci_cap_saved_state`, which `CapSavedState` mirrors.
        let state = unsafe { container_of!(node, CapSavedState, next) };
        // SAFETY: As above; `node` is on the list.
        node = unsafe { (*node).next };
        Some(state)
    })
    .take(MAX_CAPABILITIES)
}

/// A saved capability in a [`SavedState`].
#[derive(Clone, Copy)]
pub struct SavedCapability<'a> {
    /// Capability ID.
    pub id: u16,
    /// Whether it is an extended capability (offset 0x100 and above).
    pub extended: bool,
    /// The saved registers, in the CPU's byte order.
    pub data: &'a [u8],
}

/// A saved capability in a [`SavedState`] that may be changed.
pub struct SavedCapabilityMut<'a> {
    /// Capability ID.
    pub id: u16,
    /// Whether it is an extended capability (offset 0x100 and above).
    pub extended: bool,
    /// The saved registers, in the CPU's byte order.
    pub data: &'a mut [u8],
}

/// A part of the core's buffer: the header, or a capability with its `struct pci_cap_saved_data`.
///
/// # Invariants
///
/// `start` is valid for reads of `len` bytes for as long as the function exists, and a multiple of
/// 4.
#[derive(Clone, Copy)]
struct Part {
    start: *const u8,
    len: usize,
}

impl Part {
    /// Reads the four bytes at `offset`, of the last ones only those that there are; the rest is 0.
    fn read(self, offset: usize) -> [u8; 4] {
        // SAFETY: By the type invariant; no offset behind the end is read. Others write single
        // registers at any time, each with one access that does not cross a multiple of 4, hence
        // the volatile read.
        unsafe {
            let at = self.start.add(offset);
            match self.len - offset {
                4.. => at.cast::<u32>().read_volatile().to_ne_bytes(),
                2..=3 => {
                    let [a, b] = at.cast::<u16>().read_volatile().to_ne_bytes();
                    [a, b, 0, 0]
                }
                _ => [0; 4],
            }
        }
    }

    /// The parts of four bytes, the last one perhaps shorter, with their length.
    fn words(self) -> impl Iterator<Item = ([u8; 4], usize)> {
        (0..self.len)
            .step_by(4)
            .map(move |offset| (self.read(offset), (self.len - offset).min(4)))
    }

    /// Makes a number of `key` and of what this holds.
    #[inline]
    fn key(self, mut key: u64) -> u64 {
        // Odd, and with bits that look random: that of a golden ratio.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

        let mut mix = |word: u32| key = (key.rotate_left(5) ^ u64::from(word)).wrapping_mul(FACTOR);
        let whole = self.len / 4;
        for index in 0..whole {
            // SAFETY: By the type invariant; no word behind the end is read. Others write single
            // registers at any time, hence the volatile read.
            mix(unsafe { self.start.cast::<u32>().add(index).read_volatile() });
        }
        if self.len % 4 != 0 {
            mix(u32::from_ne_bytes(self.read(4 * whole)));
        }
        key
    }

    /// Returns whether `copy` holds the same, byte for byte.
    ///
    /// Each save and restore asks that, of all that is saved: eight bytes at a time.
    #[inline]
    fn is(self, copy: &[u8]) -> bool {
        if copy.len() != self.len {
            return false;
        }
        let mut offset = 0;
        // CAST: Of its alignment only.
        if self.start as usize % size_of::<u64>() == 0 {
            while offset + 8 <= self.len {
                // SAFETY: Eight bytes are left of both; `start` is a multiple of 8.
                if unsafe { self.differs::<u64>(copy, offset) } != 0 {
                    return false;
                }
                offset += 8;
            }
        }
        while offset + 4 <= self.len {
            // SAFETY: Four bytes are left of both, aligned by the type invariant.
            if unsafe { self.differs::<u32>(copy, offset) } != 0 {
                return false;
            }
            offset += 4;
        }
        // SAFETY: Two bytes are left of both, aligned by the type invariant.
        offset + 2 > self.len || unsafe { self.differs::<u16>(copy, offset) } == 0
    }

    /// Returns the bits by which these bytes differ from those of `copy` at `offset`.
    ///
    /// # Safety
    ///
    /// From `offset` on there must be a whole `T` in both, and here it must be aligned.
    #[inline(always)]
    unsafe fn differs<T: core::ops::BitXor<Output = T>>(self, copy: &[u8], offset: usize) -> T {
        // SAFETY: By the safety requirements of this function, and the type invariant. Others write
        // single registers at any time, hence the volatile read; the copy need not be aligned.
        unsafe {
            let here = self.start.add(offset).cast::<T>().read_volatile();
            here ^ copy.as_ptr().add(offset).cast::<T>().read_unaligned()
        }
    }
}

/// The parts of the core's buffer in the order in which `pci_store_saved_state()` copies them.
fn parts<'a>(dev: &'a Exclusive<'_>) -> impl Iterator<Item = Part> + 'a {
    let pdev = as_raw(dev);
    // INVARIANT: The array is part of `struct pci_dev`, which `'a` borrows.
    let header = Part {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        start: unsafe { &raw const (*pdev).saved_config_space }.cast(),
        len: size_of::<[u32; 16]>(),
    };
    // SAFETY: As above; `'a` borrows the device.
    let capabilities = unsafe { cap_states(pdev) };
    let capabilities = capabilities.map_while(|state| {
        // SAFETY: `cap_states()` returns valid pointers. The size is written when the buffer is
        // made.
        let size = unsafe { (*state).cap.size };
        // INVARIANT: `size` bytes of saved registers follow the struct, as
        // `_pci_add_cap_save_buffer()` allocated them, with zeroes in between.
        (size <= MAX_SIZE).then(|| Part {
            // SAFETY: As above.
            start: unsafe { &raw const (*state).cap }.cast(),
            len: size_of::<CapSavedData>() + size as usize,
        })
    });
    Iterator::chain(iter::once(header), capabilities)
}

/// A copy of the core's buffer (`struct pci_saved_state`).
///
/// # Examples
///
/// What the function holds now is written back after `change`; what the core has saved stays as it
/// is. What was read is not checked: [`Recovery`](crate::recovery::Recovery) does that.
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
/// `state` is a `struct pci_saved_state` as `pci_store_saved_state()` allocates it, owned by
/// `self`. It has `bytes` bytes: the header, each capability, and zeroes as the end of the list.
pub struct SavedState {
    state: NonNull<bindings::pci_saved_state>,
    bytes: usize,
}

// SAFETY: A `struct pci_saved_state` is plain memory that belongs to nobody else.
unsafe impl Send for SavedState {}

// SAFETY: A `&SavedState` only allows reading the memory (`pci_load_saved_state()` copies from it).
unsafe impl Sync for SavedState {}

/// The bytes of the header in a [`SavedState`].
const HEADER: usize = size_of::<[u32; 16]>();

/// The bytes before the registers of a capability in a [`SavedState`].
const RECORD_HEAD: usize = size_of::<CapSavedData>();

/// Reads the `struct pci_cap_saved_data` that `record` begins with: ID, extended, and how many
/// bytes of registers follow. [`None`] at the end of the list, which has a size of 0.
fn record_head(record: &[u8]) -> Option<(u16, bool, usize)> {
    let &[a, b, extended, _, c, d, e, f, ..] = record else {
        return None;
    };
    let size = u32::from_ne_bytes([c, d, e, f]) as usize;
    (size != 0).then_some((u16::from_ne_bytes([a, b]), extended != 0, size))
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
        if state.is_laid_out_as(dev) {
            Ok(state)
        } else {
            Err(EINVAL)
        }
    }

    /// Copies the core's buffer as [`SavedState::store`] does, and leaves `state_saved` alone: for
    /// who may not be alone with the function. Whether the kernel lays it out so is for `store` to
    /// find out, of any function.
    ///
    /// Context: process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn copy(dev: Exclusive<'_>) -> Result<Self> {
        let bytes = Self::bytes_of(dev);
        let memory = KVec::<u64>::with_capacity(bytes.div_ceil(8), GFP_KERNEL | __GFP_ZERO)?;
        let (start, _, _) = memory.into_raw_parts();
        // INVARIANT: As `pci_store_saved_state()` would have allocated it, by `kmalloc()`: so many
        // bytes, zeroes, which are ours from now on. `replace` writes what that would write.
        let mut this = Self {
            state: NonNull::new(start.cast()).ok_or(ENOMEM)?,
            bytes,
        };
        this.replace(dev)?;
        Ok(this)
    }

    /// Returns whether this copy has a record for each capability in the core's buffer, and no
    /// other.
    fn is_laid_out_as(&self, dev: Exclusive<'_>) -> bool {
        let records = self
            .capabilities()
            .map(|c| (c.id, c.extended, c.data.len()));
        let parts = parts(&dev).skip(1).map_while(|part| {
            let [a, b, c, d] = part.read(0);
            let [e, f, g, h] = part.read(4);
            record_head(&[a, b, c, d, e, f, g, h])
        });
        records.eq(parts) && self.bytes == Self::bytes_of(dev)
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
        let mut rest = self.as_bytes_mut();
        for part in parts(&dev) {
            for (word, len) in part.words() {
                // There is room for all of them, as was just seen.
                let Some((place, next)) = rest.split_at_mut_checked(len) else {
                    return Err(EINVAL);
                };
                place.iter_mut().zip(word).for_each(|(to, from)| *to = from);
                rest = next;
            }
        }
        Ok(())
    }

    /// How many bytes `pci_store_saved_state()` takes.
    fn bytes_of(dev: Exclusive<'_>) -> usize {
        parts(&dev).map(|part| part.len).sum::<usize>() + size_of::<CapSavedData>()
    }

    /// Returns whether the core's buffer holds the same, byte for byte. If so,
    /// [`SavedState::replace`] and [`SavedState::load`] would change nothing.
    pub fn is_of(&self, dev: Exclusive<'_>) -> bool {
        let rest = parts(&dev).try_fold(self.as_bytes(), |rest, part| {
            let (copy, next) = rest.split_at_checked(part.len)?;
            part.is(copy).then_some(next)
        });
        // What is left is the end of the list.
        rest.is_some_and(|rest| rest.len() == RECORD_HEAD)
    }

    /// As [`SavedState::is_of`], of those capabilities only that `which` names by their ID, and by
    /// whether they are extended.
    pub fn is_of_capabilities(
        &self,
        dev: Exclusive<'_>,
        which: impl Fn(u16, bool) -> bool,
    ) -> bool {
        let bytes = self.as_bytes();
        let mut offset = HEADER;
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, which `dev`
        // borrows.
        unsafe { cap_states(as_raw(&dev)) }.all(|state| {
            // SAFETY: `cap_states()` returns valid pointers. These fields are written when the
            // buffer is made.
            let (id, extended, size, start) = unsafe {
                let cap = &raw const (*state).cap;
                (
                    (*cap).cap_nr,
                    (*cap).cap_extended,
                    (*cap).size as usize,
                    (&raw const (*cap).data).cast(),
                )
            };
            let begin = offset + RECORD_HEAD;
            offset = begin + size;
            // INVARIANT: `size` bytes of saved registers follow the struct.
            let data = Part { start, len: size };
            !which(id, extended) || bytes.get(begin..offset).is_some_and(|copy| data.is(copy))
        })
    }

    fn as_bytes(&self) -> &[u8] {
        // SAFETY: By the type invariant; the memory is ours, and `&self` keeps it from changing.
        unsafe { core::slice::from_raw_parts(self.state.as_ptr().cast::<u8>(), self.bytes) }
    }

    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant; the memory is ours, and `&mut self` keeps others away.
        unsafe { core::slice::from_raw_parts_mut(self.state.as_ptr().cast::<u8>(), self.bytes) }
    }

    /// Returns the header: 16 words of 32 bits, word `i` of offset `4 * i`.
    pub fn header(&self) -> [u32; 16] {
        let mut rest = self.as_bytes();
        core::array::from_fn(|_| match rest.split_first_chunk() {
            Some((word, next)) => {
                rest = next;
                u32::from_ne_bytes(*word)
            }
            None => 0,
        })
    }

    /// Replaces the header.
    pub fn set_header(&mut self, header: &[u32; 16]) {
        let mut rest = self.as_bytes_mut();
        for word in header {
            let Some((place, next)) = rest.split_first_chunk_mut() else {
                return;
            };
            *place = word.to_ne_bytes();
            rest = next;
        }
    }

    /// Iterates over the saved capabilities.
    pub fn capabilities(&self) -> impl Iterator<Item = SavedCapability<'_>> + Clone {
        let (_, mut rest) = self.as_bytes().split_at_checked(HEADER).unwrap_or_default();
        iter::from_fn(move || {
            let (id, extended, size) = record_head(rest)?;
            let (record, next) = rest.split_at_checked(RECORD_HEAD + size)?;
            rest = next;
            let data = record.get(RECORD_HEAD..)?;
            Some(SavedCapability { id, extended, data })
        })
    }

    /// Iterates over the saved capabilities, to change them.
    pub fn capabilities_mut(&mut self) -> impl Iterator<Item = SavedCapabilityMut<'_>> {
        let bytes = self.as_bytes_mut();
        let (_, mut rest) = bytes.split_at_mut_checked(HEADER).unwrap_or_default();
        iter::from_fn(move || {
            let (id, extended, size) = record_head(rest)?;
            let (record, next) =
                core::mem::take(&mut rest).split_at_mut_checked(RECORD_HEAD + size)?;
            rest = next;
            let data = record.get_mut(RECORD_HEAD..)?;
            Some(SavedCapabilityMut { id, extended, data })
        })
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
        // SAFETY: By the type invariant, it was allocated as by `pci_store_saved_state()`, with
        // `kzalloc()`, and nobody else frees it.
        unsafe { bindings::kfree(self.state.as_ptr().cast()) };
    }
}
