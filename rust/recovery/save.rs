// SPDX-License-Identifier: GPL-2.0-only

//! The guarded save.

use kernel::{
    bindings,
    device::Core,
    pci::Device,
    prelude::*, //
};

use super::{
    events::{
        now_ns,
        Event, //
    },
    function,
    report,
    Inner,
    Recovery, //
};
use crate::{
    guard::{
        self,
        follow,
        Capability,
        Function,
        Lists,
        Mismatch,
        Refusal,
        Snapshot,
        ALL_ONES, //
    },
    pci::{
        Channel,
        ChannelState,
        Command,
        Config,
        Exclusive,
        Info,
        Power,
        SavedState,
        State, //
    },
};

/// A state of the function that passed every check.
pub(super) struct KnownGood {
    /// What the PCI core can restore.
    pub(super) state: SavedState,
    /// Where what the core has saved is copied to, to be judged; the two are swapped where it
    /// passes.
    staging: SavedState,
    /// The same as `state`, as registers that can be compared and shown.
    pub(super) snapshot: Snapshot,
    /// What the kernel knows of the function.
    pub(super) function: Function,
    /// The [`Info::resources_key`] of `function`.
    resources: u64,
    /// Whether `function` is still what the state was judged by.
    judged: bool,
    /// L1 PM Substates of the port above, which the core saves and restores with the function.
    port_l1ss: Option<[u32; 2]>,
    /// When it was saved, in nanoseconds since boot.
    pub(super) at_ns: u64,
}

/// The capabilities of a state, in the guard's terms.
pub(super) fn capabilities(state: &SavedState) -> impl Iterator<Item = Capability<'_>> + Clone {
    state.capabilities().map(|saved| Capability {
        id: saved.id,
        extended: saved.extended,
        data: saved.data,
    })
}

/// The registers of a state.
pub(super) fn snapshot(state: &SavedState, function: &Function) -> Snapshot {
    Snapshot::new(&state.header(), capabilities(state), function)
}

/// Whether L1 PM Substates of a port are what a port may have: no register reads all-ones.
fn port_is_good(registers: &[u32; 2]) -> bool {
    !registers.contains(&ALL_ONES)
}

impl KnownGood {
    /// Takes the first one. Where the save is refused, the core's buffer is what it was before.
    ///
    /// The lists of capabilities are walked, too: what they do not lead to now would never be
    /// saved. Later on the core leaves out what it does not find, and what is known good of it is
    /// kept. Hardware that is not as the rules expect is learned, with a line in the log.
    pub(super) fn first(dev: Exclusive<'_>) -> Result<Self, Refusal> {
        let function = function::describe(dev)?;
        let state = SavedState::store(dev).map_err(core_error)?;
        let mut this = Self {
            snapshot: snapshot(&state, &function),
            state,
            staging: SavedState::store(dev).map_err(core_error)?,
            function,
            resources: dev.resources_key(),
            judged: false,
            port_l1ss: None,
            at_ns: 0,
        };
        let (state, staging, function) = (&this.state, &mut this.staging, &mut this.function);
        guarded_save(dev, state, || {
            staging.replace(dev).map_err(core_error)?;
            let lists = learn(dev, staging, function);
            check_saved(dev, staging, function, None)?;
            lists.check(function, capabilities(staging))?;
            if let Some(oddity) = lists.oddity {
                dev_warn!(dev, "{}; what the kernel saves is in the list\n", oddity);
            }
            Ok(())
        })?;
        this.commit(dev);
        Ok(this)
    }

    /// Replaces it by what the function holds now. Needs no memory.
    ///
    /// What is the same as before needs no second judgement, and nothing is replaced.
    fn renew(&mut self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        self.follow(dev);
        let (state, staging, judged) = (&self.state, &mut self.staging, self.judged);
        let (function, known_good) = (&self.function, &self.snapshot);
        let changed = guarded_save(dev, state, || {
            if judged && state.is_of(dev) {
                guard::check_after(known_good.header(), command_status(dev))?;
                return Ok(false);
            }
            staging.replace(dev).map_err(core_error)?;
            check_saved(dev, staging, function, Some(known_good))?;
            Ok(true)
        })?;
        if changed {
            self.commit(dev);
        }
        self.at_ns = now_ns();
        Ok(())
    }

    /// Makes what has passed in `staging` the known-good state.
    fn commit(&mut self, dev: Exclusive<'_>) {
        core::mem::swap(&mut self.state, &mut self.staging);
        // Nothing has changed since, but for what is never kept.
        let mut header = self.state.header();
        let is_changed = follow::header(&mut header, &self.function, &self.function);
        if is_changed {
            self.state.set_header(&header);
            let flag = dev.state_saved();
            self.load_or_log(dev);
            dev.set_state_saved(flag);
        }
        self.snapshot = snapshot(&self.state, &self.function);
        self.function.saved_before = header;
        self.judged = true;
        self.port_l1ss = dev.port_l1ss().or(self.port_l1ss);
        self.at_ns = now_ns();
    }

