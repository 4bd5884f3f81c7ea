// SPDX-License-Identifier: GPL-2.0-only

//! Transitions between power states, and the wake-up events that end them.
//!
//! A wake-up event of a function that sleeps (PME, PCIe r6.0, sec 5.3.3) is armed before it does
//! and must be disarmed as often: the core keeps those that are armed in a list, and does not look
//! for them there when they go. Whether it is armed is in one place, `pci_dev.wakeup_prepared`, by
//! which the core disarms on its way back from each kind of sleep. So what is armed here is marked
//! there.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    error::to_result,
    pci::Device,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

use super::{
    as_raw,
    Channel,
    ChannelState,
    Config,
    Exclusive, //
};

/// `PCI_D0` and the like, casts in C and therefore not in the bindings.
const D0: bindings::pci_power_t = 0;
const D3HOT: bindings::pci_power_t = 3;
const D3COLD: bindings::pci_power_t = 4;

/// What a function may take to come out of D3hot, in milliseconds (PCIe r6.0, sec 5.9;
/// `PCI_PM_D3HOT_WAIT`). For one that needs more the core knows it.
const D3HOT_WAIT_MS: u32 = 10;

/// How long a function that was reset on its way may not answer, in milliseconds
/// (`PCIE_RESET_READY_POLL_MS`).
const READY_WAIT_MS: i64 = 60_000;

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

    /// Disables PME (`PCI_PM_CTRL_PME_ENABLE`) where the core has no record of arming it: the
    /// function did not answer when it was disarmed, and no reset clears the bit
    /// (`pci_pme_active()`). Returns whether it was left on.
    fn disarm_leftover(&self) -> bool;

    /// Puts the function into D0 (`pci_set_power_state()`), and records it so in the core.
    ///
    /// Whatever the core takes it to be in: a function that did not answer once counts as in D3cold
    /// for ever, and one that was lost on its way to D0 as there.
    ///
    /// Does what `pci_power_up()` does, which is not exported, but for the platform's part: the
    /// core has seen to that when it resumed the function. Takes no lock, unlike
    /// `pci_set_power_state()`, which looks at the links of all functions with `pci_bus_sem` held:
    /// a recovery holds that when it calls the error handlers, and when it resumes functions at run
    /// time, and their callbacks cannot know. A function that lost its BARs on the way has lost
    /// them: its state must be restored.
    ///
    /// # Errors
    ///
    /// `EIO` where the function does not answer, or stays where it is.
    fn power_up(&self) -> Result;

    /// Waits until the function answers, after a reset of its own, for about `longest_ms`
    /// milliseconds (`pci_dev_wait()`). Does not wait for one that is gone for good.
    fn wait_until_ready(&self, longest_ms: i64);

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
    /// Puts the function into its deepest low-power state from which it can wake up, with wake-up
    /// enabled where it is capable of it: at run time a wake-up event is just how the function says
    /// that it is needed. Does what `pci_finish_runtime_suspend()` does, which is not exported. The
    /// core disables wake-up again when it resumes the function, and
    /// [`Adapter`](super::Adapter) where `runtime_suspend` fails, as after an error here.
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
        let Some((offset, control)) = self.power_control() else {
            // Without the capability there is no other state.
            let state = if self.is_ready() { D0 } else { D3COLD };
            return self.is_now_in(state);
        };
        if control == u16::MAX {
            return self.is_now_in(D3COLD);
        }
        if state_of(control) == D0 {
            return self.is_now_in(D0);
        }

        // All of it, which also disables PME, and leaves alone whether there was one.
        // An error is that of a function that is gone, which the next read finds out.
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        unsafe { bindings::pci_write_config_word(as_raw(self), offset.into(), 0) };
        // SAFETY: As above. The field is set when the function is enumerated.
        let wait_ms = unsafe { (*as_raw(self)).d3hot_delay }.max(D3HOT_WAIT_MS);
        fsleep(Delta::from_millis(wait_ms.into()));
        if u32::from(control) & bindings::PCI_PM_CTRL_NO_SOFT_RESET == 0 {
            self.wait_until_ready(READY_WAIT_MS);
        }

        match self.power_control() {
            Some((_, u16::MAX)) | None => self.is_now_in(D3COLD),
            Some((_, control)) => self.is_now_in(state_of(control)),
        }
    }

    fn wait_until_ready(&self, longest_ms: i64) {
        let (mut delay_ms, mut waited_ms) = (1, 0);
        while !self.is_ready()
            && waited_ms < longest_ms
            && self.channel_state() != ChannelState::PermanentFailure
        {
            fsleep(Delta::from_millis(delay_ms));
            waited_ms += delay_ms;
            delay_ms *= 2;
        }
    }

    fn prepare_to_sleep(&self) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_prepare_to_sleep(as_raw(self)) })
    }

    fn disarm_leftover(&self) -> bool {
        let pdev = as_raw(self);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. By that of
        // `Exclusive`, nobody arms or disarms it meanwhile.
        let is_armed = unsafe { bindings::pci_dev::wakeup_prepared_raw(pdev) != 0 };
        // SAFETY: As above. It is written when the function is added.
        let has_pme = unsafe { bindings::pci_dev::pme_support_raw(pdev) != 0 };
        if is_armed || !has_pme {
            return false;
        }
        let is_left = self.power_control().is_some_and(|(_, control)| {
            control != u16::MAX && u32::from(control) & bindings::PCI_PM_CTRL_PME_ENABLE != 0
        });
        if !is_left {
            return false;
        }
        // SAFETY: As above. It is taken off the list of those that are polled, if it is there.
        unsafe { bindings::pci_pme_active(pdev, false) };
        true
    }

    fn runtime_sleep(&self) -> Result {
        let state = runtime_state(self);
        arm(self, state);
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
        to_result(unsafe { bindings::pci_set_power_state(as_raw(self), state) })
    }
}

