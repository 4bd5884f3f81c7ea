// SPDX-License-Identifier: GPL-2.0-only

//! QEMU's `edu` device (docs/specs/edu.rst): its registers and its requests.
//!
//! One request at a time. Each ends with an answer or with an errno:
//!
//! | errno | | retry |
//! |---|---|---|
//! | `EAGAIN` | I/O is stopped, or was while the device worked: recovery, reset, suspend | yes |
//! | `ETIMEDOUT` | there was no interrupt within 5 s | yes |
//! | `EIO` | a register reads all-ones: the device is gone, and recovery has not begun yet | yes |
//! | `ENODEV` | recovery has failed, or the driver is unbound | after a reset, or bound again |
//! | `EINTR` | a signal | as the caller likes |

use kernel::{
    device::Core,
    dma::DmaMask,
    io::Io,
    new_mutex,
    pci::Device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    }, //
};

use super::gate::{
    Gate,
    Passage, //
};
use crate::pci::{
    request_msi,
    DevresBar,
    DmaBuffer, //
};

const ID: usize = 0x00;
/// Returns the complement of what was written.
const LIVENESS: usize = 0x04;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const INTERRUPT_ACK: usize = 0x64;
// The device takes accesses of 4 bytes here, too; no address has more, see `ADDRESSES`.
const DMA_SOURCE: usize = 0x80;
const DMA_DESTINATION: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;
const REGISTERS: usize = 0xa0;

/// The rest is the version.
const ID_EDU: u32 = 0xed;
const STATUS_COMPUTING: u32 = 0x01;
const STATUS_INTERRUPT: u32 = 0x80;
const INTERRUPT_FACTORIAL: u32 = 0x001;
const INTERRUPT_DMA: u32 = 0x100;
const DMA_START: u32 = 0x1;
const DMA_TO_RAM: u32 = 0x2;
const DMA_INTERRUPT: u32 = 0x4;

/// Addresses that the device's DMA can reach, unless QEMU's option `dma_mask` says more.
const ADDRESSES: DmaMask = DmaMask::new::<28>();
/// It has to say so much where the memory of the machine begins above those.
const ADDRESSES_ABOVE: DmaMask = DmaMask::new::<32>();
/// Where its own memory is, for its DMA.
const DEVICE_MEMORY: u32 = 0x40000;

/// How many bytes go to the device and back.
pub const BYTES: usize = 256;

/// The device.
#[pin_data]
pub struct Edu {
    dev: ARef<Device>,
    bar: DevresBar<REGISTERS>,
    gate: Arc<Gate>,
    /// One request at a time, which has the buffer.
    #[pin]
    request: Mutex<DmaBuffer<BYTES>>,
}

impl Edu {
    /// Maps the device and switches its interrupt on. I/O is stopped until [`Edu::start`].
    ///
    /// Context: probe, with the function enabled.
    ///
    /// # Errors
    ///
    /// `EBUSY` where somebody has the registers; those of [`DmaBuffer::new`] and [`request_msi`].
    pub fn new(dev: &Device<Core<'_>>, name: &'static CStr) -> Result<Arc<Self>> {
        let buffer = match DmaBuffer::new(dev, ADDRESSES) {
            Err(error) if error == EIO => DmaBuffer::new(dev, ADDRESSES_ABOVE)?,
            buffer => buffer?,
        };
        let bar = dev.iomap_region_sized(0, name)?.into_devres()?;
        let gate = Gate::new()?;
        request_msi(dev, name, gate.clone())?;
        Arc::pin_init(
            pin_init!(Self {
                dev: ARef::from(dev),
                bar,
                gate,
                request <- new_mutex!(buffer),
            }),
            GFP_KERNEL,
        )
    }

    fn read(&self, register: usize) -> Result<u32> {
        let bar = self.bar.try_access().ok_or(ENODEV)?;
        match bar.try_read32(register)? {
            u32::MAX => Err(EIO),
            value => Ok(value),
        }
    }

    fn write(&self, register: usize, value: u32) -> Result {
        let bar = self.bar.try_access().ok_or(ENODEV)?;
        bar.try_write32(value, register)
    }

