// SPDX-License-Identifier: GPL-2.0-only

//! The plain, unguarded save and restore of the PCI core, on request: what a driver that checks
//! nothing does, and what a restore would write.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::Arc, //
};

use super::{
    fault::{
        Access,
        LAST_OFFSET, //
    },
    wrap::Wrapper, //
};

/// A function whose device lock is held.
struct Locked(*mut bindings::pci_dev);

impl Locked {
    /// Waits for the device lock of the function.
    ///
    /// # Errors
    ///
    /// `ENODEV` where the function or its bus is not there any more.
    fn new(wrapper: &Wrapper, devfn: u8) -> Result<Self> {
        if wrapper.is_removed() {
            return Err(ENODEV);
        }
        // SAFETY: The wrapper holds a reference of the bus; the function that is found is returned
        // with a reference.
        let pdev = unsafe { bindings::pci_get_slot(wrapper.bus(), devfn.into()) };
        if pdev.is_null() {
            return Err(ENODEV);
        }
        // SAFETY: A reference of the function is held. Nobody who holds the lock waits for this:
        // the files are removed without it.
        unsafe { bindings::pci_dev_lock(pdev) };
        Ok(Self(pdev))
    }

    /// The error handlers of the function's driver.
    ///
    /// # Errors
    ///
    /// `ENODEV` where it has no driver, or that one no handlers.
    fn handlers(&self) -> Result<&bindings::pci_error_handlers> {
        // SAFETY: The function is valid; its driver does not change while the device lock is held,
        // and one that is bound has valid handlers, or none.
        unsafe {
            let driver = (*self.0).driver;
            if driver.is_null() {
                return Err(ENODEV);
            }
            (*driver).err_handler.as_ref().ok_or(ENODEV)
        }
    }

    fn restore(&self) {
        // SAFETY: The function is valid and its device lock held.
        unsafe { bindings::pci_restore_state(self.0) };
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: Lock and reference were taken in `new()`.
        unsafe {
            bindings::pci_dev_unlock(self.0);
            bindings::pci_dev_put(self.0);
        }
    }
}

/// A register and what it holds, or is to hold.
pub(crate) struct Register {
    pub(crate) offset: u16,
    pub(crate) size: u8,
    pub(crate) value: u32,
}

impl Register {
    fn access(&self, devfn: u8, write: bool) -> Access {
        Access {
            devfn,
            offset: self.offset,
            size: self.size,
            write,
        }
    }
}

/// The offset after the last dword that is not 0.
///
/// # Errors
///
/// As for [`registers`].
pub(crate) fn registers_end(wrapper: &Wrapper, devfn: u8) -> Result<u16> {
    let registers = registers(wrapper, devfn, LAST_OFFSET)?;
    Ok(registers.last().map_or(0, |last| last.offset + 4))
}

/// Reads config space as the hardware has it, past every fault and record: the dwords below `end`
/// that are not 0.
///
/// # Errors
///
/// `ENODEV` where the function is not there, `ENOMEM`.
pub(crate) fn registers(wrapper: &Wrapper, devfn: u8, end: u16) -> Result<KVVec<Register>> {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid.
    let size = unsafe { (*locked.0).cfg_size };
    let mut registers = KVVec::new();
    for offset in (0..end).step_by(4) {
        if c_int::from(offset) >= size {
            break;
        }
        let mut register = Register {
            offset,
            size: 4,
            value: 0,
        };
        register.value = wrapper.read_original(&register.access(devfn, false)).1;
        if register.value != 0 {
            registers.push(register, GFP_KERNEL)?;
        }
    }
    Ok(registers)
}

/// Writes a register of the hardware, past every fault and record.
///
/// # Errors
///
/// `ENODEV` where the function is not there, `EINVAL` where there is no such register, `EIO` where
/// the write fails.
pub(crate) fn set_register(wrapper: &Wrapper, devfn: u8, register: &Register) -> Result {
    let Register { offset, size, .. } = *register;
    if !matches!(size, 1 | 2 | 4) || offset % u16::from(size) != 0 || offset > LAST_OFFSET {
        return Err(EINVAL);
    }
    let locked = Locked::new(wrapper, devfn)?;
    let status = wrapper.write_original(&register.access(devfn, true), register.value);
    drop(locked);
    if status == 0 {
        Ok(())
    } else {
        Err(EIO)
    }
}

