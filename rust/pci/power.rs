// SPDX-License-Identifier: GPL-2.0-only

//! Transitions between power states.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::{
    as_raw,
    Config,
    Exclusive, //
};

/// Transitions between power states (PCIe r6.0, sec 5.3).
///
/// Context: process context; nobody else is at the function, which [`Exclusive`] says. A transition
/// sleeps, for 10 ms between D3hot and D0, and for up to 60 s where the function does not answer.
pub trait Power {
    /// Reads the register that says which power state the function is in (`PCI_PM_CTRL`, the state
    /// in the bits of `PCI_PM_CTRL_STATE_MASK`; PCIe r6.0, sec 7.5.2.2).
    ///
    /// Returns its offset in config space, in bytes, and its value; [`None`] where there is none.
    fn power_control(&self) -> Option<(u16, u16)>;

    /// Puts the function into D0 (`pci_set_power_state()`), and tells the core that it is there.
    ///
    /// Whatever the core takes it to be in: a function that did not answer once counts as in D3cold
    /// for ever, and one that was lost on its way to D0 as there.
    ///
    /// Where the function says that it is in D0, there is no transition. For one the core looks at
    /// the links of all functions (`pcie_aspm_pm_state_change()`), and takes `pci_bus_sem` for
    /// reading, but not in the handlers of a recovery, where it is held already
    /// (`pci_set_power_state_locked()`).
    ///
    /// # Errors
    ///
    /// `EIO` where the function does not answer.
    fn power_up(&self) -> Result;

    /// The transition to low power that a driver owes once it has saved config space itself for
    /// system sleep.
    ///
    /// Puts the function into the low-power state that suits the system's sleep state, with wake-up
    /// enabled where userspace allows it (`pci_prepare_to_sleep()`).
    ///
    /// # Errors
    ///
    /// `EIO` where no state is suitable, or that of the failed transition.
    fn prepare_to_sleep(&self) -> Result;

    /// The transition to low power that a driver owes once it has saved config space itself at run
    /// time.
    ///
    /// Puts the function into its deepest low-power state, with wake-up enabled where it is capable
    /// of it: at run time a wake-up event is just how the function says that it is needed. Does
    /// what `pci_finish_runtime_suspend()` does, which is not exported.
    ///
    /// # Errors
    ///
    /// `EIO` where the function does not answer.
    fn runtime_sleep(&self) -> Result;
}

impl Power for Exclusive<'_> {
    fn power_control(&self) -> Option<(u16, u16)> {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        let capability = u16::from(unsafe { (*as_raw(self)).pm_cap });
        if capability == 0 {
            return None;
        }
        let offset = capability + bindings::PCI_PM_CTRL as u16;
        // CAST: The register is the lower half of the dword.
        Some((offset, self.read_config_dword(offset) as u16))
    }

    fn power_up(&self) -> Result {
        /// `PCI_D0`, a cast in C and therefore not in the bindings.
        const D0: bindings::pci_power_t = 0;
        /// `PCI_UNKNOWN`, likewise.
        const UNKNOWN: bindings::pci_power_t = 5;

        let pdev = as_raw(self);
        if let Some((_, control)) = self.power_control() {
            if u32::from(control) & bindings::PCI_PM_CTRL_STATE_MASK == 0 {
                // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by
                // that of `Exclusive`, nobody else writes its power state.
                unsafe { (*pdev).current_state = D0 };
                return Ok(());
            }
        }

        // The core does nothing for a function that it takes to be there.
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by that of
        // `Exclusive`, nobody else writes its power state.
        unsafe { (*pdev).current_state = UNKNOWN };
        to_result(if self.is_in_bus_walk() {
            // SAFETY: As above. By the type invariant of `Exclusive`, no function comes or goes
            // while the core goes through those of the link.
            unsafe { bindings::pci_set_power_state_locked(pdev, D0) }
        } else {
            // SAFETY: As above.
            unsafe { bindings::pci_set_power_state(pdev, D0) }
        })
    }

    fn prepare_to_sleep(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_prepare_to_sleep(as_raw(self)) })
    }

    fn runtime_sleep(&self) -> Result {
        /// `PMSG_SUSPEND`, a cast in C and therefore not in the bindings.
        const SUSPEND: bindings::pm_message_t = bindings::pm_message {
            event: bindings::PM_EVENT_SUSPEND as c_int,
        };

        let pdev = as_raw(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, here and
        // below.
        let state = unsafe { bindings::pci_choose_state(pdev, SUSPEND) };

        // `pci_enable_wake()` enables only what userspace allows to wake up the system from sleep;
        // PME# itself needs no such permission.
        // SAFETY: As above.
        unsafe {
            if bindings::pci_dev_run_wake(pdev) && bindings::pci_enable_wake(pdev, state, true) != 0
            {
                bindings::pci_pme_active(pdev, bindings::pci_pme_capable(pdev, state));
            }
        }

        // SAFETY: As above.
        to_result(unsafe { bindings::pci_set_power_state(pdev, state) }).inspect_err(|_| {
            // SAFETY: As above.
            unsafe { bindings::pci_enable_wake(pdev, state, false) };
        })
    }
}
