// SPDX-License-Identifier: GPL-2.0-only

//! Where the kernel crate of Linux 7.2 differs from that of 7.3.
//!
//! The only file with a `#[cfg]` on a kernel version: everything else is one source for both.
//! Kbuild sets `KERNEL_7_3` for 7.3 and later. Each item has the shape of the newer kernel, so that
//! what is for 7.2 can be deleted with it.
//!
//! | what | 7.2 | 7.3 | here |
//! |---|---|---|---|
//! | probe's data of the matching entry | a reference | an [`Option`] | [`ProbeInfo`] |
//! | table of device IDs | wants two names | one name | [`pci_device_table!`] |
//! | a module parameter's value | `value()` | `value_ref()` | [`parameter_is_set`] |
//! | a BAR of a bound device | `Devres<Bar<'static, SIZE>>` | `DevresBar` | [`DevresBar`] |
//! | the address of coherent memory | `dma_handle()` | `dma_address()` | [`dma_address`] |
//! | an interrupt handler's value | `irqreturn_IRQ_HANDLED` | of an enum | [`IRQ_HANDLED`] |
//! | a spinlock with interrupts off | none | `SpinLockIrq` | [`SpinLockIrq`] |
//!
//! Module parameters of type `bool` are new in 7.3: drivers here use `u8`, 0 or 1.
//!
//! [`pci_device_table!`]: crate::pci_device_table

use kernel::{
    bindings,
    dma::{
        Coherent,
        DmaAddress, //
    },
    module_param::ModuleParamAccess,
    ptr::KnownSize, //
};

#[cfg(KERNEL_7_3)]
pub use kernel::{
    pci::DevresBar,
    sync::SpinLockIrq, //
};

/// A BAR that can be used for as long as the driver is bound.
#[cfg(not(KERNEL_7_3))]
pub type DevresBar<const SIZE: usize = 0> = kernel::devres::Devres<kernel::pci::Bar<'static, SIZE>>;

/// The interrupt was this function's (`IRQ_HANDLED`).
#[cfg(KERNEL_7_3)]
pub const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn::IRQ_HANDLED;

/// The interrupt was this function's (`IRQ_HANDLED`).
#[cfg(not(KERNEL_7_3))]
pub const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn_IRQ_HANDLED;

/// Returns the address by which a function finds `memory` (`dma_addr_t`).
///
/// Context: any.
pub fn dma_address<T: KnownSize + ?Sized>(memory: &Coherent<T>) -> DmaAddress {
    #[cfg(KERNEL_7_3)]
    let address = memory.dma_address();
    #[cfg(not(KERNEL_7_3))]
    let address = memory.dma_handle();

    address
}

#[cfg(not(KERNEL_7_3))]
pub use self::spinlock_irq::SpinLockIrq;

/// What probe is told of the entry of the driver's ID table: `T` is its type of data.
#[cfg(KERNEL_7_3)]
pub type ProbeInfo<'a, T> = Option<&'a T>;

/// What probe is told of the entry of the driver's ID table: `T` is its type of data.
///
/// For a function that no entry matches (`driver_override`) this is the first entry's.
#[cfg(not(KERNEL_7_3))]
pub type ProbeInfo<'a, T> = &'a T;

/// Returns whether a module parameter that stands for a yes or no (0: no) is set.
///
/// Context: any.
pub fn parameter_is_set(parameter: &ModuleParamAccess<u8>) -> bool {
    #[cfg(KERNEL_7_3)]
    let value = parameter.value_ref();
    #[cfg(not(KERNEL_7_3))]
    let value = parameter.value();

    *value != 0
}

