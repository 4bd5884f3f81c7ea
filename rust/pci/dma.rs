// SPDX-License-Identifier: GPL-2.0-only

//! A buffer that the CPU and the function share.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use kernel::{
    bindings,
    device::Core,
    devres,
    dma::{
        Coherent,
        Device as _,
        DmaMask, //
    },
    pci::Device,
    prelude::*,
    sync::Arc, //
};

use super::{
    as_raw,
    compat, //
};

/// `SIZE` bytes of coherent memory (`dma_alloc_coherent()`).
///
/// The memory belongs to the device: wherever the buffer is kept, and whenever it is dropped, the
/// memory is not freed before bus mastering is off, see [`enable`](super::enable()).
pub struct DmaBuffer<const SIZE: usize>(Arc<Coherent<[u8; SIZE]>>);

impl<const SIZE: usize> DmaBuffer<SIZE> {
    /// Sets which addresses the function can reach (`dma_set_mask_and_coherent()`), and
    /// allocates a buffer of zeros there.
    ///
    /// Context: probe.
    ///
    /// # Errors
    ///
    /// `EBUSY` outside of probe, `EIO` where the platform cannot serve the mask, `ENOMEM`.
    pub fn new(dev: &Device<Core<'_>>, mask: DmaMask) -> Result<Self> {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let data = unsafe { bindings::dev_get_drvdata(&raw const (*as_raw(dev)).dev) };
        if !data.is_null() {
            return Err(EBUSY);
        }

        // SAFETY: Nobody allocates at the same time: that takes a `&Device<Bound>`, and where there
        // is no private data, the driver is in its probe. That one has a reference of this
        // lifetime, which no other thread can have been given.
        unsafe { dev.dma_set_mask_and_coherent(mask) }.inspect_err(|error| {
            dev_err!(
                dev,
                "this kernel has no memory for DMA so low (CONFIG_ZONE_DMA?): {:?}\n",
                error
            )
        })?;
        let memory = Arc::new(Coherent::zeroed(dev.as_ref(), GFP_KERNEL)?, GFP_KERNEL)?;
        devres::register(dev.as_ref(), memory.clone(), GFP_KERNEL)?;
        Ok(Self(memory))
    }

    /// The address by which the function finds the buffer (`dma_addr_t`, in bytes).
    pub fn address(&self) -> u64 {
        compat::dma_address(&self.0)
    }

    /// Writes `bytes` to the buffer, one by one.
    ///
    /// Context: any. That the function is not at work in it meanwhile is for the driver to see to.
    pub fn write(&mut self, bytes: &[u8; SIZE]) {
        let buffer = self.0.as_mut_ptr().cast::<u8>();
        for (index, byte) in bytes.iter().enumerate() {
            // SAFETY: `index` is below `SIZE`, the length of the buffer. `&mut self` keeps other
            // threads away. The function may access it at the same time, hence the volatile write.
            unsafe { buffer.add(index).write_volatile(*byte) };
        }
    }

    /// Reads the buffer, byte by byte.
    ///
    /// Context: any, as for [`DmaBuffer::write`].
    pub fn read(&self) -> [u8; SIZE] {
        let buffer = self.0.as_ptr().cast::<u8>();
        // SAFETY: `index` is below `SIZE`, the length of the buffer. Only `&mut self` writes to it.
        // The function may access it at the same time, hence the volatile read.
        core::array::from_fn(|index| unsafe { buffer.add(index).read_volatile() })
    }
}
