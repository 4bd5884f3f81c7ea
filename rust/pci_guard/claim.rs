// SPDX-License-Identifier: GPL-2.0-only

//! A value that one at a time has, and nobody waits for: who saves with a spinlock held cannot.

use core::{
    cell::UnsafeCell,
    ops::{
        Deref,
        DerefMut, //
    }, //
};

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Release, //
};

/// A value that is claimed.
///
/// # Invariants
///
/// While `claimed` is set, one [`Claimed`] has the value, and nobody else.
pub(super) struct Claim<T> {
    claimed: Atomic<bool>,
    value: UnsafeCell<T>,
}

// SAFETY: One thread at a time has the value.
unsafe impl<T: Send> Sync for Claim<T> {}

impl<T> Claim<T> {
    pub(super) const fn new(value: T) -> Self {
        Self {
            claimed: Atomic::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value, unless somebody has it.
    ///
    /// Context: any; does not wait.
    pub(super) fn claim(&self) -> Option<Claimed<'_, T>> {
        // INVARIANT: It was not set, and is now.
        match self.claimed.cmpxchg(false, true, Acquire) {
            Ok(_) => Some(Claimed(self)),
            Err(_) => None,
        }
    }
}

/// The value, until this is dropped.
pub(super) struct Claimed<'a, T>(&'a Claim<T>);

impl<T> Deref for Claimed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant of `Claim` nobody else has it.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Claimed<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As above.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Claimed<'_, T> {
    fn drop(&mut self) {
        self.0.claimed.store(false, Release);
    }
}