/// The state in the bits of `PCI_PM_CTRL`.
fn state_of(control: u16) -> bindings::pci_power_t {
    // CAST: At most 3.
    (u32::from(control) & bindings::PCI_PM_CTRL_STATE_MASK) as bindings::pci_power_t
}

impl Exclusive<'_> {
    /// Records in the core which state the function is in; `EIO` where that is not D0.
    fn is_now_in(&self, state: bindings::pci_power_t) -> Result {
        // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; by that of
        // `Exclusive`, nobody else writes its power state.
        unsafe { (*as_raw(self)).current_state = state };
        if state == D0 {
            Ok(())
        } else {
            Err(EIO)
        }
    }

    /// Returns whether the function answers, by Command/Status. The vendor ID of a virtual
    /// function is all-ones.
    fn is_ready(&self) -> bool {
        self.read_config_dword(bindings::PCI_COMMAND as u16) != u32::MAX
    }
}

/// The state that a function is put into at run time: what `pci_target_state()`, which is not
/// exported, returns for one that can wake up, or not.
///
/// Where the platform manages the function's power, that is the platform's choice in both cases,
/// else the deepest state, D3hot, or the deepest one from which a function can signal PME that can
/// wake up. `pci_choose_state()` returns it for one that cannot, and `pci_dev_run_wake()` says
/// whether PME can be signaled from that for one that can: only where the two differ, it can not
/// from D3hot, and can nevertheless.
fn runtime_state(dev: &Exclusive<'_>) -> bindings::pci_power_t {
    /// `PMSG_SUSPEND`, a cast in C and therefore not in the bindings.
    const SUSPEND: bindings::pm_message_t = bindings::pm_message {
        event: bindings::PM_EVENT_SUSPEND as c_int,
    };

    let pdev = as_raw(dev);
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, here and below.
    let state = unsafe { bindings::pci_choose_state(pdev, SUSPEND) };
    // SAFETY: As above.
    let can_wakeup = unsafe { bindings::dev_pm_info::can_wakeup_raw(&raw const (*pdev).dev.power) };
    if !can_wakeup || state != D3HOT || is_pme_capable(dev, D3HOT) {
        return state;
    }
    // SAFETY: As above.
    if !unsafe { bindings::pci_dev_run_wake(pdev) } {
        return state;
    }
    (D0..D3HOT)
        .rev()
        .find(|&state| is_pme_capable(dev, state))
        .unwrap_or(state)
}

