// SPDX-License-Identifier: GPL-2.0-only

//! All functions of the machine: they come, go, get other drivers, are saved and restored.

use core::fmt::{
    self,
    Write, //
};

use kernel::{
    impl_has_delayed_work,
    new_delayed_work,
    new_mutex,
    optional_name,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    time::{
        delay::fsleep,
        msecs_to_jiffies,
        Delta, //
    },
    workqueue::{
        DelayedWork,
        WorkItem, //
    }, //
};

use super::{
    function::Guarded,
    guard::Refusal,
    judges,
    options::Options,
    pci::{
        debugfs::{
            Dir,
            Scope, //
        },
        judge::{
            judge_of,
            Text, //
        },
        watch::{
            driver_name,
            for_each,
            if_awake,
            is_there,
            Change,
            Watcher, //
        },
        ErsResult,
        Exclusive,
        Info,
        OwnedQueue, //
    },
    raw_lock::RawSpinLock,
    table::{
        self,
        Table, //
    },
};

/// A function, and what belongs to it.
pub(super) struct Entry {
    pub(super) guarded: Arc<Guarded>,
    /// What its driver is called.
    pub(super) driver: DriverName,
    /// The code of its driver, whose calls are let through.
    judge: Option<Text>,
    _files: Scope<Arc<Guarded>>,
}

/// The name of a driver, or its beginning: the driver may be gone when somebody reads it.
#[derive(Clone, Copy, Default)]
pub(super) struct DriverName {
    bytes: [u8; 24],
}

impl DriverName {
    /// That of the function's driver.
    fn of(dev: Exclusive<'_>) -> Self {
        let mut this = Self::default();
        let name = driver_name(dev).map_or(&[][..], CStr::to_bytes);
        this.bytes
            .iter_mut()
            .zip(name)
            .for_each(|(to, from)| *to = *from);
        this
    }
}

/// One word: `-` without a driver.
impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes.starts_with(&[0]) {
            return f.write_str("-");
        }
        for &byte in self.bytes.iter().take_while(|&&byte| byte != 0) {
            let is_plain = byte.is_ascii_graphic();
            f.write_char(if is_plain { char::from(byte) } else { '_' })?;
        }
        Ok(())
    }
}

/// All functions of the machine.
#[pin_data]
pub(super) struct Registry {
    /// For who saves or restores.
    #[pin]
    table: RawSpinLock<Table>,
    /// All of them, and who changes that.
    #[pin]
    entries: Mutex<KVec<Entry>>,
    /// Sends uevents, and restores what is owed.
    #[pin]
    work: DelayedWork<Registry>,
    /// It is on the queue, or will be.
    is_pending: Atomic<bool>,
    /// There was no memory for a function that has come, or gone.
    is_behind: Atomic<bool>,
    is_closing: Atomic<bool>,
    queue: Arc<OwnedQueue>,
    dir: Dir,
    options: Options,
}

/// How often it is tried, in milliseconds, what is owed.
const TRY_MS: u32 = 100;

/// How long it takes until there may be memory again, in milliseconds.
const MEMORY_MS: u32 = 1000;

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Registry { self.work }
}

impl WorkItem for Registry {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.is_pending.store(false, Relaxed);
        let mut index = 0;
        // Not with the lock: a device lock is taken before it.
        while let Some(guarded) = this.nth(index) {
            guarded.try_owed(this.options);
            guarded.send_uevent();
            index += 1;
        }
        this.catch_up();
        // One may have been left out above, where another one was removed meanwhile.
        let has_work = |entry: &Entry| entry.guarded.has_work();
        let is_owed = this.entries.lock().iter().any(has_work);
        if is_owed {
            Self::work_later(this.as_arc_borrow(), TRY_MS);
        } else if this.is_behind.load(Relaxed) {
            Self::work_later(this.as_arc_borrow(), MEMORY_MS);
        }
    }
}

