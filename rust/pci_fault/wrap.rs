// SPDX-License-Identifier: GPL-2.0-only

//! Wrapping the `pci_ops` of a bus, and taking the wrapper off again.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_ops`;
//! `pci_bus_set_ops()`.
//!
//! # How a wrapper goes away safely
//!
//! The core calls `bus->ops->read()` without a lock (`CONFIG_PCI_LOCKLESS_CONFIG`), from any
//! context, so a task may be anywhere in here, preempted, after the ops were put back. None of
//! these functions sleeps: `synchronize_rcu_tasks()` waits until every task has slept or returned
//! to user space since, and every interrupt handler has ended. Then no access is in here, and
//! the wrapper can be freed and the module unloaded.
//!
//! Where the kernel has no `CONFIG_TASKS_RCU`, C's function of that name is `synchronize_rcu()`,
//! which does not wait for a task that was preempted in here. So Kbuild leaves this module out.

use kernel::{
    bindings,
    error::code::*,
    optional_name,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    time::{
        delay::udelay,
        Delta, //
    },
    types::Opaque, //
};

use super::{
    fault::{
        Access,
        Decision,
        Effect,
        Faults,
        Kind, //
    },
    models::Models,
    raw_lock::RawSpinLock,
    record::{
        Entry,
        Record, //
    },
    registers::Device,
    shadow::Shadow, //
};

/// How many buses may be wrapped at the same time.
const MAX_BUSES: usize = 64;

/// The wrappers, for [`find`].
static WRAPPERS: [Atomic<*mut Wrapper>; MAX_BUSES] =
    [const { Atomic::new(core::ptr::null_mut()) }; MAX_BUSES];

/// What is done with the accesses to a bus.
pub(crate) struct State {
    pub(crate) faults: Faults,
    pub(crate) record: Record,
    /// A plain restore is being watched.
    pub(crate) shadow: Option<Shadow>,
    /// What is presented in place of functions.
    pub(crate) models: Models,
}

/// A bus whose config accesses come here.
///
/// # Invariants
///
/// `bus` is a valid `struct pci_bus`, of which this holds a reference; `original` is what its ops
/// were, which live as long as the host bridge that is above it.
#[pin_data(PinnedDrop)]
pub(crate) struct Wrapper {
    bus: *mut bindings::pci_bus,
    original: *mut bindings::pci_ops,
    /// What the bus gets instead.
    ops: Opaque<bindings::pci_ops>,
    domain: u32,
    number: u8,
    /// The bus has been removed.
    removed: Atomic<bool>,
    /// It was said in the log that config space is not what hardware says.
    announced: Atomic<bool>,
    #[pin]
    pub(crate) state: RawSpinLock<State>,
}

// SAFETY: The bus and its ops may be used from any context and any CPU, as the PCI core does.
unsafe impl Send for Wrapper {}

// SAFETY: As above; everything that changes is atomic or behind the lock.
unsafe impl Sync for Wrapper {}

#[pinned_drop]
impl PinnedDrop for Wrapper {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant; the reference was taken in `Wrapped::new()`.
        unsafe { bindings::put_device(&raw mut (*self.bus).dev) };
    }
}

/// Finds the wrapper that `wanted` accepts.
///
/// The reference must not outlive the call of a wrapped operation, see the head of this file.
fn find<'a>(wanted: impl Fn(&Wrapper) -> bool) -> Option<&'a Wrapper> {
    WRAPPERS.iter().find_map(|slot| {
        let wrapper = slot.load(Acquire);
        // SAFETY: A wrapper in the table is alive, and one that has just been taken out of it lives
        // until a grace period of RCU-tasks is over, that is at least until this function's caller,
        // a wrapped operation that does not sleep, has returned.
        unsafe { wrapper.as_ref() }.filter(|wrapper| wanted(wrapper))
    })
}

/// Nanoseconds since boot. Usable in every context, also while timekeeping is suspended.
pub(crate) fn now_ns() -> u64 {
    // SAFETY: It is always safe to call it.
    unsafe { bindings::ktime_get_boot_fast_ns() }
}

/// Waits, without sleeping: an access may be made in any context.
fn wait(us: u32) {
    /// As long as every architecture can wait in one go (`MAX_UDELAY_MS`).
    const STEP_US: u32 = 1000;

    let mut left = us;
    while left != 0 {
        let step = left.min(STEP_US);
        udelay(Delta::from_micros(step.into()));
        left -= step;
    }
}