/// Returns whether the function can signal PME from `state`.
fn is_pme_capable(dev: &Exclusive<'_>, state: bindings::pci_power_t) -> bool {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    unsafe { bindings::pci_pme_capable(as_raw(dev), state) }
}

/// Enables wake-up from `state` at run time where the function is capable of it, once
/// (`__pci_enable_wake()`, which is not exported). [`disarm`] is the other half of it.
///
/// `pci_enable_wake()` enables only what userspace allows to wake up the system from sleep; at run
/// time there is no such permission.
fn arm(dev: &Exclusive<'_>, state: bindings::pci_power_t) {
    let pdev = as_raw(dev);
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`, here and below.
    // The bus below a bridge is not removed while the bridge is bound.
    let is_manageable =
        unsafe { (*pdev).subordinate.is_null() || bindings::pci_dev::bridge_d3_raw(pdev) != 0 };
    // SAFETY: As above. By the type invariant of `Exclusive`, nobody arms or disarms it meanwhile.
    if !is_manageable || unsafe { bindings::pci_dev::wakeup_prepared_raw(pdev) != 0 } {
        return;
    }
    // SAFETY: As above.
    if !unsafe { bindings::pci_dev_run_wake(pdev) } {
        return;
    }

    // From D3cold, too: the function is there if the bridge above is switched off.
    let by_pme = is_pme_capable(dev, state) || is_pme_capable(dev, D3COLD);
    if by_pme {
        // SAFETY: As above.
        unsafe { bindings::pci_pme_active(pdev, true) };
    }
    // The platform's part may fail where PME works without it.
    let by_platform = enable_platform_wakeup(dev).is_ok();
    if by_pme || by_platform {
        // SAFETY: As above.
        unsafe { bindings::pci_dev::set_wakeup_prepared_raw(pdev, 1) };
    }
}

/// Disables wake-up where it was enabled by this file or by the core (`pci_enable_wake()`).
///
/// Context: as for [`Power`]. Does not need the function to answer.
pub(super) fn disarm(dev: &Exclusive<'_>) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. Disabling always
    // succeeds.
    unsafe { bindings::pci_enable_wake(as_raw(dev), D0, false) };
}

/// Enables, in the platform, what delivers the function's wake-up events: its own wake-up device,
/// else that of the nearest bridge which has one (`acpi_pci_wakeup()`, which is not exported). The
/// core disables the same one.
///
/// # Errors
///
/// That of the one which failed.
#[cfg(CONFIG_ACPI)]
fn enable_platform_wakeup(dev: &Device) -> Result {
    let pdev = as_raw(dev);
    // SAFETY: It is written while the kernel boots.
    if unsafe { bindings::acpi_pci_disabled } != 0 {
        return Ok(());
    }

    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`.
    let (mut candidate, mut bus) = unsafe { (&raw mut (*pdev).dev, (*pdev).bus) };
    loop {
        if !candidate.is_null() {
            // SAFETY: `candidate` is the function, a bridge above it, or its host bridge, which it
            // keeps.
            match to_result(unsafe { bindings::acpi_pm_set_device_wakeup(candidate, true) }) {
                // It is none that ACPI knows, or none that can wake up.
                Err(ENODEV | EINVAL) => {}
                result => return result,
            }
        }
        if bus.is_null() {
            return Ok(());
        }
        // SAFETY: The function keeps its bus, and a bus the one above and the bridge to it.
        unsafe {
            if (*bus).parent.is_null() {
                candidate = (*bus).bridge;
                bus = core::ptr::null_mut();
            } else {
                // A bus of virtual functions has no bridge of its own.
                let bridge = (*bus).self_;
                candidate = if bridge.is_null() {
                    core::ptr::null_mut()
                } else {
                    &raw mut (*bridge).dev
                };
                bus = (*bus).parent;
            }
        }
    }
}

/// There is no platform that could.
#[cfg(not(CONFIG_ACPI))]
fn enable_platform_wakeup(_dev: &Device) -> Result {
    Err(ENODEV)
}