impl Registry {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(dir: Dir, queue: Arc<OwnedQueue>, options: Options) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                table <- RawSpinLock::new(Table::empty(), optional_name!(), static_lock_class!()),
                entries <- new_mutex!(KVec::new()),
                work <- new_delayed_work!("pci_guard::Registry::work"),
                is_pending: Atomic::new(false),
                is_behind: Atomic::new(false),
                is_closing: Atomic::new(false),
                queue,
                dir,
                options,
            }),
            GFP_KERNEL,
        )
    }

    /// Adds all functions that there are, but for those that were added before, and looks what is
    /// known good of them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn add_all(&self) -> Result {
        let mut result = Ok(());
        for_each(|dev| {
            if result.is_err() || self.guarded(dev).is_some() {
                return;
            }
            result = self.add_entry(dev, &mut self.entries.lock());
            // A virtual function may go at any time; `remove` may have come too early.
            if dev.is_virtfn() && !is_there(dev) {
                result = result.and(self.remove(dev));
                return;
            }
            let Some(guarded) = self.guarded(dev) else {
                return;
            };
            if let Some(text) = judge_of(&dev) {
                self.set_judge(dev, Some(text));
                guarded.look(dev);
            } else if if_awake(dev, || guarded.peek(dev, self.options)).is_none() {
                guarded.look(dev);
            }
        });
        let table = self.remake_table(&self.entries.lock());
        result.and(table)
    }

    /// Adds a function to the list, unless it is there, or is neither an endpoint nor a bridge.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn add_entry(&self, dev: Exclusive<'_>, entries: &mut KVec<Entry>) -> Result {
        if entries.iter().any(|entry| is(&entry.guarded, dev)) {
            return Ok(());
        }
        let guarded = match Guarded::new(dev, table::BYTES) {
            Ok(guarded) => Arc::pin_init(guarded, GFP_KERNEL)?,
            // Nothing is wrong with the function.
            Err(Refusal::Core { errno }) if errno == ENOMEM.to_errno() => return Err(ENOMEM),
            Err(refusal) => {
                dev_info!(dev, "not guarded: {}\n", refusal);
                return Ok(());
            }
        };
        let files = Guarded::files(guarded.clone(), &self.dir)?;
        entries.push(
            Entry {
                guarded,
                driver: DriverName::of(dev),
                judge: None,
                _files: files,
            },
            GFP_KERNEL,
        )?;
        Ok(())
    }

    /// Finds a function among all.
    fn guarded(&self, dev: Exclusive<'_>) -> Option<Arc<Guarded>> {
        let entries = self.entries.lock();
        let mut guarded = entries.iter().map(|entry| &entry.guarded);
        guarded.find(|guarded| is(guarded, dev)).cloned()
    }

    /// Makes the table of who saves or restores.
    fn remake_table(&self, entries: &KVec<Entry>) -> Result {
        let functions = entries.iter().map(|entry| entry.guarded.clone());
        let mut table = Table::new(entries.len(), functions)?;
        core::mem::swap(&mut *self.table.lock(), &mut table);
        // The old one is dropped without the lock.
        Ok(())
    }

    /// Adds a function that has just come.
    fn add(&self, dev: Exclusive<'_>) -> Result {
        let mut entries = self.entries.lock();
        self.add_entry(dev, &mut entries)?;
        self.remake_table(&entries)
    }

    /// Adds, and forgets, what there was no memory for.
    ///
    /// Context: process context, no lock held; sleeps.
    fn catch_up(&self) {
        if !self.is_behind.xchg(false, Full) {
            return;
        }
        match self.add_all() {
            Ok(()) => pr_info!("guards {} functions\n", self.count()),
            Err(_) => self.is_behind.store(true, Relaxed),
        }
    }

    /// Has what there was no memory for tried again.
    fn fall_behind(this: ArcBorrow<'_, Self>) {
        this.is_behind.store(true, Relaxed);
        Self::work_later(this, MEMORY_MS);
    }

    /// Forgets a function that has gone.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: it stays in the table, and with it its memory and that of its device.
    fn remove(&self, dev: Exclusive<'_>) -> Result {
        let mut entries = self.entries.lock();
        let Some(index) = entries.iter().position(|entry| is(&entry.guarded, dev)) else {
            return Ok(());
        };
        let removed = entries.remove(index);
        let result = self.remake_table(&entries);
        drop(entries);
        if let Ok(Entry {
            judge: Some(text), ..
        }) = removed
        {
            judges::remove(text);
        }
        result
    }

    /// Notes what the function's driver is called.
    fn note_driver(&self, dev: Exclusive<'_>) {
        let name = DriverName::of(dev);
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.iter_mut().find(|entry| is(&entry.guarded, dev)) {
            entry.driver = name;
        }
    }

    /// Notes whose calls are let through for the function.
    fn set_judge(&self, dev: Exclusive<'_>, judge: Option<Text>) {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.iter_mut().find(|entry| is(&entry.guarded, dev)) else {
            return;
        };
        if let Some(text) = entry.judge.take() {
            judges::remove(text);
        }
        let Some(text) = judge else { return };
        match judges::add(text) {
            Ok(()) => entry.judge = Some(text),
            Err(_) => dev_warn!(
                dev,
                "too many drivers judge by themselves, this one is judged\n"
            ),
        }
    }

    /// Calls `f` for each function.
    pub(super) fn for_each_entry(&self, f: impl FnMut(&Entry) -> fmt::Result) -> fmt::Result {
        self.entries.lock().iter().try_for_each(f)
    }

    /// How many functions there are.
    pub(super) fn count(&self) -> usize {
        self.entries.lock().len()
    }

    /// What the module parameters ask for.
    pub(super) fn options(&self) -> Options {
        self.options
    }

    /// Forgets all of them. Nobody saves or restores any more.
    pub(super) fn clear(&self) {
        let mut table = Table::empty();
        core::mem::swap(&mut *self.table.lock(), &mut table);
        let mut entries = self.entries.lock();
        for entry in entries.iter_mut() {
            if let Some(text) = entry.judge.take() {
                judges::remove(text);
            }
        }
        let gone = core::mem::take(&mut *entries);
        drop(entries);
        // Waits for who reads a file.
        drop(gone);
    }

    /// Finds the function whose `struct pci_dev` is at `address`.
    ///
    /// Context: any.
    pub(super) fn find(&self, address: usize) -> Option<Arc<Guarded>> {
        self.table.lock().find(address)
    }

    /// Has [`Self::work`] done in so many milliseconds.
    ///
    /// Context: any.
    fn work_later(this: ArcBorrow<'_, Self>, ms: u32) {
        // It is on the queue already: it will find this, too.
        if this.is_closing.load(Acquire) || this.is_pending.xchg(true, Full) {
            return;
        }
        let later = Arc::<Self>::from(this);
        if this
            .queue
            .enqueue_delayed::<Arc<Self>, 0>(later, msecs_to_jiffies(ms))
            .is_err()
        {
            this.is_pending.store(false, Relaxed);
        }
    }

    /// The recovery of the function whose `struct pci_dev` is at `address` has got so far
    /// (`pci_uevent_ers()`).
    ///
    /// Context: any.
    pub(super) fn recovery_is(self: ArcBorrow<'_, Self>, address: usize, result: ErsResult) {
        let Some(guarded) = self.find(address) else {
            return;
        };
        if guarded.recovery_is(result) {
            // Not at once: it goes on with others on the bus.
            Self::work_later(self, TRY_MS);
        }
    }

    /// Ends the work. Nobody saves or restores any more, so that there is no more.
    ///
    /// Context: process context, sleeps.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Release);
        // Work that is being done may have looked before that.
        self.queue.flush();
        while self.is_pending.load(Acquire) {
            fsleep(Delta::from_millis(10));
        }
        self.queue.flush();
    }

    /// The function that comes `index`-th.
    fn nth(&self, index: usize) -> Option<Arc<Guarded>> {
        let entries = self.entries.lock();
        entries.get(index).map(|entry| entry.guarded.clone())
    }

    /// In place of `pci_save_state()`.
    ///
    /// Context: any.
    pub(super) fn save(self: ArcBorrow<'_, Self>, guarded: &Guarded, dev: Exclusive<'_>) -> c_int {
        let (result, has_work) = guarded.save(dev, self.options);
        if has_work {
            Self::work_later(self, 0);
        }
        result
    }

    /// In place of `pci_restore_state()`.
    ///
    /// Context: that of the C function.
    pub(super) fn restore(self: ArcBorrow<'_, Self>, guarded: &Guarded, dev: Exclusive<'_>) {
        if guarded.restore(dev, self.options) {
            Self::work_later(self, 0);
        }
    }
}

