// SPDX-License-Identifier: GPL-2.0-only

//! Lets requests to the registers only while nothing else is being done to the function, and hands
//! its interrupts on to them.
//!
//! A request holds the gate's lock whenever it accesses a register, and gives it up only while it
//! waits. So after [`Gate::close`] no request accesses the registers, nor does one before
//! [`Gate::open`]; a request that was waiting then finds out, and must not be taken for done.

use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        CondVarTimeoutResult,
        Mutex,
        MutexGuard, //
    },
    time::{
        msecs_to_jiffies,
        Delta,
        Instant,
        Monotonic, //
    }, //
};

use crate::pci::IrqHandler;

/// How long a request waits for the gate to open.
const CLOSED: Delta = Delta::from_secs(10);
/// How long a request waits for the device.
const ANSWER: Delta = Delta::from_secs(5);
/// How often somebody who waits looks by himself, in milliseconds.
const LOOK: u32 = 10;

/// The gate to one function's registers.
#[pin_data]
pub struct Gate {
    #[pin]
    state: Mutex<State>,
    #[pin]
    changed: CondVar,
}

struct State {
    open: bool,
    /// Closed for good.
    given_up: bool,
    /// How often it was closed.
    closings: u64,
    interrupts: u64,
}

impl Gate {
    /// A closed gate.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                state <- new_mutex!(State {
                    open: false,
                    given_up: false,
                    closings: 0,
                    interrupts: 0,
                }),
                changed <- new_condvar!(),
            }),
            GFP_KERNEL,
        )
    }

    /// Opens the gate, if `check`, which may access registers, finds nothing wrong.
    ///
    /// # Errors
    ///
    /// That of `check`; the gate is as it was.
    pub fn open(&self, check: impl FnOnce() -> Result) -> Result {
        let mut state = self.state.lock();
        check()?;
        state.open = true;
        state.given_up = false;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Closes the gate: no request accesses registers from now on, and the one that was waiting for
    /// the device fails.
    ///
    /// Context: process context, sleeps for as long as a few register accesses take.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.open = false;
        state.closings += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Closes the gate for good: requests do not wait for it.
    pub fn give_up(&self) {
        self.state.lock().given_up = true;
        self.close();
    }

    /// How many interrupts there were.
    pub fn interrupts(&self) -> u64 {
        self.state.lock().interrupts
    }

    /// Waits for the gate to be open, and keeps it so until the result is dropped or waits.
    ///
    /// # Errors
    ///
    /// `EAGAIN` where it stays closed for 10 s, `ENODEV` where it was given up.
    pub fn enter(&self) -> Result<Passage<'_>> {
        let start = Instant::<Monotonic>::now();
        let mut state = self.state.lock();
        while !state.open {
            if state.given_up {
                return Err(ENODEV);
            }
            if start.elapsed() > CLOSED {
                return Err(EAGAIN);
            }
            self.sleep(&mut state)?;
        }
        Ok(Passage {
            gate: self,
            closings: state.closings,
            state,
        })
    }

    /// Gives up the lock until something has changed, or for [`LOOK`].
    fn sleep(&self, state: &mut MutexGuard<'_, State>) -> Result {
        match self
            .changed
            .wait_interruptible_timeout(state, msecs_to_jiffies(LOOK))
        {
            CondVarTimeoutResult::Signal { .. } => Err(EINTR),
            _ => Ok(()),
        }
    }
}

impl IrqHandler for Gate {
    /// Touches no register: the function may be gone.
    fn interrupt(&self) {
        self.state.lock().interrupts += 1;
        self.changed.notify_all();
    }
}

/// A request at the registers.
pub struct Passage<'a> {
    gate: &'a Gate,
    state: MutexGuard<'a, State>,
    /// How often the gate had been closed before.
    closings: u64,
}

impl Passage<'_> {
    /// How many interrupts there were.
    pub fn interrupts(&self) -> u64 {
        self.state.interrupts
    }

    /// Waits until `done`, which gets the number of interrupts and may access registers.
    ///
    /// # Errors
    ///
    /// `EAGAIN` where the gate was closed meanwhile: the request is lost.
    /// `ETIMEDOUT` where it is not done within 5 s; that of `done`.
    pub fn wait(&mut self, mut done: impl FnMut(u64) -> Result<bool>) -> Result {
        let start = Instant::<Monotonic>::now();
        while !done(self.state.interrupts)? {
            if start.elapsed() > ANSWER {
                return Err(ETIMEDOUT);
            }
            self.gate.sleep(&mut self.state)?;
            if self.state.closings != self.closings {
                return Err(EAGAIN);
            }
        }
        Ok(())
    }
}