    /// How many bytes of memory it holds beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.state.bytes() + self.staging.bytes()
    }

    /// Takes over what the kernel has changed on purpose since the state was saved, see
    /// [`guard::follow`]. Does not touch the function.
    pub(super) fn follow(&mut self, dev: Exclusive<'_>) {
        if let Some(before) = function::refresh(dev, &mut self.function, &mut self.resources) {
            self.judged = false;
            let mut header = self.state.header();
            if follow::header(&mut header, &before, &self.function) {
                self.state.set_header(&header);
            }
            self.snapshot = snapshot(&self.state, &self.function);
        }

        if self.state.is_of_capabilities(dev, follow::is_followed)
            || self.staging.replace(dev).is_err()
        {
            return;
        }
        let core = snapshot(&self.staging, &self.function);
        if !follow::is_all(&self.snapshot, &core) {
            // Saved by the core, and judged by nobody.
            return;
        }
        let core = self.staging.capabilities();
        for (kept, core) in self.state.capabilities_mut().zip(core) {
            follow::capability(kept.id, kept.extended, kept.data, core.data);
        }
        self.snapshot = snapshot(&self.state, &self.function);
    }

    /// How the core's buffer differs from the known-good state. Does not touch the function.
    pub(super) fn core_mismatch(&mut self, dev: Exclusive<'_>) -> Option<Mismatch> {
        if self.state.is_of(dev) || self.staging.replace(dev).is_err() {
            return None;
        }
        let core = snapshot(&self.staging, &self.function);
        let mismatch = self.snapshot.differences(&core).next();
        mismatch
    }

    /// Takes L1 out of the state where the port above has it off.
    pub(super) fn limit_aspm(&mut self, dev: Exclusive<'_>) {
        let has_l1 = self
            .state
            .capabilities()
            .any(|saved| follow::has_l1(saved.id, saved.extended, saved.data));
        if !has_l1 {
            return;
        }
        let Some(port) = dev.read_port_link_control() else {
            return;
        };
        let mut is_changed = false;
        for saved in self.state.capabilities_mut() {
            is_changed |= follow::limit_aspm(saved.id, saved.extended, saved.data, port);
        }
        if is_changed {
            self.snapshot = snapshot(&self.state, &self.function);
        }
    }

    /// Puts the state into the core's buffer, and into that of the port above what belongs there if
    /// it holds poison. Sets `state_saved`.
    ///
    /// # Errors
    ///
    /// `EINVAL` where the core does not take the state.
    pub(super) fn load(&self, dev: Exclusive<'_>) -> Result {
        if let (Some(port), Some(good)) = (dev.port_l1ss(), self.port_l1ss) {
            if !port_is_good(&port) {
                dev.set_port_l1ss(good);
            }
        }
        self.state.load(dev)
    }

    /// As [`Self::load`], where nothing else can be done about an error: the capabilities were
    /// stored from this very function.
    pub(super) fn load_or_log(&self, dev: Exclusive<'_>) {
        if let Err(error) = self.load(dev) {
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
    }
}

/// Learns where the capabilities are and what of the hardware is not as the rules expect: `staging`
/// is what the core has just saved. Returns what the lists of capabilities are.
fn learn(dev: Exclusive<'_>, staging: &SavedState, function: &mut Function) -> Lists {
    let header = staging.header();
    let lists = Lists::read(&header, function, |offset| dev.read_config_dword(offset));
    function.learned.places = lists.places;

    function.learned.aer_ones = capabilities(staging).fold(0, |ones, saved| {
        ones | guard::learn_aer_ones(&saved, |offset| {
            dev.read_config_dword(function.aer_cap.saturating_add(offset))
        })
    });
    if function.learned.aer_ones != 0 {
        dev_info!(
            dev,
            "registers of AER read all-ones by themselves, accepted\n"
        );
    }

    if guard::lost_bus_master(&header, function) && !dev.takes_bus_master() {
        function.learned.no_bus_master = true;
        dev_info!(dev, "Bus Master Enable is hard-wired to 0, accepted\n");
    }
    lists
}

/// What a refusal is to a caller: the core's errno, if it is the core that refuses.
pub(super) fn errno(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Core { errno } => Error::from_errno(errno),
        _ => EIO,
    }
}

/// Reads Command/Status.
fn command_status(dev: Exclusive<'_>) -> u32 {
    dev.read_config_dword(bindings::PCI_COMMAND as u16)
}

/// Refuses a function that does not answer, or that the core takes to be in D3cold.
///
/// A frozen channel is not looked at here: the core leaves it frozen after a recovery that failed,
/// and after one of a function that had no driver, and then a reset or a new driver may well bring
/// the function back. While a recovery runs, [`Inner::check_channel`] keeps everybody off.
pub(super) fn check_answers(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.channel_state() == ChannelState::PermanentFailure {
        return Err(Refusal::Dead);
    }
    let accessible = guard::check_accessible(command_status(dev));
    if dev.is_d3cold() {
        return Err(Refusal::PoweredOff);
    }
    accessible
}

