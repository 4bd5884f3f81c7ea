// SPDX-License-Identifier: GPL-2.0-only

//! From an error to a verified restore, on a real function: each callback is called as the core
//! calls it, and the function is really damaged. What needs a channel that is frozen is in
//! `health`.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    sync::Arc, //
};

use crate::{
    guard::Refusal,
    pci::{
        kunit::{
            clear_master,
            damage,
            on_function, //
        },
        ChannelState,
        ErsResult,
        Exclusive,
        State, //
    },
    recovery::{
        events::Event,
        status::Health,
        verify::verify,
        FirstSave,
        OnRefusal,
        Recovery, //
    },
};

fn new(dev: &Device<Core<'_>>) -> Result<Arc<Recovery>> {
    Recovery::new(dev, FirstSave::AsIs)
}

/// As a reset leaves it: Command 0, no addresses in the BARs.
fn wipe(dev: &Device<Core<'_>>) -> Result {
    damage(dev, 0x04, 0)?;
    (0x10..0x28)
        .step_by(4)
        .try_for_each(|offset| damage(dev, offset, 0))
}

impl Recovery {
    /// How often `is` is true of an event.
    fn happened(&self, is: impl Fn(&Event) -> bool) -> usize {
        let inner = self.inner.lock();
        inner.events.iter().filter(|(_, event)| is(event)).count()
    }

    /// Returns whether the function holds its known-good state.
    fn holds(&self, dev: &Device<Core<'_>>) -> bool {
        matches!(verify(dev.into(), &self.inner.lock().known_good), Ok(None))
    }

    /// Returns whether the core's buffer holds the known-good header.
    fn core_holds(&self, dev: &Device<Core<'_>>) -> bool {
        let header = Exclusive::from(dev).saved_header();
        let inner = self.inner.lock();
        let mut known = inner.known_good.snapshot.registers().zip(header);
        known.all(|(r, word)| (r.value ^ word) & r.mask == 0)
    }

    fn health(&self) -> Health {
        self.inner.lock().health
    }

    fn last_refusal(&self) -> Option<Refusal> {
        self.inner.lock().last_refusal
    }

    fn saved_at(&self) -> u64 {
        self.inner.lock().known_good.at_ns
    }
}

/// Whether it was refused because the function was wiped.
fn is_wiped(refusal: Option<Refusal>) -> bool {
    matches!(
        refusal,
        Some(Refusal::Wiped | Refusal::Disabled { command: 0 })
    )
}

#[kunit_tests(pci_recovery_lifecycle)]
mod tests {
    use super::*;

