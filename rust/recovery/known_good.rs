// SPDX-License-Identifier: GPL-2.0-only

//! The known-good state of a function, and how a save is judged.
//!
//! A driver of ours keeps one for its function ([`super::Recovery`]), `pci_guard.ko` one for each
//! function of the machine: this file, `function`, `verify`, `events`, `log` and `status` are in
//! both.

use kernel::{
    bindings,
    prelude::*, //
};

use super::{
    events::now_ns,
    function, //
};
use crate::{
    guard::{
        self,
        follow,
        Capability,
        Function,
        Header,
        Lists,
        Mismatch,
        Refusal,
        Snapshot,
        ALL_ONES, //
    },
    pci::{
        channels,
        Channels,
        Command,
        Config,
        Exclusive,
        Info,
        SavedState,
        State, //
    },
};

/// A state of the function that passed every check.
pub(crate) struct KnownGood {
    /// What the PCI core can restore.
    pub(crate) state: SavedState,
    /// Where what the core has saved is copied to, to be judged; the two are swapped where it
    /// passes.
    pub(crate) staging: SavedState,
    /// The same as `state`, as registers that can be compared and shown.
    pub(crate) snapshot: Snapshot,
    /// What the kernel knows of the function.
    pub(crate) function: Function,
    /// The [`Info::resources_key`] of `function`.
    resources: u64,
    /// Whether `function` is still what the state was judged by.
    judged: bool,
    /// Whether `state` has L1 on.
    has_l1: bool,
    /// Whether it is known where the function's capabilities are, and what of it is odd.
    is_learned: bool,
    /// L1 PM Substates of the port above, which the core saves and restores with the function.
    port_l1ss: Option<[u32; 2]>,
    /// When it was saved, in nanoseconds since boot.
    pub(crate) at_ns: u64,
}

/// What a save is refused for.
pub(crate) trait Rules: Copy {
    /// Whether something may be written to the function to learn what it is like.
    const MAY_WRITE: bool;

