// SPDX-License-Identifier: GPL-2.0-only

//! Stands in for `pci_save_state()` and `pci_restore_state()`, whoever calls them.
//!
//! A call goes on in a *shim* of this module, which calls a method of [`Registry`] instead.
//! What that calls may call the original by its name: a call that comes from this module's text is
//! let through. `hooks!` makes handler and shim, so that no shim forgets to say that it has been
//! left, and none ends in a jump to the original, which would leave the module uncounted.
//!
//! # Whose calls are let through
//!
//! Those of a driver that judges what it saves by itself ([`judges`]): it has to know what was
//! read, and keeps the core's buffer good.
//!
//! # How it goes away
//!
//! The handler counts a call into the module, the shim counts it out. Unloading takes the hooks
//! off, after which no handler runs any more, waits until nobody is inside, who may sleep there,
//! and then until the last one has left the instructions behind its count, which do not sleep
//! (`synchronize_rcu_tasks()`).
//!
//! # How an error's recovery is seen
//!
//! `pci_uevent_ers()` is called of each function twice in a recovery, when its driver learned of
//! the error and when it is over, with the device lock held: that is seen, and not moved
//! ([`recovery`]). It is no function for modules, and looked for by its name, where `heal=1` asks
//! for it only.
//!
//! # Whether it is in force
//!
//! [`Hooks::prove`] makes a call of each hooked function with a function that is none, and looks
//! whether it came to the shim. Where it does not, the kernel's own function finds a function that
//! is disconnected and has no capability, and does nothing.

use kernel::{
    bindings,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    task::Task,
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque, //
};

use super::{
    ftrace,
    judges,
    pci::{
        judge::Text,
        ErsResult,
        Exclusive, //
    },
    registry::Registry, //
};

/// Whose functions are called instead. Null, or valid for as long as a hook is installed or
/// somebody is inside: [`Hooks`] keeps it.
static REGISTRY: Atomic<*const Registry> = Atomic::new(core::ptr::null());

/// Calls that are in a shim, or on their way from the handler to it.
static INSIDE: Atomic<u64> = Atomic::new(0);

/// The task that proves that the hooks are in force: its calls are not let through.
static PROVING: Atomic<usize> = Atomic::new(0);

/// The function that is none, for the proof.
static NOBODY: Atomic<usize> = Atomic::new(0);

/// Calls of that function that came to a shim.
static PROVED: Atomic<u64> = Atomic::new(0);

/// Whether a call that returns to `parent_ip` is let through.
#[inline]
fn is_let_through(parent_ip: usize) -> bool {
    if Text::own().contains(parent_ip) {
        let proving = PROVING.load(Relaxed);
        // CAST: Compared only.
        return proving == 0 || proving != Task::current_raw() as usize;
    }
    judges::lets_through(parent_ip)
}

/// A call that is in a shim: leaves on every way out.
struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Release);
    }
}

/// Returns whether this is the function that is none. The call is counted then, and goes no
/// further: it is not among those that are guarded.
fn is_proof(pdev: *mut bindings::pci_dev) -> bool {
    let is_proof = pdev as usize == NOBODY.load(Relaxed);
    if is_proof {
        PROVED.fetch_add(1, Relaxed);
    }
    is_proof
}