/// The device below a model.
pub(crate) struct Below<'a> {
    pub(crate) wrapper: &'a Wrapper,
    pub(crate) devfn: u8,
}

impl Below<'_> {
    fn access(&self, offset: u16, size: u8, write: bool) -> Access {
        Access {
            devfn: self.devfn,
            offset,
            size,
            write,
        }
    }
}

impl Device for Below<'_> {
    fn read(&mut self, offset: u16, size: u8) -> u32 {
        let access = self.access(offset, size, false);
        self.wrapper.read_original(&access).1 & access.mask()
    }

    fn write(&mut self, offset: u16, size: u8, value: u32) {
        // A write that fails is lost, as on hardware.
        let _ = self
            .wrapper
            .write_original(&self.access(offset, size, true), value);
    }
}

impl Wrapper {
    /// `DDDD:BB` as numbers.
    pub(crate) fn address(&self) -> (u32, u8) {
        (self.domain, self.number)
    }

    pub(crate) fn bus(&self) -> *mut bindings::pci_bus {
        self.bus
    }

    /// Returns whether the bus was removed; then it is not touched.
    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Relaxed)
    }

    /// Says once that what is read from this bus is not what hardware says.
    pub(crate) fn announce(&self) {
        if !self
            .announced
            .cmpxchg(false, true, Relaxed)
            .is_ok_and(|old| !old)
        {
            return;
        }
        pr_warn!(
            "{:04x}:{:02x}: a fault or a model: its config space is not what the hardware says\n",
            self.domain,
            self.number
        );
    }

    /// Calls the real read. Returns its status and the value.
    pub(crate) fn read_original(&self, access: &Access) -> (c_int, u32) {
        let mut value = u32::MAX;
        // SAFETY: By the type invariant, `original` is valid.
        let Some(read) = (unsafe { (*self.original).read }) else {
            return (bindings::PCIBIOS_FUNC_NOT_SUPPORTED as c_int, value);
        };
        // SAFETY: These are the arguments that the PCI core called us with, but for the address of
        // a value of our own.
        let status = unsafe {
            read(
                self.bus,
                access.devfn.into(),
                access.offset.into(),
                access.size.into(),
                &mut value,
            )
        };
        (status, value)
    }

    /// Calls the real write. Returns its status.
    pub(crate) fn write_original(&self, access: &Access, value: u32) -> c_int {
        // SAFETY: By the type invariant, `original` is valid.
        let Some(write) = (unsafe { (*self.original).write }) else {
            return bindings::PCIBIOS_FUNC_NOT_SUPPORTED as c_int;
        };
        // SAFETY: These are the arguments that the PCI core called us with.
        unsafe {
            write(
                self.bus,
                access.devfn.into(),
                access.offset.into(),
                access.size.into(),
                value,
            )
        }
    }

    /// An access that reaches the function, or what is presented in its place; `value` is what is
    /// written. Returns the status, and what is read.
    fn reach(&self, models: &mut Models, access: &Access, value: u32) -> (c_int, u32) {
        if let Some(file) = models.get(access.devfn) {
            let mut below = Below {
                wrapper: self,
                devfn: access.devfn,
            };
            return (0, file.access(access, value, now_ns(), &mut below));
        }
        if access.write {
            (self.write_original(access, value), value)
        } else {
            self.read_original(access)
        }
    }

    /// Accesses the function, or what is presented in its place, past every fault and record.
    /// Returns the status, and what is read.
    pub(crate) fn access_function(&self, access: &Access, value: u32) -> (c_int, u32) {
        self.reach(&mut self.state.lock().models, access, value)
    }

    /// One access: `value` is what is written. Returns the status, and what is read.
    fn access(&self, access: Access, value: u32) -> (c_int, u32) {
        const FAILED: c_int = bindings::PCIBIOS_DEVICE_NOT_FOUND as c_int;

        let mut state = self.state.lock();
        if let Some(shadow) = state.shadow.as_mut() {
            if let Some(value) = shadow.access(&access, value) {
                return (0, value);
            }
        }

        let ns = now_ns();
        let Decision { delay_us, effect } = state.faults.decide(&access, ns);
        wait(delay_us);
        let (status, value, reached) = match effect {
            Some((_, Effect::Answer(answer))) => (0, answer, false),
            Some((_, Effect::Fail)) if access.write => (FAILED, value, false),
            Some((_, Effect::Fail)) => (FAILED, access.mask(), false),
            Some((_, Effect::Dropped)) => (0, value, false),
            Some((_, Effect::Replace { mask, value: wrong })) if !access.write => {
                let (status, right) = self.reach(&mut state.models, &access, value);
                // All of it is known, also of a function that does not answer.
                let status = if mask == access.mask() { 0 } else { status };
                (status, right & !mask | wrong & mask, true)
            }
            _ => {
                let (status, value) = self.reach(&mut state.models, &access, value);
                (status, value, true)
            }
        };

        let fault = match (effect, delay_us) {
            (Some((kind, _)), _) => Some(kind),
            (None, 0) => None,
            (None, us) => Some(Kind::Delay(us)),
        };
        state.record.push(
            Entry {
                ns,
                access,
                value: value & access.mask(),
                fault,
            },
            reached,
        );
        (status, value)
    }

    /// # Safety
    ///
    /// Must be called by the PCI core only, as `pci_ops.read`.
    unsafe extern "C" fn read(
        bus: *mut bindings::pci_bus,
        devfn: c_uint,
        offset: c_int,
        size: c_int,
        value: *mut u32,
    ) -> c_int {
        let (status, read) = match find(|wrapper| wrapper.bus == bus) {
            Some(wrapper) => wrapper.access(to_access(devfn, offset, size, false), 0),
            None => (bindings::PCIBIOS_DEVICE_NOT_FOUND as c_int, u32::MAX),
        };
        // SAFETY: The caller passes a valid pointer.
        unsafe { *value = read };
        status
    }

    /// # Safety
    ///
    /// Must be called by the PCI core only, as `pci_ops.write`.
    unsafe extern "C" fn write(
        bus: *mut bindings::pci_bus,
        devfn: c_uint,
        offset: c_int,
        size: c_int,
        value: u32,
    ) -> c_int {
        match find(|wrapper| wrapper.bus == bus) {
            Some(wrapper) => {
                wrapper
                    .access(to_access(devfn, offset, size, true), value)
                    .0
            }
            None => bindings::PCIBIOS_DEVICE_NOT_FOUND as c_int,
        }
    }

    /// A bus is added below a wrapped one, whose ops it has inherited: it gets the real ones.
    ///
    /// # Safety
    ///
    /// Must be called by the PCI core only, as `pci_ops.add_bus`.
    unsafe extern "C" fn add_bus(bus: *mut bindings::pci_bus) -> c_int {
        // SAFETY: `bus` is valid and not in use yet.
        let ops = unsafe { (*bus).ops };
        let Some(wrapper) = find(|wrapper| wrapper.ops.get() == ops) else {
            return 0;
        };
        // SAFETY: By the type invariant, `original` are the ops of the bus above.
        unsafe { bindings::pci_bus_set_ops(bus, wrapper.original) };
        // SAFETY: As above; it is called for this bus as the core would have.
        unsafe {
            (*wrapper.original)
                .add_bus
                .map_or(0, |add_bus| add_bus(bus))
        }
    }

    /// The wrapped bus is removed: it gets its ops back.
    ///
    /// # Safety
    ///
    /// Must be called by the PCI core only, as `pci_ops.remove_bus`.
    unsafe extern "C" fn remove_bus(bus: *mut bindings::pci_bus) {
        let Some(wrapper) = find(|wrapper| wrapper.bus == bus) else {
            return;
        };
        wrapper.removed.store(true, Relaxed);
        // SAFETY: By the type invariant.
        unsafe { bindings::pci_bus_set_ops(bus, wrapper.original) };
        // SAFETY: As above; it is called for this bus as the core would have.
        if let Some(remove_bus) = unsafe { (*wrapper.original).remove_bus } {
            // SAFETY: As above.
            unsafe { remove_bus(bus) };
        }
    }
}

