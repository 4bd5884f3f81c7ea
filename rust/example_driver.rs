// SPDX-License-Identifier: GPL-2.0-only

//! How a driver of your own uses the library: a complete driver for QEMU's `edu` device.
//!
//! Copy `pci.rs`, `guard.rs`, `recovery.rs` and their folders next to your crate root, declare the
//! three modules, keep a [`Recovery`] in the private data, and call it from the callbacks. What is
//! particular to the device stays yours: here, stopping I/O while recovery runs, and checking that
//! the device is alive before it starts again.

use kernel::{
    device::{
        Bound,
        Core, //
    },
    io::Io,
    pci::{
        Bar,
        Device, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

pub mod guard;
pub mod pci;
pub mod recovery;

use self::{
    pci::{
        ChannelState,
        Enabled,
        ErrorHandler,
        ErsResult,
        Exclusive,
        PmOps,
        ProbeInfo,
        SriovOps, //
    },
    recovery::{
        Files,
        FirstSave,
        OnRefusal,
        Recovery, //
    },
};

/// Registers of `edu` (QEMU, docs/specs/edu.rst).
const LIVENESS: usize = 0x04;
const REGISTERS: usize = 0x08;

struct ExampleDriver;

struct Data<'bound> {
    _files: Files,
    recovery: Arc<Recovery>,
    /// Nothing may touch the registers while this is not set.
    running: Atomic<bool>,
    bar: Bar<'bound, REGISTERS>,
    dev: &'bound Device<Bound>,
    _enabled: Enabled<'bound>,
}

impl<'bound> Data<'bound> {
    fn new(dev: &'bound Device<Core<'_>>) -> Result<Self> {
        recovery::prepare(dev)?;
        let enabled = Enabled::new(dev)?;
        let bar = dev.iomap_region_sized::<REGISTERS>(0, c"example_driver")?;

        // Last: what is enabled and configured by now is what is kept.
        let recovery = Recovery::new(dev, FirstSave::AsIs)?;
        let this = Self {
            _files: Files::new(dev, recovery.clone())?,
            recovery,
            running: Atomic::new(false),
            bar,
            dev,
            _enabled: enabled,
        };
        this.start()?;
        Ok(this)
    }

    /// Starts I/O, if the device is alive: it returns the complement of what was written.
    fn start(&self) -> Result {
        const QUESTION: u32 = 0x5aa5_0ff0;

        self.bar.write32(QUESTION, LIVENESS);
        let answer = self.bar.read32(LIVENESS);
        if answer != !QUESTION {
            dev_err!(self.dev, "not alive, LIVENESS reads {:#010x}\n", answer);
            return Err(EIO);
        }
        self.running.store(true, Relaxed);
        dev_info!(self.dev, "alive\n");
        Ok(())
    }

    /// Stops I/O.
    fn stop(&self) {
        self.running.store(false, Relaxed);
    }
}

pci_device_table!(
    PCI_TABLE,
    <ExampleDriver as kernel::pci::Driver>::IdInfo,
    [(pci::device_id(0x1234, 0x11e8), ())]
);

impl kernel::pci::Driver for ExampleDriver {
    type IdInfo = ();
    type Data<'bound> = Data<'bound>;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Data<'bound>, Error> + 'bound {
        Data::new(dev)
    }
}

#[vtable]
impl ErrorHandler for ExampleDriver {
    fn error_detected(dev: &Device, this: Pin<&Data<'_>>, state: ChannelState) -> ErsResult {
        this.stop();
        this.recovery.error_detected(dev, state)
    }

    fn mmio_enabled(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> ErsResult {
        this.recovery.mmio_enabled(dev)
    }

    fn slot_reset(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> ErsResult {
        this.recovery.slot_reset(dev)
    }

    fn resume(_dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) {
        this.recovery.resume();
        // An error is in the log; I/O stays stopped.
        let _ = this.start();
    }

    fn reset_prepare(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) {
        this.stop();
        this.recovery.reset_prepare(dev);
    }

    fn reset_done(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) {
        this.recovery.reset_done(dev);
        let _ = this.start();
    }
}

#[vtable]
impl PmOps for ExampleDriver {
    fn suspend(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.stop();
        this.recovery.suspend(dev, OnRefusal::Continue)
    }

    fn resume(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.pm_resume(dev);
        this.start()
    }

    fn freeze(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.stop();
        this.recovery.freeze(dev, OnRefusal::Continue)
    }

    fn thaw(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.thaw(dev);
        this.start()
    }

    fn poweroff(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.stop();
        this.recovery.poweroff(dev);
        Ok(())
    }

    fn restore(dev: &Device<Core<'_>>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.pm_restore(dev);
        this.start()
    }

    fn suspend_noirq(dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.suspend_noirq(dev)
    }

    fn resume_noirq(dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.resume_noirq(dev);
        Ok(())
    }

    fn freeze_noirq(dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.freeze_noirq(dev)
    }

    fn thaw_noirq(dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.thaw_noirq(dev);
        Ok(())
    }

    fn restore_noirq(dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.recovery.restore_noirq(dev);
        Ok(())
    }
}

// It has no virtual functions.
#[vtable]
impl SriovOps for ExampleDriver {}

module_recoverable_pci_driver! {
    type: ExampleDriver,
    name: "example_driver",
    authors: ["The pci-recovery developers"],
    description: "Example: a driver for QEMU's edu device that keeps a known-good state",
    license: "GPL",
}
