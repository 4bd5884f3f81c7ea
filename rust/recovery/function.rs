// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of the function, in the guard's terms.

use crate::{
    guard::{
        self,
        Bar,
        BarKind,
        Buses,
        Function,
        HeaderType,
        Refusal, //
    },
    pci::{
        BarResource,
        BarResourceKind,
        Exclusive,
        Info,
        Sriov,
        State, //
    },
};

fn bar(resource: BarResource) -> Bar {
    Bar {
        address: resource.bus_address,
        kind: match resource.kind {
            BarResourceKind::Io => BarKind::Io,
            BarResourceKind::Mem32 => BarKind::Mem32,
            BarResourceKind::Mem64 => BarKind::Mem64,
        },
    }
}

/// Describes `dev`, whose header must be that of an endpoint or a bridge.
pub(super) fn describe(dev: Exclusive<'_>) -> Result<Function, Refusal> {
    let header_type = match dev.header_type() {
        0 => HeaderType::Normal,
        1 => HeaderType::Bridge,
        found => {
            return Err(Refusal::Invalid {
                register: "PCI_HEADER_TYPE",
                found: found.into(),
            })
        }
    };

    Ok(Function {
        header_type,
        is_vf: dev.is_virtfn(),
        ids: u32::from(dev.device_id()) << 16 | u32::from(dev.vendor_id().as_raw()),
        class_revision: dev.class_revision(),
        subsystem: u32::from(dev.subsystem_device_id()) << 16
            | u32::from(dev.subsystem_vendor_id()),
        bars: core::array::from_fn(|index| dev.bar_resource(index).map(bar)),
        enabled: dev.is_enabled(),
        bus_master: dev.is_busmaster(),
        buses: buses(dev),
        extended: dev.has_extended_config(),
        pcie_cap: dev.pcie_cap(),
        aer_cap: dev.aer_cap(),
        saved_before: dev.saved_header(),
    })
}

/// Brings up to date what may change of `function` while a driver is bound: not where its BARs and
/// its capabilities are. Returns whether the kernel knows the same as before.
pub(super) fn refresh(dev: Exclusive<'_>, function: &mut Function) -> bool {
    let now = (dev.is_enabled(), dev.is_busmaster(), buses(dev));
    let same = now == (function.enabled, function.bus_master, function.buses);
    (function.enabled, function.bus_master, function.buses) = now;
    function.saved_before = dev.saved_header();
    same
}

fn buses(dev: Exclusive<'_>) -> Option<Buses> {
    dev.bus_numbers()
        .map(|(primary, secondary, subordinate)| Buses {
            primary,
            secondary,
            subordinate,
        })
}

/// Describes the virtual functions of `dev`, [`None`] where none is enabled.
///
/// Looks for the SR-IOV capability, which takes some reads: there is no record of it that is
/// public.
pub(super) fn describe_sriov(dev: Exclusive<'_>) -> Option<guard::Sriov> {
    let num_vfs = dev.num_vfs();
    (num_vfs != 0).then(|| guard::Sriov {
        cap: dev.find_sriov_cap(),
        num_vfs,
        bars: core::array::from_fn(|index| dev.vf_bar_resource(index).map(bar)),
    })
}
