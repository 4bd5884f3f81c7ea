// SPDX-License-Identifier: GPL-2.0-only

//! A workqueue of the module's own: once it is dropped, none of its work runs. Work that was
//! enqueued with a delay must hold the queue: `destroy_workqueue()` does not wait for its timer.
//!
//! The kernel crate has the system's queues only, whose work may still run when the module that it
//! came from is gone.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::{
    ops::Deref,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    prelude::*,
    workqueue::Queue, //
};

/// An unbound workqueue; dropping it waits for its work (`destroy_workqueue()`).
///
/// Work must not own the queue that it is on: that would wait for itself.
///
/// # Invariants
///
/// The pointer is a workqueue that `self` owns.
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue may be used, and destroyed, by any thread.
unsafe impl Send for OwnedQueue {}

// SAFETY: As for `Send`; `&OwnedQueue` gives no more than the `&Queue` of the kernel crate, which
// is `Sync`.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Creates the queue (`alloc_workqueue()`); it is not frozen when the system goes to sleep.
    ///
    /// Context: process context, sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &'static CStr) -> Result<Self> {
        Self::with_flags(name, 0)
    }

    /// As [`OwnedQueue::new`], of a queue whose work is not done while the system goes to sleep,
    /// sleeps, and wakes up. Its work must be over soon, or the system does not go to sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn freezable(name: &'static CStr) -> Result<Self> {
        Self::with_flags(name, bindings::wq_flags_WQ_FREEZABLE)
    }

    fn with_flags(name: &'static CStr, flags: bindings::wq_flags) -> Result<Self> {
        // SAFETY: The format takes one string, which is `name`; both are terminated by null and
        // `'static`. 0 is the default for the number of works that run at a time.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | flags,
                0,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: It was just created, for us.
        NonNull::new(queue).map(Self).ok_or(ENOMEM)
    }
}

impl OwnedQueue {
    /// Waits until all work that is on the queue has been done (`flush_workqueue()`).
    ///
    /// Context: process context, sleeps.
    pub fn flush(&self) {
        // SAFETY: By the type invariant, it is a valid workqueue.
        unsafe { bindings::__flush_workqueue(self.0.as_ptr()) };
    }
}

impl Deref for OwnedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the type invariant, it is a valid workqueue for as long as `self` is.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, it is ours; nobody can be queueing, that takes a `&self`.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}
