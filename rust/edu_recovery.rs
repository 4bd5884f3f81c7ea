// SPDX-License-Identifier: GPL-2.0-only

//! How a driver of your own uses the library: a complete driver for QEMU's `edu` device.
//!
//! Copy `pci.rs`, `guard.rs`, `recovery.rs` and their folders next to your crate root, and the flag
//! of Kbuild that names the kernel (docs/library.md); declare the three modules, keep a
//! [`Recovery`] in the private data, and be [`Recoverable`]. What is particular to the device stays
//! yours: here, stopping I/O while recovery runs, and checking that the device is alive before it
//! starts again. No request is lost: each ends with an answer, or with an errno that says whether
//! to make it again.
//!
//! | file | |
//! |---|---|
//! | `edu_recovery.rs` | this one: probe, stop and start |
//! | `edu_recovery/device.rs` | the device: registers, requests, errnos |
//! | `edu_recovery/gate.rs` | how I/O is stopped, and how a request waits for its interrupt |
//! | `edu_recovery/load.rs` | a load of requests, for tests |

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    sync::Arc, //
};

#[path = "edu_recovery/device.rs"]
pub mod device;
#[path = "edu_recovery/gate.rs"]
pub mod gate;
pub mod guard;
#[path = "edu_recovery/load.rs"]
pub mod load;
pub mod pci;
pub mod recovery;

use self::{
    device::Edu,
    load::Load,
    pci::{
        ChannelState,
        Exclusive,
        ProbeInfo,
        SriovOps, //
    },
    recovery::{
        Files,
        FirstSave,
        Recoverable,
        Recovery, //
    },
};

struct EduDriver;

/// What the driver keeps of a function. Dropped in this order.
struct Data {
    /// With the load of requests, which ends here.
    _files: Files<Load>,
    recovery: Arc<Recovery>,
    edu: Arc<Edu>,
}

impl Data {
    fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        recovery::prepare(dev)?;
        pci::enable(dev)?;
        let edu = Edu::new(dev, c"edu_recovery")?;

        // Last: what is enabled and configured by now is what is kept.
        let recovery = Recovery::new(dev, FirstSave::AsIs)?;
        let load = Load::new(edu.clone())?;
        let files = Files::with(dev, recovery.clone(), load, Load::add_files)?;
        edu.start()?;
        Ok(Self {
            _files: files,
            recovery,
            edu,
        })
    }
}

pci_device_table!(
    PCI_TABLE,
    <EduDriver as kernel::pci::Driver>::IdInfo,
    [(pci::device_id(0x1234, 0x11e8), ())]
);

impl kernel::pci::Driver for EduDriver {
    type IdInfo = ();
    type Data<'bound> = Data;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Data, Error> + 'bound {
        Data::new(dev)
    }

    fn unbind<'bound>(_dev: &'bound Device<Core<'_>>, this: Pin<&Data>) {
        this.edu.give_up();
    }
}

impl Recoverable for EduDriver {
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, this: Pin<&Data>, state: ChannelState) {
        match state {
            ChannelState::PermanentFailure => this.edu.give_up(),
            _ => this.edu.stop(),
        }
    }

    /// An error is in the log; I/O stays stopped.
    fn start(_dev: Exclusive<'_>, this: Pin<&Data>) -> Result {
        this.edu.start()
    }
}

// It has no virtual functions.
#[vtable]
impl SriovOps for EduDriver {}

module_recoverable_pci_driver! {
    type: EduDriver,
    name: "edu_recovery",
    authors: ["The pci-recovery developers"],
    description: "Drives QEMU's edu device; no request is lost to errors, resets and suspends",
    license: "GPL",
}
