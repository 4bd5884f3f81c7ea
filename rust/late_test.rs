// SPDX-License-Identifier: GPL-2.0-only

//! For tests: a driver whose work item comes when the function is no longer its own.
//!
//! When it is unbound, it leaves a work behind that wants to restore the known-good state a moment
//! later, and logs the result.

use kernel::{
    device::Core,
    driver::Registration,
    pci::Device,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    workqueue,
    InPlaceModule,
    ModuleMetadata, //
};

pub mod guard;
pub mod pci;
pub mod recovery;

use self::{
    pci::{
        try_lock,
        Adapter,
        Binding,
        ErrorHandler,
        LockScope,
        PmOps,
        ProbeInfo,
        SriovOps, //
    },
    recovery::{
        FirstSave,
        Recovery, //
    },
};

/// How much later the work comes.
const LATE: Delta = Delta::from_millis(1500);

/// How often it is looked whether there is work, when the module is unloaded; and what the last
/// instructions of a work may take.
const PAUSE: Delta = Delta::from_millis(100);

/// Works that have not come to their end.
static WORKS: Atomic<i32> = Atomic::new(0);

struct LateTest;

struct Data {
    recovery: Arc<Recovery>,
    binding: Binding,
}

impl Data {
    fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        recovery::prepare(dev)?;
        pci::enable(dev)?;
        Ok(Self {
            recovery: Recovery::new(dev, FirstSave::AsIs)?,
            binding: Binding::new(dev)?,
        })
    }

    /// Leaves the work behind.
    fn leave_work(&self) -> Result {
        let (recovery, binding) = (self.recovery.clone(), self.binding.clone());
        WORKS.fetch_add(1, Full);
        workqueue::system_unbound()
            .try_spawn(GFP_KERNEL, move || {
                fsleep(LATE);
                restore(&recovery, &binding);
                drop((recovery, binding));
                WORKS.fetch_sub(1, Full);
            })
            .inspect_err(|_| {
                WORKS.fetch_sub(1, Full);
            })?;
        Ok(())
    }
}

fn restore(recovery: &Recovery, binding: &Binding) {
    let result = try_lock(binding, LockScope::Function, |dev| recovery.restore(dev));
    dev_info!(binding.device(), "late restore: {:?}\n", result);
}

pci_device_table!(
    PCI_TABLE,
    <LateTest as kernel::pci::Driver>::IdInfo,
    // Matches no device: binds by `driver_override` only. A table must not be empty.
    [(pci::device_id(0, 0), ())]
);

impl kernel::pci::Driver for LateTest {
    type IdInfo = ();
    type Data<'bound> = Data;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Data, Error> + 'bound {
        Data::new(dev)
    }

    fn unbind<'bound>(dev: &'bound Device<Core<'_>>, this: Pin<&Data>) {
        if this.leave_work().is_err() {
            dev_err!(dev, "no memory for the work\n");
        }
    }
}

#[vtable]
impl ErrorHandler for LateTest {}

#[vtable]
impl PmOps for LateTest {}

#[vtable]
impl SriovOps for LateTest {}

/// Dropped in this order: what is bound is unbound, then the works end.
///
/// Public, as each module type where `recovery` gives callbacks to drivers.
#[pin_data]
pub struct LateModule {
    #[pin]
    _driver: Registration<Adapter<LateTest>>,
    _works: Works,
}

/// Waits for the works when it is dropped: they are of this module.
struct Works;

impl Drop for Works {
    fn drop(&mut self) {
        while WORKS.load(Acquire) != 0 {
            fsleep(PAUSE);
        }
        fsleep(PAUSE);
    }
}

impl InPlaceModule for LateModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _driver <- Registration::new(<Self as ModuleMetadata>::NAME, module),
            _works: Works,
        })
    }
}

module! {
    type: LateModule,
    name: "late_test",
    authors: ["The pci-recovery developers"],
    description: "FOR TESTS ONLY: comes back to a function when it is no longer its own",
    license: "GPL",
}