    /// Refuses a function that cannot be saved, before it is.
    fn check_before(self, dev: Exclusive<'_>) -> Result<(), Refusal>;

    /// Decides about a save that does not pass all rules: refuses it, or returns why it is
    /// suspicious. `certain` says what is certain.
    fn decide(
        self,
        refusal: Refusal,
        certain: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<Refusal, Refusal>;
}

/// Whatever no function of ours may have: of a driver that knows what it does.
#[derive(Clone, Copy)]
pub(crate) struct All;

impl Rules for All {
    const MAY_WRITE: bool = true;

    fn check_before(self, dev: Exclusive<'_>) -> Result<(), Refusal> {
        check_answers(dev)
    }

    fn decide(
        self,
        refusal: Refusal,
        _certain: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<Refusal, Refusal> {
        Err(refusal)
    }
}

/// The capabilities of a state, in the guard's terms.
pub(crate) fn capabilities(state: &SavedState) -> impl Iterator<Item = Capability<'_>> + Clone {
    state
        .capabilities()
        .filter(|saved| !channels::is_replaced(saved.id, saved.extended))
        .map(|saved| Capability {
            id: saved.id,
            extended: saved.extended,
            data: saved.data,
        })
}

/// The registers of a state.
pub(crate) fn snapshot(state: &SavedState, function: &Function) -> Snapshot {
    Snapshot::new(&state.header(), capabilities(state), function)
}

/// Whether a state has L1 on.
fn has_l1(state: &SavedState) -> bool {
    state
        .capabilities()
        .any(|saved| follow::has_l1(saved.id, saved.extended, saved.data))
}

/// Whether L1 PM Substates of a port are what a port may have: no register reads all-ones.
fn port_is_good(registers: &[u32; 2]) -> bool {
    !registers.contains(&ALL_ONES)
}

impl KnownGood {
    /// Allocates all that it will ever need. What it holds then is what the core's buffer holds,
    /// and is for nobody to trust.
    ///
    /// Context: process context, sleeps. Does not touch the function.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] of a header that is neither an endpoint's nor a bridge's,
    /// [`Refusal::Core`].
    pub(crate) fn unknown(dev: Exclusive<'_>) -> Result<Self, Refusal> {
        let function = function::describe(dev)?;
        dev.make_room().map_err(core_error)?;
        let state = SavedState::copy(dev).map_err(core_error)?;
        Ok(Self {
            snapshot: snapshot(&state, &function),
            has_l1: has_l1(&state),
            state,
            staging: SavedState::copy(dev).map_err(core_error)?,
            function,
            resources: dev.resources_key(),
            judged: false,
            is_learned: false,
            port_l1ss: None,
            at_ns: 0,
        })
    }

    /// Takes the first one. Where the save is refused, the core's buffer is what it was before.
    pub(crate) fn first(dev: Exclusive<'_>) -> Result<Self, Refusal> {
        let mut this = Self::unknown(dev)?;
        this.renew(dev, All)?;
        Ok(this)
    }

    /// Returns whether anything has passed yet.
    pub(crate) fn is_known(&self) -> bool {
        self.at_ns != 0
    }

    /// Replaces it by what the function holds now. Needs no memory.
    ///
    /// What is the same as before needs no second judgement, and nothing is replaced.
    ///
    /// The first time the lists of capabilities are walked, too: what they do not lead to now would
    /// never be saved. Later on the core leaves out what it does not find, and what is known good
    /// of it is kept. Hardware that is not as the rules expect is learned, with a line in the log.
    ///
    /// Returns what is suspicious by rules that do not refuse it: then the core keeps what it has
    /// saved, and the known-good state is not replaced by it.
    pub(crate) fn renew(
        &mut self,
        dev: Exclusive<'_>,
        rules: impl Rules,
    ) -> Result<Option<Refusal>, Refusal> {
        self.follow(dev);
        self.renew_followed(dev, rules)
    }

    /// As [`Self::renew`], where it has been followed what the kernel has changed.
    pub(crate) fn renew_followed(
        &mut self,
        dev: Exclusive<'_>,
        rules: impl Rules,
    ) -> Result<Option<Refusal>, Refusal> {
        rules.check_before(dev)?;
        let is_known = self.is_known();
        if !is_known {
            // Where this is refused, the core gets back what it had.
            self.state.replace(dev).map_err(core_error)?;
        }

        let (state, staging) = (&self.state, &mut self.staging);
        let (judged, is_learned) = (self.judged, self.is_learned);
        let (function, snapshot) = (&mut self.function, &self.snapshot);
        let mut suspicion = None;
        let changed = guarded_save(dev, state, || {
            if judged && is_learned && state.is_of(dev) {
                let after = guard::check_after(snapshot.header(), command_status(dev));
                if let Err(refusal) = after {
                    suspicion = Some(rules.decide(refusal, || match refusal {
                        Refusal::LostDuringSave => Err(refusal),
                        _ => Ok(()),
                    })?);
                }
                return Ok(false);
            }
            staging.replace(dev).map_err(core_error)?;
            let lists = (!is_learned).then(|| learn(dev, staging, function, rules));
            let known_good = is_known.then_some(snapshot);
            if let Err(refusal) = check_saved(dev, staging, function, known_good, lists) {
                suspicion = Some(rules.decide(refusal, || {
                    guard::check_certain(
                        &staging.header(),
                        capabilities(staging),
                        command_status(dev),
                        function,
                        known_good,
                    )
                })?);
                return Ok(false);
            }
            if let Some(oddity) = lists.and_then(|lists| lists.oddity) {
                dev_warn!(dev, "{}; what the kernel saves is in the list\n", oddity);
            }
            Ok(true)
        })?;
        if changed {
            self.is_learned = true;
            self.commit(dev);
        }
        if suspicion.is_none() {
            self.at_ns = now_ns();
        }
        Ok(suspicion)
    }

    /// Makes what has passed in `staging` the known-good state.
    pub(crate) fn commit(&mut self, dev: Exclusive<'_>) {
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
        self.has_changed();
        self.judged = true;
        self.port_l1ss = dev.port_l1ss().or(self.port_l1ss);
        self.at_ns = now_ns();
    }

    /// Takes over what software cannot change and has become another value, after a restore that
    /// was accepted all the same: what was accepted once is not refused by the next save.
    pub(crate) fn accept(&mut self, dev: Exclusive<'_>) {
        // CAST: Below 64.
        let found = core::array::from_fn(|index| dev.read_config_dword(4 * index as u16));
        let mut header = self.state.header();
        if guard::header::accept(&mut header, self.function.header_type, &found) {
            self.state.set_header(&header);
            self.has_changed();
            let flag = dev.state_saved();
            self.load_or_log(dev);
            dev.set_state_saved(flag);
        }
    }

    /// Brings up to date what is made of `state`.
    fn has_changed(&mut self) {
        self.snapshot = snapshot(&self.state, &self.function);
        self.has_l1 = has_l1(&self.state);
    }

    /// How many bytes of memory it holds beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.state.bytes() + self.staging.bytes()
    }

    /// Takes over what the kernel has changed on purpose since the state was saved, see
    /// [`guard::follow`]. Does not touch the function.
    pub(crate) fn follow(&mut self, dev: Exclusive<'_>) {
        self.follow_record(dev);
        self.follow_core(dev);
    }

    /// The part of [`Self::follow`] that the kernel has a record of. Returns whether that changed.
    #[inline]
    pub(crate) fn follow_record(&mut self, dev: Exclusive<'_>) -> bool {
        if function::is_current(dev, &self.function, self.resources) {
            return false;
        }
        self.follow_changed(dev);
        true
    }

    #[cold]
    fn follow_changed(&mut self, dev: Exclusive<'_>) {
        let before = function::refresh(dev, &mut self.function, &mut self.resources);
        self.judged = false;
        let mut header = self.state.header();
        if follow::header(&mut header, &before, &self.function) {
            self.state.set_header(&header);
        }
        self.has_changed();
    }

    /// The part of [`Self::follow`] of which the core's buffer is the only record.
    fn follow_core(&mut self, dev: Exclusive<'_>) {
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
        self.has_changed();
    }

    /// How the core's buffer differs from the known-good state. Does not touch the function.
    pub(crate) fn core_mismatch(&mut self, dev: Exclusive<'_>) -> Option<Mismatch> {
        if self.state.is_of(dev) || self.staging.replace(dev).is_err() {
            return None;
        }
        let core = snapshot(&self.staging, &self.function);
        let mismatch = self.snapshot.differences(&core).next();
        mismatch
    }

    /// Takes L1 out of the state where the port above has it off. Returns whether it was on.
    pub(crate) fn limit_aspm(&mut self, dev: Exclusive<'_>) -> bool {
        if !self.has_l1 {
            return false;
        }
        let Some(port) = dev.read_port_link_control() else {
            return false;
        };
        let mut is_changed = false;
        for saved in self.state.capabilities_mut() {
            is_changed |= follow::limit_aspm(saved.id, saved.extended, saved.data, port);
        }
        if is_changed {
            self.has_changed();
        }
        is_changed
    }

    /// Puts the state into the core's buffer, and into that of the port above what belongs there if
    /// it holds poison. Sets `state_saved`.
    ///
    /// # Errors
    ///
    /// `EINVAL` where the core does not take the state.
    pub(crate) fn load(&self, dev: Exclusive<'_>) -> Result {
        dev.clear_room();
        if let (Some(port), Some(good)) = (dev.port_l1ss(), self.port_l1ss) {
            if !port_is_good(&port) {
                dev.set_port_l1ss(good);
            }
        }
        self.state.load(dev)
    }

    /// As [`Self::load`], where nothing else can be done about an error: the capabilities were
    /// stored from this very function.
    pub(crate) fn load_or_log(&self, dev: Exclusive<'_>) {
        if let Err(error) = self.load(dev) {
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
    }
}

/// Learns where the capabilities are and what of the hardware is not as the rules expect: `staging`
/// is what the core has just saved. Returns what the lists of capabilities are.
///
/// What is not certain is not learned by writing: somebody else's function is left as it is.
fn learn<R: Rules>(
    dev: Exclusive<'_>,
    staging: &SavedState,
    function: &mut Function,
    _: R,
) -> Lists {
    let header = staging.header();
    if function.saved_before == [0; 16] {
        learn_ones(dev, &header, function);
    }
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

    if R::MAY_WRITE && guard::lost_bus_master(&header, function) && !dev.takes_bus_master() {
        function.learned.no_bus_master = true;
        dev_info!(dev, "Bus Master Enable is hard-wired to 0, accepted\n");
    }
    lists
}

/// Learns which words read all-ones, of a function that the core has not saved before: there is no
/// earlier state to tell it by. Each is read once more, and the function must answer then.
fn learn_ones(dev: Exclusive<'_>, header: &Header, function: &mut Function) {
    let words = header.iter().zip(&mut function.saved_before).zip(0u16..);
    for ((&word, before), index) in words {
        if word == ALL_ONES && dev.read_config_dword(4 * index) == word {
            *before = word;
        }
    }
    if guard::check_accessible(command_status(dev)).is_err() {
        function.saved_before = [0; 16];
    }
}

/// Reads Command/Status.
pub(crate) fn command_status(dev: Exclusive<'_>) -> u32 {
    dev.read_config_dword(bindings::PCI_COMMAND as u16)
}

/// Refuses a function that does not answer, or that the core takes to be in D3cold. One whose
/// channel has failed for good does not: the core answers all-ones for it
/// (`pci_dev_is_disconnected()`).
///
/// A frozen channel is not looked at here: the core leaves it frozen after a recovery that failed,
/// and after one of a function that had no driver, and then a reset or a new driver may well bring
/// the function back. While a recovery runs, [`Inner::check_channel`] keeps everybody off.
pub(crate) fn check_answers(dev: Exclusive<'_>) -> Result<(), Refusal> {
    let accessible = guard::check_accessible(command_status(dev));
    if dev.is_d3cold() {
        return Err(Refusal::PoweredOff);
    }
    accessible
}

/// What is wrong where the core itself reports an error.
pub(crate) fn core_error(error: Error) -> Refusal {
    Refusal::Core {
        errno: error.to_errno(),
    }
}

/// Refuses what the core has just saved unless it is the function's state, whole.
///
/// `saved` is a copy of that, `function` what the kernel knows of it, up to date. `known_good` are
/// the registers of the last state that passed, if there is one; `lists` what the first save has
/// found, which must lead to all that was saved.
fn check_saved(
    dev: Exclusive<'_>,
    saved: &SavedState,
    function: &Function,
    known_good: Option<&Snapshot>,
    lists: Option<Lists>,
) -> Result<(), Refusal> {
    // Before the last look at Command, which tells of a loss or a reset until then.
    capabilities(saved).try_for_each(|saved| {
        guard::check_aer_ones(&saved, &function.learned, |offset| {
            dev.read_config_dword(function.aer_cap.saturating_add(offset))
        })
    })?;
    guard::validate(
        &saved.header(),
        capabilities(saved),
        command_status(dev),
        function,
        known_good,
    )?;
    check_channels(dev, saved, function, known_good)?;
    match lists {
        Some(lists) => lists.check(function, capabilities(saved)),
        None => Ok(()),
    }
}

/// Refuses Virtual Channels of which a control register does not read what was saved, where that is
/// not the known-good one: the core has saved it in the wrong place, since it lost one of the
/// registers by which it finds the places (`pci_vc_do_save_buffer()`).
fn check_channels(
    dev: Exclusive<'_>,
    saved: &SavedState,
    function: &Function,
    known_good: Option<&Snapshot>,
) -> Result<(), Refusal> {
    if capabilities(saved).all(|saved| !saved.is_vc()) {
        return Ok(());
    }
    snapshot(saved, function).check_channels(known_good, |register| function::read(dev, register))
}

/// Saves config space into the core's buffer; `judge` looks at what the core has read.
///
/// Whether the function is there at all has been looked at before
/// ([`Rules::check_before`], which is 1). The core's buffer then holds that, or, after a refusal,
/// `good`: what the buffer held before may have been poison. So does that of the port above, of
/// which the core saves a part. The flag `state_saved` is left as it was found.
fn guarded_save<T>(
    dev: Exclusive<'_>,
    good: &SavedState,
    judge: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
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
        dev.clear_room();
        if let Err(error) = good.load(dev) {
            // The capabilities were stored from this very function.
            dev_err!(dev, "the core's saved state is lost: {:?}\n", error);
        }
    }
    dev.set_state_saved(flag);
    result
}
