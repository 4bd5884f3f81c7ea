// SPDX-License-Identifier: GPL-2.0-only

//! One debugfs directory for the module, below which each bound function has its own.

use kernel::prelude::*;

use super::debugfs::Dir;

kernel::sync::global_lock! {
    // SAFETY: Initialized by `ModuleDir::new()`, which `module_recoverable_pci_driver!` calls
    // before it registers the driver, hence before the first probe.
    unsafe(uninit) static MODULE_DIR: Mutex<Option<Dir>> = None;
}

/// Keeps the module's debugfs directory; it is removed when this is dropped.
pub struct ModuleDir(());

impl ModuleDir {
    /// Creates the directory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// Must be called exactly once, in the module's init, before anything calls [`module_dir`].
    pub unsafe fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: By the safety requirements of this function, it is called once and before use.
        unsafe { MODULE_DIR.init() };
        *MODULE_DIR.lock() = Some(Dir::new(name)?);
        Ok(Self(()))
    }
}

impl Drop for ModuleDir {
    fn drop(&mut self) {
        *MODULE_DIR.lock() = None;
    }
}

/// Returns the module's debugfs directory, [`None`] while the module is being unloaded.
///
/// Context: probe, or any other callback of a driver that
/// [`module_recoverable_pci_driver!`](crate::module_recoverable_pci_driver) registered.
pub fn module_dir() -> Option<Dir> {
    MODULE_DIR.lock().clone()
}
