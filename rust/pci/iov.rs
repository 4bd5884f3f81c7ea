// SPDX-License-Identifier: GPL-2.0-only

//! The PCI core's side of SR-IOV, for [`sriov`](super::sriov).
//!
//! A kernel without `CONFIG_PCI_IOV` has inline functions in its place, which are not in the
//! bindings: no function has virtual ones there, and none is a virtual one.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    prelude::*, //
};

/// Returns the index of the resource of the virtual functions' BAR `index`
/// (`PCI_IOV_RESOURCES`); [`None`] where there are no such resources.
pub(super) fn resource_index(index: usize) -> Option<usize> {
    #[cfg(CONFIG_PCI_IOV)]
    {
        Some(bindings::PCI_IOV_RESOURCES as usize + index)
    }
    #[cfg(not(CONFIG_PCI_IOV))]
    {
        let _ = index;
        None
    }
}

/// Returns how many virtual functions are enabled (`pci_num_vf()`).
///
/// # Safety
///
/// `pdev` must be valid.
pub(super) unsafe fn num_vf(pdev: *mut bindings::pci_dev) -> c_int {
    #[cfg(CONFIG_PCI_IOV)]
    // SAFETY: By the safety requirements of this function.
    unsafe {
        bindings::pci_num_vf(pdev)
    }
    #[cfg(not(CONFIG_PCI_IOV))]
    {
        let _ = pdev;
        0
    }
}

/// Enables virtual functions (`pci_enable_sriov()`); `ENODEV` as an error where the kernel cannot.
///
/// # Safety
///
/// `pdev` must be valid and its device lock held.
pub(super) unsafe fn enable(pdev: *mut bindings::pci_dev, num_vfs: c_int) -> c_int {
    #[cfg(CONFIG_PCI_IOV)]
    // SAFETY: By the safety requirements of this function.
    unsafe {
        bindings::pci_enable_sriov(pdev, num_vfs)
    }
    #[cfg(not(CONFIG_PCI_IOV))]
    {
        let _ = (pdev, num_vfs);
        ENODEV.to_errno()
    }
}

/// Removes and disables the virtual functions (`pci_disable_sriov()`).
///
/// # Safety
///
/// As for [`enable`].
pub(super) unsafe fn disable(pdev: *mut bindings::pci_dev) {
    #[cfg(CONFIG_PCI_IOV)]
    // SAFETY: By the safety requirements of this function.
    unsafe {
        bindings::pci_disable_sriov(pdev)
    };
    #[cfg(not(CONFIG_PCI_IOV))]
    let _ = pdev;
}

/// Returns the physical function of the virtual function `pdev`, null where there are none.
///
/// # Safety
///
/// `pdev` must be valid, and its `is_virtfn` set.
pub(super) unsafe fn physfn(pdev: *mut bindings::pci_dev) -> *mut bindings::pci_dev {
    #[cfg(CONFIG_PCI_IOV)]
    // SAFETY: By the safety requirements of this function: the union holds `physfn`, which was set
    // before the function was added to the bus.
    unsafe {
        (*pdev).__bindgen_anon_1.physfn
    }
    #[cfg(not(CONFIG_PCI_IOV))]
    {
        let _ = pdev;
        core::ptr::null_mut()
    }
}
