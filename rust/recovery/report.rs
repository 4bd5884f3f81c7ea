// SPDX-License-Identifier: GPL-2.0-only

//! Tells people and programs: one line in the log, a uevent, the timeline.

use core::fmt;

use kernel::{
    pci::Device,
    prelude::*, //
};

use super::{
    events::Event,
    log::{
        limited,
        CORRECTED, //
    },
    shown::{
        send,
        Shown, //
    },
    status::Health,
    Inner,
    Recovery, //
};
use crate::guard::{
    Mismatch,
    Refusal, //
};

/// A save was refused; the known-good state was kept.
pub(super) fn refused(recovery: &Recovery, dev: &Device, refusal: Refusal) {
    let mut inner = recovery.inner.lock();
    inner.counters.refusals += 1;
    inner.last_refusal = Some(refusal);
    inner.events.push(Event::Refusal(refusal));
    let at_ns = inner.known_good.at_ns;
    drop(inner);

    limited!(
        recovery.log_limits,
        refused,
        dev_warn,
        dev,
        "refused to save: {}; kept the state saved at {} ns\n",
        refusal,
        at_ns
    );
    send(dev, "refusal", &refusal);
}

/// The known-good state was written and read back.
pub(super) fn restored(recovery: &Recovery, inner: &Inner, dev: &Device) {
    limited!(
        recovery.log_limits,
        restored,
        dev_info,
        dev,
        "restored the state saved at {} ns, {} registers verified\n",
        inner.known_good.at_ns,
        inner.known_good.snapshot.verified()
    );
}

/// The function was restored, but for a register that it can do without.
pub(super) fn deviates(recovery: &Recovery, dev: &Device, mismatch: &Mismatch) {
    limited!(
        recovery.log_limits,
        found,
        dev_warn,
        dev,
        "works again, but {}\n",
        Shown(mismatch)
    );
}

/// The function could not be restored.
pub(super) fn failed(recovery: &Recovery, dev: &Device, error: &impl fmt::Display) {
    let mut inner = recovery.inner.lock();
    inner.health = Health::Lost;
    inner.last_verdict = Some("lost");
    inner.events.push(Event::Lost);
    drop(inner);

    limited!(
        recovery.log_limits,
        failed,
        dev_err,
        dev,
        "not restored: {}; try the function's reset file in sysfs or debugfs\n",
        Shown(error)
    );
    send(dev, "failed", error);
}

/// Hardware has corrected an error, and the core has counted it: nothing is to be recovered.
///
/// Context: any; the device lock need not be held.
pub fn corrected(dev: &Device) {
    let Some(suppressed) = CORRECTED.next_line() else {
        return;
    };
    if suppressed != 0 {
        dev_info!(dev, "{} lines of all functions suppressed\n", suppressed);
    }
    dev_info!(dev, "correctable error, nothing to recover\n");
}