/// The functions that are on the bus.
pub(crate) fn functions(wrapper: &Wrapper) -> impl Iterator<Item = u8> + '_ {
    (0..=u8::MAX).filter(|&devfn| {
        // SAFETY: The wrapper holds a reference of the bus; the function that is found is returned
        // with a reference, and `pci_dev_put()` takes null.
        unsafe {
            let pdev = bindings::pci_get_slot(wrapper.bus(), devfn.into());
            bindings::pci_dev_put(pdev);
            !pdev.is_null()
        }
    })
}

/// Saves config space, whatever is read (`pci_save_state()`).
///
/// # Errors
///
/// `ENODEV` where the function is not there, or that of the C function.
pub(crate) fn save(wrapper: &Wrapper, devfn: u8) -> Result {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid and its device lock held.
    to_result(unsafe { bindings::pci_save_state(locked.0) })
}

/// Restores config space, whatever was saved (`pci_restore_state()`).
///
/// # Errors
///
/// `ENODEV` where the function is not there.
pub(crate) fn restore(wrapper: &Wrapper, devfn: u8) -> Result {
    Locked::new(wrapper, devfn)?.restore();
    Ok(())
}

/// Turns bus mastering on (`pci_set_master()`) or off (`pci_clear_master()`), as a driver does
/// while its function is bound: the kernel knows it, and no save follows.
///
/// # Errors
///
/// `ENODEV` where the function is not there.
pub(crate) fn set_bus_master(wrapper: &Wrapper, devfn: u8, on: bool) -> Result {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid and its device lock held.
    unsafe {
        if on {
            bindings::pci_set_master(locked.0);
        } else {
            bindings::pci_clear_master(locked.0);
        }
    }
    Ok(())
}

/// Switches MSI-X or MSI on, with one vector (`pci_alloc_irq_vectors()`), or off
/// (`pci_free_irq_vectors()`), as a driver does while its function is bound.
///
/// # Errors
///
/// `ENODEV` where the function is not there or has no driver, or that of the C function.
pub(crate) fn set_msi(wrapper: &Wrapper, devfn: u8, on: bool) -> Result {
    const TYPES: c_uint = bindings::PCI_IRQ_MSI | bindings::PCI_IRQ_MSIX;

    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid; its driver does not change while the device lock is held. What
    // the vectors need belongs to the device, and is released when it is unbound.
    unsafe {
        if (*locked.0).driver.is_null() {
            return Err(ENODEV);
        }
        if on {
            to_result(bindings::pci_alloc_irq_vectors(locked.0, 1, 1, TYPES))
        } else {
            bindings::pci_free_irq_vectors(locked.0);
            Ok(())
        }
    }
}

/// Returns `state_saved` of the function (`struct pci_dev`).
///
/// # Errors
///
/// `ENODEV` where the function is not there.
pub(crate) fn state_saved(wrapper: &Wrapper, devfn: u8) -> Result<bool> {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid; its device lock, which is held, protects the flag.
    Ok(unsafe { bindings::pci_dev::state_saved_raw(locked.0) != 0 })
}

/// Sets `state_saved` of the function.
///
/// # Errors
///
/// `ENODEV` where the function is not there.
pub(crate) fn set_state_saved(wrapper: &Wrapper, devfn: u8, saved: bool) -> Result {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: As in `state_saved()`.
    unsafe { bindings::pci_dev::set_state_saved_raw(locked.0, saved.into()) };
    Ok(())
}

/// Reports an error to the driver and gives the recovery up without another word, as
/// `zpci_event_attempt_error_recovery()` does on s390 where the platform cannot reset the function:
/// the channel stays frozen, and no callback follows.
///
/// # Errors
///
/// `ENODEV` where the function is not there, or its driver has no `error_detected`.
pub(crate) fn give_up(wrapper: &Wrapper, devfn: u8) -> Result {
    const FROZEN: bindings::pci_channel_state_t = bindings::pci_channel_io_frozen;

    let locked = Locked::new(wrapper, devfn)?;
    let error_detected = locked.handlers()?.error_detected.ok_or(ENODEV)?;
    // SAFETY: The function is valid; whoever reports an error writes this with the device lock
    // held.
    unsafe { (*locked.0).error_state = FROZEN };
    // SAFETY: The handler is called as the core calls it: with the device lock held, of a function
    // that is bound to its driver.
    unsafe { error_detected(locked.0, FROZEN) };
    Ok(())
}