/// CAST: The core has checked that the offset is in config space, the size one of 1, 2 and 4.
fn to_access(devfn: c_uint, offset: c_int, size: c_int, write: bool) -> Access {
    Access {
        devfn: devfn as u8,
        offset: offset as u16,
        size: size as u8,
        write,
    }
}

/// Keeps other tasks from adding and removing functions and buses (`pci_lock_rescan_remove()`).
pub(crate) struct RescanRemove;

impl RescanRemove {
    pub(crate) fn lock() -> Self {
        // SAFETY: It is always safe to call it in process context.
        unsafe { bindings::pci_lock_rescan_remove() };
        Self
    }
}

impl Drop for RescanRemove {
    fn drop(&mut self) {
        // SAFETY: It was locked in `lock()`.
        unsafe { bindings::pci_unlock_rescan_remove() };
    }
}

/// A wrapped bus; dropping it takes the wrapper off.
pub(crate) struct Wrapped(Arc<Wrapper>);

impl Wrapped {
    /// Wraps the bus `number` of `domain`.
    ///
    /// # Errors
    ///
    /// `ENODEV` where there is no such bus, `EEXIST` where it is wrapped, `ENOSPC` where
    /// [`MAX_BUSES`] are, `ENOMEM`.
    pub(crate) fn new(domain: u32, number: u8) -> Result<Self> {
        let record = Record::new()?;
        let _lock = RescanRemove::lock();

        // CAST: A larger domain was not accepted.
        // SAFETY: It is always safe to call it in process context.
        let bus = unsafe { bindings::pci_find_bus(domain as c_int, number.into()) };
        if bus.is_null() {
            return Err(ENODEV);
        }
        if find(|wrapper| wrapper.bus == bus).is_some() {
            return Err(EEXIST);
        }
        let slot = WRAPPERS
            .iter()
            .find(|slot| slot.load(Relaxed).is_null())
            .ok_or(ENOSPC)?;

        // SAFETY: The bus was found under the lock that keeps it from being removed.
        unsafe { bindings::get_device(&raw mut (*bus).dev) };
        // SAFETY: As above.
        let original = unsafe { (*bus).ops };
        // SAFETY: A bus has ops as long as it exists.
        let map_bus = unsafe { (*original).map_bus };
        let ops = bindings::pci_ops {
            read: Some(Wrapper::read),
            write: Some(Wrapper::write),
            add_bus: Some(Wrapper::add_bus),
            remove_bus: Some(Wrapper::remove_bus),
            map_bus,
        };
        // INVARIANT: The bus is valid, and its reference was taken above.
        let wrapper = Arc::pin_init(
            pin_init!(Wrapper {
                bus,
                original,
                ops: Opaque::new(ops),
                domain,
                number,
                removed: Atomic::new(false),
                announced: Atomic::new(false),
                state <- RawSpinLock::new(
                    State {
                        faults: Faults::new(),
                        record,
                        shadow: None,
                        models: Models::new(),
                    },
                    optional_name!(),
                    static_lock_class!(),
                ),
            }),
            GFP_KERNEL,
        )
        .inspect_err(|_| {
            // SAFETY: The reference was taken above, and there is no wrapper that would put it.
            unsafe { bindings::put_device(&raw mut (*bus).dev) };
        })?;

        // Callers that get the new ops must find the wrapper.
        slot.store(core::ptr::from_ref::<Wrapper>(&wrapper).cast_mut(), Release);
        // SAFETY: The bus is valid; the ops live in the wrapper, until after it is taken off.
        unsafe { bindings::pci_bus_set_ops(bus, wrapper.ops.get()) };
        Ok(Self(wrapper))
    }

