// SPDX-License-Identifier: GPL-2.0-only

//! A PCI driver that recovers any function from errors, and never saves poison.
//!
//! It drives nothing: it binds to a function by `driver_override` (and by ID to two of QEMU's test
//! devices), keeps the function's known-good state, and guards every path by which Linux can lose
//! it. A driver with work to do has I/O to stop and to start, see `edu_recovery.rs`.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    sync::Arc, //
};

pub mod guard;
pub mod pci;
pub mod recovery;

use self::{
    pci::{
        ChannelState,
        Exclusive,
        ProbeInfo,
        SriovOps, //
    },
    recovery::{
        Files,
        FirstSave,
        OnRefusal,
        Recoverable,
        Recovery, //
    },
};

struct RecoveryDriver;

/// What the driver keeps of a function. Dropped in this order.
struct Data {
    _files: Files,
    recovery: Arc<Recovery>,
}

pci_device_table!(
    PCI_TABLE,
    <RecoveryDriver as kernel::pci::Driver>::IdInfo,
    [
        // QEMU's pci-testdev and edu.
        (pci::device_id(0x1b36, 0x0005), ()),
        (pci::device_id(0x1234, 0x11e8), ())
    ]
);

impl Data {
    fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        recovery::prepare(dev)?;
        pci::enable(dev)?;

        let first_save = if pci::parameter_is_set(&module_parameters::reset_on_probe) {
            FirstSave::AfterReset
        } else {
            FirstSave::AsIs
        };
        let recovery = Recovery::new(dev, first_save)?;
        Ok(Self {
            _files: Files::new(dev, recovery.clone())?,
            recovery,
        })
    }
}

impl kernel::pci::Driver for RecoveryDriver {
    type IdInfo = ();
    type Data<'bound> = Data;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Data, Error> + 'bound {
        Data::new(dev)
    }
}

impl Recoverable for RecoveryDriver {
    const RUNTIME_PM: bool = true;

    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, _this: Pin<&Data>, _state: ChannelState) {}

    fn start(_dev: Exclusive<'_>, _this: Pin<&Data>) -> Result {
        Ok(())
    }

    fn on_refusal() -> OnRefusal {
        if pci::parameter_is_set(&module_parameters::abort_suspend) {
            OnRefusal::Abort
        } else {
            OnRefusal::Continue
        }
    }
}

#[vtable]
impl SriovOps for RecoveryDriver {
    fn sriov_configure(dev: &Device<Core<'_>>, this: Pin<&Data>, num_vfs: u16) -> Result<u16> {
        this.recovery.sriov_configure(dev, num_vfs)
    }

    fn physfn_reset_done(dev: Exclusive<'_>, this: Pin<&Data>) {
        this.recovery.physfn_reset_done(dev);
    }
}

module_recoverable_pci_driver! {
    type: RecoveryDriver,
    name: "pci_recovery",
    authors: ["The pci-recovery developers"],
    description: "Recovers PCI functions, from a known-good state that no loss can poison",
    license: "GPL",
    params: {
        reset_on_probe: u8 {
            default: 0,
            description: "Reset the function in probe, before its first save (0 or 1, default: 0)",
        },
        abort_suspend: u8 {
            default: 0,
            description: "Abort the suspend when a save is refused (0 or 1, default: 0)",
        },
    },
}
