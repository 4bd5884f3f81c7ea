// SPDX-License-Identifier: GPL-2.0-only

//! Directories and files in debugfs, for root only, that keep the module loaded while one is open.
//!
//! As the kernel crate's `debugfs`, but for what that lacks in Linux 7.2 and 7.3:
//!
//! * Its files have no owner. A module can be unloaded while one is open, and closing the file then
//!   follows a pointer into the module: an oops.
//! * Its directories have mode 0755: where debugfs is mounted for everybody, everybody sees what is
//!   in them.
//!
//! Files have mode 0400, 0200 or 0600, directories 0700. Each write is a command of its own: where
//! in the file it goes does not matter.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use core::{
    fmt,
    marker::PhantomData,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::Arc,
    types::Opaque,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    }, //
};

#[cfg(MODULE)]
// Whether that is so depends on the kernel's configuration; only its address is used.
#[allow(improper_ctypes)]
extern "C" {
    static __this_module: Opaque<bindings::module>;
}

/// The module that this is compiled into (`THIS_MODULE`).
#[cfg(MODULE)]
// SAFETY: The kernel's build makes it, and it lives as long as the module's code.
const OWNER: *mut bindings::module = unsafe { __this_module.get() };

/// Code of the kernel itself has no owner.
#[cfg(not(MODULE))]
const OWNER: *mut bindings::module = core::ptr::null_mut();

/// A directory or a file; it is removed, with all that is below it, when this is dropped.
///
/// # Invariants
///
/// `dentry` is null, an error, or that of an entry that this removes, and that lives until then:
/// what is above it is kept by `_parent`.
struct Entry {
    dentry: *mut bindings::dentry,
    _parent: Option<Arc<Entry>>,
}

// SAFETY: The functions of debugfs may be called by any thread.
unsafe impl Send for Entry {}

// SAFETY: As above.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        #[cfg(CONFIG_DEBUG_FS)]
        // SAFETY: By the type invariant; null and errors are ignored.
        unsafe {
            bindings::debugfs_remove(self.dentry)
        };
    }
}

/// Creates a directory that only root may enter (`debugfs_create_dir()`).
///
/// # Safety
///
/// `parent` must be null (debugfs itself), an error, or a directory that lives until this returns.
unsafe fn create_dir(name: &CStr, parent: *mut bindings::dentry) -> *mut bindings::dentry {
    #[cfg(CONFIG_DEBUG_FS)]
    {
        // SAFETY: By the safety requirements of this function; the name is only read.
        let dentry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), parent) };
        if kernel::error::from_err_ptr(dentry).is_ok_and(|dentry| !dentry.is_null()) {
            // SAFETY: A directory was created, which has an inode. Whoever looks it up meanwhile
            // finds it empty.
            unsafe { (*(*dentry).d_inode).i_mode &= !0o77 };
        }
        dentry
    }
    #[cfg(not(CONFIG_DEBUG_FS))]
    {
        let _ = name;
        parent
    }
}

/// A file that can be created, of data of the type `T`.
struct Ops<T> {
    mode: u16,
    operations: &'static bindings::file_operations,
    _data: PhantomData<fn(&T)>,
}

impl<T> Ops<T> {
    /// Creates the file (`debugfs_create_file()`).
    ///
    /// # Safety
    ///
    /// `parent` is as in [`create_dir`], but not null. `data` must live until the file is removed.
    unsafe fn create(
        &self,
        name: &CStr,
        parent: *mut bindings::dentry,
        data: &T,
    ) -> *mut bindings::dentry {
        #[cfg(CONFIG_DEBUG_FS)]
        // SAFETY: By the safety requirements of this function. The operations are for data of this
        // type, and as `'static` as the module that they keep loaded.
        unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                self.mode,
                parent,
                core::ptr::from_ref(data).cast_mut().cast(),
                core::ptr::null(),
                self.operations,
            )
        }
        #[cfg(not(CONFIG_DEBUG_FS))]
        {
            let _ = (name, data, self.mode, self.operations);
            parent
        }
    }
}

/// Returns the one value of a type that has only one: a function, or a closure that captures
/// nothing.
///
/// # Safety
///
/// There must be a value of the type.
unsafe fn callback<F: 'static>() -> &'static F {
    const {
        assert!(
            size_of::<F>() == 0,
            "the callback must not capture anything"
        )
    };
    // SAFETY: A value without bytes may be anywhere that is aligned. By the safety requirement of
    // this function there is one.
    unsafe { NonNull::dangling().as_ref() }
}

/// What is shown of some data, as something that can be printed.
struct Shown<'a, T, F>(&'a T, &'a F);

impl<T, F> kernel::fmt::Display for Shown<'_, T, F>
where
    F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.1)(self.0, f)
    }
}