    #[test]
    fn the_first_save_is_kept() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let saves = recovery.inner.lock().counters.saves;
            let probed = recovery.happened(|event| matches!(event, Event::Probe));
            let saved = recovery.happened(|event| matches!(event, Event::Save));
            Ok((recovery.is_ok(), recovery.holds(dev), saves, probed, saved))
        })?;
        assert!(seen.is_none_or(|seen| seen == (true, true, 1, 1, 1)));
        Ok(())
    }

    #[test]
    fn its_memory_is_small_and_stays_so() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let bytes = || {
                let inner = recovery.inner.lock();
                size_of::<Recovery>() + inner.events.bytes() + inner.known_good.bytes()
            };
            let first = bytes();
            for _ in 0..70 {
                recovery.save(dev)?;
            }
            // 3,924 bytes without lockdep (docs/testing.md).
            Ok(first <= 6144 && bytes() == first)
        })?;
        assert!(seen.is_none_or(|small| small));
        Ok(())
    }

    #[test]
    fn a_save_that_passes_replaces_the_first() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let first = recovery.saved_at();
            let result = recovery.save(dev);
            let saves = recovery.inner.lock().counters.saves;
            Ok((result, saves, recovery.saved_at() > first))
        })?;
        assert!(seen.is_none_or(|seen| seen == (Ok(()), 2, true)));
        Ok(())
    }

    /// The registers are those of the known-good state, and yet wrong: a bus master that is wiped.
    #[test]
    fn a_save_is_judged_by_what_the_kernel_knows_now() -> Result {
        let seen = on_function(|dev| {
            clear_master(dev);
            let recovery = new(dev)?;
            let first = recovery.saved_at();
            let known = recovery.inner.lock().known_good.snapshot.header()[1];
            dev.set_master();
            damage(dev, 0x04, known & 0xffff)?;
            let refused = [recovery.save(dev), recovery.save(dev)];
            let why = matches!(recovery.last_refusal(), Some(Refusal::Disabled { .. }));
            let kept = recovery.saved_at() == first;
            clear_master(dev);
            let after = recovery.save(dev);
            // As it was found.
            dev.set_master();
            Ok((refused, why, kept, after))
        })?;
        assert!(seen.is_none_or(|seen| seen == ([Err(EIO); 2], true, true, Ok(()))));
        Ok(())
    }

    #[test]
    fn no_save_between_an_error_and_resume() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let first = recovery.saved_at();
            let vote = recovery.error_detected(dev, ChannelState::Normal);
            let during = (
                recovery.is_ok(),
                recovery.save(dev),
                recovery.last_refusal(),
            );
            let kept = recovery.saved_at() == first;
            let mmio = recovery.mmio_enabled(dev.into());
            let before_resume = (recovery.is_ok(), recovery.save(dev));
            recovery.resume(dev.into());
            let after = (recovery.is_ok(), recovery.save(dev));
            Ok((vote, during, kept, mmio, before_resume, after))
        })?;
        assert!(seen.is_none_or(|seen| seen
            == (
                ErsResult::CanRecover,
                (false, Err(EIO), Some(Refusal::Recovering)),
                true,
                ErsResult::Recovered,
                (false, Err(EIO)),
                (true, Ok(()))
            )));
        Ok(())
    }

    #[test]
    fn a_verified_restore_ends_the_refusals_too() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let vote = recovery.error_detected(dev, ChannelState::Frozen);
            let refused = recovery.save(dev);
            wipe(dev)?;
            let verdict = recovery.slot_reset(dev.into());
            let holds = recovery.holds(dev);
            Ok((vote, refused, verdict, holds, recovery.save(dev)))
        })?;
        assert!(seen.is_none_or(|seen| seen
            == (
                ErsResult::NeedReset,
                Err(EIO),
                ErsResult::Recovered,
                true,
                Ok(())
            )));
        Ok(())
    }

    #[test]
    fn mmio_enabled_tells_a_wiped_function_from_an_intact_one() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            recovery.error_detected(dev, ChannelState::Normal);
            let intact = recovery.mmio_enabled(dev.into());
            wipe(dev)?;
            let wiped = recovery.mmio_enabled(dev.into());
            recovery.restore(dev)?;
            let restored = recovery.mmio_enabled(dev.into());
            Ok([intact, wiped, restored])
        })?;
        assert!(seen.is_none_or(|votes| votes
            == [
                ErsResult::Recovered,
                ErsResult::NeedReset,
                ErsResult::Recovered
            ]));
        Ok(())
    }

    #[test]
    fn a_lost_function_is_back_after_a_restore_and_not_after_resume() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let vote = recovery.error_detected(dev, ChannelState::PermanentFailure);
            recovery.resume(dev.into());
            let resumed = (recovery.health(), recovery.save(dev));
            recovery.restore(dev)?;
            Ok((vote, resumed, recovery.health(), recovery.save(dev)))
        })?;
        assert!(seen.is_none_or(|seen| seen
            == (
                ErsResult::Disconnect,
                (Health::Lost, Err(EIO)),
                Health::Ok,
                Ok(())
            )));
        Ok(())
    }

    /// As of a driver without `mmio_enabled`.
    #[test]
    fn a_function_that_nobody_compared_is_compared_in_resume() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            recovery.error_detected(dev, ChannelState::Normal);
            recovery.resume(dev.into());
            let restores = |recovery: &Recovery| recovery.inner.lock().counters.restores;
            let intact = (recovery.health(), restores(&recovery));
            recovery.error_detected(dev, ChannelState::Normal);
            wipe(dev)?;
            recovery.resume(dev.into());
            Ok((
                intact,
                recovery.health(),
                restores(&recovery),
                recovery.holds(dev),
            ))
        })?;
        assert!(seen.is_none_or(|seen| seen == ((Health::Ok, 0), Health::Ok, 1, true)));
        Ok(())
    }

    #[test]
    fn a_permanent_failure_is_reported_once() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            for _ in 0..3 {
                recovery.error_detected(dev, ChannelState::PermanentFailure);
            }
            let reported = recovery.happened(|event| matches!(event, Event::Lost));
            let errors = recovery.happened(|event| matches!(event, Event::ErrorDetected(..)));
            Ok((reported, errors))
        })?;
        assert!(seen.is_none_or(|seen| seen == (1, 3)));
        Ok(())
    }

    #[test]
    fn a_wiped_function_is_not_saved_and_the_core_has_the_known_good_state() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let first = recovery.saved_at();
            wipe(dev)?;
            let refused = recovery.save(dev);
            let kept = recovery.saved_at() == first && recovery.core_holds(dev);
            let wiped = is_wiped(recovery.last_refusal());
            let damaged = !recovery.holds(dev);
            let restored = recovery.restore(dev);
            Ok((refused, wiped, kept, damaged, restored, recovery.holds(dev)))
        })?;
        assert!(seen.is_none_or(|seen| seen == (Err(EIO), true, true, true, Ok(()), true)));
        Ok(())
    }

    #[test]
    fn reset_done_repairs_what_the_core_has_poisoned() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            // The core saves a wiped function, and writes that back.
            wipe(dev)?;
            let core = Exclusive::from(dev);
            core.save_state()?;
            core.restore_state();
            let poisoned = !recovery.core_holds(dev) && !recovery.holds(dev);
            recovery.reset_done(dev);
            let replaced = recovery.happened(|event| matches!(event, Event::CoreStateBad(_)));
            Ok((
                poisoned,
                recovery.holds(dev) && recovery.core_holds(dev),
                replaced,
                recovery.health(),
            ))
        })?;
        assert!(seen.is_none_or(|seen| seen == (true, true, 1, Health::Ok)));
        Ok(())
    }

    #[test]
    fn freeze_leaves_the_core_a_good_state_whatever_the_function_holds() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            let core = Exclusive::from(dev);
            let freeze = || {
                core.set_state_saved(false);
                let frozen = recovery.freeze(dev, OnRefusal::Continue);
                (frozen, recovery.freeze_noirq(core), core.state_saved())
            };
            let good = freeze();
            wipe(dev)?;
            let refused = freeze();
            let core_holds = recovery.core_holds(dev);

            core.set_state_saved(false);
            let aborted = recovery.freeze(dev, OnRefusal::Abort);
            recovery.restore(dev)?;
            Ok((good, refused, core_holds, aborted))
        })?;
        let well = (Ok(()), Ok(()), true);
        assert!(seen.is_none_or(|seen| seen == (well, well, true, Err(EIO))));
        Ok(())
    }

    #[test]
    fn no_virtual_functions_are_enabled_during_a_recovery() -> Result {
        let seen = on_function(|dev| {
            let recovery = new(dev)?;
            recovery.error_detected(dev, ChannelState::Normal);
            let enabled = recovery.sriov_configure(dev, 1);
            recovery.mmio_enabled(dev.into());
            recovery.resume(dev.into());
            Ok(enabled)
        })?;
        assert!(seen.is_none_or(|enabled| enabled == Err(EBUSY)));
        Ok(())
    }

    #[test]
    fn many_lives_leave_no_memory() -> Result {
        // kmemleak looks on; 100 events wrap the timeline around.
        on_function(|dev| {
            for _ in 0..8 {
                let recovery = new(dev)?;
                for _ in 0..25 {
                    recovery.error_detected(dev, ChannelState::Normal);
                    recovery.mmio_enabled(dev.into());
                    recovery.resume(dev.into());
                    recovery.save(dev)?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }
}
