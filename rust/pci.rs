// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel crate's `pci` module lacks for error recovery, one concern a file.
//!
//! A driver uses the items that are re-exported here; the modules are where they are explained.
//!
//! Each file could be sent upstream to `rust/kernel/pci/`. What would be an inherent method of
//! `pci::Device` there is a method of an extension trait here, since a module cannot add methods to
//! a type of another crate.
//!
//! | concern | file | C |
//! |---|---|---|
//! | error handlers | [`err`] | `struct pci_error_handlers` |
//! | power management callbacks | [`pm`] | `struct dev_pm_ops` |
//! | transitions between power states | [`power`] | `pci_prepare_to_sleep()` |
//! | not to be suspended at run time | `runtime`, private | `pm_runtime_get_sync()` |
//! | who is alone with a function | [`context`] | the device lock, runtime PM |
//! | saved state | [`state`] | `pci_save_state()`, `pci_store_saved_state()` |
//! | room for Virtual Channels in it | [`channels`] | `pci_save_vc_state()` |
//! | virtual functions | [`sriov`] | `struct pci_driver` |
//! | the core's side of them | `iov`, private | `pci_enable_sriov()` |
//! | resets | [`reset`] | `pci_reset_function_locked()`, `pcie_reset_flr()` |
//! | enabling, and disabling again | [`mod@enable`] | `pci_enable_device_mem()` |
//! | what Command takes | [`command`] | `PCI_COMMAND` |
//! | one interrupt | [`irq`] | `request_threaded_irq()` |
//! | memory shared with the function | [`dma`] | `dma_alloc_coherent()` |
//! | a workqueue of one's own | [`queue`] | `alloc_workqueue()` |
//! | drivers that judge what they save | [`judge`] | `struct device_driver` |
//! | device lock taken by one's own code | [`lock`] | `pci_dev_trylock()` |
//! | facts about the function | [`info`] | `struct pci_dev` |
//! | registers read for checking | [`config`] | `pci_read_config_dword()` |
//! | functions that come, go, and change drivers | [`watch`] | `bus_register_notifier()` |
//! | uevents | [`uevent`] | `kobject_uevent_env()` |
//! | debugfs files for root, which keep the module loaded | [`debugfs`] | `debugfs_create_file()` |
//! | one debugfs directory for the module | [`module_dir`] | `debugfs_create_dir()` |
//! | device IDs by number | [`id`] | `PCI_DEVICE()` |
//! | a C vtable of what a driver implements | `vtable`, private | |
//! | registration | [`adapter`] | `struct pci_driver` |
//! | what differs between kernels | [`compat`] | |
//! | the function that KUnit tests run on | `kunit`, in `kunit_recovery.ko` only | `struct kunit` |
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

#[macro_use]
mod vtable;

pub mod adapter;
pub mod channels;
pub mod command;
pub mod compat;
pub mod config;
pub mod context;
pub mod debugfs;
pub mod dma;
pub mod enable;
pub mod err;
pub mod id;
pub mod info;
mod iov;
pub mod irq;
pub mod judge;
#[cfg(KUNIT_RECOVERY)]
pub mod kunit;
pub mod lock;
pub mod module_dir;
pub mod pm;
pub mod power;
pub mod ptm;
pub mod queue;
pub mod reset;
mod runtime;
pub mod sriov;
pub mod state;
pub mod uevent;
pub mod watch;

pub use self::{
    adapter::Adapter,
    channels::Channels,
    command::Command,
    compat::{
        parameter_is_set,
        DevresBar,
        ProbeInfo, //
    },
    config::Config,
    context::Exclusive,
    dma::DmaBuffer,
    enable::enable,
    err::{
        has_slot_reset,
        Channel,
        ChannelState,
        ErrorHandler,
        ErsResult, //
    },
    id::device_id,
    info::{
        BarResource,
        BarResourceKind,
        BridgeWindow,
        Info,
        WindowResource, //
    },
    irq::{
        request_msi,
        request_msix,
        IrqHandler, //
    },
    lock::{
        try_lock,
        Binding,
        LockScope, //
    },
    pm::PmOps,
    power::Power,
    ptm::Ptm,
    queue::OwnedQueue,
    reset::{
        Flr,
        Reset, //
    },
    sriov::{
        Sriov,
        SriovControl,
        SriovOps, //
    },
    state::{
        SavedCapability,
        SavedCapabilityMut,
        SavedState,
        State, //
    },
};

use kernel::{
    bindings,
    device::DeviceContext,
    pci::Device, //
};

/// Returns the `struct pci_dev` behind `dev`.
fn as_raw<Ctx: DeviceContext>(dev: &Device<Ctx>) -> *mut bindings::pci_dev {
    // CAST: `pci::Device` is a `#[repr(transparent)]` wrapper of `Opaque<struct pci_dev>`, and
    // `Opaque` is one of `UnsafeCell`.
    core::ptr::from_ref(dev).cast_mut().cast()
}
