// SPDX-License-Identifier: GPL-2.0-only

//! Guards every PCI function of the machine, whoever drives it.
//!
//! Stands in for `pci_save_state()` and `pci_restore_state()`. A save of what cannot be the
//! function's state is refused: the core gets the known-good state instead, and the caller goes on.
//! A restore writes no poison, and is verified. Functions that are bound to a driver which keeps a
//! known-good state by itself (`pci_recovery`, or one of your own that has this library) are
//! guarded where the core saves and restores them; the driver's own calls are let through.
//!
//! | what is asked for | file |
//! |---|---|
//! | how is a call of a function of the kernel moved here? | `ftrace` |
//! | which ones are, whose are not, and how do they go away again? | `hook` |
//! | which functions are there? what comes, goes, gets another driver? | `registry`, `table` |
//! | what is known good of a function, and what becomes of a save and a restore? | `known_good` |
//! | what happened to it? | `function` |
//! | what does a person see? | `files` |
//!
//! The rules are [`guard`]'s, what is known good is kept and shown as by [`recovery`].

use kernel::{
    prelude::*,
    sync::Arc, //
};

pub mod guard;
pub mod pci;

// A crate root looks for its modules beside itself; they are in a folder of their own.
#[path = "pci_guard/claim.rs"]
mod claim;
#[path = "pci_guard/files.rs"]
mod files;
#[path = "pci_guard/ftrace.rs"]
mod ftrace;
#[path = "pci_guard/function.rs"]
mod function;
#[path = "pci_guard/hook.rs"]
mod hook;
#[path = "pci_guard/judges.rs"]
mod judges;
#[path = "pci_guard/known_good.rs"]
mod known_good;
#[path = "pci_guard/options.rs"]
mod options;
// One of the fault injector's: a lock for any context.
#[path = "pci_fault/raw_lock.rs"]
mod raw_lock;
// Some of it is only the drivers', and public there.
#[expect(dead_code, unreachable_pub)]
#[path = "pci_guard/recovery.rs"]
mod recovery;
#[path = "pci_guard/registry.rs"]
mod registry;
#[path = "pci_guard/table.rs"]
mod table;

use self::{
    files::Module,
    hook::Hooks,
    options::Options,
    pci::{
        debugfs::{
            Dir,
            Scope, //
        },
        watch::Watch,
        OwnedQueue, //
    },
    registry::Registry, //
};

module! {
    type: Guard,
    name: "pci_guard",
    authors: ["The pci-recovery developers"],
    description: "Keeps the saved state of every PCI function from being poisoned",
    license: "GPL",
    params: {
        abort: u8 {
            default: 0,
            description: "A refused save fails, instead of going on (0 or 1, default: 0)",
        },
        strict: u8 {
            default: 0,
            description: "Refuse what is suspicious, too (0 or 1, default: 0)",
        },
        verify: u8 {
            default: 1,
            description: "Compare what was restored, write it again if it differs (0 or 1)",
        },
        heal: u8 {
            default: 0,
            description: "After the recovery from an error, restore what its reset has wiped and \
                          the driver does not (it has no slot_reset): the function decodes and \
                          may master the bus again, while its driver may not know that it was \
                          reset (0 or 1, default: 0)",
        },
    },
}

/// The module. Dropped in this order, after [`Drop::drop`].
struct Guard {
    /// Nobody reads the files when the hooks go.
    status: Option<Scope<Arc<Module>>>,
    functions: Option<Scope<Arc<Module>>>,
    module: Option<Arc<Module>>,
    watch: Option<Pin<KBox<Watch<Arc<Registry>>>>>,
    registry: Arc<Registry>,
    /// Dropped last: a work that ends must not be the one to destroy it.
    _queue: Arc<OwnedQueue>,
}

impl kernel::Module for Guard {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let dir = Dir::new(c"pci_guard")?;
        let queue = Arc::new(OwnedQueue::freezable(c"pci_guard")?, GFP_KERNEL)?;
        let registry = Registry::new(dir.clone(), queue.clone(), Options::new())?;

        // From here on what has been done is undone by dropping it.
        let mut this = Self {
            status: None,
            functions: None,
            module: None,
            watch: None,
            registry: registry.clone(),
            _queue: queue,
        };
        this.watch = Some(KBox::pin_init(Watch::new(registry.clone()), GFP_KERNEL)?);
        registry.add_all()?;
        let hooks = Hooks::install(registry.clone())?;
        let module = Arc::new(Module { registry, hooks }, GFP_KERNEL)?;
        this.module = Some(module.clone());
        this.status = Some(dir.read_callback_file(
            c"status",
            module.clone(),
            &|m: &Arc<Module>, f| m.show_status(f),
        )?);
        this.functions = Some(dir.read_callback_file(
            c"functions",
            module,
            &|m: &Arc<Module>, f| m.show_functions(f),
        )?);
        pr_info!("guards {} functions\n", this.registry.count());
        Ok(this)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.status = None;
        self.functions = None;
        // Takes the hooks off, and waits until nobody is inside.
        self.module = None;
        self.watch = None;
        self.registry.close();
        self.registry.clear();
    }
}
