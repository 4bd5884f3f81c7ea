// SPDX-License-Identifier: GPL-2.0-only

//! The timeline: a ring that never allocates again.

use kernel::prelude::*;

use crate::{
    guard::Refusal,
    recovery::events::{
        Event,
        Events, //
    },
};

/// How many events are kept.
const CAPACITY: usize = 56;

/// The same as the number of an event.
const ALL: i32 = CAPACITY as i32;

/// Pushes events that can be told apart: those with the numbers of `numbers`.
fn push_numbered(events: &mut Events, numbers: core::ops::Range<i32>) {
    for errno in numbers {
        events.push(Event::Refusal(Refusal::Core { errno }));
    }
}

/// Whether `events` are those with the numbers of `numbers`, in this order.
fn are_numbered(events: &Events, numbers: core::ops::Range<i32>) -> bool {
    events
        .iter()
        .map(|(_, event)| match event {
            Event::Refusal(Refusal::Core { errno }) => Some(*errno),
            _ => None,
        })
        .eq(numbers.map(Some))
}

#[kunit_tests(pci_recovery_events)]
mod tests {
    use super::*;

    #[test]
    fn a_new_timeline_is_empty() -> Result {
        let events = Events::new()?;
        assert_eq!(events.iter().count(), 0);
        // Formatting in a loop over nothing, and `split_at` of nothing, are fine.
        assert!(are_numbered(&events, 0..0));
        Ok(())
    }

    #[test]
    fn events_are_kept_oldest_first() -> Result {
        let mut events = Events::new()?;
        push_numbered(&mut events, 0..3);
        assert!(are_numbered(&events, 0..3));
        Ok(())
    }

    #[test]
    fn a_full_ring_has_dropped_none() -> Result {
        let mut events = Events::new()?;
        push_numbered(&mut events, 0..ALL);
        assert!(are_numbered(&events, 0..ALL));
        Ok(())
    }

    #[test]
    fn one_more_drops_the_oldest() -> Result {
        let mut events = Events::new()?;
        push_numbered(&mut events, 0..ALL + 1);
        assert!(are_numbered(&events, 1..ALL + 1));
        Ok(())
    }

    #[test]
    fn every_wrap_around_keeps_the_last_ones() -> Result {
        let mut events = Events::new()?;
        let mut pushed = 0;
        // Steps that do not divide its length: the ring is left at every place.
        while pushed < ALL * 9 {
            push_numbered(&mut events, pushed..pushed + 9);
            pushed += 9;
            assert!(are_numbered(&events, (pushed - ALL).max(0)..pushed));
        }
        Ok(())
    }

    #[test]
    fn it_never_grows() -> Result {
        let mut events = Events::new()?;
        let empty = events.bytes();
        assert_eq!(empty, CAPACITY * size_of::<(u64, Event)>());
        // A ring of more than two pages is not what one function may cost.
        assert!(empty <= 8192);
        push_numbered(&mut events, 0..200);
        assert_eq!(events.bytes(), empty);
        assert_eq!(events.iter().count(), CAPACITY);
        Ok(())
    }

    #[test]
    fn times_do_not_go_back() -> Result {
        let mut events = Events::new()?;
        push_numbered(&mut events, 0..100);
        assert!(events.iter().is_sorted_by_key(|(ns, _)| *ns));
        assert!(events.iter().all(|(ns, _)| *ns != 0));
        Ok(())
    }

    #[test]
    fn its_memory_is_freed() -> Result {
        // KASAN and kmemleak look on.
        for _ in 0..32 {
            let mut events = Events::new()?;
            push_numbered(&mut events, 0..65);
        }
        Ok(())
    }
}
