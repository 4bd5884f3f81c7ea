// SPDX-License-Identifier: GPL-2.0-only

//! The files of a wrapped bus: `/sys/kernel/debug/pci_fault/<domain:bus>/`.
//!
//! | file | |
//! |---|---|
//! | `fault` | write: arm a fault, or `off`; read: the faults, one a line, and how far they are |
//! | `record` | the last 8192 accesses: ns, function, r or w, offset, bytes, value, fault |
//! | `counters` | accesses since the last `clear` |
//! | `clear` | write `1`: forget accesses and counters |
//! | `<dev.fn>/save` | write `1`: plain `pci_save_state()` |
//! | `<dev.fn>/restore` | write `1`: plain `pci_restore_state()` |
//! | `<dev.fn>/give_up` | write `1`: report an error to the driver, and give its recovery up |
//! | `<dev.fn>/mmio_enabled` | write `1`: the channel is normal, ask the driver whether it works |
//! | `<dev.fn>/resume` | write `1`: tell the driver that its recovery is over, and nothing before |
//! | `<dev.fn>/bus_master` | write `1`: plain `pci_set_master()`; `0`: plain `pci_clear_master()` |
//! | `<dev.fn>/ptm` | write `1`: plain `pci_enable_ptm()`; `0`: plain `pci_disable_ptm()` |
//! | `<dev.fn>/msi` | write `1`: one vector, plain `pci_alloc_irq_vectors()`; `0`: none again |
//! | `<dev.fn>/resize` | write `BAR N`: plain `pci_resize_resource()` to 2^`N` MiB |
//! | `<dev.fn>/move_bar` | write `0` to `5`: that BAR is moved, plain `pci_assign_resource()` |
//! | `<dev.fn>/state_saved` | the core's flag of that name, `0` or `1`; write one to set it |
//! | `<dev.fn>/registers` | the hardware's: offset, bytes, value; write such a line to set one |
//! | `<dev.fn>/model` | write a model or `off`, see below; read: `none`, or its resets |
//! | `<dev.fn>/would_restore` | what a plain restore would write now: offset, bytes, value |
//!
//! A model ([`model`](super::model)) is written at once, while the function is not on the bus: the
//! next rescan finds it instead of the device, until `off` is written.
//!
//! Errors of writes: `EINVAL` what is written is not understood (the log says why), `ENOSPC` four
//! faults are armed, or eight functions have a model, `ENODEV` the bus or the function is gone,
//! `EBUSY` the function must be removed first.

use core::fmt::{
    self,
    Display, //
};

use kernel::{
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    uaccess::UserSliceReader, //
};

use crate::debugfs::{
    Dir,
    Scope, //
};

use super::{
    fault::{
        Fault,
        LAST_OFFSET, //
    },
    model::MAX_TEXT,
    plain,
    present::{
        self,
        NotLoaded, //
    },
    record::Record,
    shadow::Register,
    spec::{
        self,
        DevFn, //
    },
    wrap::{
        now_ns,
        Wrapper, //
    },
};

/// One function of the bus.
struct Function {
    wrapper: Arc<Wrapper>,
    devfn: u8,
    /// Where its registers end: it has nothing but zeros from here on.
    end: u16,
    name: CString,
}

/// What the files of a bus show.
pub(crate) struct Bus {
    wrapper: Arc<Wrapper>,
    functions: KVec<Function>,
}

/// Shows what implements [`core::fmt::Display`] by the kernel's `fmt!`.
struct Shown<T>(T);

impl<T: Display> kernel::fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One line: `OFFSET BYTES VALUE`.
impl Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = 2 + 2 * usize::from(self.size);
        write!(
            f,
            "{:#05x} {} {:#0width$x}",
            self.offset, self.size, self.value
        )
    }
}

/// What is written to a file, without the newline.
pub(crate) struct Input {
    buffer: [u8; Self::MAX],
    len: usize,
}

impl Input {
    /// No text that is understood is longer.
    const MAX: usize = 160;

    /// Reads what is written, at once.
    ///
    /// # Errors
    ///
    /// `EINVAL` where it is too long.
    pub(crate) fn read(input: &mut UserSliceReader) -> Result<Self> {
        let mut this = Self {
            buffer: [0; Self::MAX],
            len: input.len(),
        };
        input.read_slice(this.buffer.get_mut(..this.len).ok_or(EINVAL)?)?;
        Ok(this)
    }

    /// The text.
    ///
    /// # Errors
    ///
    /// `EINVAL` where it is not printable ASCII.
    pub(crate) fn as_str(&self) -> Result<&str> {
        let bytes = self.buffer.get(..self.len).ok_or(EINVAL)?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
        if !bytes.iter().all(printable) {
            return Err(EINVAL);
        }
        core::str::from_utf8(bytes).map_err(|_| EINVAL)
    }
}

