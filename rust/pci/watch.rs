// SPDX-License-Identifier: GPL-2.0-only

//! Functions of the whole machine: those that are there, those that come and go, and those that get
//! another driver.
//!
//! For a module that is no driver. It sees a function before anybody saves it, and when it is gone.
//!
//! C header: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h)

use kernel::{
    bindings,
    error::to_result,
    pci::Device,
    prelude::*,
    types::Opaque, //
};

use super::{
    as_raw,
    Exclusive, //
};

/// What happens to a function (`enum bus_notifier_event`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was added; the core has not saved it yet.
    Added,
    /// It is gone.
    Removed,
    /// A driver is about to be probed.
    Binding,
    /// A driver was bound.
    Bound,
    /// A driver was unbound, or its probe has failed.
    Unbound,
}

/// Gets the changes of each function of the machine.
pub trait Watcher: Send + Sync + 'static {
    /// `change` happened to `dev`.
    ///
    /// Context: process context, sleeps. With the device lock held, but for [`Change::Added`] and
    /// [`Change::Removed`], when nobody else knows the function yet, or any more.
    fn changed(&self, dev: Exclusive<'_>, change: Change);
}

/// A registered [`Watcher`]; dropping it waits for the calls that run.
///
/// # Invariants
///
/// `block` is registered, or this was never initialized.
#[pin_data(PinnedDrop)]
pub struct Watch<W: Watcher> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    watcher: W,
}

// SAFETY: The notifier may be unregistered by any thread.
unsafe impl<W: Watcher> Send for Watch<W> {}

// SAFETY: `&Watch` gives no access to the block, and a `&W`, which is `Sync`.
unsafe impl<W: Watcher> Sync for Watch<W> {}

/// The bus of all functions.
fn bus() -> *const bindings::bus_type {
    &raw const bindings::pci_bus_type
}

impl<W: Watcher> Watch<W> {
    /// Registers `watcher` (`bus_register_notifier()`).
    ///
    /// # Errors
    ///
    /// That of the C function.
    pub fn new(watcher: W) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: It is registered below, or the initialization fails.
            block <- Opaque::try_ffi_init(|block: *mut bindings::notifier_block| {
                // SAFETY: `block` is valid for writes, and pinned.
                unsafe {
                    block.write(bindings::notifier_block {
                        notifier_call: Some(Self::call),
                        ..pin_init::zeroed()
                    })
                };
                Ok::<(), Error>(())
            }),
            watcher,
            _: {
                // SAFETY: The block is initialized, and pinned; it is unregistered before it is
                // dropped. The watcher that it is called with has been initialized, too.
                to_result(unsafe { bindings::bus_register_notifier(bus(), block.get()) })?;
            },
        })
    }

    /// The watcher.
    pub fn watcher(&self) -> &W {
        &self.watcher
    }

    /// # Safety
    ///
    /// For `struct notifier_block` of a `Watch<W>`, of the PCI bus.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        event: c_ulong,
        device: *mut c_void,
    ) -> c_int {
        // CAST: One of a handful of small numbers.
        let change = match event as bindings::bus_notifier_event {
            bindings::bus_notifier_event_BUS_NOTIFY_ADD_DEVICE => Change::Added,
            bindings::bus_notifier_event_BUS_NOTIFY_REMOVED_DEVICE => Change::Removed,
            bindings::bus_notifier_event_BUS_NOTIFY_BIND_DRIVER => Change::Binding,
            bindings::bus_notifier_event_BUS_NOTIFY_BOUND_DRIVER => Change::Bound,
            bindings::bus_notifier_event_BUS_NOTIFY_UNBOUND_DRIVER
            | bindings::bus_notifier_event_BUS_NOTIFY_DRIVER_NOT_BOUND => Change::Unbound,
            _ => return 0,
        };
        // SAFETY: By the safety requirements of this function; the notifier is unregistered before
        // the watcher is dropped.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, block) };
        // SAFETY: Devices of the PCI bus are embedded in a `struct pci_dev`.
        let pdev = unsafe {
            kernel::container_of!(device.cast::<bindings::device>(), bindings::pci_dev, dev)
        };
        // SAFETY: The function is valid while its notifiers are called. It is being added or has
        // been removed, so that nobody else is at it, or the device lock is held.
        let dev = unsafe { Exclusive::of_caller(pdev) };
        this.watcher.changed(dev, change);
        0
    }
}

#[pinned_drop]
impl<W: Watcher> PinnedDrop for Watch<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered.
        unsafe { bindings::bus_unregister_notifier(bus(), self.block.get()) };
    }
}