/// A hook that is installed; dropping it takes it off, and waits until its handler does not run any
/// more.
struct Installed(&'static ftrace::Ops);

impl Installed {
    fn new(hooked: &'static Hooked) -> Result<Self> {
        hooked.ops.register((hooked.function)())?;
        Ok(Self(hooked.ops))
    }

    /// The one that sees recoveries.
    fn seeing_recoveries() -> Result<Self> {
        recovery::OPS.register_name(recovery::NAME)?;
        Ok(Self(&recovery::OPS))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.0.unregister();
    }
}

/// A function that is hooked.
struct Hooked {
    name: &'static str,
    ops: &'static ftrace::Ops,
    function: fn() -> usize,
    /// Calls it, with [`Nobody`].
    call: unsafe fn(*mut bindings::pci_dev),
}

/// Declares the hooked functions: `NAME -> TYPE => METHOD` hooks `bindings::NAME`, which takes a
/// `struct pci_dev`, by a method of [`Registry`], where that is a guarded function. Makes their
/// `TABLE`.
macro_rules! hooks {
    ($($name:ident -> $ret:ty => $replacement:ident;)*) => {
        $(mod $name {
            use super::*;

            /// What is called instead.
            ///
            /// # Safety
            ///
            /// Must be called in place of the hooked function only, after [`handler`].
            unsafe extern "C" fn shim(pdev: *mut bindings::pci_dev) -> $ret {
                // Dropped last: whatever is called here returns here.
                let _inside = Inside(());
                // SAFETY: It was set before the hook was installed, by `Arc::as_ptr()`, and is kept
                // until everybody has left.
                let registry = unsafe { ArcBorrow::from_raw(REGISTRY.load(Relaxed)) };
                let Some(guarded) = registry.find(pdev as usize) else {
                    if is_proof(pdev) {
                        return Default::default();
                    }
                    // SAFETY: As the caller has called it. This call is let through.
                    return unsafe { bindings::$name(pdev) };
                };
                // SAFETY: The caller passes a valid function, and is alone with it.
                registry.$replacement(&guarded, unsafe { Exclusive::of_caller(pdev) })
            }

            /// # Safety
            ///
            /// Must be called by ftrace only.
            unsafe extern "C" fn handler(
                _ip: c_ulong,
                parent_ip: c_ulong,
                _ops: *mut ftrace::RawOps,
                regs: *mut ftrace::Regs,
            ) {
                if is_let_through(parent_ip as usize) {
                    return;
                }
                INSIDE.fetch_add(1, Relaxed);
                // SAFETY: By the safety requirements of this function. The shim takes what the
                // hooked function takes.
                unsafe { ftrace::set_ip(regs, shim as *const () as usize) };
            }

            pub(super) static OPS: ftrace::Ops = ftrace::Ops::moving(handler);

            pub(super) fn function() -> usize {
                bindings::$name as *const () as usize
            }

            /// # Safety
            ///
            /// `pdev` must be [`Nobody`]'s.
            pub(super) unsafe fn call(pdev: *mut bindings::pci_dev) {
                // SAFETY: By the safety requirements of this function.
                let _ = unsafe { bindings::$name(pdev) };
            }
        })*

        static TABLE: &[Hooked] = &[$(Hooked {
            name: stringify!($name),
            ops: &$name::OPS,
            function: $name::function,
            call: $name::call,
        }),*];
    };
}

hooks! {
    pci_save_state -> c_int => save;
    pci_restore_state -> () => restore;
}

/// Sees how far the recovery of a function from an error is.
mod recovery {
    use super::*;

    /// `void pci_uevent_ers(struct pci_dev *pdev, enum pci_ers_result err_type)`.
    pub(super) const NAME: &CStr = c"pci_uevent_ers";

    pub(super) static OPS: ftrace::Ops = ftrace::Ops::seeing(handler);

    /// # Safety
    ///
    /// Must be called by ftrace only.
    unsafe extern "C" fn handler(
        _ip: c_ulong,
        _parent_ip: c_ulong,
        _ops: *mut ftrace::RawOps,
        regs: *mut ftrace::Regs,
    ) {
        // SAFETY: By the safety requirements of this function.
        let [pdev, result] = unsafe { ftrace::arguments(regs) };
        // SAFETY: It was set before this was installed, by `Arc::as_ptr()`, and is kept until no
        // handler runs any more.
        let registry = unsafe { ArcBorrow::from_raw(REGISTRY.load(Relaxed)) };
        // CAST: An enum.
        registry.recovery_is(
            pdev,
            ErsResult::from_raw(result as bindings::pci_ers_result_t),
        );
    }
}

/// A function that is none: disconnected, without a capability, on a bus where nobody answers.
///
/// # Invariants
///
/// `pdev` is disconnected, and on `bus`, whose operations are [`Self::OPS`]: the kernel's functions
/// may be called with it, and do nothing.
#[pin_data]
struct Nobody {
    #[pin]
    pdev: Opaque<bindings::pci_dev>,
    #[pin]
    bus: Opaque<bindings::pci_bus>,
}

// SAFETY: It is memory of its own; `prove()` uses it, one at a time.
unsafe impl Send for Nobody {}

// SAFETY: As above.
unsafe impl Sync for Nobody {}

impl Nobody {
    const OPS: &'static bindings::pci_ops = &bindings::pci_ops {
        read: Some(Self::read),
        write: Some(Self::write),
        ..pin_init::zeroed()
    };

    fn new() -> impl PinInit<Self> {
        pin_init!(&this in Self {
            bus <- Opaque::ffi_init(|bus: *mut bindings::pci_bus| {
                // SAFETY: `bus` is valid for writes. All zeroes is a value of it.
                unsafe {
                    bus.write_bytes(0, 1);
                    (*bus).ops = core::ptr::from_ref(Self::OPS).cast_mut();
                }
            }),
            pdev <- Opaque::ffi_init(move |pdev: *mut bindings::pci_dev| {
                // SAFETY: `pdev` is valid for writes, and `this` what is being initialized. All
                // zeroes is a value of it.
                unsafe {
                    pdev.write_bytes(0, 1);
                    (*pdev).bus = Opaque::cast_into(&raw const (*this.as_ptr()).bus);
                    (*pdev).error_state = bindings::pci_channel_io_perm_failure
                        as bindings::pci_channel_state_t;
                }
            }),
        })
    }

    /// # Safety
    ///
    /// For `pci_ops.read`.
    unsafe extern "C" fn read(
        _bus: *mut bindings::pci_bus,
        _devfn: c_uint,
        _offset: c_int,
        _size: c_int,
        value: *mut u32,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function.
        unsafe { *value = u32::MAX };
        bindings::PCIBIOS_DEVICE_NOT_FOUND as c_int
    }

    /// # Safety
    ///
    /// For `pci_ops.write`.
    unsafe extern "C" fn write(
        _bus: *mut bindings::pci_bus,
        _devfn: c_uint,
        _offset: c_int,
        _size: c_int,
        _value: u32,
    ) -> c_int {
        bindings::PCIBIOS_DEVICE_NOT_FOUND as c_int
    }
}

