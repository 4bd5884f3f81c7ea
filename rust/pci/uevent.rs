// SPDX-License-Identifier: GPL-2.0-only

//! Uevents, by which udev rules can react.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use kernel::{
    bindings,
    error::to_result,
    pci::Device,
    prelude::*,
    str::CString, //
};

use super::as_raw;

/// Sends a `change` uevent of the function with two variables, each of the form `NAME=value`
/// (`kobject_uevent_env()`).
///
/// Context: process context, sleeps.
///
/// # Errors
///
/// `ENOMEM`, or `EINVAL` where a value is too long for an event.
pub fn change(dev: &Device, first: &CString, second: &CString) -> Result {
    let mut env = [
        first.as_char_ptr().cast_mut(),
        second.as_char_ptr().cast_mut(),
        core::ptr::null_mut(),
    ];

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev` and so is the
    // kobject in it. `env` is terminated by null and its strings live until the call returns; they
    // are only read.
    to_result(unsafe {
        bindings::kobject_uevent_env(
            &raw mut (*as_raw(dev)).dev.kobj,
            bindings::kobject_action_KOBJ_CHANGE,
            env.as_mut_ptr(),
        )
    })
}