/// Tells the driver that its recovery is over, without a question before, as a core does whose
/// driver has neither `mmio_enabled` nor `slot_reset`. The channel is normal again.
///
/// # Errors
///
/// `ENODEV` where the function is not there, or its driver has no `resume`.
pub(crate) fn resume(wrapper: &Wrapper, devfn: u8) -> Result {
    const NORMAL: bindings::pci_channel_state_t = bindings::pci_channel_io_normal;

    let locked = Locked::new(wrapper, devfn)?;
    let resume = locked.handlers()?.resume.ok_or(ENODEV)?;
    // SAFETY: As in `give_up()`.
    unsafe { (*locked.0).error_state = NORMAL };
    // SAFETY: As in `give_up()`.
    unsafe { resume(locked.0) };
    Ok(())
}

/// Has the core restore the function, but answers every access from a shadow: nothing reaches the
/// function, and what it would have been written is known. `state_saved` stays as it is.
///
/// # Errors
///
/// `ENODEV` where the function is not there, `EBUSY` where another one is being watched, `ENOMEM`.
pub(crate) fn would_restore(wrapper: &Arc<Wrapper>, devfn: u8) -> Result<KVec<Register>> {
    let shadow = Shadow::new(devfn)?;
    let locked = Locked::new(wrapper, devfn)?;
    {
        let mut state = wrapper.state.lock();
        if state.shadow.is_some() {
            return Err(EBUSY);
        }
        state.shadow = Some(shadow);
    }
    // SAFETY: The function is valid; its device lock, which is held, protects the flag.
    let saved = unsafe { bindings::pci_dev::state_saved_raw(locked.0) };
    locked.restore();
    // SAFETY: As above.
    unsafe { bindings::pci_dev::set_state_saved_raw(locked.0, saved) };

    let shadow = wrapper.state.lock().shadow.take();
    Ok(shadow.map_or(KVec::new(), |shadow| shadow.writes))
}

/// Stands for one function while the core restores it: nothing that is written reaches the
/// function.
///
/// The core writes a register of the header only where it reads something else, so these read zero
/// until they are written. The others are the function's own until they are written: the core looks
/// for capabilities in them.
pub(crate) struct Shadow {
    devfn: u8,
    bytes: KVVec<Option<u8>>,
    writes: KVec<Register>,
}

impl Shadow {
    /// More writes than a restore makes.
    const MAX_WRITES: usize = 256;

    /// Where the header ends.
    const HEADER_END: u16 = 0x40;

    fn new(devfn: u8) -> Result<Self> {
        Ok(Self {
            devfn,
            bytes: KVVec::from_elem(None, usize::from(LAST_OFFSET) + 1, GFP_KERNEL)?,
            writes: KVec::with_capacity(Self::MAX_WRITES, GFP_KERNEL)?,
        })
    }

    /// Answers an access; [`None`] where it is the function's to answer.
    pub(crate) fn access(&mut self, access: &Access, value: u32) -> Option<u32> {
        if access.devfn != self.devfn {
            return None;
        }
        let first = usize::from(access.offset);
        let bytes = self
            .bytes
            .get_mut(first..first + usize::from(access.size))?;
        if access.write {
            let value = value & access.mask();
            for (byte, new) in bytes.iter_mut().zip(value.to_le_bytes()) {
                *byte = Some(new);
            }
            // A restore that writes more is cut off, which the reader sees by its length.
            let _ = self.writes.push_within_capacity(Register {
                offset: access.offset,
                size: access.size,
                value,
            });
            return Some(value);
        }

        let restored = access.size == 4 && access.offset < Self::HEADER_END;
        if !restored && bytes.iter().any(Option::is_none) {
            return None;
        }
        Some(bytes.iter().rev().fold(0, |read, byte| {
            read << 8 | u32::from(byte.unwrap_or_default())
        }))
    }
}
