// SPDX-License-Identifier: GPL-2.0-only

//! The C vtable of those callbacks that a driver implements.

/// Declares, for a driver `T`, `VTABLE`, a `bindings::$type` with each `$callback` of `Self` if
/// `T::$has` says that the driver implements it, null otherwise; and `as_ptr()`.
macro_rules! c_vtable {
    ($type:ident: $($callback:ident if $has:ident,)+ $(..$rest:expr)?) => {
        const VTABLE: &'static bindings::$type = &bindings::$type {
            $($callback: if T::$has { Some(Self::$callback) } else { None },)+
            $(..$rest)?
        };

        /// Returns the vtable, null where the driver implements no callback at all: the core tells
        /// the two apart.
        pub(super) fn as_ptr() -> *const bindings::$type {
            if $(T::$has)||+ {
                Self::VTABLE
            } else {
                core::ptr::null()
            }
        }
    };
}
