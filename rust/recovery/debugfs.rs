// SPDX-License-Identifier: GPL-2.0-only

//! The function's directory in debugfs: `/sys/kernel/debug/<module>/<domain:bus:dev.fn>/`.
//!
//! | file | |
//! |---|---|
//! | `status` | how the function is, and counters |
//! | `events` | the timeline: nanoseconds since boot, event, detail |
//! | `saved` | the known-good state, one register a line: offset, bytes, name, value |
//! | `save` | write `1`: guarded save |
//! | `restore` | write `1`: verified restore |
//! | `reset` | write `1`: reset the function, and verify that its state is back |
//!
//! The errno of a write is the verdict: `EIO` refused or not restored, `EBUSY` the device lock is
//! taken (by a callback, an unbind, another reset), `ENOTTY` no reset method, `EINVAL` not a `1`.
//! Only root may open them.

use core::fmt;

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    sync::Arc,
    uaccess::UserSliceReader, //
};

use super::{
    status::Status,
    Inner,
    Recovery, //
};
use crate::pci::{
    self,
    debugfs::{
        Scope,
        ScopedDir, //
    },
    Channel,
    LockScope, //
};

/// The files of one function; they are removed when this is dropped, and `T` after them.
pub struct Files<T: Send + Sync + 'static = ()> {
    _scope: Scope<Shown<T>>,
}

/// What the files show: what this library keeps, and the driver's own.
type Shown<T> = (Arc<Recovery>, T);

impl Files {
    /// Creates the files, below the module's directory.
    ///
    /// Context: probe; sleeps.
    ///
    /// # Errors
    ///
    /// Those of [`Files::with`].
    pub fn new(dev: &Device<Core<'_>>, recovery: Arc<Recovery>) -> Result<Self> {
        Self::with(dev, recovery, (), |(), _| ())
    }
}

impl<T: Send + Sync + 'static> Files<T> {
    /// As [`Files::new`]; `more` adds the driver's own files to the directory, which show `data`.
    ///
    /// Where debugfs is not available there are none, which is no error: it is for people to look.
    ///
    /// Context: probe; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ENODEV` while the module is being unloaded.
    pub fn with(
        dev: &Device<Core<'_>>,
        recovery: Arc<Recovery>,
        data: T,
        more: impl for<'data, 'dir> FnOnce(&'data T, &'dir ScopedDir<'data, 'dir>),
    ) -> Result<Self> {
        let parent = pci::module_dir::module_dir().ok_or(ENODEV)?;
        let scope = parent.scope(
            (recovery, data),
            dev.as_ref().name(),
            |(recovery, data), dir| {
                dir.read_callback_file(c"status", recovery, &|r: &Arc<Recovery>, f| {
                    r.show_status(f)
                });
                dir.read_callback_file(c"events", recovery, &|r: &Arc<Recovery>, f| {
                    r.show_events(f)
                });
                dir.read_callback_file(c"saved", recovery, &|r: &Arc<Recovery>, f| r.show_saved(f));
                dir.write_only_callback_file(c"save", recovery, &|r: &Arc<Recovery>, input| {
                    r.on_write(input, LockScope::Function, Recovery::save)
                });
                dir.write_only_callback_file(c"restore", recovery, &|r: &Arc<Recovery>, input| {
                    r.on_write(input, LockScope::Function, Recovery::restore)
                });
                dir.write_only_callback_file(c"reset", recovery, &|r: &Arc<Recovery>, input| {
                    r.on_write(input, LockScope::FunctionAndBridge, Recovery::reset)
                });
                more(data, dir);
            },
        )?;
        Ok(Self { _scope: scope })
    }
}

/// Accepts `1`, with or without a newline.
fn expect_one(input: &mut UserSliceReader) -> Result {
    let mut buffer = [0; 2];
    let len = input.len();
    let written = buffer.get_mut(..len).ok_or(EINVAL)?;
    input.read_slice(written)?;
    match written {
        [b'1'] | [b'1', b'\n'] => Ok(()),
        _ => Err(EINVAL),
    }
}

impl Recovery {
    /// Runs `action` with the device lock held, if `input` is `1` and nobody else holds the lock.
    ///
    /// Unbinding waits for this while it holds the lock, so this must not wait for it.
    fn on_write(
        &self,
        input: &mut UserSliceReader,
        scope: LockScope,
        action: fn(&Self, &Device<Core<'_>>) -> Result,
    ) -> Result {
        expect_one(input)?;
        pci::try_lock(&self.binding, scope, |dev| action(self, dev))
    }

    fn show_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock();
        let status = Status {
            state: inner.health.as_str(),
            channel: self.binding.device().channel_state(),
            counters: &inner.counters,
            saved_at_ns: inner.known_good.at_ns,
            log_suppressed: self.log_limits.suppressed(),
            memory_bytes: self.memory_bytes(&inner),
            last_refusal: inner.last_refusal,
            last_verdict: inner.last_verdict,
        };
        fmt::Display::fmt(&status, f)
    }

    /// How many bytes it holds: the same from probe to unbind. Those of debugfs are the kernel's.
    fn memory_bytes(&self, inner: &Inner) -> usize {
        size_of_val(self) + inner.events.bytes() + inner.known_good.bytes()
    }

    fn show_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ns, event) in self.inner.lock().events.iter() {
            writeln!(f, "{ns} {event}")?;
        }
        Ok(())
    }

    fn show_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for register in self.inner.lock().known_good.snapshot.registers() {
            writeln!(f, "{register}")?;
        }
        Ok(())
    }
}