/// Returns whether a line about bad input may be written. One a second: a person sees each, and a
/// program that writes garbage does not flood the log.
fn may_log() -> bool {
    static LAST: Atomic<u64> = Atomic::new(0);

    let second = now_ns() / 1_000_000_000 + 1;
    LAST.xchg(second, Relaxed) != second
}

/// Accepts `1`.
fn expect_one(input: &mut UserSliceReader) -> Result {
    match Input::read(input)?.as_str()? {
        "1" => Ok(()),
        _ => Err(EINVAL),
    }
}

/// Accepts `0` and `1`.
fn zero_or_one(input: &mut UserSliceReader) -> Result<bool> {
    match Input::read(input)?.as_str()? {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(EINVAL),
    }
}

impl Bus {
    /// Creates the files of a bus below `parent`, with a folder for each function that is on it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn create(parent: &Dir, wrapper: &Arc<Wrapper>) -> Result<Scope<Self>> {
        let mut functions = KVec::new();
        for devfn in plain::functions(wrapper) {
            functions.push(
                Function {
                    wrapper: wrapper.clone(),
                    devfn,
                    end: plain::registers_end(wrapper, devfn)?,
                    name: CString::try_from_fmt(fmt!("{}", Shown(DevFn(devfn))))?,
                },
                GFP_KERNEL,
            )?;
        }
        let (domain, number) = wrapper.address();
        let name = CString::try_from_fmt(fmt!("{domain:04x}:{number:02x}"))?;
        let bus = Self {
            wrapper: wrapper.clone(),
            functions,
        };

        parent.scope(bus, &name, |bus, dir| {
            dir.read_write_callback_file(c"fault", bus, &Self::show_faults, &Self::write_fault);
            dir.read_callback_file(c"record", bus, &Self::show_record);
            dir.read_callback_file(c"counters", bus, &Self::show_counters);
            dir.write_only_callback_file(c"clear", bus, &Self::write_clear);
            for function in &bus.functions {
                let dir = dir.dir(&function.name);
                dir.write_only_callback_file(c"save", function, &Function::write_save);
                dir.write_only_callback_file(c"restore", function, &Function::write_restore);
                dir.write_only_callback_file(c"give_up", function, &Function::write_give_up);
                dir.write_only_callback_file(
                    c"mmio_enabled",
                    function,
                    &Function::write_mmio_enabled,
                );
                dir.write_only_callback_file(c"resume", function, &Function::write_resume);
                dir.write_only_callback_file(c"bus_master", function, &Function::write_bus_master);
                dir.write_only_callback_file(c"ptm", function, &Function::write_ptm);
                dir.write_only_callback_file(c"msi", function, &Function::write_msi);
                dir.write_only_callback_file(c"resize", function, &Function::write_resize);
                dir.write_only_callback_file(c"move_bar", function, &Function::write_move_bar);
                dir.read_write_callback_file(
                    c"state_saved",
                    function,
                    &Function::show_state_saved,
                    &Function::write_state_saved,
                );
                dir.read_write_callback_file(
                    c"model",
                    function,
                    &Function::show_model,
                    &Function::write_model,
                );
                dir.read_callback_file(c"would_restore", function, &Function::show_would_restore);
                dir.read_write_callback_file(
                    c"registers",
                    function,
                    &Function::show_registers,
                    &Function::write_register,
                );
            }
        })
    }

    fn show_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Printing may take long: not under the lock.
        let faults = self.wrapper.state.lock().faults;
        if faults.iter().next().is_none() {
            return writeln!(f, "none");
        }
        for armed in faults.iter() {
            writeln!(f, "{armed}")?;
        }
        Ok(())
    }

    fn write_fault(&self, input: &mut UserSliceReader) -> Result {
        let input = Input::read(input)?;
        let text = input.as_str()?;
        if text.trim() == "off" {
            self.wrapper.state.lock().faults.disarm();
            return Ok(());
        }
        let fault = spec::parse(text).map_err(|error| {
            if may_log() {
                pr_err!("'{}' is no fault: {}\n", text, Shown(error));
            }
            EINVAL
        })?;
        self.arm(fault)
    }

    fn arm(&self, fault: Fault) -> Result {
        if self.wrapper.is_removed() {
            return Err(ENODEV);
        }
        self.wrapper.announce();
        if self.wrapper.state.lock().faults.arm(fault) {
            Ok(())
        } else {
            Err(ENOSPC)
        }
    }

    fn show_record(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = Record::buffer().map_err(|_| fmt::Error)?;
        self.wrapper.state.lock().record.copy_into(&mut copy);
        for entry in &copy {
            writeln!(f, "{entry}")?;
        }
        Ok(())
    }

    fn show_counters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.wrapper.state.lock().record.counters;
        writeln!(f, "reads: {}", counters.reads)?;
        writeln!(f, "writes: {}", counters.writes)?;
        writeln!(f, "faulted: {}", counters.faulted)?;
        writeln!(f, "ones_written: {}", counters.ones_written)?;
        writeln!(f, "now_ns: {}", now_ns())
    }

    fn write_clear(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        self.wrapper.state.lock().record.clear();
        Ok(())
    }
}

