// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel changes on purpose of what is kept of a function: the known-good state follows.
//!
//! The kernel moves BARs (`pci_resize_resource()`), opens and closes the windows of a bridge and
//! changes its bus numbers when functions below it come and go, sets INTx Disable along with MSI,
//! and turns ASPM, Clock Power Management and L1 PM Substates on and off. It keeps its own record
//! of the first three, from which they are made here again where that record has changed. Of the
//! last ones the core's buffer is the only record that a module can see.

use super::{
    bars,
    capability::{
        CapRegister,
        EXP,
        ID_EXP,
        ID_L1SS, //
    },
    header::{
        rom_word,
        BUSES_WORD,
        COMMAND_INTX_DISABLE,
        COMMAND_MASTER,
        COMMAND_WORD,
        FIRST_BAR_WORD,
        ROM_ENABLE, //
    },
    Function,
    Header,
    HeaderType,
    Snapshot,
    Window,
    ALL_ONES, //
};

const IO_WORD: usize = 7;
const MEMORY_WORD: usize = 8;
const PREFETCHABLE_WORD: usize = 9;
const PREFETCHABLE_BASE_WORD: usize = 10;
const PREFETCHABLE_LIMIT_WORD: usize = 11;
const IO_UPPER_WORD: usize = 12;

/// ASPM Control and Enable Clock Power Management in Link Control (PCIe r6.0, sec 7.5.3.7).
const LNKCTL_FOLLOWED: u16 = 0x0103;
/// ASPM Control: L1.
const LNKCTL_L1: u16 = 0x0002;

/// Brings the header up to date: `before` is what the kernel knew of the function when the header
/// was judged, `now` what it knows. Returns whether anything changed.
pub fn header(header: &mut Header, before: &Function, now: &Function) -> bool {
    let old = *header;

    let bars = before.bars.iter().zip(&now.bars).enumerate();
    for (index, (before, now)) in bars.take(now.header_type.bars()) {
        if let (true, Some(bar)) = (before != now, now) {
            bars::set(header, FIRST_BAR_WORD + index, *bar);
        }
    }
    if now.header_type == HeaderType::Bridge {
        bridge(header, before, now);
        // The core turns it on for who is below (`pci_enable_bridge()`), which the port driver may
        // have saved before (`pcie_portdrv_probe()`).
        if now.bus_master && !now.learned.no_bus_master {
            let bit = u32::from(COMMAND_MASTER);
            set_bits(header, COMMAND_WORD, bit, bit);
        }
    }
    if before.msi != now.msi {
        let bit = u32::from(COMMAND_INTX_DISABLE);
        set_bits(header, COMMAND_WORD, bit, if now.msi { bit } else { 0 });
    }
    // A reader of the file `rom` in sysfs may just have had it enabled.
    if !now.rom_enabled {
        set_bits(header, rom_word(now.header_type), ROM_ENABLE, 0);
    }

    old != *header
}

/// Sets the bits of `mask` in word `index` to those of `value`.
fn set_bits(header: &mut Header, index: usize, mask: u32, value: u32) {
    if let Some(word) = header.get_mut(index) {
        *word = *word & !mask | value & mask;
    }
}

/// Bus numbers and windows, as `pci_setup_bridge()` writes them.
fn bridge(header: &mut Header, before: &Function, now: &Function) {
    if let (Some(old), Some(new)) = (before.buses, now.buses) {
        // Primary Bus only where it moved: it may be hard-wired to 0.
        let primary = if old.primary == new.primary { 0 } else { 0xff };
        set_bits(header, BUSES_WORD, 0x00ff_ff00 | primary, new.as_raw());
    }

    let (old, new) = (&before.windows, &now.windows);
    if old.io != new.io {
        // The lower bits say how wide the window is, and are read-only.
        let low = if new.io_1k { 0xfc } else { 0xf0 };
        let mask = low << 8 | low;
        let (word, upper) = match new.io {
            Some(Window { start, end }) => (
                (end as u32 & 0xff00) | (start as u32 >> 8 & 0xff),
                (end as u32 & 0xffff_0000) | (start as u32 >> 16),
            ),
            None => (0x00f0, 0),
        };
        set_bits(header, IO_WORD, mask, word);
        set_bits(header, IO_UPPER_WORD, ALL_ONES, upper);
    }
    if old.memory != new.memory {
        set_bits(header, MEMORY_WORD, 0xfff0_fff0, memory(new.memory));
    }
    if old.prefetchable != new.prefetchable {
        set_bits(
            header,
            PREFETCHABLE_WORD,
            0xfff0_fff0,
            memory(new.prefetchable),
        );
        let upper = |address: fn(&Window) -> u64| {
            new.prefetchable
                .as_ref()
                .map_or(0, |window| (address(window) >> 32) as u32)
        };
        set_bits(header, PREFETCHABLE_BASE_WORD, ALL_ONES, upper(|w| w.start));
        set_bits(header, PREFETCHABLE_LIMIT_WORD, ALL_ONES, upper(|w| w.end));
    }
}