/// Declares a driver's table of device IDs, and exports it for module loading
/// (`MODULE_DEVICE_TABLE()`). At most one a module.
///
/// Takes the arguments of the kernel crate's macro in 7.3.
///
/// # Examples
///
/// The last column is what probe is told of the matching entry
/// ([`ProbeInfo`](crate::pci::ProbeInfo)).
///
/// ```
/// # use kernel::{device::Core, pci::Device, prelude::*};
/// # use pci_recovery::{pci, pci_device_table};
/// # struct MyModule;
/// # impl kernel::Module for MyModule {
/// #     fn init(_module: &'static ThisModule) -> Result<Self> {
/// #         Ok(Self)
/// #     }
/// # }
/// # module! { type: MyModule, name: "my_driver", license: "GPL", }
/// struct MyDriver;
///
/// pci_device_table!(
///     PCI_TABLE,
///     <MyDriver as kernel::pci::Driver>::IdInfo,
///     [(pci::device_id(0x1234, 0x11e8), ())]
/// );
///
/// impl kernel::pci::Driver for MyDriver {
///     type IdInfo = ();
///     const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;
///     // ...
/// #     type Data<'bound> = ();
/// #     fn probe<'bound>(
/// #         _dev: &'bound Device<Core<'_>>,
/// #         _info: pci::ProbeInfo<'bound, Self::IdInfo>,
/// #     ) -> impl PinInit<(), Error> + 'bound {
/// #         Ok(())
/// #     }
/// }
/// # fn main() {}
/// ```
#[cfg(KERNEL_7_3)]
#[macro_export]
macro_rules! pci_device_table {
    ($($arguments:tt)*) => {
        ::kernel::pci_device_table!($($arguments)*);
    };
}

/// As the kernel crate's macro in 7.3.
#[cfg(not(KERNEL_7_3))]
#[macro_export]
macro_rules! pci_device_table {
    ($table:ident, $($rest:tt)*) => {
        ::kernel::pci_device_table!($table, MODULE_PCI_TABLE, $($rest)*);
    };
}

#[cfg(not(KERNEL_7_3))]
mod spinlock_irq {
    //! A spinlock that keeps interrupts off while it is held (`spin_lock_irqsave()`).

    use kernel::{
        bindings,
        prelude::*,
        sync::lock::{
            spinlock::SpinLockBackend,
            Backend,
            Lock, //
        }, //
    };

    #[cfg(CONFIG_PREEMPT_RT)]
    compile_error!("a spinlock_t is no raw_spinlock_t with CONFIG_PREEMPT_RT");

    /// A `spinlock_t` that is taken with interrupts off. Whoever takes two gives them back in the
    /// opposite order, or interrupts come on too early.
    pub type SpinLockIrq<T> = Lock<T, SpinLockIrqBackend>;

    /// The backend of [`SpinLockIrq`].
    pub struct SpinLockIrqBackend;

    /// CAST: A `spinlock_t` is a union whose first member is a `raw_spinlock_t`.
    fn raw(ptr: *mut bindings::spinlock_t) -> *mut bindings::raw_spinlock_t {
        ptr.cast()
    }

    // SAFETY: The `spinlock_t` sees to it that one CPU has the data from `lock` to `unlock`.
    // `relock` is the default one, which calls `lock`.
    unsafe impl Backend for SpinLockIrqBackend {
        type State = bindings::spinlock_t;
        /// The interrupt flags that were found.
        type GuardState = c_ulong;

        unsafe fn init(
            ptr: *mut Self::State,
            name: *const c_char,
            key: *mut bindings::lock_class_key,
        ) {
            // SAFETY: By the safety requirements of this function.
            unsafe { SpinLockBackend::init(ptr, name, key) }
        }

        unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
            // SAFETY: By the safety requirements of this function, it was initialised.
            unsafe { bindings::_raw_spin_lock_irqsave(raw(ptr)) }
        }

        unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
            // There is no such function for modules; nobody here tries, and a try may fail.
            let _ = ptr;
            None
        }

        unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
            // SAFETY: By the safety requirements of this function, the caller has locked it; the
            // flags are those that were found then.
            unsafe { bindings::_raw_spin_unlock_irqrestore(raw(ptr), *flags) }
        }

        unsafe fn assert_is_held(ptr: *mut Self::State) {
            // SAFETY: By the safety requirements of this function.
            unsafe { SpinLockBackend::assert_is_held(ptr) }
        }
    }
}
