// SPDX-License-Identifier: GPL-2.0-only

//! Drivers that judge what they save by themselves, and how somebody else knows them.
//!
//! A driver that is registered by [`Adapter`](super::Adapter) has a file `known_good_state` in its
//! directory in sysfs, `/sys/bus/pci/drivers/NAME/`. It says to people that this driver keeps a
//! known-good state of each of its functions; by it, `pci_guard.ko` finds out whose calls of
//! `pci_save_state()` it must let through. It is a struct of the driver core which every driver may
//! have, so that looking for it in any driver is sound, and it needs no symbol of another module.
//!
//! C header: [`include/linux/device/driver.h`](srctree/include/linux/device/driver.h)

use kernel::{
    bindings,
    pci::Device,
    prelude::*,
    types::Opaque, //
};

use super::as_raw;

/// The name of the file.
const NAME: &CStr = c"known_good_state";

/// A value that the C code only reads.
struct Constant<T>(T);

// SAFETY: It is only read.
unsafe impl<T> Sync for Constant<T> {}

static ATTRIBUTE: Constant<bindings::driver_attribute> = Constant(bindings::driver_attribute {
    attr: attribute(),
    show: Some(show),
    store: None,
});

/// The file; lockdep has more fields of its own.
const fn attribute() -> bindings::attribute {
    let mut attribute: bindings::attribute = pin_init::zeroed();
    attribute.name = NAME.to_bytes_with_nul().as_ptr();
    attribute.mode = 0o400;
    attribute
}

static ATTRIBUTES: Constant<[*mut bindings::attribute; 2]> = Constant([
    (&raw const ATTRIBUTE.0.attr).cast_mut(),
    core::ptr::null_mut(),
]);

static GROUP: Constant<bindings::attribute_group> = Constant(bindings::attribute_group {
    __bindgen_anon_2: bindings::attribute_group__bindgen_ty_2 {
        attrs: (&raw const ATTRIBUTES.0).cast_mut().cast(),
    },
    ..pin_init::zeroed()
});

static GROUPS: Constant<[*const bindings::attribute_group; 2]> =
    Constant([&raw const GROUP.0, core::ptr::null()]);

/// What a driver's `struct pci_driver.groups` has to be.
pub(super) fn groups() -> *mut *const bindings::attribute_group {
    (&raw const GROUPS.0).cast_mut().cast()
}

/// # Safety
///
/// For `driver_attribute.show`.
unsafe extern "C" fn show(_: *mut bindings::device_driver, buffer: *mut c_char) -> isize {
    for (index, byte) in b"kept\n".iter().enumerate() {
        // SAFETY: By the safety requirements of this function there is a page.
        unsafe { buffer.add(index).write(*byte as c_char) };
    }
    5
}

/// A range of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its first byte.
    pub start: usize,
    /// How many there are.
    pub len: usize,
}

#[cfg(MODULE)]
// Whether that is so depends on the kernel's configuration; only its address is used.
#[allow(improper_ctypes)]
extern "C" {
    static __this_module: Opaque<bindings::module>;
}

impl Text {
    /// Returns whether `address` lies in it.
    #[inline]
    pub fn contains(self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.len
    }

    /// The code of the module that this is compiled into; nothing in code of the kernel itself.
    #[inline]
    pub fn own() -> Self {
        #[cfg(MODULE)]
        // SAFETY: The kernel's build makes it, and it lives as long as the module's code.
        return unsafe { Self::of(__this_module.get()) };
        #[cfg(not(MODULE))]
        return Self { start: 0, len: 0 };
    }

    /// The code of a module, without what is gone when it has been loaded.
    ///
    /// # Safety
    ///
    /// `module` must be valid.
    #[inline]
    unsafe fn of(module: *const bindings::module) -> Self {
        // SAFETY: By the safety requirements of this function.
        let text = unsafe { &raw const (*module).mem[bindings::mod_mem_type_MOD_TEXT as usize] };
        // SAFETY: As above. The fields are written when the module is loaded.
        let (start, len) = unsafe { ((*text).base as usize, (*text).size as usize) };
        Self { start, len }
    }
}

/// Returns the code of the driver of `dev`, where that judges what it saves by itself.
///
/// Context: the device lock held, which keeps the driver.
pub fn judge_of(dev: &Device) -> Option<Text> {
    // SAFETY: By the type invariant of `Device`, this is a valid `struct pci_dev`. The device lock
    // is held, so that its driver stays.
    let driver = unsafe { (*as_raw(dev)).dev.driver };
    if driver.is_null() {
        return None;
    }
    // SAFETY: As above: a driver, whose fields are written before it is registered.
    let (owner, mut groups) = unsafe { ((*driver).owner, (*driver).groups) };
    if owner.is_null() || groups.is_null() {
        return None;
    }
    // SAFETY: An array of groups that ends with null.
    while let Some(group) = unsafe { next(&mut groups) } {
        // SAFETY: As above. Whoever writes the one field of the union writes the other, which is
        // the same but for what is constant.
        let mut attributes = unsafe { (*group).__bindgen_anon_2.attrs_const };
        // SAFETY: An array of attributes that ends with null, or null.
        while let Some(attribute) = unsafe { next(&mut attributes) } {
            // SAFETY: A name is a string that lives as long as the driver.
            if unsafe { CStr::from_char_ptr((*attribute).name) } == NAME {
                // SAFETY: A driver is unregistered before its module goes.
                return Some(unsafe { Text::of(owner) });
            }
        }
    }
    None
}

/// Returns the next pointer of an array that ends with null, [`None`] at its end.
///
/// # Safety
///
/// `array` must be null, or point into such an array, not behind its end.
unsafe fn next<T>(array: &mut *const *const T) -> Option<*const T> {
    if array.is_null() {
        return None;
    }
    // SAFETY: By the safety requirements of this function.
    let pointer = unsafe { **array };
    if pointer.is_null() {
        return None;
    }
    // SAFETY: This was not the end.
    *array = unsafe { array.add(1) };
    Some(pointer)
}
