// SPDX-License-Identifier: GPL-2.0-only

//! A load of requests, to show that recovery loses none: started, and counted, in debugfs.
//!
//! | file | |
//! |---|---|
//! | `load` | write a number: so many requests, made by four submitters; 0: no more |
//! | `requests` | `submitters` that are at work, and the counters, see [`Counters`] |
//!
//! A number other than 0 is refused with `EBUSY` while the submitters are at work.

use core::{
    fmt,
    str, //
};

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    uaccess::UserSliceReader, //
};

use super::device::{
    Edu,
    BYTES, //
};
use crate::pci::{
    debugfs::ScopedDir,
    OwnedQueue, //
};

const SUBMITTERS: i32 = 4;
/// How often a request is made before it counts as failed, and the pause in between.
const ATTEMPTS: u32 = 50;
const PAUSE: Delta = Delta::from_millis(20);

/// Makes requests. Dropped when I/O has stopped for good, it waits for the submitters.
pub struct Load {
    queue: OwnedQueue,
    edu: Arc<Edu>,
    counters: Arc<Counters>,
}

/// What became of the requests.
struct Counters {
    /// Submitters that are at work.
    submitters: Atomic<i32>,
    /// Requests that are still to be made.
    left: Atomic<i32>,
    submitted: Atomic<u64>,
    /// Answered, be it right or wrong.
    completed: Atomic<u64>,
    /// Answered wrong.
    wrong: Atomic<u64>,
    /// Attempts that ended with an errno, and were made again.
    retried: Atomic<u64>,
    /// Those of `retried` that ended with `ETIMEDOUT`.
    timed_out: Atomic<u64>,
    /// Given up.
    failed: Atomic<u64>,
}

impl Load {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(edu: Arc<Edu>) -> Result<Self> {
        let counters = Counters {
            submitters: Atomic::new(0),
            left: Atomic::new(0),
            submitted: Atomic::new(0),
            completed: Atomic::new(0),
            wrong: Atomic::new(0),
            retried: Atomic::new(0),
            timed_out: Atomic::new(0),
            failed: Atomic::new(0),
        };
        Ok(Self {
            queue: OwnedQueue::new(c"edu_recovery")?,
            edu,
            counters: Arc::new(counters, GFP_KERNEL)?,
        })
    }

    /// Adds the files to the function's directory.
    pub fn add_files<'data>(&'data self, dir: &ScopedDir<'data, '_>) {
        dir.read_callback_file(c"requests", self, &|load: &Load, f| load.show(f));
        dir.write_only_callback_file(c"load", self, &|load: &Load, input| {
            load.start(read_number(input)?)
        });
    }

    /// Starts so many requests; 0 ends those of before early.
    fn start(&self, requests: i32) -> Result {
        if requests == 0 {
            self.counters.left.store(0, Relaxed);
            return Ok(());
        }
        self.counters
            .submitters
            .cmpxchg(0, SUBMITTERS, Full)
            .map_err(|_| EBUSY)?;
        self.counters.left.store(requests, Relaxed);
        for submitter in 0..SUBMITTERS {
            let (edu, counters) = (self.edu.clone(), self.counters.clone());
            let spawned = self.queue.try_spawn(GFP_KERNEL, move || {
                counters.submit_all(&edu);
                counters.submitters.fetch_sub(1, Full);
            });
            if spawned.is_err() {
                self.counters
                    .submitters
                    .fetch_sub(SUBMITTERS - submitter, Full);
                return Err(ENOMEM);
            }
        }
        Ok(())
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = &self.counters;
        // Answers before questions, or one that comes in between would be lost.
        let answered = counters.completed.load(Relaxed) + counters.failed.load(Relaxed);
        writeln!(f, "submitters: {}", counters.submitters.load(Relaxed))?;
        for (name, counter) in [
            ("submitted", &counters.submitted),
            ("completed", &counters.completed),
            ("wrong", &counters.wrong),
            ("retried", &counters.retried),
            ("timed_out", &counters.timed_out),
            ("failed", &counters.failed),
        ] {
            writeln!(f, "{name}: {}", counter.load(Relaxed))?;
        }
        // While submitters are at work: lost or not answered yet.
        let lost = counters.submitted.load(Relaxed).saturating_sub(answered);
        writeln!(f, "lost: {lost}")?;
        writeln!(f, "interrupts: {}", self.edu.interrupts())
    }
}

impl Counters {
    /// Makes requests until none is left.
    fn submit_all(&self, edu: &Edu) {
        loop {
            let number = self.left.fetch_sub(1, Relaxed);
            if number <= 0 {
                break;
            }
            self.submitted.fetch_add(1, Relaxed);
            match self.submit(edu, number as u32) {
                Ok(right) => {
                    self.completed.fetch_add(1, Relaxed);
                    self.wrong.fetch_add(u64::from(!right), Relaxed);
                }
                Err(_) => {
                    self.failed.fetch_add(1, Relaxed);
                }
            }
        }
    }

    /// Makes a request until it is answered, and returns whether the answer is right.
    fn submit(&self, edu: &Edu, number: u32) -> Result<bool> {
        for _ in 1..ATTEMPTS {
            match attempt(edu, number) {
                Err(error @ (EAGAIN | EIO | ETIMEDOUT)) => {
                    self.retried.fetch_add(1, Relaxed);
                    self.timed_out
                        .fetch_add(u64::from(error == ETIMEDOUT), Relaxed);
                    fsleep(PAUSE);
                }
                result => return result,
            }
        }
        attempt(edu, number)
    }
}

/// Every other request is a factorial, and every other one goes to the device's memory and back.
fn attempt(edu: &Edu, number: u32) -> Result<bool> {
    if number % 2 == 0 {
        let n = number / 2 % 20;
        let right = (1..=n).fold(1, u32::wrapping_mul);
        Ok(edu.factorial(n)? == right)
    } else {
        let bytes: [u8; BYTES] =
            core::array::from_fn(|i| (i as u32 ^ number.wrapping_mul(37)) as u8);
        Ok(edu.round_trip(&bytes)? == bytes)
    }
}

/// Reads a number from 0 to a million, with or without a newline.
fn read_number(input: &mut UserSliceReader) -> Result<i32> {
    let mut buffer = [0; 8];
    let len = input.len();
    let written = buffer.get_mut(..len).ok_or(EINVAL)?;
    input.read_slice(written)?;
    let number = str::from_utf8(written)
        .map_err(|_| EINVAL)?
        .trim_ascii_end()
        .parse()
        .map_err(|_| EINVAL)?;
    if (0..=1_000_000).contains(&number) {
        Ok(number)
    } else {
        Err(EINVAL)
    }
}
