// SPDX-License-Identifier: GPL-2.0-only

//! What is shown to people and programs: values in a log line, and a uevent.

use core::fmt;

use kernel::{
    pci::Device,
    prelude::*,
    str::CString, //
};

use crate::{
    guard::Refusal,
    pci::uevent, //
};

/// Shows a value of [`core::fmt::Display`] by the kernel's `fmt!`.
pub(crate) struct Shown<'a, T>(pub(crate) &'a T);

impl<T: fmt::Display> kernel::fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

impl kernel::fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sends a uevent; where there is no memory for it, the log has to do.
pub(crate) fn send<T: fmt::Display>(dev: &Device, what: &'static str, reason: &T) {
    let event = CString::try_from_fmt(fmt!("PCI_RECOVERY={what}"));
    let reason = CString::try_from_fmt(fmt!("PCI_RECOVERY_REASON={}", Shown(reason)));
    if let (Ok(event), Ok(reason)) = (event, reason) {
        // Nobody waits for it: an error says that there was no memory.
        let _ = uevent::change(dev, &event, &reason);
    }
}