    /// Starts I/O, if the device is alive.
    ///
    /// # Errors
    ///
    /// `EIO` where it is not, with one line in the log; I/O stays stopped.
    pub fn start(&self) -> Result {
        const QUESTION: u32 = 0x5aa5_0ff0;

        self.gate
            .open(|| {
                self.write(LIVENESS, QUESTION)?;
                if self.read(LIVENESS)? == !QUESTION && self.read(ID)? & 0xff == ID_EDU {
                    Ok(())
                } else {
                    Err(EIO)
                }
            })
            .inspect(|()| dev_info!(self.dev, "alive\n"))
            .inspect_err(|error| dev_err!(self.dev, "not alive: {:?}\n", error))
    }

    /// Stops I/O: when this returns, no access to the registers is left.
    pub fn stop(&self) {
        self.gate.close();
    }

    /// Stops I/O for good; after [`Edu::stop`] it is started again.
    pub fn give_up(&self) {
        self.gate.give_up();
    }

    /// How many interrupts there were.
    pub fn interrupts(&self) -> u64 {
        self.gate.interrupts()
    }

    /// Returns the factorial of `n`, modulo 2^32, as the device computes it.
    pub fn factorial(&self, n: u32) -> Result<u32> {
        let _buffer = self.request.lock();
        let mut passage = self.begin()?;
        self.write(STATUS, STATUS_INTERRUPT)?;
        self.run(&mut passage, FACTORIAL, n, INTERRUPT_FACTORIAL)?;
        self.read(FACTORIAL)
    }

    /// Sends `bytes` to the device's memory by DMA; returns what is fetched from there by DMA.
    pub fn round_trip(&self, bytes: &[u8; BYTES]) -> Result<[u8; BYTES]> {
        let mut buffer = self.request.lock();
        let mut passage = self.begin()?;
        // No address is above `ADDRESSES`.
        let ram = u32::try_from(buffer.address())?;
        buffer.write(bytes);
        self.transfer(&mut passage, ram, DEVICE_MEMORY, 0)?;
        buffer.write(&[0; BYTES]);
        self.transfer(&mut passage, DEVICE_MEMORY, ram, DMA_TO_RAM)?;
        Ok(buffer.read())
    }

    fn transfer(&self, passage: &mut Passage<'_>, from: u32, to: u32, direction: u32) -> Result {
        self.write(DMA_SOURCE, from)?;
        self.write(DMA_DESTINATION, to)?;
        self.write(DMA_COUNT, BYTES as u32)?;
        let command = DMA_START | DMA_INTERRUPT | direction;
        self.run(passage, DMA_COMMAND, command, INTERRUPT_DMA)
    }

    /// Waits until the device is idle: a request that was given up may still be at work in it.
    fn begin(&self) -> Result<Passage<'_>> {
        let mut passage = self.gate.enter()?;
        passage.wait(|_| {
            Ok(self.read(STATUS)? & STATUS_COMPUTING == 0
                && self.read(DMA_COMMAND)? & DMA_START == 0)
        })?;
        // No request waits for those now.
        self.write(INTERRUPT_ACK, self.read(INTERRUPT_STATUS)?)?;
        Ok(passage)
    }

    /// Writes what makes the device work, and waits for its interrupt, whose bit is `interrupt`.
    fn run(
        &self,
        passage: &mut Passage<'_>,
        register: usize,
        value: u32,
        interrupt: u32,
    ) -> Result {
        let before = passage.interrupts();
        self.write(register, value)?;
        passage
            .wait(|now| Ok(now != before && self.read(INTERRUPT_STATUS)? & interrupt != 0))
            .inspect_err(|&error| {
                if error == ETIMEDOUT {
                    dev_warn!(
                        self.dev,
                        "no interrupt; interrupt status {:#x}\n",
                        self.read(INTERRUPT_STATUS).unwrap_or(u32::MAX)
                    );
                }
            })?;
        self.write(INTERRUPT_ACK, interrupt)
    }
}
