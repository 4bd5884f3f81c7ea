// SPDX-License-Identifier: GPL-2.0-only

//! For tests on s390x: raises a zPCI error event of a function.
//!
//! A function of zPCI is put into the error state by the machine when it does what it must not: a
//! refresh of translations (the instruction RPCIT) outside the range that the function may reach by
//! DMA does that, without any DMA. The machine reports event 0x2, the kernel recovers the function
//! (`zpci_event_error()`, `arch/s390/pci/pci_event.c`), and until then config accesses fail.
//!
//! `/sys/kernel/debug/zpci_error/raise`: write the function's handle, as its `function_handle` in
//! sysfs reads (`0x00010002`). The handle changes each time the function is enabled.
//!
//! Errors: `EINVAL` what is written is no handle, `ENODEV` the machine has no enabled function with
//! this handle, `EBUSY` the function is in the error state already, or busy, `EIO` the machine has
//! carried the instruction out.
//!
//! The Principles of Operation do not describe the instruction. What is known of it here is from
//! `zpci_refresh_trans()` (`arch/s390/pci/pci_insn.c`) and from QEMU (`hw/s390x/s390-pci-inst.c`).

use core::arch::asm;

use kernel::{
    prelude::*,
    uaccess::UserSliceReader, //
};

// Of the library, what the kernel itself lacks.
#[path = "pci/debugfs.rs"]
pub mod debugfs;

use self::debugfs::{
    Dir,
    Scope, //
};

module! {
    type: Errors,
    name: "zpci_error",
    authors: ["The pci-recovery developers"],
    description: "FOR TESTS ONLY: raises error events of zPCI functions",
    license: "GPL",
}

/// What a handle is at most, with `0x` and a newline.
const MAX_TEXT: usize = 16;

/// Below every function's range for DMA, in the machines there are.
const OUT_OF_RANGE: u64 = 0;

/// One page.
const LENGTH: u64 = 4096;

/// The status of an instruction that has put the function into the error state.
const FUNCTION_IN_ERROR: u64 = 8;

/// The file `raise`. It has no data: the state is the machine's.
struct Raise;

impl Raise {
    fn write(&self, input: &mut UserSliceReader) -> Result {
        let mut text = [0; MAX_TEXT];
        let length = input.len();
        let text = text.get_mut(..length).ok_or(EINVAL)?;
        input.read_slice(text)?;
        let handle = core::str::from_utf8(text).ok().and_then(handle);
        raise(handle.ok_or(EINVAL)?)
    }
}

/// Returns the handle that is written as `0x` and digits.
fn handle(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// Refreshes translations of the function outside its range.
///
/// # Errors
///
/// See the module.
fn raise(handle: u32) -> Result {
    // The handle is in the first half. The status comes back in the first byte of the other.
    let mut function = u64::from(handle) << 32;
    let condition: u64;
    // SAFETY: The instruction forgets translations of a range of addresses, at which there are none
    // for a device. It changes its first operand and the condition code only.
    unsafe {
        asm!(
            ".insn rre,0xb9d30000,%r3,%r4",
            "ipm {condition}",
            "srl {condition},28",
            condition = out(reg) condition,
            inout("r3") function,
            in("r4") OUT_OF_RANGE,
            in("r5") LENGTH,
        );
    }
    match condition & 3 {
        1 if function >> 24 & 0xff == FUNCTION_IN_ERROR => Ok(()),
        1 | 2 => Err(EBUSY),
        3 => Err(ENODEV),
        _ => Err(EIO),
    }
}

/// The module. Dropping it removes its file.
struct Errors {
    _raise: Scope<Raise>,
}

impl kernel::Module for Errors {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let dir = Dir::new(c"zpci_error")?;
        Ok(Self {
            _raise: dir.write_callback_file(c"raise", Raise, &Raise::write)?,
        })
    }
}
