// SPDX-License-Identifier: GPL-2.0-only

//! Enabling a function for as long as it is bound.
//!
//! A bus master writes to memory. Bus mastering must end before the memory that it was given is
//! freed, and before the core suspends the function of its own accord when it has no driver, which
//! saves its state to restore it later. So it is not for the driver to say when: bus mastering ends
//! in [`Adapter`](super::Adapter), in its `unbind` or when its probe has failed.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    container_of,
    device::{
        Bound,
        Core, //
    },
    pci::Device,
    prelude::*,
    types::ScopeGuard, //
};

use super::{
    as_raw,
    command,
    Config,
    Exclusive,
    Info,
    State, //
};

/// Enables memory decoding and bus mastering until the driver is unbound
/// (`pci_enable_device_mem()`, `pci_set_master()`, `pci_disable_device()`).
///
/// There is nothing to keep, and nothing to drop in the right order: when `unbind` has returned, or
/// probe has failed, bus mastering is switched off first. The private data is dropped next, then
/// what belongs to the device: interrupts ([`request_msi`](super::request_msi)) and memory
/// ([`DmaBuffer`](super::DmaBuffer)).
///
/// A bridge is left as it is then: what is below it has come to need it.
///
/// Context: probe, device lock held; sleeps.
///
/// # Errors
///
/// Those of `pci_enable_device_mem()`: `EINVAL` where a BAR has no address, `EIO` where the
/// function does not leave a low-power state; `EIO` where it does not answer at first; `ENOMEM`.
pub fn enable(dev: &Device<Core<'_>>) -> Result {
    let before = command::read(dev);
    if before == u16::MAX {
        return Err(EIO);
    }
    if dev.bus_numbers().is_some() {
        // The core counts it, and would keep the count.
        if !dev.is_enabled() {
            dev.enable_device_mem()?;
        }
        dev.set_master();
        command::verify_enabled(dev, before);
        return Ok(());
    }

    // SAFETY: `release` is for a resource of any size.
    let resource = unsafe {
        bindings::__devres_alloc_node(
            Some(release),
            0,
            bindings::GFP_KERNEL,
            bindings::NUMA_NO_NODE,
            c"pci_enable".as_char_ptr(),
        )
    };
    if resource.is_null() {
        return Err(ENOMEM);
    }
    let resource = ScopeGuard::new_with_data(resource, |resource| {
        // SAFETY: It was just allocated, and is not registered.
        unsafe { bindings::devres_free(resource) };
    });

    dev.enable_device_mem()?;
    dev.set_master();
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, which is bound.
    // The resource was allocated above, and now belongs to the device.
    unsafe { bindings::devres_add(&raw mut (*as_raw(dev)).dev, resource.dismiss()) };
    command::verify_enabled(dev, before);
    Ok(())
}

/// Switches off bus mastering, and disables the function as often as [`enable`] has enabled it.
///
/// Context: the end of remove, or of a probe that has failed; the function is in D0, if it is
/// there.
pub(super) fn end(dev: &Device<Core<'_>>) {
    stop_mastering(dev, || {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, which is
        // bound. Each call finds one resource that is registered with this function, and calls it.
        while unsafe {
            bindings::devres_release(
                &raw mut (*as_raw(dev)).dev,
                Some(release),
                None,
                core::ptr::null_mut(),
            )
        } == 0
        {}
    });
}

/// For a driver that is registered without [`Adapter`](super::Adapter), too, the function is
/// disabled in the end: when the device's resources are released.
///
/// # Safety
///
/// Must be called by the driver core only, to release what [`enable`] has registered: `dev` is
/// embedded in a valid `struct pci_dev`, whose device lock is held.
unsafe extern "C" fn release(dev: *mut bindings::device, _resource: *mut c_void) {
    // SAFETY: By the safety requirements of this function.
    let pdev = unsafe { container_of!(dev, bindings::pci_dev, dev) };
    // SAFETY: By the safety requirements of this function. With the device lock held nobody else
    // changes what the context is for.
    stop_mastering(unsafe { &*pdev.cast::<Device<Core<'_>>>() }, || {
        // SAFETY: By the safety requirements of this function; `enable` has enabled it.
        unsafe { bindings::pci_disable_device(pdev) };
    });
}

/// Switches off bus mastering where it is on, then calls `disable`.
///
/// In what the core has saved of the function, too: the core restores that, without a new save
/// where the function does not answer, when it resets one that has no driver.
///
/// `pci_disable_device()` alone does neither, and nothing at all where somebody else has enabled
/// the function, as userspace may.
fn stop_mastering(dev: &Device<Core<'_>>, disable: impl FnOnce()) {
    let is_master = dev.is_busmaster() && dev.bus_numbers().is_none();
    if is_master {
        clear_master(dev);
    }
    disable();
    if is_master {
        verify_no_master(dev);
        forget_saved_mastering(dev.into());
    }
}

fn clear_master(dev: &Device<Core<'_>>) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; the device lock
    // is held, so that nobody else changes whether it is a bus master.
    unsafe { bindings::pci_clear_master(as_raw(dev)) };
}

/// Checks whether the function takes it, and writes it once more if not.
///
/// A function that did not answer may be there again, with what was made of all-ones written to
/// it: it gets what the core has saved, with nothing switched on, since it may have been reset.
fn verify_no_master(dev: &Device<Core<'_>>) {
    const ON: u32 =
        bindings::PCI_COMMAND_MASTER | bindings::PCI_COMMAND_MEMORY | bindings::PCI_COMMAND_IO;

    match read_command_status(dev) {
        u32::MAX => {
            let quiet = match Exclusive::from(dev).saved_header() {
                [_, u32::MAX, ..] => 0,
                [_, command_status, ..] => command_status & !ON,
            };
            // CAST: Command is the lower half of the dword.
            command::write(dev, quiet as u16);
        }
        command_status if is_master(command_status) => {
            clear_master(dev);
            if is_master(read_command_status(dev)) {
                dev_warn!(
                    dev,
                    "still a bus master without a driver: Command is stuck\n"
                );
            }
        }
        _ => {}
    }
}

fn read_command_status(dev: &Device<Bound>) -> u32 {
    dev.read_config_dword(bindings::PCI_COMMAND as u16)
}

fn is_master(command_status: u32) -> bool {
    command_status != u32::MAX && command_status & bindings::PCI_COMMAND_MASTER != 0
}

/// Clears Bus Master Enable in the core's buffer. Poison is left to be found as such.
fn forget_saved_mastering(dev: Exclusive<'_>) {
    const COMMAND: usize = bindings::PCI_COMMAND as usize / size_of::<u32>();

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let header = unsafe { &raw mut (*as_raw(&dev)).saved_config_space }.cast::<u32>();
    // SAFETY: `COMMAND` is below 16, the length of the array. By the type invariant of `Exclusive`,
    // nobody saves, restores or loads it meanwhile; the core writes other words of it at any time.
    unsafe {
        let register = header.add(COMMAND);
        let command_status = register.read_volatile();
        if command_status != u32::MAX {
            register.write_volatile(command_status & !bindings::PCI_COMMAND_MASTER);
        }
    }
}
