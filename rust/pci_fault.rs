// SPDX-License-Identifier: GPL-2.0-only

//! Fault injector: makes the config space of a bus misbehave on demand, access by access.
//!
//! For tests only. `aer_inject` fakes the registers of an error; this fakes a function that is
//! gone, wiped, or stuck, from one access on, for so many accesses or so long. It wraps the
//! `pci_ops` of a bus, so that every access of the kernel and of user space comes here.
//!
//! `/sys/kernel/debug/pci_fault/`:
//!
//! | file | |
//! |---|---|
//! | `wrap` | write `0000:01` (domain, bus): wrap that bus; its folder appears |
//! | `unwrap` | write `0000:01`: give the bus its ops back; its folder disappears |
//! | `<domain:bus>/` | see [`files`] |
//!
//! # Models
//!
//! What hardware has and QEMU does not model is presented by a model, written to the file
//! `<domain:bus>/<dev.fn>/model`: a register file in place of the function's own. See [`model`].
//!
//! # Faults
//!
//! `KIND [devfn=DD.F] [range=FIRST-LAST] [from=N] [count=M] [ms=T]`, in the file `fault`:
//!
//! | kind | |
//! |---|---|
//! | `gone` | reads return all-ones, writes are lost: a function that fell off the bus |
//! | `ones`, `zeros` | reads return that; writes work |
//! | `error` | accesses fail with `PCIBIOS_DEVICE_NOT_FOUND` |
//! | `drop` | writes are lost |
//! | `wiped` | Command and the BARs read as after a reset until they are written; needs `devfn` |
//! | `stuck value=V` | the bytes of `range` (up to 4) read `V`, whatever is written |
//! | `delay us=N` | each access takes `N` microseconds longer (up to 200000) |
//!
//! It begins with the matching access `N` (0 is the next one) and ends by itself after `M` accesses
//! or `T` milliseconds, else with `off`; processes are frozen during suspend and could not end it.
//! An access matches by function and by any byte of the range; where several faults match, the one
//! that was armed first decides. Numbers are decimal, or hexadecimal with `0x`.
//!
//! | subject | file |
//! |---|---|
//! | what a fault does to an access | [`fault`] |
//! | how it is written | [`spec`] |
//! | how the accesses are caught, and let go | [`wrap`] |
//! | the record of accesses | [`record`] |
//! | plain saves, and what a plain restore would write | [`plain`], [`shadow`] |
//! | how a model is written | [`model`] |
//! | how its registers behave | [`registers`] |
//! | the registers of each capability | [`capabilities`] |
//! | how it takes the place of a function | [`present`], [`models`] |
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h), `struct pci_ops`.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    uaccess::UserSliceReader, //
};

// Of the library, what the kernel itself lacks.
#[path = "pci/debugfs.rs"]
pub mod debugfs;
// A crate root looks for its modules beside itself; they are in a folder of their own.
#[path = "pci_fault/capabilities.rs"]
pub mod capabilities;
#[path = "pci_fault/fault.rs"]
pub mod fault;
#[path = "pci_fault/files.rs"]
mod files;
#[path = "pci_fault/model.rs"]
pub mod model;
#[path = "pci_fault/models.rs"]
mod models;
#[path = "pci_fault/plain.rs"]
mod plain;
#[path = "pci_fault/present.rs"]
mod present;
#[path = "pci_fault/raw_lock.rs"]
mod raw_lock;
#[path = "pci_fault/record.rs"]
mod record;
#[path = "pci_fault/registers.rs"]
pub mod registers;
#[path = "pci_fault/shadow.rs"]
mod shadow;
#[path = "pci_fault/spec.rs"]
pub mod spec;
#[path = "pci_fault/wrap.rs"]
mod wrap;

use self::{
    debugfs::{
        Dir,
        Scope, //
    },
    files::{
        Bus,
        Input, //
    },
    wrap::Wrapped, //
};

module! {
    type: FaultInjector,
    name: "pci_fault",
    authors: ["The pci-recovery developers"],
    description: "FOR TESTS ONLY: makes the config space of a PCI bus misbehave on demand",
    license: "GPL",
}

/// A wrapped bus and its files. Dropped in this order: no file is open when the wrapper goes.
struct Entry {
    _files: Scope<Bus>,
    wrapped: Wrapped,
}

/// The buses that are wrapped, and where their folders are.
#[pin_data]
struct Buses {
    #[pin]
    entries: Mutex<KVec<Entry>>,
    dir: Dir,
}

/// The module. Dropping it removes the files, so that no bus is wrapped then, and every wrapper.
struct FaultInjector {
    _wrap: Scope<Arc<Buses>>,
    _unwrap: Scope<Arc<Buses>>,
}

impl Buses {
    fn write_wrap(self: &Arc<Self>, input: &mut UserSliceReader) -> Result {
        let input = Input::read(input)?;
        let (domain, number) = spec::bus(input.as_str()?.trim()).ok_or(EINVAL)?;

        let mut entries = self.entries.lock();
        entries.reserve(1, GFP_KERNEL)?;
        let wrapped = Wrapped::new(domain, number)?;
        let entry = Entry {
            _files: Bus::create(&self.dir, wrapped.wrapper())?,
            wrapped,
        };
        entries.push_within_capacity(entry).map_err(|_| ENOMEM)
    }

    fn write_unwrap(self: &Arc<Self>, input: &mut UserSliceReader) -> Result {
        let input = Input::read(input)?;
        let address = spec::bus(input.as_str()?.trim()).ok_or(EINVAL)?;

        let mut entries = self.entries.lock();
        let index = entries
            .iter()
            .position(|entry| entry.wrapped.wrapper().address() == address)
            .ok_or(ENOENT)?;
        if entries
            .get(index)
            .is_some_and(|entry| entry.wrapped.is_covered())
        {
            pr_err!("another module has wrapped this bus too (aer_inject?): unload that first\n");
            return Err(EBUSY);
        }
        if entries
            .get(index)
            .is_some_and(|entry| !entry.wrapped.wrapper().state.lock().models.is_empty())
        {
            pr_err!(
                "functions of this bus have models: remove them and write off to their model\n"
            );
            return Err(EBUSY);
        }
        entries.remove(index).map_err(|_| ENOENT)?;
        Ok(())
    }
}

impl kernel::Module for FaultInjector {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let dir = Dir::new(c"pci_fault")?;
        let parent = dir.clone();
        let buses = Arc::pin_init(
            pin_init!(Buses {
                entries <- new_mutex!(KVec::new()),
                dir: parent,
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _wrap: dir.write_callback_file(c"wrap", buses.clone(), &Buses::write_wrap)?,
            _unwrap: dir.write_callback_file(c"unwrap", buses, &Buses::write_unwrap)?,
        })
    }
}