/// Calls `f` for each function that there is, with its device lock held. No function is added or
/// removed meanwhile (`pci_lock_rescan_remove()`), except for virtual ones, which their driver may
/// take away: see [`is_there`].
///
/// Who enables virtual functions holds a device lock and waits for that other lock, who removes
/// functions the other way round. So this waits for neither while it holds the other one: it begins
/// again with a function that is taken, and, where one was removed meanwhile, with all of them.
///
/// Context: process context, no lock held; sleeps: waits for who holds a device lock, as a probe.
pub fn for_each(mut f: impl FnMut(Exclusive<'_>)) {
    const ANY: c_uint = c_uint::MAX;

    // SAFETY: It is always safe to call it in process context.
    unsafe { bindings::pci_lock_rescan_remove() };
    let mut pdev = core::ptr::null_mut();
    loop {
        // SAFETY: `pdev` is null or what the function returned, of which it drops the reference.
        pdev = unsafe { bindings::pci_get_device(ANY, ANY, pdev) };
        if pdev.is_null() {
            break;
        }
        // SAFETY: The reference keeps the function valid.
        let has_waited = unsafe { lock_with_rescan(pdev) };
        // SAFETY: As above, and the device lock is held. Runtime power management saves and
        // restores without it: [`if_awake`] sees to that.
        let dev = unsafe { Exclusive::of_caller(pdev) };
        if !has_waited || is_there(dev) {
            f(dev);
        }
        // SAFETY: It was locked above.
        unsafe { bindings::pci_dev_unlock(pdev) };
    }
    // SAFETY: It was locked above.
    unsafe { bindings::pci_unlock_rescan_remove() };
}

/// Takes the device lock. While it waits, the lock of who adds and removes functions is not held:
/// returns whether that was so.
///
/// # Safety
///
/// `pdev` must be valid, and kept so by a reference; `pci_lock_rescan_remove()` must be held.
unsafe fn lock_with_rescan(pdev: *mut bindings::pci_dev) -> bool {
    let mut has_waited = false;
    // SAFETY: By the safety requirements of this function.
    while unsafe { bindings::pci_dev_trylock(pdev) } == 0 {
        has_waited = true;
        // SAFETY: As above: both locks are let go of before the other one is waited for.
        unsafe {
            bindings::pci_unlock_rescan_remove();
            bindings::pci_dev_lock(pdev);
            bindings::pci_dev_unlock(pdev);
            bindings::pci_lock_rescan_remove();
        }
    }
    has_waited
}

/// Returns whether the function is still one of the bus. Its [`Change::Removed`] is yet to come
/// then, or it is never removed.
///
/// It takes a step for each function of the machine.
///
/// Context: process context.
pub fn is_there(dev: Exclusive<'_>) -> bool {
    extern "C" fn is_same(device: *mut bindings::device, wanted: *const c_void) -> c_int {
        (device.cast_const().cast() == wanted).into()
    }

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let wanted = unsafe { &raw const (*as_raw(&dev)).dev };
    // SAFETY: The bus is that of all PCI functions; the callback compares pointers only.
    let found = unsafe {
        bindings::bus_find_device(bus(), core::ptr::null_mut(), wanted.cast(), Some(is_same))
    };
    if found.is_null() {
        return false;
    }
    // SAFETY: `bus_find_device()` has taken a reference.
    unsafe { bindings::put_device(found) };
    true
}

/// Returns the name of the driver that the function is bound to, [`None`] where there is none.
///
/// Context: any, nobody binds or unbinds a driver, which [`Exclusive`] says.
pub fn driver_name<'a>(dev: Exclusive<'a>) -> Option<&'a CStr> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. Its driver stays
    // for as long as the device lock is held.
    let driver = unsafe { (*as_raw(&dev)).dev.driver };
    if driver.is_null() {
        return None;
    }
    // SAFETY: As above; a driver has a name, which lives as long as itself.
    Some(unsafe { CStr::from_char_ptr((*driver).name) })
}

/// Calls `f` if the function is in D0 and stays there: one that sleeps is not woken up.
///
/// Returns [`None`] where it sleeps.
///
/// Context: the device lock held; sleeps as `f` does.
pub fn if_awake<R>(dev: Exclusive<'_>, f: impl FnOnce() -> R) -> Option<R> {
    const D0: bindings::pci_power_t = 0;

    let pdev = as_raw(&dev);
    let (is_awake, is_held) = super::runtime::get_if_active(&dev);
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let is_d0 = unsafe { (*pdev).current_state } == D0;
    let result = (is_awake && is_d0).then(f);
    if is_held {
        super::runtime::put(&dev);
    }
    result
}

/// Calls `f` with the device lock held, if nobody else holds it, whatever driver the function has.
///
/// A function that is suspended at run time is resumed first, and not suspended while `f` runs.
/// That it does not come back is for `f` to find out.
///
/// Context: process context, device lock not held; sleeps.
///
/// # Errors
///
/// `EBUSY` where the lock is taken.
pub fn try_alone<R>(dev: &Device, f: impl FnOnce(Exclusive<'_>) -> R) -> Result<R> {
    let _active = super::runtime::ActiveRef::get(dev);
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; `dev` is
    // borrowed for longer than the guard lives.
    let _locked = unsafe { super::lock::lock(as_raw(dev)) }?;
    // SAFETY: The device lock is held, and a reference keeps runtime power management away.
    Ok(f(unsafe { Exclusive::of_caller(as_raw(dev)) }))
}
