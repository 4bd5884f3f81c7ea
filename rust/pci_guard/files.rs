// SPDX-License-Identifier: GPL-2.0-only

//! What a person sees: `/sys/kernel/debug/pci_guard/`, for root.
//!
//! | file | |
//! |---|---|
//! | `status` | whether the hooks are in force now, how many functions there are, the parameters |
//! | `functions` | a line for each function, see its head |
//! | `<domain:bus:dev.fn>/status`, `events`, `saved` | as those of a driver of ours |

use core::fmt;

use kernel::{
    prelude::*,
    sync::Arc, //
};

use super::{
    hook::Hooks,
    registry::Registry, //
};

/// What the module's own files show.
pub(super) struct Module {
    pub(super) registry: Arc<Registry>,
    pub(super) hooks: Pin<KBox<Hooks>>,
}

impl Module {
    pub(super) fn show_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hooks.prove() {
            Ok(()) => writeln!(f, "hooks: in force")?,
            Err(name) => writeln!(
                f,
                "hooks: NOT in force: a call of {name}() does not come here"
            )?,
        }
        let options = self.registry.options();
        writeln!(f, "functions: {}", self.registry.count())?;
        writeln!(f, "passed: {}", self.hooks.passed())?;
        writeln!(f, "abort: {}", u8::from(options.abort))?;
        writeln!(f, "strict: {}", u8::from(options.strict))?;
        writeln!(f, "verify: {}", u8::from(options.verify))?;
        writeln!(f, "heal: {}", u8::from(options.heal))
    }

    pub(super) fn show_functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "function state from saved_at_ns saves refusals suspicious restores repaired replaced \
             contended healed driver last_reason"
        )?;
        self.registry.for_each_entry(|entry| {
            let guarded = &entry.guarded;
            let history = guarded.history.lock();
            let (counters, state, source) = (history.counters, history.state(), history.source);
            let saved_at_ns = history.saved_at_ns;
            let (suspicious, repaired) = (history.suspicious, history.repaired);
            let (replaced, contended) = (history.replaced, history.contended);
            let (healed, last_reason) = (history.healed, history.last_reason());
            drop(history);

            let name = guarded.dev.as_ref().name().to_str().unwrap_or("?");
            write!(
                f,
                "{name} {state} {} {saved_at_ns} {} {} {suspicious} {} {repaired} {replaced} \
                 {contended} {healed} {} ",
                source.as_str(),
                counters.saves,
                counters.refusals,
                counters.restores,
                entry.driver,
            )?;
            match last_reason {
                Some(reason) => writeln!(f, "{reason}"),
                None => writeln!(f, "none"),
            }
        })
    }
}
