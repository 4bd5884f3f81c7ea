// SPDX-License-Identifier: GPL-2.0-only

//! Presenting a register file in place of a function, so that the kernel finds what QEMU does not
//! model.
//!
//! What a model does not leave to the device below (`device`) is answered here: the device keeps
//! the bus, the slot and the interrupt wires, and says when it is reset. Its BARs stay where its
//! own reset put them, unless the model has them from it; nothing answers at a BAR of the model's
//! own. AER errors that QEMU injects arrive in the registers of the device, so that errors of a
//! model are those that its port detects.

use kernel::{
    bindings,
    prelude::*, //
};

use super::{
    model::{
        self,
        ModelError, //
    },
    models::Model,
    registers::{
        Device,
        RegisterFile, //
    },
    wrap::{
        Below,
        RescanRemove,
        Wrapper, //
    },
};

/// Why a model was not loaded.
pub(crate) enum NotLoaded {
    /// The text is wrong.
    Text(ModelError),
    /// `EBUSY` the function is on the bus, `ENODEV` there is no device, or no bus,
    /// `ENOSPC` there are [`MAX_MODELS`](super::models::MAX_MODELS), `ENOMEM`.
    Error(Error),
}

impl From<Error> for NotLoaded {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<kernel::alloc::AllocError> for NotLoaded {
    fn from(_: kernel::alloc::AllocError) -> Self {
        Self::Error(ENOMEM)
    }
}

/// Fails where the function is on the bus: the kernel must not find that it has become another one.
fn must_be_away(wrapper: &Wrapper, devfn: u8, _lock: &RescanRemove) -> Result {
    if wrapper.is_removed() {
        return Err(ENODEV);
    }
    // SAFETY: The wrapper holds a reference of the bus; the function that is found is returned with
    // a reference, and `pci_dev_put()` takes null.
    let is_there = unsafe {
        let pdev = bindings::pci_get_slot(wrapper.bus(), devfn.into());
        bindings::pci_dev_put(pdev);
        !pdev.is_null()
    };
    if is_there {
        Err(EBUSY)
    } else {
        Ok(())
    }
}

/// Presents the model that `text` describes from now on. Nothing changes where that fails.
///
/// # Errors
///
/// See [`NotLoaded`].
pub(crate) fn load(wrapper: &Wrapper, devfn: u8, text: &str) -> Result<(), NotLoaded> {
    let mut file = KVBox::init(pin_init::init_zeroed::<RegisterFile>(), GFP_KERNEL)?;
    let mut below = Below { wrapper, devfn };

    let lock = RescanRemove::lock();
    must_be_away(wrapper, devfn, &lock)?;
    if below.read(0, 4) == u32::MAX {
        return Err(NotLoaded::Error(ENODEV));
    }
    model::load(text, &mut file, &mut below).map_err(NotLoaded::Text)?;
    file.power_on(&mut below);
    let new = Some(Model { devfn, file });
    let old = wrapper.state.lock().models.replace(devfn, new)?;
    drop(lock);
    drop(old);
    wrapper.announce();
    Ok(())
}

/// Presents the device itself again.
///
/// # Errors
///
/// `EBUSY` where the function is on the bus, `ENODEV` where the bus is gone.
pub(crate) fn unload(wrapper: &Wrapper, devfn: u8) -> Result {
    let lock = RescanRemove::lock();
    must_be_away(wrapper, devfn, &lock)?;
    let old = wrapper.state.lock().models.replace(devfn, None)?;
    drop(lock);
    drop(old);
    Ok(())
}

/// How often a model was reset; [`None`] where the function has none.
pub(crate) fn resets(wrapper: &Wrapper, devfn: u8) -> Option<u32> {
    let mut state = wrapper.state.lock();
    state.models.get(devfn).map(|file| file.resets)
}
