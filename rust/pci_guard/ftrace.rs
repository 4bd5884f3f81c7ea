// SPDX-License-Identifier: GPL-2.0-only

//! Has a call of a function of the kernel go on elsewhere: the one file that knows ftrace.
//!
//! Plain `ftrace_ops` with `FTRACE_OPS_FL_IPMODIFY`, which is what a livepatch is made of: the call
//! goes on in the context of the caller, with its arguments, and whether it does is for a handler
//! to decide. `FTRACE_OPS_FL_PERMANENT`: it cannot be switched off by `kernel.ftrace_enabled`.
//!
//! A handler may only look, too: [`Ops::seeing`], of a function by its name.
//!
//! Another architecture has to name where the call goes on, in what ftrace passes to a handler
//! (`ftrace_regs_set_instruction_pointer()`), and where the arguments are: `set_ip`, `arguments`.
//!
//! C header: [`include/linux/ftrace.h`](srctree/include/linux/ftrace.h)

#[cfg(all(
    CONFIG_DYNAMIC_FTRACE_WITH_ARGS,
    any(CONFIG_X86_64, CONFIG_ARM64, CONFIG_S390)
))]
pub(super) use self::real::*;

#[cfg(not(all(
    CONFIG_DYNAMIC_FTRACE_WITH_ARGS,
    any(CONFIG_X86_64, CONFIG_ARM64, CONFIG_S390)
)))]
pub(super) use self::missing::*;

#[cfg(all(
    CONFIG_DYNAMIC_FTRACE_WITH_ARGS,
    any(CONFIG_X86_64, CONFIG_ARM64, CONFIG_S390)
))]
mod real {
    use kernel::{
        bindings,
        error::to_result,
        prelude::*,
        types::Opaque, //
    };

    /// Whether this kernel has such an ftrace.
    pub(crate) const IS_THERE: bool = true;

    pub(crate) type RawOps = bindings::ftrace_ops;

    /// What ftrace passes to a handler.
    pub(crate) type Regs = bindings::ftrace_regs;

    /// Decides about a call: the function's address, and where the call returns to.
    pub(crate) type Handler = unsafe extern "C" fn(c_ulong, c_ulong, *mut RawOps, *mut Regs);

    /// What ftrace keeps of a function that is handled.
    pub(crate) struct Ops(Opaque<bindings::ftrace_ops>);

    // SAFETY: ftrace has locks of its own.
    unsafe impl Sync for Ops {}

    /// The longest name of a function, with the zero behind it.
    const NAME_BYTES: usize = 64;

    impl Ops {
        const fn with(handler: Handler, flags: u32) -> Self {
            Self(Opaque::new(bindings::ftrace_ops {
                func: Some(handler),
                // CAST: Widens.
                flags: flags as c_ulong,
                ..pin_init::zeroed()
            }))
        }

        /// Of a handler that decides where a call goes on.
        pub(crate) const fn moving(handler: Handler) -> Self {
            Self::with(
                handler,
                bindings::FTRACE_OPS_FL_IPMODIFY | bindings::FTRACE_OPS_FL_PERMANENT,
            )
        }

        /// Of a handler that sees calls.
        pub(crate) const fn seeing(handler: Handler) -> Self {
            Self::with(handler, bindings::FTRACE_OPS_FL_PERMANENT)
        }

        /// Has the handler decide about calls of `function` (`register_ftrace_function()`).
        ///
        /// # Errors
        ///
        /// `EBUSY` where a livepatch has the function, or ftrace is switched off; `EINVAL` where it
        /// is none that can be traced.
        pub(crate) fn register(&'static self, function: usize) -> Result {
            // SAFETY: `self` is `'static`. It is not an address of the kernel's: `EINVAL`.
            to_result(unsafe {
                bindings::ftrace_set_filter_ip(self.0.get(), function as c_ulong, 0, 0)
            })?;
            self.begin()
        }

        /// As [`Self::register`], of a function that has no address for modules: by its name.
        ///
        /// # Errors
        ///
        /// As [`Self::register`]; `EINVAL` where the kernel has none of that name.
        pub(crate) fn register_name(&'static self, name: &CStr) -> Result {
            // The C function takes the text apart where it is.
            let mut text = [0; NAME_BYTES];
            let bytes = name.to_bytes_with_nul();
            text.get_mut(..bytes.len())
                .ok_or(EINVAL)?
                .copy_from_slice(bytes);
            // SAFETY: `self` is `'static`, and `text` so long. 1: nothing else is handled.
            // CAST: Below `NAME_BYTES`.
            to_result(unsafe {
                bindings::ftrace_set_filter(
                    self.0.get(),
                    text.as_mut_ptr(),
                    (bytes.len() - 1) as c_int,
                    1,
                )
            })?;
            self.begin()
        }