/// As [`check_answers`], of a function that is powered up where it answers and the core takes it to
/// be in D3cold: it did not answer once, and the core goes on doing so.
///
/// That may take 60 s: must not be called with the mutex held, for which readers of debugfs wait.
pub(super) fn check_accessible(dev: Exclusive<'_>) -> Result<(), Refusal> {
    if dev.is_d3cold()
        && dev.channel_state() != ChannelState::PermanentFailure
        && guard::check_accessible(command_status(dev)).is_ok()
    {
        // An error says that it does not answer, as does the next look.
        let _ = dev.power_up();
    }
    check_answers(dev)
}

/// What is wrong where the core itself reports an error.
pub(super) fn core_error(error: Error) -> Refusal {
    Refusal::Core {
        errno: error.to_errno(),
    }
}

/// Refuses what the core has just saved unless it is the function's state, whole.
///
/// `saved` is a copy of that, `function` what the kernel knows of it, up to date. `known_good` are
/// the registers of the last state that passed, if there is one.
fn check_saved(
    dev: Exclusive<'_>,
    saved: &SavedState,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    guard::validate(
        &saved.header(),
        capabilities(saved),
        command_status(dev),
        function,
        known_good,
    )
}

/// Saves config space into the core's buffer; `judge` looks at what the core has read.
///
/// The core's buffer then holds that, or, after a refusal, `good`: what the buffer held before may
/// have been poison. So does that of the port above, of which the core saves a part. The flag
/// `state_saved` is left as it was found.
fn guarded_save<T>(
    dev: Exclusive<'_>,
    good: &SavedState,
    judge: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    // 1. Nothing is saved from a function that is known to be gone.
    check_answers(dev)?;

    // 2. Let the core save.
    let flag = dev.state_saved();
    let port = dev.port_l1ss();
    let saved = dev.save_state().map_err(core_error);

    // 3. Look at what was saved, and whether the function is still there.
    let result = saved.and_then(|()| {
        let judged = judge()?;
        match dev.port_l1ss() {
            Some(port) if !port_is_good(&port) => Err(Refusal::Port),
            _ => Ok(judged),
        }
    });

    // 4. A refused save leaves nothing behind.
    if result.is_err() {
        if let Some(port) = port {
            dev.set_port_l1ss(port);
        }
        if let Err(error) = good.load(dev) {
            // The capabilities were stored from this very function.
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
    }
    dev.set_state_saved(flag);
    result
}

impl Inner {
    /// Refuses to touch the function between `error_detected` and the end of the recovery, where
    /// the channel is frozen.
    ///
    /// The core freezes it and calls `error_detected` in one go, with the device lock held.
    pub(super) fn check_channel(&self, dev: &Device) -> Result<(), Refusal> {
        self.health.check_channel(dev.channel_state())
    }
}

impl Recovery {
    /// Guarded save: replaces the known-good state if what is read passes every check.
    ///
    /// Call it after changing config space on purpose. A refusal is reported (log, uevent, debugfs)
    /// and the known-good state kept. The core's `state_saved` is left as it is.
    ///
    /// Context: device lock held; sleeps.
    ///
    /// # Errors
    ///
    /// `EIO` where the save is refused, `ENOMEM` where the core has no buffer for a capability.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{device::Core, pci::Device, prelude::*};
    /// use pci_recovery::recovery::Recovery;
    ///
    /// // What was changed before is kept from now on, if the function is there and whole.
    /// fn keep_changes(recovery: &Recovery, dev: &Device<Core<'_>>) -> Result {
    ///     if !recovery.is_ok() {
    ///         return Err(EAGAIN);
    ///     }
    ///     recovery.save(dev)
    /// }
    /// ```
    pub fn save(&self, dev: &Device<Core<'_>>) -> Result {
        self.guarded_save(dev.into())
    }

    /// As [`Self::save`], for whoever is alone with the function.
    pub(super) fn guarded_save(&self, dev: Exclusive<'_>) -> Result {
        self.try_save(dev).map_err(|refusal| {
            report::refused(self, &dev, refusal);
            errno(refusal)
        })
    }

    /// As [`Self::save`], without the report of a refusal.
    pub(super) fn try_save(&self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        self.end_given_up(dev);
        if dev.is_d3cold() && !self.is_frozen(dev) {
            // What is wrong is said below.
            let _ = check_accessible(dev);
        }
        let mut inner = self.inner.lock();

        if let Err(recovering) = inner.health.check_save() {
            // One that does not answer says more.
            inner.check_channel(&dev)?;
            check_answers(dev)?;
            return Err(recovering);
        }

        inner.known_good.renew(dev)?;
        inner.runtime_refusal = None;
        inner.counters.saves += 1;
        let at_ns = inner.known_good.at_ns;
        inner.events.push_at(at_ns, Event::Save);
        Ok(())
    }
}
