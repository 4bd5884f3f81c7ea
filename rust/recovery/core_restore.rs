// SPDX-License-Identifier: GPL-2.0-only

//! `pci_restore_state()`, and what it leaves behind: Link Control of the port above, a Virtual
//! Channel that is enabled, and PME.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    guard::{
        Mismatch,
        Register,
        VC_RES_CTRL, //
    },
    pci::{
        Config,
        Exclusive,
        Power,
        State, //
    },
};

/// Restores what the core's buffer holds (`pci_restore_state()`), and puts Link Control of the port
/// above back where the core has changed it.
///
/// The core switches ASPM off at both ends of the link while it restores L1 PM Substates
/// (`pci_restore_aspm_l1ss_state()`), and writes back what it has read: all-ones, Link Disable with
/// it, where the port did not answer just then. A write that the port has not taken leaves ASPM off
/// at its end.
///
/// Returns whether the link was disabled. Context: any; does not sleep.
pub(crate) fn restore_state(dev: Exclusive<'_>) -> bool {
    // CAST: A bit of a 16-bit register.
    const LINK_DISABLE: u16 = bindings::PCI_EXP_LNKCTL_LD as u16;

    let before = dev.port_l1ss().and_then(|_| dev.read_port_link_control());
    dev.restore_state();
    let Some(before) = before else {
        return false;
    };
    let Some(after) = dev.read_port_link_control() else {
        return false;
    };
    if before == after {
        return false;
    }
    dev_warn!(
        dev,
        "PCI_EXP_LNKCTL of the port above is {:#06x} after the restore, {:#06x} before: put back\n",
        after,
        before
    );
    dev.write_port_link_control(before);
    after & LINK_DISABLE != 0
}

/// Writes the control of a Virtual Channel where that is what differs: the core leaves a channel
/// enabled that it finds so, and finds so one that did not answer (`pci_vc_do_save_buffer()`).
///
/// Returns whether it was written. Context: any; does not sleep.
pub(crate) fn write_channel(dev: Exclusive<'_>, differs: Option<Mismatch>) -> bool {
    let Some(Mismatch {
        register:
            Register {
                name: VC_RES_CTRL,
                offset,
                mask,
                value,
                ..
            },
        found,
    }) = differs
    else {
        return false;
    };
    dev.write_config_dword(offset, found & !mask | value & mask);
    true
}

/// Disables PME that was left enabled: the function did not answer when it was to be disabled.
pub(crate) fn disarm_leftover(dev: Exclusive<'_>) {
    if dev.disarm_leftover() {
        dev_info!(dev, "PME was left enabled, disabled\n");
    }
}