        fn begin(&'static self) -> Result {
            // SAFETY: `self` is `'static`; whoever drops the module's code calls `unregister()`
            // before.
            to_result(unsafe { bindings::register_ftrace_function(self.0.get()) })
                .inspect_err(|_| self.forget())
        }

        /// Ends it. When this returns the handler does not run any more
        /// (`unregister_ftrace_function()`).
        pub(crate) fn unregister(&'static self) {
            // SAFETY: `self` is `'static`; the C function refuses what is not registered.
            unsafe { bindings::unregister_ftrace_function(self.0.get()) };
            self.forget();
        }

        fn forget(&'static self) {
            // SAFETY: As above; it is not registered.
            unsafe { bindings::ftrace_free_filter(self.0.get()) };
        }

        /// Returns whether ftrace calls the handler.
        pub(crate) fn is_enabled(&self) -> bool {
            // SAFETY: `self` is valid. ftrace writes the flags with a lock of its own, hence the
            // volatile read.
            let flags = unsafe { core::ptr::read_volatile(&raw const (*self.0.get()).flags) };
            flags & bindings::FTRACE_OPS_FL_ENABLED as c_ulong != 0
        }
    }

    /// Returns the first two arguments of the call.
    ///
    /// # Safety
    ///
    /// `regs` must be what was passed to the handler that calls this.
    pub(crate) unsafe fn arguments(regs: *mut Regs) -> [usize; 2] {
        // CAST: As `arch_ftrace_regs()` does.
        let regs = regs.cast::<bindings::__arch_ftrace_regs>();
        #[cfg(CONFIG_X86_64)]
        // SAFETY: By the safety requirements of this function.
        let arguments = unsafe { [(*regs).regs.di, (*regs).regs.si] };
        #[cfg(CONFIG_ARM64)]
        // SAFETY: As above.
        let arguments = unsafe { [(*regs).regs[0], (*regs).regs[1]] };
        #[cfg(CONFIG_S390)]
        // SAFETY: As above.
        let arguments = unsafe {
            let registers = &(*regs).regs.__bindgen_anon_1.__bindgen_anon_1;
            [registers.gprs[2], registers.gprs[3]]
        };
        arguments
    }

    /// Has the call go on at `ip`.
    ///
    /// # Safety
    ///
    /// `regs` must be what was passed to the handler that calls this. At `ip` there must be a
    /// function that takes what the hooked one takes.
    pub(crate) unsafe fn set_ip(regs: *mut Regs, ip: usize) {
        // CAST: As `arch_ftrace_regs()` does.
        let regs = regs.cast::<bindings::__arch_ftrace_regs>();
        #[cfg(CONFIG_X86_64)]
        // SAFETY: By the safety requirements of this function.
        unsafe {
            (*regs).regs.ip = ip as c_ulong
        };
        #[cfg(CONFIG_ARM64)]
        // SAFETY: As above.
        unsafe {
            (*regs).pc = ip as c_ulong
        };
        #[cfg(CONFIG_S390)]
        // SAFETY: As above.
        unsafe {
            (*regs).regs.__bindgen_anon_1.__bindgen_anon_1.psw.addr = ip as c_ulong
        };
    }
}

/// A kernel without it.
#[cfg(not(all(
    CONFIG_DYNAMIC_FTRACE_WITH_ARGS,
    any(CONFIG_X86_64, CONFIG_ARM64, CONFIG_S390)
)))]
mod missing {
    use kernel::prelude::*;

    pub(crate) const IS_THERE: bool = false;
    pub(crate) type Regs = ();
    pub(crate) type Handler = unsafe extern "C" fn(c_ulong, c_ulong, *mut RawOps, *mut Regs);
    pub(crate) type RawOps = ();
    pub(crate) struct Ops;

    impl Ops {
        pub(crate) const fn moving(_: Handler) -> Self {
            Self
        }

        pub(crate) const fn seeing(_: Handler) -> Self {
            Self
        }

        pub(crate) fn register(&'static self, _: usize) -> Result {
            Err(ENODEV)
        }

        pub(crate) fn register_name(&'static self, _: &CStr) -> Result {
            Err(ENODEV)
        }

        pub(crate) fn unregister(&'static self) {}

        pub(crate) fn is_enabled(&self) -> bool {
            false
        }
    }

    /// # Safety
    ///
    /// None: there are no calls.
    pub(crate) unsafe fn arguments(_: *mut Regs) -> [usize; 2] {
        [0; 2]
    }

    /// # Safety
    ///
    /// None: there are no calls.
    pub(crate) unsafe fn set_ip(_: *mut Regs, _: usize) {}
}