impl Function {
    fn write_save(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        plain::save(&self.wrapper, self.devfn)
    }

    fn write_restore(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        plain::restore(&self.wrapper, self.devfn)
    }

    fn write_give_up(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        plain::give_up(&self.wrapper, self.devfn)
    }

    fn write_mmio_enabled(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        plain::mmio_enabled(&self.wrapper, self.devfn)
    }

    fn write_resume(&self, input: &mut UserSliceReader) -> Result {
        expect_one(input)?;
        plain::resume(&self.wrapper, self.devfn)
    }

    fn write_bus_master(&self, input: &mut UserSliceReader) -> Result {
        plain::set_bus_master(&self.wrapper, self.devfn, zero_or_one(input)?)
    }

    fn write_ptm(&self, input: &mut UserSliceReader) -> Result {
        plain::set_ptm(&self.wrapper, self.devfn, zero_or_one(input)?)
    }

    fn write_msi(&self, input: &mut UserSliceReader) -> Result {
        plain::set_msi(&self.wrapper, self.devfn, zero_or_one(input)?)
    }

    fn write_resize(&self, input: &mut UserSliceReader) -> Result {
        let input = Input::read(input)?;
        let (bar, size) = spec::resize(input.as_str()?).ok_or(EINVAL)?;
        plain::resize(&self.wrapper, self.devfn, bar, size)
    }

    fn write_move_bar(&self, input: &mut UserSliceReader) -> Result {
        let index = match Input::read(input)?.as_str()?.as_bytes() {
            &[digit @ b'0'..=b'5'] => digit - b'0',
            _ => return Err(EINVAL),
        };
        plain::move_bar(&self.wrapper, self.devfn, index.into())
    }

    fn show_state_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let saved = plain::state_saved(&self.wrapper, self.devfn).map_err(|_| fmt::Error)?;
        writeln!(f, "{}", u8::from(saved))
    }

    fn write_state_saved(&self, input: &mut UserSliceReader) -> Result {
        plain::set_state_saved(&self.wrapper, self.devfn, zero_or_one(input)?)
    }

    fn show_would_restore(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writes = plain::would_restore(&self.wrapper, self.devfn).map_err(|_| fmt::Error)?;
        // What a register holds in the end: the core writes some in steps.
        for (index, write) in writes.iter().enumerate() {
            let mut later = writes.iter().skip(index + 1);
            if !later.any(|later| later.offset == write.offset) {
                writeln!(f, "{write}")?;
            }
        }
        Ok(())
    }

    fn show_model(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match present::resets(&self.wrapper, self.devfn) {
            Some(resets) => writeln!(f, "resets: {resets}"),
            None => writeln!(f, "none"),
        }
    }

    fn write_model(&self, input: &mut UserSliceReader) -> Result {
        if input.len() > MAX_TEXT {
            pr_err!("a model has {MAX_TEXT} bytes at most\n");
            return Err(EINVAL);
        }
        let mut text = KVVec::from_elem(0_u8, input.len(), GFP_KERNEL)?;
        input.read_slice(&mut text)?;
        if !text
            .iter()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n'))
        {
            return Err(EINVAL);
        }
        let text = core::str::from_utf8(&text).map_err(|_| EINVAL)?;
        let (domain, bus) = self.wrapper.address();
        let name = DevFn(self.devfn);
        let result = match text.trim() {
            "off" => present::unload(&self.wrapper, self.devfn).map_err(NotLoaded::Error),
            _ => present::load(&self.wrapper, self.devfn, text),
        };
        result.map_err(|why| match why {
            NotLoaded::Text(error) => {
                if may_log() {
                    pr_err!(
                        "{domain:04x}:{bus:02x}:{}: no model: {}\n",
                        Shown(name),
                        Shown(error)
                    );
                }
                EINVAL
            }
            NotLoaded::Error(error) => {
                if error == EBUSY && may_log() {
                    pr_err!(
                        "{domain:04x}:{bus:02x}:{}: remove the function first (echo 1 > remove)\n",
                        Shown(name)
                    );
                }
                error
            }
        })
    }

    fn show_registers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A model may have registers where the device has none.
        let end = match present::resets(&self.wrapper, self.devfn) {
            Some(_) => LAST_OFFSET,
            None => self.end,
        };
        let registers = plain::registers(&self.wrapper, self.devfn, end).map_err(|_| fmt::Error)?;
        registers
            .iter()
            .try_for_each(|register| writeln!(f, "{register}"))
    }

    fn write_register(&self, input: &mut UserSliceReader) -> Result {
        let input = Input::read(input)?;
        let (offset, size, value) = spec::register(input.as_str()?).ok_or(EINVAL)?;
        plain::set_register(
            &self.wrapper,
            self.devfn,
            &Register {
                offset,
                size,
                value,
            },
        )
    }
}
