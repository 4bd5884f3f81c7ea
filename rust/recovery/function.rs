// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel knows of the function, in the guard's terms.

use crate::{
    guard::{
        Bar,
        BarKind,
        Buses,
        Function,
        HeaderType,
        Refusal, //
    },
    pci::{
        BarResourceKind,
        Exclusive,
        Info,
        State, //
    },
};

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
        bars: core::array::from_fn(|index| {
            dev.bar_resource(index).map(|bar| Bar {
                address: bar.bus_address,
                kind: match bar.kind {
                    BarResourceKind::Io => BarKind::Io,
                    BarResourceKind::Mem32 => BarKind::Mem32,
                    BarResourceKind::Mem64 => BarKind::Mem64,
                },
            })
        }),
        enabled: dev.is_enabled(),
        bus_master: dev.is_busmaster(),
        buses: dev
            .bus_numbers()
            .map(|(primary, secondary, subordinate)| Buses {
                primary,
                secondary,
                subordinate,
            }),
        pcie_cap: dev.pcie_cap(),
        aer_cap: dev.aer_cap(),
        saved_before: dev.saved_header(),
    })
}