    pub(crate) fn wrapper(&self) -> &Arc<Wrapper> {
        &self.0
    }

    /// Returns whether another module (`aer_inject`) has wrapped the bus on top of this.
    pub(crate) fn is_covered(&self) -> bool {
        // SAFETY: By the type invariant of `Wrapper`.
        let ops = unsafe { core::ptr::read_volatile(&raw const (*self.0.bus).ops) };
        !self.0.is_removed() && ops != self.0.ops.get()
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        let this = core::ptr::from_ref::<Wrapper>(&self.0).cast_mut();
        let lock = RescanRemove::lock();
        if self.is_covered() {
            pr_err!(
                "{:04x}:{:02x}: another module has wrapped this bus too (aer_inject?), unload it now\n",
                self.0.domain,
                self.0.number
            );
        }
        if !self.0.is_removed() {
            // SAFETY: By the type invariant of `Wrapper`.
            unsafe { bindings::pci_bus_set_ops(self.0.bus, self.0.original) };
        }
        drop(lock);

        // Whoever has got the wrapped ops before must have left them before the table forgets them.
        // SAFETY: It is always safe to call it in process context.
        unsafe { bindings::synchronize_rcu_tasks() };
        for slot in &WRAPPERS {
            if slot.load(Relaxed) == this {
                slot.store(core::ptr::null_mut(), Release);
            }
        }
        // `find` reads all wrappers, so none may be freed during a look-up.
        // SAFETY: As above.
        unsafe { bindings::synchronize_rcu_tasks() };
    }
}
