// SPDX-License-Identifier: GPL-2.0-only

//! Applies the guard's rules to one function.

use pci_recovery_guard::guard::{
    capability::{ID_ERR, ID_EXP},
    check_accessible, check_header, Function, Refusal,
};
use pci_recovery_space::{
    damage::try_all,
    driver::{Device, KnownGood},
    space::{List, Space},
};

use crate::report::{Losses, Verdict};

/// `PCI_EXP_DEVCAP`, and in it `PCI_EXP_DEVCAP_FLR`.
const EXP_DEVCAP: u16 = 0x04;
const EXP_DEVCAP_FLR: u32 = 0x1000_0000;

/// What the guard says of a function.
pub struct Judgement {
    pub verdict: Verdict,
    /// What the driver would warn of.
    pub warnings: Vec<String>,
    pub losses: Option<Losses>,
}

impl From<Refusal> for Judgement {
    fn from(refusal: Refusal) -> Self {
        Self {
            verdict: refusal.into(),
            warnings: Vec::new(),
            losses: None,
        }
    }
}

impl Judgement {
    pub fn not_judged(reason: String) -> Self {
        Self {
            verdict: Verdict::NotJudged { reason },
            warnings: Vec::new(),
            losses: None,
        }
    }
}

/// Judges what everybody may read, the header: `space` has nothing behind it. What is not refused
/// by that is not judged, for `reason`.
pub fn header(function: Result<Function, Refusal>, space: &Space, reason: String) -> Judgement {
    let header = space.header();
    let verdict = check_accessible(space.dword(4)).and_then(|()| {
        let mut function = function?;
        function.saved_before = header;
        check_header(&header, &function, None)
    });
    match verdict {
        Ok(()) => Judgement::not_judged(reason),
        Err(refusal) => refusal.into(),
    }
}

/// A first save that passed.
pub struct First {
    pub device: Device,
    pub good: KnownGood,
}

impl First {
    /// Judges a first save. `added` is what the kernel sees of the function when it adds it, `read`
    /// answers each read of the save.
    pub fn save(
        function: Result<Function, Refusal>,
        added: &Space,
        read: &mut dyn FnMut(u16, u16) -> u32,
    ) -> Result<Self, Refusal> {
        check_accessible(added.dword(4))?;
        let device = Device::add(function?, added);
        let good = device.save_from(read, None)?;
        Ok(Self { device, good })
    }

    /// Judges a second save, with `read` to answer, and what the first one found odd.
    pub fn second(&self, read: &mut dyn FnMut(u16, u16) -> u32) -> Result<Judgement, Refusal> {
        let second = self.device.save_from(read, Some(&self.good))?;
        let mut warnings = Vec::new();
        if let Some(oddity) = self.good.oddity {
            warnings.push(format!("{oddity}; what the kernel saves is in the list"));
        }
        if self.good.function.learned.aer_ones != 0 {
            warnings.push("registers of AER read all-ones by themselves".into());
        }
        let changed = self.good.snapshot.differences(&second.snapshot);
        warnings.extend(changed.map(|mismatch| {
            let register = mismatch.register.name;
            format!("{register} changes by itself: a restore would name it, or fail")
        }));
        Ok(Judgement {
            verdict: Verdict::Accepted,
            warnings,
            losses: None,
        })
    }

    /// Judges each loss, each wipe and each broken list of the function, which has `space`.
    pub fn losses(&self, space: &Space) -> Losses {
        try_all(&self.device, space, None, &self.good, &mut |_| true).into()
    }
}

/// Whether there is an AER capability.
pub fn has_aer(space: &Space) -> bool {
    space.find(List::Extended, ID_ERR) != 0
}

/// Whether Device Capabilities have FLR.
pub fn has_flr(space: &Space) -> bool {
    let exp = space.find(List::Ordinary, ID_EXP);
    exp != 0 && space.dword(exp.saturating_add(EXP_DEVCAP)) & EXP_DEVCAP_FLR != 0
}

/// Whether there is a PCI Express capability.
pub fn has_exp(space: &Space) -> bool {
    space.find(List::Ordinary, ID_EXP) != 0
}