/// The operations of a file that shows data by `F` and takes what is written by `W`; either may be
/// missing: `()`.
struct FileOps<T, F, W>(PhantomData<(T, F, W)>);

impl<T, F> FileOps<T, F, ()>
where
    T: Sync + 'static,
    F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result + Sync + 'static,
{
    const READ: Ops<T> = Ops {
        mode: 0o400,
        operations: &bindings::file_operations {
            owner: OWNER,
            open: Some(Self::open),
            read: Some(bindings::seq_read),
            llseek: Some(bindings::seq_lseek),
            release: Some(bindings::single_release),
            ..pin_init::zeroed()
        },
        _data: PhantomData,
    };

    /// # Safety
    ///
    /// For `file_operations.open` of a file whose inode has a `T` as its private data.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the safety requirements of this function. `show` is called with that data.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// For `single_open()`, with a `T` as the private data.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: By the safety requirements of this function; debugfs removes no file while this
        // runs, and the data lives until then.
        let data = unsafe { &*(*seq).private.cast::<T>() };
        // SAFETY: The core of seq_file calls this with a lock held.
        let seq = unsafe { SeqFile::from_raw(seq) };
        // SAFETY: Files are created with a reference of a callback.
        let show = unsafe { callback::<F>() };
        seq_print!(seq, "{}", Shown(data, show));
        0
    }
}

impl<T, W> FileOps<T, (), W>
where
    T: Sync + 'static,
    W: Fn(&T, &mut UserSliceReader) -> Result + Sync + 'static,
{
    const WRITE: Ops<T> = Ops {
        mode: 0o200,
        operations: &bindings::file_operations {
            owner: OWNER,
            open: Some(bindings::simple_open),
            write: Some(Self::write),
            llseek: Some(bindings::noop_llseek),
            ..pin_init::zeroed()
        },
        _data: PhantomData,
    };

    /// # Safety
    ///
    /// For `file_operations.write` of a file that has a `T` as its private data.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: By the safety requirements of this function; debugfs removes no file while this
        // runs, and the data lives until then.
        let data = unsafe { &*(*file).private_data.cast::<T>() };
        Self::take(data, from, count)
    }

    /// Has the callback take what is written: all of it, or nothing.
    fn take(data: &T, from: *const c_char, count: usize) -> isize {
        // SAFETY: Files are created with a reference of a callback.
        let take = unsafe { callback::<W>() };
        let from = UserPtr::from_ptr(from.cast_mut().cast());
        match take(data, &mut UserSlice::new(from, count).reader()) {
            // CAST: The VFS writes no more than `MAX_RW_COUNT` at a time.
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

impl<T, F, W> FileOps<T, F, W>
where
    T: Sync + 'static,
    F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result + Sync + 'static,
    W: Fn(&T, &mut UserSliceReader) -> Result + Sync + 'static,
{
    const READ_WRITE: Ops<T> = Ops {
        mode: 0o600,
        operations: &bindings::file_operations {
            write: Some(Self::write_of_two),
            ..*FileOps::<T, F, ()>::READ.operations
        },
        _data: PhantomData,
    };

    /// # Safety
    ///
    /// For `file_operations.write` of a file that [`FileOps::open`] has opened.
    unsafe extern "C" fn write_of_two(
        file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: By the safety requirements of this function: `single_open()` has put a `seq_file`
        // there, and a `T` into that. Debugfs removes no file while this runs, and the data lives
        // until then.
        let data = unsafe {
            let seq = (*file).private_data.cast::<bindings::seq_file>();
            &*(*seq).private.cast::<T>()
        };
        FileOps::<T, (), W>::take(data, from, count)
    }
}

/// A directory; it is removed when this, its clones and everything below it have been dropped.
#[derive(Clone)]
pub struct Dir(Arc<Entry>);

impl Dir {
    /// Creates a directory in debugfs itself.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where there is no debugfs, this stands for nothing, and so does all below it.
    pub fn new(name: &CStr) -> Result<Self> {
        // SAFETY: Null is debugfs itself.
        let dentry = unsafe { create_dir(name, core::ptr::null_mut()) };
        // INVARIANT: It was just created, and nobody else removes it.
        let entry = Entry {
            dentry,
            _parent: None,
        };
        Ok(Self(Arc::new(entry, GFP_KERNEL)?))
    }

    /// Creates a directory below this one, which `fill` fills with files that show `data`.
    ///
    /// They are there until the [`Scope`] is dropped; one that is forgotten leaves them, with
    /// `data`, which therefore borrows nothing.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn scope<T: Send + Sync + 'static>(
        &self,
        data: T,
        name: &CStr,
        fill: impl for<'data, 'dir> FnOnce(&'data T, &'dir ScopedDir<'data, 'dir>),
    ) -> Result<Scope<T>> {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY: By the type invariant, the directory lives as long as this.
        let dentry = unsafe { create_dir(name, self.0.dentry) };
        // INVARIANT: It was just created, and nobody else removes it. The parent is kept.
        let entry = Entry {
            dentry,
            _parent: Some(self.0.clone()),
        };
        fill(&data, &ScopedDir::new(dentry));
        Ok(Scope {
            _entry: entry,
            _data: data,
        })
    }

    /// Creates a file in this directory that shows what a callback prints.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn read_callback_file<T, F>(
        &self,
        name: &CStr,
        data: T,
        _show: &'static F,
    ) -> Result<Scope<T>>
    where
        T: Send + Sync + 'static,
        F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result + Sync,
    {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY: By the type invariant, the directory lives as long as this. The data is dropped
        // after the entry.
        let dentry = unsafe { FileOps::<T, F, ()>::READ.create(name, self.0.dentry, &data) };
        // INVARIANT: It was just created, and nobody else removes it. The parent is kept.
        let entry = Entry {
            dentry,
            _parent: Some(self.0.clone()),
        };
        Ok(Scope {
            _entry: entry,
            _data: data,
        })
    }

    /// Creates a file in this directory that gives what is written into it to a callback.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn write_callback_file<T, W>(
        &self,
        name: &CStr,
        data: T,
        _write: &'static W,
    ) -> Result<Scope<T>>
    where
        T: Send + Sync + 'static,
        W: Fn(&T, &mut UserSliceReader) -> Result + Sync,
    {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY: By the type invariant, the directory lives as long as this. The data is dropped
        // after the entry.
        let dentry = unsafe { FileOps::<T, (), W>::WRITE.create(name, self.0.dentry, &data) };
        // INVARIANT: It was just created, and nobody else removes it. The parent is kept.
        let entry = Entry {
            dentry,
            _parent: Some(self.0.clone()),
        };
        Ok(Scope {
            _entry: entry,
            _data: data,
        })
    }
}

