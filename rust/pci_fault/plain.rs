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
    fault::LAST_OFFSET,
    shadow::{
        Register,
        Shadow, //
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
    /// `ENODEV` where the function or its bus is gone.
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
        register.value = wrapper.access_function(&register.access(devfn, false), 0).1;
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
    let (status, _) = wrapper.access_function(&register.access(devfn, true), register.value);
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

/// Enables PTM (`pci_enable_ptm()`), also that of the ports above, or disables it
/// (`pci_disable_ptm()`), as a driver does while its function is bound.
///
/// # Errors
///
/// `ENODEV` where the function is not there, `EINVAL` where it has no PTM, or the ports or the
/// kernel have none.
pub(crate) fn set_ptm(wrapper: &Wrapper, devfn: u8, on: bool) -> Result {
    set_ptm_of(&Locked::new(wrapper, devfn)?, on)
}

#[cfg(CONFIG_PCIE_PTM)]
fn set_ptm_of(locked: &Locked, on: bool) -> Result {
    if on {
        // SAFETY: The function is valid and its device lock held.
        to_result(unsafe { bindings::pci_enable_ptm(locked.0) })
    } else {
        // SAFETY: As above.
        unsafe { bindings::pci_disable_ptm(locked.0) };
        Ok(())
    }
}

#[cfg(not(CONFIG_PCIE_PTM))]
fn set_ptm_of(_locked: &Locked, _on: bool) -> Result {
    Err(EINVAL)
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

/// Gives a resizable BAR another size, 2^`size` MiB (`pci_resize_resource()`), as a driver does
/// while its function is bound: without memory decoding, and with new places for what moves.
///
/// # Errors
///
/// `ENODEV` where the function is not there, `EIO` where Command cannot be read or written, or that
/// of the C function, which leaves the BARs as they were.
pub(crate) fn resize(wrapper: &Wrapper, devfn: u8, bar: u8, size: u8) -> Result {
    const COMMAND: c_int = bindings::PCI_COMMAND as c_int;
    // CAST: A bit of Command.
    const MEMORY: u16 = bindings::PCI_COMMAND_MEMORY as u16;

    let locked = Locked::new(wrapper, devfn)?;
    let status = |status: c_int| if status == 0 { Ok(()) } else { Err(EIO) };
    let mut command = 0_u16;
    // SAFETY: The function is valid and its device lock held, `command` is a local variable.
    unsafe {
        status(bindings::pci_read_config_word(
            locked.0,
            COMMAND,
            &mut command,
        ))?;
        status(bindings::pci_write_config_word(
            locked.0,
            COMMAND,
            command & !MEMORY,
        ))?;
        let result = to_result(bindings::pci_resize_resource(
            locked.0,
            bar.into(),
            size.into(),
            0,
        ));
        bindings::pci_assign_unassigned_bus_resources((*locked.0).bus);
        status(bindings::pci_write_config_word(locked.0, COMMAND, command))?;
        result
    }
}

/// Moves a BAR to where there is room for it (`pci_release_resource()`, `pci_assign_resource()`),
/// as `pci_resize_resource()` does for a driver: the kernel knows it, and no save follows.
///
/// # Errors
///
/// `EINVAL` where it has no such BAR, `ENODEV` where the function is not there, `EBUSY` where what
/// it leaves cannot be kept free, or that of the C functions.
pub(crate) fn move_bar(wrapper: &Wrapper, devfn: u8, index: usize) -> Result {
    let locked = Locked::new(wrapper, devfn)?;
    // SAFETY: The function is valid and its device lock held; nobody else moves its resources
    // meanwhile. `get_mut()` looks whether there is such a one.
    let resources = unsafe { &mut (*locked.0).resource };
    let bar = resources.get_mut(index).ok_or(EINVAL)?;
    let (parent, start) = (bar.parent, bar.start);
    let len = bar.end.wrapping_sub(start).wrapping_add(1);
    if parent.is_null() {
        return Err(EINVAL);
    }
    // CAST: It is below the number of resources.
    let index = index as c_int;
    // SAFETY: The function is valid, and has this resource. `parent` is a window of the bridge
    // above it, or of the host, and stays for as long as the function is on the bus. What is
    // requested is released.
    unsafe {
        to_result(bindings::pci_release_resource(locked.0, index))?;
        // Or it would find the same place.
        let place = bindings::__request_region(parent, start, len, c"pci_fault".as_char_ptr(), 0);
        let assigned = to_result(bindings::pci_assign_resource(locked.0, index));
        if place.is_null() {
            return Err(EBUSY);
        }
        bindings::__release_region(parent, start, len);
        assigned
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

/// Asks the driver, in a recovery that [`give_up`] has begun, whether its function works now that
/// the channel is normal again. What it answers is in its own log.
///
/// # Errors
///
/// `ENODEV` where the function is not there, or its driver has no `mmio_enabled`.
pub(crate) fn mmio_enabled(wrapper: &Wrapper, devfn: u8) -> Result {
    const NORMAL: bindings::pci_channel_state_t = bindings::pci_channel_io_normal;

    let locked = Locked::new(wrapper, devfn)?;
    let mmio_enabled = locked.handlers()?.mmio_enabled.ok_or(ENODEV)?;
    // SAFETY: As in `give_up()`.
    unsafe { (*locked.0).error_state = NORMAL };
    // SAFETY: As in `give_up()`.
    unsafe { mmio_enabled(locked.0) };
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
    Ok(shadow.map_or(KVec::new(), Shadow::into_writes))
}
