// SPDX-License-Identifier: GPL-2.0-only

//! Registration of PCI drivers with error handlers, power management and SR-IOV callbacks.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_driver`.

use kernel::{
    bindings,
    device::{
        Bound,
        Core,
        CoreInternal, //
    },
    driver,
    pci,
    prelude::*,
    types::Opaque,
    ThisModule, //
};

use super::{
    compat::ProbeInfo,
    err::{
        ErrorHandler,
        Handlers, //
    },
    pm::{
        Callbacks,
        PmOps, //
    },
    runtime,
    sriov::{
        self,
        SriovControl,
        SriovOps, //
    }, //
};

/// Registers a PCI driver that has [`ErrorHandler`], [`PmOps`] and [`SriovOps`].
///
/// Wraps the kernel crate's [`pci::Adapter`]: it fills in what that one leaves empty and delegates
/// the rest to it (`pci_register_driver()`, `struct pci_driver`).
///
/// A driver need not name it:
/// [`module_recoverable_pci_driver!`](crate::module_recoverable_pci_driver) registers it.
pub struct Adapter<T: ErrorHandler + PmOps + SriovOps>(T);

/// The kernel crate's adapter for [`Adapter<T>`], which is a driver in between.
type Inner<T> = pci::Adapter<Adapter<T>>;

/// `T`, with the PCI core's runtime PM reference given up while it is bound, and with no virtual
/// functions left when it is unbound, if it has the callbacks.
impl<T: ErrorHandler + PmOps + SriovOps> pci::Driver for Adapter<T> {
    type IdInfo = T::IdInfo;
    type Data<'bound> = T::Data<'bound>;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = T::ID_TABLE;

    fn probe<'bound>(
        dev: &'bound pci::Device<Core<'_>>,
        info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let bound: &'bound pci::Device<Bound> = dev;

        T::probe(dev, info).pin_chain(move |_| {
            // The data is complete, and `pci::Adapter` only stores it. A callback that comes before
            // that finds none and refuses, see `Callbacks`; the driver core asks for another one at
            // the end of probe.
            if T::HAS_SRIOV_CONFIGURE {
                sriov::keep_active(bound);
            }
            if T::HAS_RUNTIME_SUSPEND {
                runtime::give_up_reference(bound);
            }
            Ok(())
        })
    }

    fn unbind<'bound>(dev: &'bound pci::Device<Core<'_>>, this: Pin<&Self::Data<'bound>>) {
        if T::HAS_SRIOV_CONFIGURE {
            // The drivers of virtual functions may need this one's data until they are unbound.
            dev.disable_sriov();
        }
        if T::HAS_RUNTIME_SUSPEND {
            runtime::take_back_reference(dev);
        }
        T::unbind(dev, this);
    }
}

// SAFETY: The same layout as `pci::Adapter<Adapter<T>>`, which this delegates to.
unsafe impl<T: ErrorHandler + PmOps + SriovOps> driver::DriverLayout for Adapter<T> {
    type DriverType = <Inner<T> as driver::DriverLayout>::DriverType;
    type DriverData<'bound> = <Inner<T> as driver::DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = <Inner<T> as driver::DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: `unregister` delegates to `pci::Adapter<Adapter<T>>`, as `register` does.
unsafe impl<T: ErrorHandler + PmOps + SriovOps> driver::RegistrationOps for Adapter<T> {
    unsafe fn register(
        pdrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: It is safe to set fields of `struct pci_driver` before it is registered. The
        // vtables are `'static`. Only these fields are written: the rest is `driver`'s.
        unsafe {
            (*pdrv.get()).sriov_configure = sriov::Callbacks::<T>::SRIOV_CONFIGURE;
            (*pdrv.get()).err_handler = Handlers::<T>::as_ptr();
            (*pdrv.get()).driver.pm = Callbacks::<T>::as_ptr();
        }

        // SAFETY: By the safety requirements of this function.
        unsafe { <Inner<T> as driver::RegistrationOps>::register(pdrv, name, module) }
    }

