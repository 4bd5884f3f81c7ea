// SPDX-License-Identifier: GPL-2.0-only

//! For PCI drivers that must survive errors, resets and suspends: what the kernel crate's `pci`
//! module lacks for it, and a known-good state of config space that no loss can poison.
//!
//! A driver copies `pci.rs`, `guard.rs`, `recovery.rs` and their folders next to its crate root and
//! declares the three modules. This crate is for the documentation, and for compiling the examples.
//!
//! Where to look:
//!
//! * to keep a function recoverable: [`recovery::Recoverable`], and [`recovery::Recovery`]
//! * to know in probe that the function is there and not wiped: [`recovery::prepare`]
//! * callbacks of one's own for errors and resets, sleep and runtime power management, SR-IOV:
//!   [`pci::ErrorHandler`], [`pci::PmOps`], [`pci::SriovOps`]
//! * a driver that is registered with them: [`module_recoverable_pci_driver!`],
//!   [`pci_device_table!`]
//! * the function enabled, an interrupt, memory for DMA, a workqueue: [`pci::enable()`],
//!   [`pci::request_msi`], [`pci::DmaBuffer`], [`pci::OwnedQueue`]
//! * the device lock in a file or a work item, while the driver is bound: [`pci::try_lock`],
//!   [`pci::Binding`]
//! * files in debugfs for people to look at: [`recovery::Files`]
//! * to save, restore or reset by rules of your own: [`pci::State`], [`pci::SavedState`],
//!   [`pci::Power`], [`pci::Reset`]
//! * to know why a save was refused: [`guard::Refusal`]
//!
//! # A driver
//!
//! The imports are left out, and what is the device's: to stop its I/O, and to start it.
//! `rust/edu_recovery.rs` of the project is the same with a device.
//!
//! ```
//! # use kernel::{
//! #     device::Core,
//! #     pci::{Device, Driver, IdTable},
//! #     prelude::*,
//! #     sync::Arc,
//! # };
//! # use pci_recovery::{
//! #     module_recoverable_pci_driver, pci, pci_device_table, recovery,
//! #     pci::{ChannelState, Exclusive, SriovOps},
//! #     recovery::{FirstSave, Recoverable, Recovery},
//! # };
//! struct MyDriver;
//!
//! struct Data {
//!     recovery: Arc<Recovery>,
//! }
//!
//! impl Data {
//!     fn new(dev: &Device<Core<'_>>) -> Result<Self> {
//!         recovery::prepare(dev)?;
//!         pci::enable(dev)?; // until it is unbound
//!         // Last: what is enabled and configured by now is what is kept.
//!         let recovery = Recovery::new(dev, FirstSave::AsIs)?;
//!         Ok(Self { recovery })
//!     }
//! }
//! #
//! # pci_device_table!(IDS, <MyDriver as Driver>::IdInfo, [(pci::device_id(0x1234, 0x11e8), ())]);
//! #
//! # impl Driver for MyDriver {
//! #     type IdInfo = ();
//! #     type Data<'bound> = Data;
//! #     const ID_TABLE: IdTable<Self::IdInfo> = &IDS;
//! #     fn probe<'bound>(
//! #         dev: &'bound Device<Core<'_>>,
//! #         _info: pci::ProbeInfo<'bound, Self::IdInfo>,
//! #     ) -> impl PinInit<Data, Error> + 'bound {
//! #         Data::new(dev)
//! #     }
//! # }
//!
//! impl Recoverable for MyDriver {
//!     fn recovery(this: Pin<&Data>) -> &Recovery {
//!         &this.get_ref().recovery
//!     }
//!
//!     fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}
//!
//!     fn start(_dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
//!         Ok(())
//!     }
//! }
//!
//! #[vtable]
//! impl SriovOps for MyDriver {} // no virtual functions
//!
//! module_recoverable_pci_driver! {
//!     type: MyDriver,
//!     name: "my_driver",
//!     license: "GPL",
//! }
//! # fn main() {}
//! ```
//!
//! # What the types say
//!
//! | given | says | given to |
//! |---|---|---|
//! | `&Device` | touch nothing | `stop`, `error_detected`, `cor_error_detected` |
//! | `&Device<Core<'_>>` | the device lock is held | resets, SR-IOV, sleep |
//! | [`Exclusive`](pci::Exclusive) | nobody else uses it | `start`, recovery, noirq, runtime PM |
//!
//! With an `Exclusive` one saves, restores, resets by FLR, and changes the power state; the lock is
//! for all other resets and for virtual functions, too. A `&Device<Core<'_>>` converts into an
//! `Exclusive`, which converts into nothing. A call in the wrong place does not compile,
//! see `rust/tests/compile_fail`.
//!
//! # Errors
//!
//! Each function names its errnos. Those of [`recovery`] stand in a table there.

// kbuild passes this to the compiler; rustdoc drops it where it looks for examples.
#![cfg_attr(doctest, no_std)]

pub mod guard;
pub mod pci;
pub mod recovery;

/// In place of a driver's module, which `#[vtable]` names.
#[doc(hidden)]
pub struct NoModule;

impl kernel::Module for NoModule {
    fn init(_module: &'static kernel::ThisModule) -> kernel::error::Result<Self> {
        Ok(Self)
    }
}

kernel::prelude::module! {
    type: NoModule,
    name: "library",
    license: "GPL",
}
