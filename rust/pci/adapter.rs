// SPDX-License-Identifier: GPL-2.0-only

//! Registration of PCI drivers with error handlers, power management and SR-IOV callbacks.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_driver`.

use kernel::{
    bindings,
    device::{
        Core,
        CoreInternal, //
    },
    driver,
    error::{
        from_result,
        to_result, //
    },
    pci::{
        self,
        Device, //
    },
    prelude::*,
    types::Opaque,
    ThisModule, //
};

use super::{
    compat,
    enable,
    err::{
        ErrorHandler,
        Handlers, //
    },
    judge,
    pm::{
        Callbacks,
        PmOps, //
    },
    power,
    runtime,
    sriov::{
        self,
        SriovControl,
        SriovOps, //
    }, //
};

/// Registers a PCI driver that has [`ErrorHandler`], [`PmOps`] and [`SriovOps`]
/// (`pci_register_driver()`, `struct pci_driver`).
///
/// As the kernel crate's [`pci::Adapter`], whose private data and layout it shares, and more:
///
/// * The callbacks of the three traits are called, where the driver has them.
/// * The driver's directory in sysfs says that it keeps a known-good state
///   ([`judge`]).
/// * When the driver is unbound, and when its probe has failed, the function is no bus master any
///   more before anything that it could write to is freed.
/// * The PCI core's runtime PM reference is given up while the driver is bound, if it has
///   [`PmOps::runtime_suspend`], and no virtual functions are left when it is unbound, if it has
///   [`SriovOps::sriov_configure`].
///
/// A driver need not name it:
/// [`module_recoverable_pci_driver!`](crate::module_recoverable_pci_driver) registers it.
pub struct Adapter<T: ErrorHandler + PmOps + SriovOps>(T);

/// The kernel crate's adapter.
type Inner<T> = pci::Adapter<T>;

impl<T: ErrorHandler + PmOps + SriovOps> Adapter<T> {
    /// # Safety
    ///
    /// Must be called by the PCI core only, of a driver that is registered with `T`: `pdev` is
    /// valid, its device lock is held, and `id` is what of `T`'s table it was matched by, or a
    /// dynamic one.
    unsafe extern "C" fn probe(
        pdev: *mut bindings::pci_dev,
        id: *const bindings::pci_device_id,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function.
        let dev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };
        // SAFETY: By the safety requirements of this function.
        let info = unsafe { compat::probe_info::<T>(id) };

        from_result(|| {
            // A callback that comes before this has returned finds no data, and refuses or does
            // nothing.
            let core: &Device<Core<'_>> = dev;
            dev.as_ref()
                .set_drvdata(T::probe(core, info))
                .inspect_err(|_| enable::end(core))?;

            if T::HAS_SRIOV_CONFIGURE {
                sriov::keep_active(core);
            }
            // Not before the data is stored: the callbacks of runtime PM run without the device
            // lock. Those that run from now on see it, since the PM core drops the reference by an
            // operation that orders the two.
            if T::HAS_RUNTIME_SUSPEND {
                runtime::give_up_reference(core);
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// Must be called by the PCI core only, after a successful [`Self::probe`]: `pdev` is valid,
    /// and its device lock is held.
    unsafe extern "C" fn remove(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the safety requirements of this function.
        let dev = unsafe { &*pdev.cast::<Device<CoreInternal<'_>>>() };
        let core: &Device<Core<'_>> = dev;

        if T::HAS_SRIOV_CONFIGURE {
            // The drivers of virtual functions may need this one's data until they are unbound.
            core.disable_sriov();
        }
        if T::HAS_RUNTIME_SUSPEND {
            runtime::take_back_reference(core);
        }
        // SAFETY: `probe` has stored it, and it is freed after this, by `Registration`.
        T::unbind(core, unsafe {
            dev.as_ref().drvdata_borrow::<T::Data<'_>>()
        });

        // The core's reference keeps the function awake until this returns, and no longer; what
        // it saves then must not be that of a bus master.
        power::disarm(&core.into());
        enable::end(core);
    }
}

// SAFETY: The same layout as `pci::Adapter<T>`, which this delegates to.
unsafe impl<T: ErrorHandler + PmOps + SriovOps> driver::DriverLayout for Adapter<T> {
    type DriverType = <Inner<T> as driver::DriverLayout>::DriverType;
    type DriverData<'bound> = <Inner<T> as driver::DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = <Inner<T> as driver::DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: `unregister` delegates to `pci::Adapter<T>`, which does what ends `register`.
unsafe impl<T: ErrorHandler + PmOps + SriovOps> driver::RegistrationOps for Adapter<T> {
    unsafe fn register(
        pdrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: It is safe to set fields of `struct pci_driver` before it is registered. The
        // vtables and the table are `'static`. Only these fields are written: the rest is
        // `driver`'s.
        unsafe {
            (*pdrv.get()).name = name.as_char_ptr();
            (*pdrv.get()).probe = Some(Self::probe);
            (*pdrv.get()).remove = Some(Self::remove);
            (*pdrv.get()).id_table = T::ID_TABLE.as_ptr();
            (*pdrv.get()).sriov_configure = sriov::Callbacks::<T>::SRIOV_CONFIGURE;
            (*pdrv.get()).err_handler = Handlers::<T>::as_ptr();
            (*pdrv.get()).driver.pm = Callbacks::<T>::as_ptr();
            (*pdrv.get()).groups = judge::groups();
        }

        // SAFETY: By the safety requirements of this function, `pdrv` is valid until it is
        // unregistered.
        to_result(unsafe {
            bindings::__pci_register_driver(pdrv.get(), module.as_ptr(), name.as_char_ptr())
        })
    }

    unsafe fn unregister(pdrv: &Opaque<Self::DriverType>) {
        // SAFETY: By the safety requirements of this function.
        unsafe { <Inner<T> as driver::RegistrationOps>::unregister(pdrv) }
    }
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
        /// The module: its driver, and its directory in debugfs. Public, as what the callbacks that
        /// `Recoverable` gives to a driver belong to.
        #[::kernel::prelude::pin_data]
        pub struct DriverModule {
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
