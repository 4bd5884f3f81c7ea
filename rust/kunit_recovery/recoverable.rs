// SPDX-License-Identifier: GPL-2.0-only

//! When a driver that is [`Recoverable`] is stopped and started, on a real function: its callbacks
//! are called as the core calls them.

use kernel::{
    device::Core,
    pci::Device,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

use crate::{
    pci::{
        kunit::{
            damage,
            on_function,
            NO_DEVICES, //
        },
        ChannelState,
        ErrorHandler,
        ErsResult,
        Exclusive,
        PmOps,
        ProbeInfo,
        State, //
    },
    recovery::{
        FirstSave,
        OnRefusal,
        Recoverable,
        Recovery, //
    },
};

/// A driver that notes what it is told, and aborts a suspend where the save is refused.
struct Noting;

struct Data {
    recovery: Arc<Recovery>,
    running: Atomic<bool>,
    /// How many saves there had been when it was stopped last.
    saves: Atomic<u64>,
    starts: Atomic<u32>,
}

impl Data {
    fn new(dev: &Device<Core<'_>>) -> Result<Self> {
        Ok(Self {
            recovery: Recovery::new(dev, FirstSave::AsIs)?,
            running: Atomic::new(true),
            saves: Atomic::new(0),
            starts: Atomic::new(0),
        })
    }

    fn saves(&self) -> u64 {
        self.recovery.inner.lock().counters.saves
    }

    /// Whether it runs, and how often it was started.
    fn seen(&self) -> (bool, u32) {
        (self.running.load(Relaxed), self.starts.load(Relaxed))
    }
}

impl kernel::pci::Driver for Noting {
    type IdInfo = ();
    type Data<'bound> = Data;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = NO_DEVICES;

    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
        _info: ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Data, Error> + 'bound {
        Data::new(dev)
    }
}

impl Recoverable for Noting {
    fn recovery(this: Pin<&Data>) -> &Recovery {
        &this.get_ref().recovery
    }

    fn stop(_dev: &Device, this: Pin<&Data>, _state: ChannelState) {
        this.running.store(false, Relaxed);
        this.saves.store(this.saves(), Relaxed);
    }

    fn start(_dev: Exclusive<'_>, this: Pin<&Data>) -> Result {
        this.running.store(true, Relaxed);
        this.starts.fetch_add(1, Relaxed);
        Ok(())
    }

    fn on_refusal() -> OnRefusal {
        OnRefusal::Abort
    }
}

#[kunit_tests(pci_recovery_recoverable)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stopped_before_the_save_and_started_after_the_restore() -> Result {
        let seen = on_function(|dev| {
            let data = Data::new(dev)?;
            let (this, core) = (Pin::new(&data), Exclusive::from(dev));
            let frozen = Noting::freeze(dev, this);
            let saves = (data.saves.load(Relaxed), data.saves());
            let stopped = data.seen();
            Noting::freeze_noirq(core, this)?;
            Noting::thaw_noirq(core, this)?;
            core.set_state_saved(false);
            let still_stopped = data.seen();
            let thawed = Noting::thaw(dev, this);
            Ok((frozen, saves, [stopped, still_stopped], thawed, data.seen()))
        })?;
        let stopped = [(false, 0); 2];
        assert!(seen.is_none_or(|seen| seen == (Ok(()), (1, 2), stopped, Ok(()), (true, 1))));
        Ok(())
    }

    #[test]
    fn it_is_started_again_where_it_does_not_go_to_sleep() -> Result {
        let seen = on_function(|dev| {
            let data = Data::new(dev)?;
            let this = Pin::new(&data);
            let known = data.recovery.inner.lock().known_good.snapshot.header()[1];
            damage(dev, 0x04, 0)?;
            let refused = [
                Noting::suspend(dev, this),
                Noting::freeze(dev, this),
                Noting::runtime_suspend(dev.into(), this),
            ];
            damage(dev, 0x04, known & 0xffff)?;
            Ok((refused, data.seen()))
        })?;
        assert!(seen.is_none_or(|seen| seen == ([Err(EIO), Err(EIO), Err(EBUSY)], (true, 3))));
        Ok(())
    }

    #[test]
    fn it_is_started_when_a_recovery_is_over() -> Result {
        let seen = on_function(|dev| {
            let data = Data::new(dev)?;
            let this = Pin::new(&data);
            let vote = Noting::error_detected(dev, this, ChannelState::Normal);
            let mmio = <Noting as ErrorHandler>::mmio_enabled(dev.into(), this);
            let stopped = data.seen();
            <Noting as ErrorHandler>::resume(dev.into(), this);
            Ok((vote, mmio, stopped, data.seen()))
        })?;
        let votes = (ErsResult::CanRecover, ErsResult::Recovered);
        assert!(seen.is_none_or(|seen| seen == (votes.0, votes.1, (false, 0), (true, 1))));
        Ok(())
    }

    #[test]
    fn it_is_not_started_while_the_function_is_lost() -> Result {
        let seen = on_function(|dev| {
            let data = Data::new(dev)?;
            let this = Pin::new(&data);
            Noting::error_detected(dev, this, ChannelState::PermanentFailure);
            <Noting as ErrorHandler>::resume(dev.into(), this);
            let lost = (data.recovery.is_ok(), data.seen());
            Noting::reset_prepare(dev, this);
            Noting::reset_done(dev, this);
            Ok((lost, data.recovery.is_ok(), data.seen()))
        })?;
        assert!(seen.is_none_or(|seen| seen == ((false, (false, 0)), true, (true, 1))));
        Ok(())
    }

    #[test]
    fn it_has_the_callbacks_of_runtime_pm_only_if_it_says_so() {
        assert!(!Noting::RUNTIME_PM);
        assert!(!Noting::HAS_RUNTIME_SUSPEND && !Noting::HAS_RUNTIME_RESUME);
        assert!(<Noting as PmOps>::HAS_SUSPEND && Noting::HAS_SLOT_RESET);
    }
}