/// Memory Base and Memory Limit; a window that is closed has its base above its limit.
fn memory(window: Option<Window>) -> u32 {
    match window {
        Some(Window { start, end }) => (start as u32 >> 16 & 0xfff0) | (end as u32 & 0xfff0_0000),
        None => 0x0000_fff0,
    }
}

/// Where Link Control is in what the core saves of the PCI Express capability.
const LNKCTL: &CapRegister = &EXP[1];

fn link_control(data: &mut [u8]) -> Option<&mut [u8; 2]> {
    let place = usize::from(LNKCTL.place);
    data.get_mut(place..place + 2)?.try_into().ok()
}

/// Whether the kernel changes by itself what the core's buffer holds of such a capability.
pub fn is_followed(id: u16, extended: bool) -> bool {
    matches!((extended, id), (false, ID_EXP) | (true, ID_L1SS))
}

/// Takes over, from what the core's buffer holds of a capability (`core`), the bits that the kernel
/// changes there by itself: `pci_update_aspm_saved_state()`, `pci_save_aspm_l1ss_state()`.
///
/// Whether the buffer is to be trusted is for the caller to find out, by the other registers in it.
pub fn capability(id: u16, extended: bool, kept: &mut [u8], core: &[u8]) {
    match (extended, id) {
        (false, ID_EXP) => {
            let place = usize::from(LNKCTL.place);
            let (Some(kept), Some(&[a, b])) = (link_control(kept), core.get(place..place + 2))
            else {
                return;
            };
            let (old, new) = (u16::from_ne_bytes(*kept), u16::from_ne_bytes([a, b]));
            *kept = (old & !LNKCTL_FOLLOWED | new & LNKCTL_FOLLOWED).to_ne_bytes();
        }
        (true, ID_L1SS) => {
            let (mut kept, mut core) = (kept, core);
            while let (Some((place, rest)), Some((&value, others))) =
                (kept.split_first_chunk_mut(), core.split_first_chunk())
            {
                if value != ALL_ONES.to_ne_bytes() {
                    *place = value;
                }
                (kept, core) = (rest, others);
            }
        }
        _ => {}
    }
}

/// Whether every register by which the core's buffer differs from the known-good state is one that
/// the kernel changes there by itself: then [`capability`] may take them over. Otherwise the core
/// has saved since, and what it read is for nobody to trust.
pub fn is_all(known_good: &Snapshot, core: &Snapshot) -> bool {
    known_good.differences(core).all(|mismatch| {
        let differs = (mismatch.register.value ^ mismatch.found) & mismatch.register.mask;
        match mismatch.register.name {
            "PCI_EXP_LNKCTL" => differs & !u32::from(LNKCTL_FOLLOWED) == 0,
            "PCI_L1SS_CTL1" | "PCI_L1SS_CTL2" => mismatch.found != ALL_ONES,
            _ => false,
        }
    })
}

/// Takes L1 out of what was saved of the PCI Express capability of a function below a port that has
/// L1 off: the lower end of a link must not have it on then (PCIe r6.0, sec 7.5.3.7). Returns
/// whether it was on.
pub fn limit_aspm(id: u16, extended: bool, kept: &mut [u8], port_link_control: u16) -> bool {
    if (extended, id) != (false, ID_EXP) || port_link_control & LNKCTL_L1 != 0 {
        return false;
    }
    let Some(kept) = link_control(kept) else {
        return false;
    };
    let value = u16::from_ne_bytes(*kept);
    *kept = (value & !LNKCTL_L1).to_ne_bytes();
    value & LNKCTL_L1 != 0
}

/// Whether what was saved of a capability has L1 on, see [`limit_aspm`].
pub fn has_l1(id: u16, extended: bool, saved: &[u8]) -> bool {
    let place = usize::from(LNKCTL.place);
    match ((extended, id), saved.get(place..place + 2)) {
        ((false, ID_EXP), Some(&[a, b])) => u16::from_ne_bytes([a, b]) & LNKCTL_L1 != 0,
        _ => false,
    }
}
