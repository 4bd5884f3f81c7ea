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
        Learned,
        Refusal,
        Register,
        Window,
        Windows, //
    },
    pci::{
        BarResource,
        BarResourceKind,
        BridgeWindow,
        Config,
        Exclusive,
        Info,
        Sriov,
        State, //
    },
};

/// Reads what `register` holds now.
pub(crate) fn read(dev: Exclusive<'_>, register: &Register) -> u32 {
    if register.express {
        // As the core reads it: 0 where this version of the capability does not have it.
        let offset = register.offset.wrapping_sub(dev.pcie_cap());
        return dev.read_pcie_word(offset).into();
    }
    let dword = dev.read_config_dword(register.offset & !3);
    match register.width {
        2 => dword >> (8 * (register.offset & 2)) & u32::from(u16::MAX),
        _ => dword,
    }
}

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
pub(crate) fn describe(dev: Exclusive<'_>) -> Result<Function, Refusal> {
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
        bars: bars(dev),
        enabled: dev.is_enabled(),
        bus_master: dev.is_busmaster(),
        msi: dev.msi_disables_intx(),
        rom_enabled: dev.is_rom_enabled(),
        l1ss: dev.saves_l1ss(),
        tph: dev.is_tph_enabled(),
        buses: buses(dev),
        windows: windows(dev),
        extended: dev.has_extended_config(),
        pcie_cap: dev.pcie_cap(),
        aer_cap: dev.aer_cap(),
        saved_before: dev.saved_header(),
        learned: Learned::default(),
    })
}

/// Returns whether the kernel still knows the same of `dev`. `resources` is the
/// [`Info::resources_key`] of when `function` was brought up to date last ([`refresh`]).
#[inline(always)]
pub(crate) fn is_current(dev: Exclusive<'_>, function: &Function, resources: u64) -> bool {
    dev.resources_key() == resources && Changing::now(dev) == Changing::of(function)
}

/// Brings `function` up to date: what may change of it while a driver is bound.
///
/// Returns what `function` was.
pub(crate) fn refresh(
    dev: Exclusive<'_>,
    function: &mut Function,
    resources: &mut u64,
) -> Function {
    let key = dev.resources_key();
    let now = Changing::now(dev);

    let before = function.clone();
    function.enabled = now.enabled;
    function.bus_master = now.bus_master;
    function.msi = now.msi;
    function.tph = now.tph;
    function.buses = now.buses;
    if key != *resources {
        *resources = key;
        function.bars = bars(dev);
        function.windows = windows(dev);
    }
    before
}

/// What changes of a [`Function`] apart from its resources.
#[derive(PartialEq, Eq)]
struct Changing {
    enabled: bool,
    bus_master: bool,
    msi: bool,
    tph: bool,
    buses: Option<Buses>,
}

impl Changing {
    #[inline]
    fn now(dev: Exclusive<'_>) -> Self {
        Self {
            enabled: dev.is_enabled(),
            bus_master: dev.is_busmaster(),
            msi: dev.msi_disables_intx(),
            tph: dev.is_tph_enabled(),
            buses: buses(dev),
        }
    }

    #[inline]
    fn of(function: &Function) -> Self {
        Self {
            enabled: function.enabled,
            bus_master: function.bus_master,
            msi: function.msi,
            tph: function.tph,
            buses: function.buses,
        }
    }
}

fn bars(dev: Exclusive<'_>) -> [Option<Bar>; 6] {
    core::array::from_fn(|index| dev.bar_resource(index).map(bar))
}

fn windows(dev: Exclusive<'_>) -> Windows {
    let window = |which| {
        dev.bridge_window(which).map(|resource| Window {
            start: resource.start,
            end: resource.end,
        })
    };
    Windows {
        io: window(BridgeWindow::Io),
        io_1k: dev.has_io_window_1k(),
        memory: window(BridgeWindow::Memory),
        prefetchable: window(BridgeWindow::Prefetchable),
    }
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
pub(crate) fn describe_sriov(dev: Exclusive<'_>) -> Option<guard::Sriov> {
    let num_vfs = dev.num_vfs();
    (num_vfs != 0).then(|| guard::Sriov {
        cap: dev.find_sriov_cap(),
        num_vfs,
        bars: core::array::from_fn(|index| dev.vf_bar_resource(index).map(bar)),
    })
}
