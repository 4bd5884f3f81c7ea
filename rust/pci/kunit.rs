// SPDX-License-Identifier: GPL-2.0-only

//! What KUnit tests need of the kernel: the function that they run on, and a way to skip.
//!
//! The function is the one that was bound to the test module when it was loaded, by
//! `driver_override`. Tests take its device lock. A failed assertion ends the test's thread where
//! it stands, locks and all: so look at the function in [`on_function`], and assert behind it.
//!
//! C header: [`include/kunit/test.h`](srctree/include/kunit/test.h)

use kernel::{
    bindings,
    device::{
        Bound,
        Core, //
    },
    driver::Registration,
    error::to_result,
    pci::Device,
    prelude::*,
    InPlaceModule,
    ModuleMetadata, //
};

use super::{
    as_raw,
    enable,
    try_lock,
    Binding,
    LockScope,
    ProbeInfo, //
};

kernel::sync::global_lock! {
    // SAFETY: Initialized by the module's init, before it registers the driver, and before the
    // kernel runs the tests.
    unsafe(uninit) static FUNCTION: Mutex<Option<Binding>> = None;
}

/// A module that only has tests, and a driver for the function that they run on.
#[pin_data]
pub struct TestModule {
    #[pin]
    _driver: Registration<kernel::pci::Adapter<TestDriver>>,
}

impl InPlaceModule for TestModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // SAFETY: The module's init runs once, and first.
        unsafe { FUNCTION.init() };

        try_pin_init!(Self {
            _driver <- Registration::new(<Self as ModuleMetadata>::NAME, module),
        })
    }
}

struct TestDriver;

/// A function that is offered to the tests until it is unbound.
struct Offered;

impl Offered {
    /// One function is enough: `EBUSY` for a second.
    fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        enable(dev)?;
        let mut function = FUNCTION.lock();
        if function.is_some() {
            return Err(EBUSY);
        }
        *function = Some(Binding::new(dev)?);
        Ok(Self)
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        *FUNCTION.lock() = None;
    }
}

crate::pci_device_table!(
    PCI_TABLE,
    <TestDriver as kernel::pci::Driver>::IdInfo,
    // Matches no device: binds by `driver_override` only. A table must not be empty.
    [(super::device_id(0, 0), ())]
);

/// A table that matches no device, for a driver whose callbacks a test calls.
pub const NO_DEVICES: kernel::pci::IdTable<()> = &PCI_TABLE;

impl kernel::pci::Driver for TestDriver {
    type IdInfo = ();
    type Data<'bound> = Offered;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = NO_DEVICES;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Offered, Error> + 'bound {
        Offered::new(dev)
    }
}

/// Calls `f` with the bound function, its device lock held.
///
/// Returns [`None`] where none is bound: the test that runs is then marked as skipped.
///
/// # Errors
///
/// Those of [`try_lock`], or that of `f`; they are in the log.
pub fn on_function<R>(f: impl FnOnce(&Device<Core<'_>>) -> Result<R>) -> Result<Option<R>> {
    let Some(binding) = FUNCTION.lock().clone() else {
        skip(b"no function is bound to kunit_recovery: set its driver_override, load again");
        return Ok(None);
    };
    try_lock(&binding, LockScope::Function, f)
        .inspect_err(|error| {
            dev_err!(
                binding.device(),
                "KUnit: the test on this function ended: {:?}\n",
                error
            )
        })
        .map(Some)
}

/// Marks the test that runs as skipped (`kunit_mark_skipped()`).
fn skip(reason: &[u8]) {
    // SAFETY: There are no requirements.
    let test = unsafe { bindings::kunit_get_current_test() };
    if test.is_null() {
        return;
    }
    // SAFETY: The test that this thread runs; nobody else writes these fields meanwhile.
    let comment = unsafe {
        (*test).status = bindings::kunit_status_KUNIT_SKIPPED;
        &mut (*test).status_comment
    };
    // The last byte stays 0.
    let room = comment.len() - 1;
    for (to, from) in comment.iter_mut().take(room).zip(reason) {
        *to = *from as c_char;
    }
}

/// As if the function were no bus master (`pci_clear_master()`): the kernel's crate has no name for
/// it.
pub fn clear_master(dev: &Device<Core<'_>>) {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; the device lock
    // is held, so that nobody else changes whether it is one.
    unsafe { bindings::pci_clear_master(as_raw(dev)) };
}

/// Writes the dword at `offset`, behind the back of the kernel: a test's damage
/// (`pci_write_config_dword()`).
///
/// # Errors
///
/// That of the access.
pub fn damage(dev: &Device<Bound>, offset: u16, value: u32) -> Result {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`; the core refuses
    // an offset that is not aligned or not in config space.
    to_result(unsafe { bindings::pci_write_config_dword(as_raw(dev), offset.into(), value) })
}