fn address(dev: Exclusive<'_>) -> usize {
    core::ptr::from_ref(&**dev) as usize
}

/// Returns whether `guarded` is the function `dev`.
fn is(guarded: &Guarded, dev: Exclusive<'_>) -> bool {
    core::ptr::from_ref::<kernel::pci::Device>(&guarded.dev) as usize == address(dev)
}

impl Watcher for Arc<Registry> {
    fn changed(&self, dev: Exclusive<'_>, change: Change) {
        match change {
            Change::Added => {
                if let Err(error) = self.add(dev) {
                    dev_err!(dev, "not guarded yet: {:?}\n", error);
                    Registry::fall_behind(self.as_arc_borrow());
                }
            }
            Change::Removed => {
                if self.remove(dev).is_err() {
                    Registry::fall_behind(self.as_arc_borrow());
                }
            }
            Change::Binding => self.set_judge(dev, judge_of(&dev)),
            Change::Bound => {
                self.note_driver(dev);
                self.peek(dev);
            }
            Change::Unbound => {
                self.note_driver(dev);
                self.set_judge(dev, None);
                self.peek(dev);
            }
        }
    }
}

impl Registry {
    /// Looks what a function is like with another driver, or with none.
    fn peek(&self, dev: Exclusive<'_>) {
        let Some(guarded) = self.guarded(dev) else {
            return;
        };
        if judge_of(&dev).is_some() {
            // It has saved, and keeps the core's buffer good.
            return;
        }
        let _ = if_awake(dev, || guarded.peek(dev, self.options));
    }
}
