// SPDX-License-Identifier: GPL-2.0-only

//! For tests of MSI-X after a recovery: a driver for QEMU's `e1000e` that sends nothing.
//!
//! Whenever it starts (bound, recovered, reset, resumed) it has the device fire its one interrupt,
//! and says in the log whether that came. The device's own registers are lost in a reset and are
//! set up by this driver; vector and table are the kernel's, which the known-good state brings
//! back.

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
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

pub mod guard;
pub mod pci;
pub mod recovery;

use self::{
    pci::{
        request_msix,
        ChannelState,
        Exclusive,
        IrqHandler,
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

/// Registers of the 82574 (its datasheet, section 10.2.4).
const ICS: usize = 0xc8;
const IMS: usize = 0xd0;
const EIAC: usize = 0xdc;
const IVAR: usize = 0xe4;
const REGISTERS: usize = 0x100;

/// The cause "receive queue 0", and its field in IVAR: vector 0, valid.
const RXQ0: u32 = 1 << 20;
const RXQ0_IS_VECTOR_0: u32 = 1 << 3;

/// How long an interrupt may take, in steps of a millisecond.
const PATIENCE_MS: usize = 1000;

struct MsixTest;

/// Counts the interrupts.
struct Counter(Atomic<u32>);

impl IrqHandler for Counter {
    fn interrupt(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

struct Data<'bound> {
    _files: Files,
    recovery: Arc<Recovery>,
    counter: Arc<Counter>,
    bar: Bar<'bound, REGISTERS>,
    dev: &'bound Device<Bound>,
}

impl<'bound> Data<'bound> {
    fn new(dev: &'bound Device<Core<'_>>) -> Result<Self> {
        recovery::prepare(dev)?;
        pci::enable(dev)?;
        let bar = dev.iomap_region_sized::<REGISTERS>(0, c"msix_test")?;
        let counter = Arc::new(Counter(Atomic::new(0)), GFP_KERNEL)?;
        request_msix(dev, c"msix_test", counter.clone())?;

        let recovery = Recovery::new(dev, FirstSave::AsIs)?;
        let this = Self {
            _files: Files::new(dev, recovery.clone())?,
            recovery,
            counter,
            bar,
            dev,
        };
        this.start()?;
        Ok(this)
    }

    /// Sets the device up and fires.
    ///
    /// # Errors
    ///
    /// `EIO` where no interrupt comes.
    fn start(&self) -> Result {
        let before = self.counter.0.load(Relaxed);
        self.bar.write32(RXQ0_IS_VECTOR_0, IVAR);
        // The device clears the cause when it has sent the interrupt.
        self.bar.write32(RXQ0, EIAC);
        self.bar.write32(RXQ0, IMS);
        self.bar.write32(RXQ0, ICS);

        for _ in 0..PATIENCE_MS {
            let fired = self.counter.0.load(Relaxed);
            if fired != before {
                dev_info!(self.dev, "interrupt {} came\n", fired);
                return Ok(());
            }
            fsleep(Delta::from_millis(1));
        }
        dev_err!(self.dev, "no interrupt came\n");
        Err(EIO)
    }
}

pci_device_table!(
    PCI_TABLE,
    <MsixTest as kernel::pci::Driver>::IdInfo,
    [(pci::device_id(0x8086, 0x10d3), ())]
);

impl kernel::pci::Driver for MsixTest {
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

impl Recoverable for MsixTest {
    fn recovery<'a>(this: Pin<&'a Data<'_>>) -> &'a Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, _this: Pin<&Data<'_>>, _state: ChannelState) {}

    /// An error is in the log.
    fn start(_dev: Exclusive<'_>, this: Pin<&Data<'_>>) -> Result {
        this.start()
    }
}

#[vtable]
impl SriovOps for MsixTest {}

module_recoverable_pci_driver! {
    type: MsixTest,
    name: "msix_test",
    authors: ["The pci-recovery developers"],
    description: "For tests: does MSI-X work after a recovery of QEMU's e1000e?",
    license: "GPL",
}
