// SPDX-License-Identifier: GPL-2.0-only

//! Compares a function with its known-good state.

use core::fmt;

use kernel::{
    bindings,
    prelude::*, //
};

use super::{
    function::{
        self,
        read, //
    },
    known_good::{
        check_answers,
        KnownGood, //
    }, //
};
use crate::{
    guard::{
        self,
        Mismatch,
        Refusal,
        Register, //
    },
    pci::{
        Config,
        Exclusive,
        Info,
        Power,
        State, //
    },
};

/// Why a function could not be restored.
#[derive(Clone, Copy, Debug)]
pub enum RestoreError {
    /// The function does not answer.
    NotAccessible(Refusal),
    /// A register does not hold its known-good value.
    Mismatch(Mismatch),
    /// The core does not take the state back.
    Core(Error),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccessible(refusal) => fmt::Display::fmt(refusal, f),
            Self::Mismatch(mismatch) => fmt::Display::fmt(mismatch, f),
            Self::Core(error) => write!(f, "the core does not load the state: {error:?}"),
        }
    }
}

impl From<Mismatch> for RestoreError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

/// A function in a low-power state has registers like any other, but is not to be used.
pub(crate) fn check_awake(dev: Exclusive<'_>) -> Result<(), Mismatch> {
    const STATE: u32 = bindings::PCI_PM_CTRL_STATE_MASK;

    match dev.power_control() {
        Some((offset, control)) if u32::from(control) & STATE != 0 => Err(Mismatch {
            register: Register {
                name: "PCI_PM_CTRL",
                offset,
                width: 2,
                express: false,
                value: 0,
                mask: STATE,
                vital: STATE,
            },
            found: control.into(),
        }),
        _ => Ok(()),
    }
}

/// A physical function must still have its virtual functions enabled. The core restores that, but
/// it is not in what it saves.
fn check_sriov(dev: Exclusive<'_>) -> Result<(), Mismatch> {
    match function::describe_sriov(dev) {
        Some(sriov) => sriov.verify(|register| read(dev, register)),
        None => Ok(()),
    }
}

/// Compares L1 PM Substates of the port above, which the core restores with the function, with what
/// the core's buffer of the port holds. Without them the link only saves less power.
fn port_mismatch(dev: Exclusive<'_>) -> Option<Mismatch> {
    const NAMES: [&str; 2] = [
        "PCI_L1SS_CTL2 of the port above",
        "PCI_L1SS_CTL1 of the port above",
    ];

    let registers = dev.port_l1ss()?.into_iter().zip(dev.read_port_l1ss()?);
    registers.zip(NAMES.into_iter().zip(guard::L1SS)).find_map(
        |((value, (offset, found)), (name, saved))| {
            let register = Register {
                name,
                offset,
                width: 4,
                express: false,
                value,
                mask: saved.mask,
                vital: 0,
            };
            register.verify(found).err()
        },
    )
}

/// Compares the function with its known-good state, register by register, and looks whether it is
/// in D0 and has its virtual functions.
///
/// One that the core takes to be in D3cold does not pass, whatever its registers hold: the core has
/// left its interrupts alone (`__pci_write_msi_msg()`). It was lost when the core last asked.
///
/// Returns a register that differs and that the function can do without, if there is any.
pub(crate) fn verify(
    dev: Exclusive<'_>,
    known_good: &KnownGood,
) -> Result<Option<Mismatch>, RestoreError> {
    if dev.is_d3cold() {
        return Err(RestoreError::NotAccessible(Refusal::PoweredOff));
    }
    known_good
        .snapshot
        .verify(|register| read(dev, register))
        .and_then(|minor| {
            check_awake(dev)?;
            check_sriov(dev)?;
            Ok(minor.or_else(|| port_mismatch(dev)))
        })
        .or_else(|mismatch| {
            // A function that is gone differs too, but that is not what is wrong with it.
            check_answers(dev).map_err(RestoreError::NotAccessible)?;
            Err(mismatch.into())
        })
}
