// SPDX-License-Identifier: GPL-2.0-only

//! A raw spinlock that keeps interrupts off while it is held, which the kernel crate lacks.
//!
//! Config accesses are made with `pci_lock` held, which is a raw spinlock: a `spinlock_t`, which
//! sleeps where the kernel is preemptible in full (`CONFIG_PREEMPT_RT`), must not be taken below
//! it.
//!
//! Where the lock is inline code (`CONFIG_INLINE_SPIN_LOCK_IRQSAVE`), modules in Rust have only the
//! functions of `spinlock_t`: it is the same lock there, since Kbuild leaves this module out with
//! `CONFIG_PREEMPT_RT`.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h),
//! `raw_spin_lock_irqsave()`; `Documentation/locking/locktypes.rst`.

use kernel::{
    bindings,
    prelude::*,
    sync::lock::{
        Backend,
        Lock, //
    },
};

/// A `raw_spinlock_t` that is taken with interrupts off. Whoever takes two gives them back in the
/// opposite order, or interrupts come on too early.
pub(crate) type RawSpinLock<T> = Lock<T, RawSpinLockBackend>;

/// The backend of [`RawSpinLock`].
pub(crate) struct RawSpinLockBackend;

// SAFETY: The `raw_spinlock_t` sees to it that one CPU has the data from `lock` to `unlock`.
// `relock` is the default one, which calls `lock`.
unsafe impl Backend for RawSpinLockBackend {
    type State = bindings::raw_spinlock_t;
    /// The interrupt flags that were found.
    type GuardState = c_ulong;

    #[cfg(CONFIG_DEBUG_SPINLOCK)]
    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // CAST: One of a handful of small numbers.
        let inner = bindings::lockdep_wait_type_LD_WAIT_SPIN as c_short;

        // SAFETY: By the safety requirements of this function.
        unsafe { bindings::__raw_spin_lock_init(ptr, name, key, inner) }
    }

    #[cfg(not(CONFIG_DEBUG_SPINLOCK))]
    unsafe fn init(
        ptr: *mut Self::State,
        _name: *const c_char,
        _key: *mut bindings::lock_class_key,
    ) {
        // As `__RAW_SPIN_LOCK_UNLOCKED()`: nobody holds it where all is zero.
        // SAFETY: By the safety requirements of this function, it may be written.
        unsafe { ptr.write(Default::default()) }
    }

    #[cfg(not(CONFIG_INLINE_SPIN_LOCK_IRQSAVE))]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: By the safety requirements of this function, it was initialised.
        unsafe { bindings::_raw_spin_lock_irqsave(ptr) }
    }

    #[cfg(CONFIG_INLINE_SPIN_LOCK_IRQSAVE)]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // CAST: The `raw_spinlock_t` is all that a `spinlock_t` has.
        // SAFETY: By the safety requirements of this function, it was initialised.
        unsafe { bindings::spin_lock_irq_disable(ptr.cast()) };
        // The kernel counts how often interrupts were switched off, and needs no flags.
        0
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        // Modules have no such function. No caller here tries, and a try may fail.
        let _ = ptr;
        None
    }

    #[cfg(CONFIG_INLINE_SPIN_LOCK_IRQSAVE)]
    unsafe fn unlock(ptr: *mut Self::State, _flags: &Self::GuardState) {
        // CAST: As in `lock()`.
        // SAFETY: By the safety requirements of this function, the caller has locked it.
        unsafe { bindings::spin_unlock_irq_enable(ptr.cast()) }
    }

    #[cfg(not(CONFIG_INLINE_SPIN_LOCK_IRQSAVE))]
    unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
        // SAFETY: By the safety requirements of this function, the caller has locked it; the flags
        // are those that were found then.
        unsafe { bindings::_raw_spin_unlock_irqrestore(ptr, *flags) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // In C this is only a macro of lockdep. No caller here needs it.
        let _ = ptr;
    }
}