    unsafe fn unregister(pdrv: &Opaque<Self::DriverType>) {
        // SAFETY: By the safety requirements of this function.
        unsafe { <Inner<T> as driver::RegistrationOps>::unregister(pdrv) }
    }
}

/// Borrows the private data of the driver that is bound to `dev`, [`None`] during its probe: a
/// reset that a driver asks for in probe calls its own handlers before there is data.
///
/// # Safety
///
/// `dev` must be bound to a driver of type `T` (or be in its probe), and stay bound for as long as
/// the result is used: the device lock is held, or this is a callback that the core calls of a
/// bound device only and that unbinding waits for.
pub(super) unsafe fn bound_data<'a, T: pci::Driver>(
    dev: &'a pci::Device<CoreInternal<'_>>,
) -> Option<Pin<&'a T::Data<'a>>> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let data = unsafe { bindings::dev_get_drvdata(&raw const (*super::as_raw(dev)).dev) };
    if data.is_null() {
        return None;
    }

    // SAFETY: The data is set, by `pci::Adapter` after a successful probe, hence of this type. By
    // the safety requirements of this function it is not freed meanwhile, which is after unbinding.
    Some(unsafe { dev.as_ref().drvdata_borrow::<T::Data<'a>>() })
}

/// Declares a kernel module that exposes a single PCI driver with error handlers, power management
/// and SR-IOV callbacks, and has a debugfs directory of its own
/// ([`crate::pci::module_dir::module_dir`]).
///
/// Takes the arguments of the kernel crate's `module_pci_driver!`. The crate must have this library
/// as its modules `pci`, `guard` and `recovery`.
///
/// # Examples
///
/// ```
/// # use kernel::{device::Core, pci::{Device, Driver, IdTable}, prelude::*};
/// # use pci_recovery::{module_recoverable_pci_driver, pci, pci_device_table};
/// # struct MyDriver;
/// # pci_device_table!(IDS, <MyDriver as Driver>::IdInfo, [(pci::device_id(0x1234, 0x11e8), ())]);
/// # impl Driver for MyDriver {
/// #     type IdInfo = ();
/// #     type Data<'bound> = ();
/// #     const ID_TABLE: IdTable<Self::IdInfo> = &IDS;
/// #     fn probe<'bound>(
/// #         _dev: &'bound Device<Core<'_>>,
/// #         _info: pci::ProbeInfo<'bound, Self::IdInfo>,
/// #     ) -> impl PinInit<(), Error> + 'bound {
/// #         Ok(())
/// #     }
/// # }
/// # #[vtable]
/// # impl pci::ErrorHandler for MyDriver {}
/// # #[vtable]
/// # impl pci::PmOps for MyDriver {}
/// # #[vtable]
/// # impl pci::SriovOps for MyDriver {}
/// module_recoverable_pci_driver! {
///     type: MyDriver,
///     name: "my_driver",
///     authors: ["Author name"],
///     description: "Description",
///     license: "GPL",
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! module_recoverable_pci_driver {
    (type: $type:ty, $($rest:tt)*) => {
        /// The module: its driver, and its directory in debugfs.
        #[::kernel::prelude::pin_data]
        struct DriverModule {
            // Dropped in this order: every function is unbound before the directory is removed.
            #[pin]
            _driver: ::kernel::driver::Registration<$crate::pci::Adapter<$type>>,
            _debugfs: $crate::pci::module_dir::ModuleDir,
        }

        impl ::kernel::InPlaceModule for DriverModule {
            fn init(
                module: &'static ::kernel::ThisModule,
            ) -> impl ::pin_init::PinInit<Self, ::kernel::error::Error> {
                let name = <Self as ::kernel::ModuleMetadata>::NAME;
                ::pin_init::pin_init_scope(move || {
                    // SAFETY: The module's init runs once, and first.
                    let debugfs = unsafe { $crate::pci::module_dir::ModuleDir::new(name) }?;

                    Ok(::kernel::try_pin_init!(Self {
                        _driver <- ::kernel::driver::Registration::new(name, module),
                        _debugfs: debugfs,
                    }? ::kernel::error::Error))
                })
            }
        }

        ::kernel::prelude::module! {
            type: DriverModule,
            $($rest)*
        }
    };
}
