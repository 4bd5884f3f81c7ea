// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the log. Time is a parameter here: no test waits, or depends on how fast it is.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Completion, //
    },
    workqueue, //
};

use crate::recovery::log::{
    line_at,
    Line,
    LogLimit,
    LogLimits, //
};

/// How long a window is, in milliseconds.
const WINDOW: u64 = 5_000;

/// How many of `tries` lines at `now_ms` may be written.
fn taken(limit: &LogLimit, now_ms: u64, tries: usize) -> usize {
    (0..tries).filter(|_| limit.take(now_ms)).count()
}

/// A line that reports `own` and `all` suppressed lines.
fn write(own: u64, all: u64) -> Line {
    Line::Write { own, all }
}

/// Threads that take lines of one limit at the same time.
#[pin_data]
struct Race {
    limit: LogLimit,
    taken: Atomic<u64>,
    running: Atomic<u64>,
    #[pin]
    done: Completion,
}

impl Race {
    const THREADS: u64 = 4;
    const TRIES: usize = 1000;

    fn new(lines: u64) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                limit: LogLimit::new(lines),
                taken: Atomic::new(0),
                running: Atomic::new(Self::THREADS),
                done <- Completion::new(),
            }),
            GFP_KERNEL,
        )
    }

    fn run(&self) {
        let taken = taken(&self.limit, WINDOW, Self::TRIES) as u64;
        self.taken.add(taken, Relaxed);
        self.leave();
    }

    fn leave(&self) {
        if self.running.fetch_add(u64::MAX, kernel::sync::atomic::Full) == 1 {
            self.done.complete_all();
        }
    }
}

#[kunit_tests(pci_recovery_log)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_so_many_lines() {
        let limit = LogLimit::new(10);
        assert_eq!(taken(&limit, 1_000, 10), 10);
        assert_eq!(taken(&limit, 1_000, 10), 0);
        assert_eq!(taken(&limit, 1_000 + WINDOW - 1, 1), 0);
    }

    #[test]
    fn the_next_window_has_as_many() {
        let limit = LogLimit::new(10);
        assert_eq!(taken(&limit, 1_000, 20), 10);
        assert_eq!(taken(&limit, 1_000 + WINDOW, 20), 10);
        assert_eq!(taken(&limit, 1_000 + 2 * WINDOW, 20), 10);
    }

    #[test]
    fn a_window_begins_with_its_first_line() {
        let limit = LogLimit::new(2);
        assert!(limit.take(1_000));
        assert!(limit.take(1_000 + WINDOW - 1));
        assert!(!limit.take(1_000 + WINDOW - 1));
        assert!(limit.take(1_000 + WINDOW));
    }

    #[test]
    fn a_clock_that_goes_back_ends_no_window() {
        let limit = LogLimit::new(1);
        assert!(limit.take(10_000));
        assert!(!limit.take(0));
        assert!(!limit.take(10_000 + WINDOW - 1));
        assert!(limit.take(10_000 + WINDOW));
    }

    #[test]
    fn a_limit_works_from_the_first_millisecond_to_the_last() {
        let limit = LogLimit::new(2);
        assert_eq!(taken(&limit, 0, 3), 2);
        // The window's beginning has 48 bits.
        let last = (1 << 48) - 1;
        assert_eq!(taken(&limit, last, 3), 2);
        assert_eq!(taken(&limit, last, 3), 0);
    }

    #[test]
    fn a_limit_of_none_lets_none_pass() {
        assert_eq!(taken(&LogLimit::new(0), 1_000, 3), 0);
    }

    #[test]
    fn the_next_line_tells_what_was_suppressed() {
        let (own, all) = (LogLimit::new(2), LogLimit::new(100));
        let line = |now_ms| line_at(now_ms, &own, &all);
        assert_eq!(line(0), write(0, 0));
        assert_eq!(line(1), write(0, 0));
        assert_eq!(line(2), Line::No);
        assert_eq!(line(3), Line::No);
        assert_eq!(line(WINDOW), write(2, 0));
        // Once.
        assert_eq!(line(WINDOW), write(0, 0));
    }

    #[test]
    fn a_flood_of_functions_is_announced_once() {
        let all = LogLimit::new(2);
        let functions = [const { LogLimit::new(10) }; 4];
        let [a, b, c, d] = &functions;
        assert_eq!(line_at(0, a, &all), write(0, 0));
        assert_eq!(line_at(0, b, &all), write(0, 0));
        assert_eq!(line_at(0, c, &all), Line::First);
        assert_eq!(line_at(0, d, &all), Line::No);
        assert_eq!(line_at(0, a, &all), Line::No);
        // The next writer reports the three suppressed lines, once.
        assert_eq!(line_at(WINDOW, d, &all), write(0, 3));
        assert_eq!(line_at(WINDOW, a, &all), write(0, 0));
        // And the next flood is announced again.
        assert_eq!(line_at(WINDOW, b, &all), Line::First);
    }

    #[test]
    fn a_functions_own_limit_comes_first() {
        let (own, all) = (LogLimit::new(1), LogLimit::new(2));
        assert_eq!(line_at(0, &own, &all), write(0, 0));
        // What its own limit suppresses takes nothing from the others.
        for _ in 0..5 {
            assert_eq!(line_at(0, &own, &all), Line::No);
        }
        assert_eq!(line_at(0, &LogLimit::new(1), &all), write(0, 0));
    }

    #[test]
    fn kinds_do_not_hide_each_other_and_are_summed() {
        let (one, all) = (LogLimits::of_one(), LogLimit::new(1000));
        for _ in 0..15 {
            line_at(0, &one.refused, &all);
        }
        assert_eq!(line_at(0, &one.failed, &all), write(0, 0));
        assert_eq!(line_at(0, &one.restored, &all), write(0, 0));
        assert_eq!(line_at(0, &one.found, &all), write(0, 0));
        // Ten of fifteen were written.
        assert_eq!(one.suppressed(), 5);
    }

    #[test]
    fn threads_share_a_limit_exactly() -> Result {
        for lines in [1, 10, 999] {
            let race = Race::new(lines)?;
            for _ in 0..Race::THREADS {
                let racer = race.clone();
                let spawned =
                    workqueue::system_unbound().try_spawn(GFP_KERNEL, move || racer.run());
                if spawned.is_err() {
                    race.leave();
                }
            }
            race.done.wait_for_completion();
            assert_eq!(race.taken.load(Relaxed), lines);
        }
        Ok(())
    }
}