/// A directory with its files, or a file, and the data that they show; they are removed when this
/// is dropped, which waits until nobody is in a callback, and the data after them.
pub struct Scope<T> {
    // Dropped in this order.
    _entry: Entry,
    _data: KBox<T>,
}

/// `'data` may be shorter where it is used, and longer where files are added: neither.
type Lifetimes<'data, 'dir> = PhantomData<fn(&'data ()) -> (&'data (), &'dir ())>;

/// A directory that is being filled with files that show what lives for `'data`.
pub struct ScopedDir<'data, 'dir> {
    /// As in [`Entry`], but removed with what is above it.
    dentry: *mut bindings::dentry,
    _lifetimes: Lifetimes<'data, 'dir>,
}

impl<'data> ScopedDir<'data, '_> {
    fn new(dentry: *mut bindings::dentry) -> Self {
        Self {
            dentry,
            _lifetimes: PhantomData,
        }
    }

    /// Creates a directory below this one.
    pub fn dir<'below>(&'below self, name: &CStr) -> ScopedDir<'data, 'below> {
        // SAFETY: The directory lives until after this has been filled.
        ScopedDir::new(unsafe { create_dir(name, self.dentry) })
    }

    fn create<T>(&self, name: &CStr, data: &'data T, ops: &Ops<T>) {
        // SAFETY: The directory lives until after this has been filled. The data lives for `'data`,
        // and the scope removes the file before that is over.
        unsafe { ops.create(name, self.dentry, data) };
    }

    /// Creates a file that shows what a callback prints.
    pub fn read_callback_file<T, F>(&self, name: &CStr, data: &'data T, _show: &'static F)
    where
        T: Send + Sync + 'static,
        F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result + Sync,
    {
        self.create(name, data, &FileOps::<T, F, ()>::READ);
    }

    /// Creates a file that gives what is written into it to a callback.
    pub fn write_only_callback_file<T, W>(&self, name: &CStr, data: &'data T, _write: &'static W)
    where
        T: Send + Sync + 'static,
        W: Fn(&T, &mut UserSliceReader) -> Result + Sync,
    {
        self.create(name, data, &FileOps::<T, (), W>::WRITE);
    }

    /// Creates a file that does both.
    pub fn read_write_callback_file<T, F, W>(
        &self,
        name: &CStr,
        data: &'data T,
        _show: &'static F,
        _write: &'static W,
    ) where
        T: Send + Sync + 'static,
        F: Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result + Sync,
        W: Fn(&T, &mut UserSliceReader) -> Result + Sync,
    {
        self.create(name, data, &FileOps::<T, F, W>::READ_WRITE);
    }
}
