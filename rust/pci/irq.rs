// SPDX-License-Identifier: GPL-2.0-only

//! One message signaled interrupt, for as long as the driver is bound.
//!
//! The kernel crate's `irq::Registration` borrows from the vectors that it is for, and its
//! constructor is unsafe, since it must not be leaked. This one belongs to the device, and its
//! handler is shared by reference count.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use kernel::{
    bindings,
    device::Bound,
    devres,
    error::to_result,
    pci::Device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

use super::{
    as_raw,
    compat::IRQ_HANDLED, //
};

/// What is called when an interrupt comes (`irq_handler_t`).
pub trait IrqHandler: Send + Sync + 'static {
    /// The function has sent its interrupt.
    ///
    /// A message signaled interrupt is not shared, so that the handler need not check whose it was.
    ///
    /// Context: a kernel thread of the interrupt's own; may sleep.
    fn interrupt(&self);
}

/// As [`request_msi`], with one vector of MSI-X. Its table is in the function's memory: the core
/// writes it anew with each restore of the configuration space.
///
/// Context: probe.
///
/// # Errors
///
/// As for [`request_msi`].
pub fn request_msix<T: IrqHandler>(
    dev: &Device<Bound>,
    name: &'static CStr,
    handler: Arc<T>,
) -> Result {
    let vector = Vector::new(dev, bindings::PCI_IRQ_MSIX)?;
    let line = Line::new(vector, name, handler)?;
    devres::register(dev.as_ref(), line, GFP_KERNEL)
}

/// Switches on one MSI vector of the function and calls `handler` for each interrupt, until the
/// driver is unbound (`pci_alloc_irq_vectors()`, `request_threaded_irq()`). `name` is what
/// `/proc/interrupts` shows.
///
/// Before the first save, if the function's state is kept: this changes Command (INTx is off).
///
/// Context: probe.
///
/// # Errors
///
/// `ENOSPC` where the function has no MSI or there is no vector, `ENOMEM`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     device::Bound,
///     pci::Device,
///     prelude::*,
///     sync::{
///         atomic::{Atomic, Relaxed},
///         Arc,
///     },
/// };
/// use pci_recovery::pci::{request_msi, IrqHandler};
///
/// struct Counter(Atomic<u64>);
///
/// impl IrqHandler for Counter {
///     fn interrupt(&self) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// fn count(dev: &Device<Bound>) -> Result<Arc<Counter>> {
///     let counter = Arc::new(Counter(Atomic::new(0)), GFP_KERNEL)?;
///     request_msi(dev, c"my_driver", counter.clone())?;
///     Ok(counter)
/// }
/// ```
pub fn request_msi<T: IrqHandler>(
    dev: &Device<Bound>,
    name: &'static CStr,
    handler: Arc<T>,
) -> Result {
    let vector = Vector::new(dev, bindings::PCI_IRQ_MSI)?;
    let line = Line::new(vector, name, handler)?;
    devres::register(dev.as_ref(), line, GFP_KERNEL)
}

/// The function's only vector.
///
/// # Invariants
///
/// `number` is the interrupt number of a vector that `dev` has been allocated, and that nobody else
/// frees.
struct Vector {
    dev: ARef<Device>,
    number: c_uint,
}

impl Vector {
    /// `kind` is `PCI_IRQ_MSI` or `PCI_IRQ_MSIX`.
    fn new(dev: &Device<Bound>, kind: u32) -> Result<Self> {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, here and
        // below.
        to_result(unsafe { bindings::pci_alloc_irq_vectors(as_raw(dev), 1, 1, kind) })?;
        // SAFETY: As above.
        let number = unsafe { bindings::pci_irq_vector(as_raw(dev), 0) };
        // INVARIANT: One vector was just allocated; it is freed by `drop()`.
        Ok(Self {
            dev: ARef::from(&**dev),
            number: number.try_into()?,
        })
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by that of
        // `Vector`, it has the vector. Whoever had requested it has freed it: `Line` owns this.
        unsafe { bindings::pci_free_irq_vectors(as_raw(&self.dev)) };
    }
}

/// A handler that is registered for a vector.
///
/// # Invariants
///
/// `handler` is registered for `vector.number`, with its address as cookie.
struct Line<T: IrqHandler> {
    handler: Arc<T>,
    // Dropped after the handler was freed, which is what `drop()` does first.
    vector: Vector,
}

impl<T: IrqHandler> Line<T> {
    fn new(vector: Vector, name: &'static CStr, handler: Arc<T>) -> Result<Self> {
        // SAFETY: `handle` takes a cookie that is a valid `T`: `handler` is kept until the
        // interrupt was freed. `name` is `'static`. The core wants `IRQF_ONESHOT` where there is no
        // handler in interrupt context.
        to_result(unsafe {
            bindings::request_threaded_irq(
                vector.number,
                None,
                Some(Self::handle),
                // CAST: A flag below 2^32.
                bindings::IRQF_ONESHOT as c_ulong,
                name.as_char_ptr(),
                Self::cookie(&handler),
            )
        })?;
        // INVARIANT: It was just registered.
        Ok(Self { handler, vector })
    }

    /// Identifies the registration, and is the handler.
    fn cookie(handler: &Arc<T>) -> *mut c_void {
        Arc::as_ptr(handler).cast_mut().cast()
    }

    /// # Safety
    ///
    /// `cookie` must be a valid `T`.
    unsafe extern "C" fn handle(_number: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: By the safety requirements of this function.
        let handler = unsafe { &*cookie.cast_const().cast::<T>() };
        handler.interrupt();
        IRQ_HANDLED
    }
}

impl<T: IrqHandler> Drop for Line<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, it was registered with this cookie. Waits until a handler
        // that is running has returned, so that none uses `handler` now.
        unsafe { bindings::free_irq(self.vector.number, Self::cookie(&self.handler)) };
    }
}
