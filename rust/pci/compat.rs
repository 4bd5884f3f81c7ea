// SPDX-License-Identifier: GPL-2.0-only

//! Where the kernel crate of Linux 7.2 differs from that of 7.3.
//!
//! The only file with a `#[cfg]` on a kernel version: everything else is one source for both.
//! Kbuild sets `KERNEL_7_3` for 7.3 and later. Each item has the shape of the newer kernel, so that
//! what is for 7.2 can be deleted with it.
//!
//! | what | 7.2 | 7.3 | here |
//! |---|---|---|---|
//! | probe's data of the matching entry | a reference | an [`Option`] | `probe_info`, private |
//! | table of device IDs | wants two names | one name | [`pci_device_table!`] |
//! | a module parameter's value | `value()` | `value_ref()` | [`parameter_is_set`] |
//! | a BAR of a bound device | `Devres<Bar<'static, SIZE>>` | `DevresBar` | [`DevresBar`] |
//! | the address of coherent memory | `dma_handle()` | `dma_address()` | [`dma_address`] |
//! | an interrupt handler's value | `irqreturn_IRQ_HANDLED` | of an enum | [`IRQ_HANDLED`] |
//!
//! Module parameters of type `bool` are new in 7.3: drivers here use `u8`, 0 or 1.
//!
//! [`pci_device_table!`]: crate::pci_device_table

use kernel::{
    bindings,
    device_id::RawDeviceIdIndex,
    dma::{
        Coherent,
        DmaAddress, //
    },
    module_param::ModuleParamAccess,
    pci,
    ptr::KnownSize, //
};

#[cfg(KERNEL_7_3)]
pub use kernel::pci::DevresBar;

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

/// The information about the entry of the driver's ID table that probe gets: `T` is its type.
#[cfg(KERNEL_7_3)]
pub type ProbeInfo<'a, T> = Option<&'a T>;

/// The information about the entry of the driver's ID table that probe gets: `T` is its type.
///
/// For a function that no entry matches (`driver_override`) this is the first entry's.
#[cfg(not(KERNEL_7_3))]
pub type ProbeInfo<'a, T> = &'a T;

/// Returns the information about the entry `id` of `T`'s table that probe gets.
///
/// # Safety
///
/// `id` must be valid for as long as the result is used. Its `driver_data` must be that of an entry
/// of `T`'s table, or 0: that is what the PCI core calls probe with.
pub(super) unsafe fn probe_info<'a, T: pci::Driver>(
    id: *const bindings::pci_device_id,
) -> ProbeInfo<'a, T::IdInfo> {
    // SAFETY: By the safety requirements of this function. CAST: `DeviceId` is a
    // `#[repr(transparent)]` wrapper of the C type.
    let id = unsafe { &*id.cast::<pci::DeviceId>() };

    #[cfg(KERNEL_7_3)]
    // SAFETY: By the safety requirements of this function.
    let info = unsafe { id.info_unchecked_opt::<T::IdInfo>() };
    #[cfg(not(KERNEL_7_3))]
    let info = T::ID_TABLE.info(id.index());

    info
}

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
/// The last column is the information about the matching entry that probe gets
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
