// SPDX-License-Identifier: GPL-2.0-only

//! For tests on s390x: raises an error event of a zPCI function, refreshes translations of DMA.
//!
//! A function of zPCI is put into the error state by the machine when it does what it must not: a
//! refresh of translations (the instruction RPCIT) outside the range that the function may reach by
//! DMA does that, without any DMA. The machine reports event 0x2, the kernel recovers the function
//! (`zpci_event_error()`, `arch/s390/pci/pci_event.c`), and until then config accesses fail.
//!
//! `/sys/kernel/debug/zpci_error/raise`: write the function's handle, as its `function_handle` in
//! sysfs reads (`0x00010002`). The handle changes each time the function is enabled.
//!
//! `/sys/kernel/debug/zpci_error/refresh`: write `HANDLE START LENGTH` in hexadecimal, the range
//! that the function may reach by DMA (its IOMMU group's `reserved_regions` are what is left).
//! QEMU forgets all translations when the function is disabled, where a real machine finds them in
//! memory again: after a recovery DMA to what was mapped before it goes nowhere without this.
//!
//! Errors: `EINVAL` what is written is not of this form, `ENODEV` the machine has no enabled
//! function with this handle, `EBUSY` the function is in the error state already, or busy, `EIO`
//! the machine has carried the instruction out (`raise`), or put the function into the error
//! state (`refresh`).
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

/// What is written at most: three numbers of 64 bits with `0x`, spaces and a newline.
const MAX_TEXT: usize = 64;

/// Below every function's range for DMA, in the machines there are.
const OUT_OF_RANGE: u64 = 0;

/// One page.
const LENGTH: u64 = 4096;

/// The status of an instruction that has put the function into the error state.
const FUNCTION_IN_ERROR: u64 = 8;

/// Returns the `N` numbers that are written, each as `0x` and digits.
fn numbers<const N: usize>(input: &mut UserSliceReader) -> Result<[u64; N]> {
    let mut text = [0; MAX_TEXT];
    let length = input.len();
    let text = text.get_mut(..length).ok_or(EINVAL)?;
    input.read_slice(text)?;
    let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
    let mut words = text.trim().split(' ');
    let mut numbers = [0; N];
    for number in &mut numbers {
        let digits = words.next().and_then(|word| word.strip_prefix("0x"));
        *number = u64::from_str_radix(digits.ok_or(EINVAL)?, 16).map_err(|_| EINVAL)?;
    }
    words.next().map_or(Ok(numbers), |_| Err(EINVAL))
}

/// The file `raise`. It has no data: the state is the machine's.
struct Raise;

impl Raise {
    fn write(&self, input: &mut UserSliceReader) -> Result {
        let [handle] = numbers(input)?;
        match refresh(handle, OUT_OF_RANGE, LENGTH)? {
            Done::InError => Ok(()),
            Done::Busy => Err(EBUSY),
            Done::Refreshed => Err(EIO),
        }
    }
}

/// The file `refresh`.
struct Refresh;

impl Refresh {
    fn write(&self, input: &mut UserSliceReader) -> Result {
        let [handle, start, length] = numbers(input)?;
        match refresh(handle, start, length)? {
            Done::Refreshed => Ok(()),
            Done::Busy => Err(EBUSY),
            Done::InError => Err(EIO),
        }
    }
}

/// What has become of a refresh.
enum Done {
    Refreshed,
    /// The function is in the error state because of it.
    InError,
    /// Nothing was done: the function is in the error state already, or busy.
    Busy,
}

/// Refreshes the function's translations of a range of addresses.
///
/// # Errors
///
/// `EINVAL`: not a handle; `ENODEV`: of no function that is enabled.
fn refresh(handle: u64, start: u64, length: u64) -> Result<Done> {
    // The handle is in the first half. The status comes back in the first byte of the other.
    let mut function = u64::from(u32::try_from(handle).map_err(|_| EINVAL)?) << 32;
    let condition: u64;
    // SAFETY: The instruction makes the machine look translations of a range of addresses up again,
    // in the function's own tables; a wrong handle or range is an error of the function, and no
    // more. It writes no memory, and changes its first operand and the condition code only.
    unsafe {
        asm!(
            ".insn rre,0xb9d30000,%r3,%r4",
            "ipm {condition}",
            "srl {condition},28",
            condition = out(reg) condition,
            inout("r3") function,
            in("r4") start,
            in("r5") length,
        );
    }
    match condition & 3 {
        0 => Ok(Done::Refreshed),
        1 if function >> 24 & 0xff == FUNCTION_IN_ERROR => Ok(Done::InError),
        3 => Err(ENODEV),
        _ => Ok(Done::Busy),
    }
}

/// The module. Dropping it removes its files.
struct Errors {
    _raise: Scope<Raise>,
    _refresh: Scope<Refresh>,
}

impl kernel::Module for Errors {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let dir = Dir::new(c"zpci_error")?;
        Ok(Self {
            _raise: dir.write_callback_file(c"raise", Raise, &Raise::write)?,
            _refresh: dir.write_callback_file(c"refresh", Refresh, &Refresh::write)?,
        })
    }
}