/// The installed hooks. Dropping them takes them off, and waits until nobody is in this module any
/// more who came by one.
#[pin_data(PinnedDrop)]
pub(super) struct Hooks {
    /// Emptied first when this is dropped.
    #[pin]
    installed: Mutex<KVec<Installed>>,
    #[pin]
    nobody: Nobody,
    heals: bool,
    _registry: Arc<Registry>,
}

impl Hooks {
    /// Installs the hooks, and proves that they are in force.
    ///
    /// # Errors
    ///
    /// Each with a line in the log: `ENODEV` where ftrace is missing, `EBUSY` where a livepatch has
    /// one of the functions or ftrace is switched off, `ENXIO` where a call does not come here,
    /// `ENOMEM`.
    pub(super) fn install(registry: Arc<Registry>) -> Result<Pin<KBox<Self>>> {
        if !ftrace::IS_THERE {
            pr_err!(
                "not loaded: this kernel has no ftrace that moves a call \
                 (CONFIG_DYNAMIC_FTRACE_WITH_ARGS, on x86-64, arm64 or s390x)\n"
            );
            return Err(ENODEV);
        }
        REGISTRY.store(Arc::as_ptr(&registry), Relaxed);
        let this = KBox::pin_init(
            pin_init!(Self {
                installed <- new_mutex!(KVec::new()),
                nobody <- Nobody::new(),
                heals: registry.options().heal,
                _registry: registry,
            }),
            GFP_KERNEL,
        )?;
        NOBODY.store(this.nobody.pdev.get() as usize, Relaxed);

        for hooked in TABLE {
            let mut installed = this.installed.lock();
            installed.reserve(1, GFP_KERNEL)?;
            let hook = Installed::new(hooked).inspect_err(|error| {
                pr_err!(
                    "not loaded: {}() cannot be hooked: {:?} (EBUSY: a livepatch has it, or \
                     kernel.ftrace_enabled is 0)\n",
                    hooked.name,
                    error
                )
            })?;
            // There is room for it.
            let _ = installed.push_within_capacity(hook);
        }
        if this.heals {
            let mut installed = this.installed.lock();
            installed.reserve(1, GFP_KERNEL)?;
            let hook = Installed::seeing_recoveries().inspect_err(|error| {
                pr_err!(
                    "not loaded: heal=1 needs pci_uevent_ers(), which this kernel does not have or \
                     ftrace cannot trace: {:?}\n",
                    error
                )
            })?;
            let _ = installed.push_within_capacity(hook);
        }
        if let Err(name) = this.prove() {
            pr_err!("not loaded: a call of {}() did not come here\n", name);
            return Err(ENXIO);
        }
        Ok(this)
    }

    /// Calls each hooked function, and looks whether the call came here.
    ///
    /// Context: process context, sleeps.
    ///
    /// # Errors
    ///
    /// The name of the first function of which it did not.
    pub(super) fn prove(&self) -> Result<(), &'static str> {
        // One proof at a time.
        let installed = self.installed.lock();
        for hooked in TABLE {
            let before = PROVED.load(Relaxed);
            PROVING.store(Task::current_raw() as usize, Relaxed);
            // SAFETY: By the type invariant of `Nobody`.
            unsafe { (hooked.call)(self.nobody.pdev.get()) };
            PROVING.store(0, Relaxed);
            if !hooked.ops.is_enabled() || PROVED.load(Relaxed).wrapping_sub(before) != 1 {
                return Err(hooked.name);
            }
        }
        drop(installed);
        if self.heals && !recovery::OPS.is_enabled() {
            return Err("pci_uevent_ers");
        }
        Ok(())
    }

    /// How many calls were let through, of those who judge by themselves.
    pub(super) fn passed(&self) -> u64 {
        judges::passed()
    }
}

#[pinned_drop]
impl PinnedDrop for Hooks {
    fn drop(self: Pin<&mut Self>) {
        self.installed.lock().clear();
        while INSIDE.load(Acquire) != 0 {
            fsleep(Delta::from_millis(10));
        }
        // SAFETY: It is always safe to call it in process context.
        unsafe { bindings::synchronize_rcu_tasks() };
        NOBODY.store(0, Relaxed);
    }
}
