// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel changes on purpose: the known-good state follows, and nothing else gets in.

use pci_recovery_guard::guard::{
    check_header, follow, function::Buses, Bar, BarKind, Capability, Function, Header, Snapshot,
    Window, Windows, ALL_ONES,
};

use crate::{
    example::{bridge, endpoint, Example},
    model::reads::{Saved, ID_L1SS},
};

/// The header of `example` after the kernel changed what it knows by `change`.
fn after(example: &Example, change: impl FnOnce(&mut Function)) -> (Function, Header) {
    let mut now = example.function.clone();
    change(&mut now);
    let mut header = example.header;
    follow::header(&mut header, &example.function, &now);
    (now, header)
}

/// The words that differ, with their new values.
fn changed(example: &Example, header: &Header) -> Vec<(usize, u32)> {
    let words = example.header.iter().zip(header).enumerate();
    words
        .filter(|(_, (old, new))| old != new)
        .map(|(index, (_, new))| (index, *new))
        .collect()
}

/// The example with a ROM that was enabled when it was added: nothing is to be switched off.
fn with_rom(mut example: Example) -> Example {
    example.function.rom_enabled = true;
    example
}

#[test]
fn nothing_changes_where_the_kernel_knows_the_same() {
    for example in [with_rom(endpoint()), bridge()] {
        let (_, header) = after(&example, |_| ());
        assert_eq!(header, example.header);
    }
}

#[test]
fn bars_follow_and_the_next_save_is_accepted() {
    let example = with_rom(endpoint());
    let (now, header) = after(&example, |now| {
        now.bars[0] = Some(Bar {
            address: 0x40_0000_0000,
            kind: BarKind::Mem64,
        });
        now.bars[3] = Some(Bar {
            address: 0xd000,
            kind: BarKind::Io,
        });
    });
    // Prefetchable stays, and so does the BAR that was not moved.
    assert_eq!(
        changed(&example, &header),
        [(4, 0x0000_000c), (5, 0x40), (7, 0xd001)]
    );
    let known_good = example.known_good();
    assert_eq!(check_header(&header, &now, Some(&known_good)), Ok(()));
    // The old addresses are no longer good.
    assert!(check_header(&example.header, &now, Some(&known_good)).is_err());
}

#[test]
fn a_bar_that_lost_its_address_stays_as_it_was() {
    let example = with_rom(endpoint());
    let (_, header) = after(&example, |now| now.bars[2] = None);
    assert_eq!(changed(&example, &header), []);
}

#[test]
fn intx_disable_follows_msi() {
    let example = with_rom(endpoint());
    let off = |now: &mut Function| now.msi = false;
    let on = |now: &mut Function| now.msi = true;
    // It is set in the example; without MSI before and after it is the driver's.
    assert_eq!(changed(&example, &after(&example, off).1), []);
    let mut with_msi = with_rom(endpoint());
    with_msi.function.msi = true;
    assert_eq!(changed(&with_msi, &after(&with_msi, on).1), []);
    assert_eq!(
        changed(&with_msi, &after(&with_msi, off).1),
        [(1, 0x0010_0107)]
    );
    let mut without = with_rom(endpoint());
    without.header[1] &= !0x400;
    assert_eq!(
        changed(&without, &after(&without, on).1),
        [(1, 0x0010_0507)]
    );
}

#[test]
fn bus_mastering_of_a_bridge_follows_the_kernel() {
    let mut example = bridge();
    example.header[1] &= !0x4;
    let (_, header) = after(&example, |_| ());
    assert_eq!(changed(&example, &header), [(1, bridge().header[1])]);

    // The kernel did not turn it on, it is hard-wired to 0, or its driver may have ended it.
    let (_, header) = after(&example, |now| now.bus_master = false);
    assert_eq!(header, example.header);
    let (_, header) = after(&example, |now| now.learned.no_bus_master = true);
    assert_eq!(header, example.header);
    let mut example = with_rom(endpoint());
    example.header[1] &= !0x4;
    let (_, header) = after(&example, |_| ());
    assert_eq!(header, example.header);
}

#[test]
fn a_rom_that_a_reader_of_sysfs_enabled_is_not_kept_so() {
    let example = endpoint();
    let (_, header) = after(&example, |_| ());
    assert_eq!(changed(&example, &header), [(12, 0xfeb0_0000)]);
    // One that firmware enabled is.
    let example = with_rom(example);
    assert_eq!(changed(&example, &after(&example, |_| ()).1), []);
}

#[test]
fn bus_numbers_follow() {
    let example = bridge();
    let (now, header) = after(&example, |now| {
        now.buses = Some(Buses {
            primary: 0,
            secondary: 1,
            subordinate: 9,
        });
    });
    assert_eq!(changed(&example, &header), [(6, 0x0009_0100)]);
    assert_eq!(check_header(&header, &now, None), Ok(()));

    // A Primary Bus that is hard-wired to 0 is left alone.
    let mut hard_wired = bridge();
    hard_wired.function.buses = Some(Buses {
        primary: 2,
        secondary: 3,
        subordinate: 3,
    });
    hard_wired.header[6] = 0x0003_0300;
    let (_, header) = after(&hard_wired, |now| {
        if let Some(buses) = &mut now.buses {
            buses.subordinate = 7;
        }
    });
    assert_eq!(changed(&hard_wired, &header), [(6, 0x0007_0300)]);
}

fn window(start: u64, end: u64) -> Option<Window> {
    Some(Window { start, end })
}

#[test]
fn windows_follow_as_the_kernel_writes_them() {
    let example = bridge();
    let (_, header) = after(&example, |now| {
        now.windows = Windows {
            io: window(0x1_3000, 0x1_5fff),
            io_1k: false,
            memory: window(0xfd00_0000, 0xfd5f_ffff),
            prefetchable: window(0x39_0010_0000, 0x3a_0fff_ffff),
        };
    });
    // The lower bits, which say how wide a window is, stay.
    assert_eq!(
        changed(&example, &header),
        [
            (7, 0x0000_5131),
            (8, 0xfd50_fd00),
            (9, 0x0ff1_0011),
            (10, 0x39),
            (11, 0x3a),
            (12, 0x0001_0001),
        ]
    );
}

#[test]
fn an_io_window_may_be_finer() {
    let mut example = bridge();
    example.header[7] = 0x0000_d0c0;
    let (_, header) = after(&example, |now| {
        now.windows.io = window(0x1400, 0x1bff);
        now.windows.io_1k = true;
    });
    assert_eq!(changed(&example, &header), [(7, 0x0000_1814)]);
}

#[test]
fn a_window_that_was_closed_is() {
    let mut example = bridge();
    example.function.windows = Windows {
        io: window(0xc000, 0xdfff),
        io_1k: false,
        memory: window(0xfe60_0000, 0xfe7f_ffff),
        prefetchable: window(0x38_fff0_0000, 0x38_001f_ffff),
    };
    let (_, header) = after(&example, |now| now.windows = Windows::default());
    assert_eq!(
        changed(&example, &header),
        [
            (7, 0x0000_01f1),
            (8, 0x0000_fff0),
            (9, 0x0001_fff1),
            (10, 0),
            (11, 0),
        ]
        .into_iter()
        // Some are so already.
        .filter(|&(index, value)| example.header[index] != value)
        .collect::<Vec<_>>()
    );
}

const EXP: [u16; 7] = [0x282f, 0x0042, 0, 0, 0x0400, 0x0003, 0];
const L1SS: [u32; 2] = [0x0000_0028, 0x4060_500f];

/// The registers of a state with these values.
fn state(exp: [u16; 7], l1ss: [u32; 2]) -> Snapshot {
    let mut example = endpoint();
    example.function.l1ss = true;
    let lists =
        pci_recovery_guard::guard::Lists::read(
            &[0; 16],
            &example.function,
            |offset| match offset {
                0x100 => 0x2001_0001,
                0x200 => 0x0001_001e,
                _ => 0,
            },
        );
    example.function.learned.places = lists.places;
    let saved = [Saved::exp(&exp), Saved::dwords(ID_L1SS, &l1ss)];
    let capabilities = saved.iter().map(Saved::as_guard);
    Snapshot::new(&example.header, capabilities, &example.function)
}

/// What is kept after the core's buffer became this, if that is to be trusted.
fn taken_over(exp: [u16; 7], l1ss: [u32; 2]) -> Option<(Vec<u16>, Vec<u32>)> {
    if !follow::is_all(&state(EXP, L1SS), &state(exp, l1ss)) {
        return None;
    }
    let (mut kept_exp, mut kept_l1ss) = (Saved::exp(&EXP), Saved::dwords(ID_L1SS, &L1SS));
    let (exp, l1ss) = (Saved::exp(&exp), Saved::dwords(ID_L1SS, &l1ss));
    follow::capability(kept_exp.id, false, &mut kept_exp.data, &exp.data);
    follow::capability(kept_l1ss.id, true, &mut kept_l1ss.data, &l1ss.data);
    let words = kept_exp.as_guard().words().collect();
    Some((words, kept_l1ss.as_guard().dwords().collect()))
}

fn with_link_control(value: u16) -> [u16; 7] {
    let mut exp = EXP;
    exp[1] = value;
    exp
}

#[test]
fn aspm_and_clock_power_management_follow_the_cores_buffer() {
    for aspm in [0x0040, 0x0041, 0x0042, 0x0043, 0x0140, 0x0143] {
        let exp = with_link_control(aspm);
        assert_eq!(taken_over(exp, L1SS), Some((exp.to_vec(), L1SS.to_vec())));
    }
}

#[test]
fn l1_pm_substates_follow_the_cores_buffer() {
    for l1ss in [[0x28, 0x4060_5000], [0, 0], [0x31, 0x2060_500a]] {
        let kept = Some((EXP.to_vec(), l1ss.to_vec()));
        assert_eq!(taken_over(EXP, l1ss), kept);
    }
}

#[test]
fn poison_in_the_cores_buffer_is_not_followed() {
    // Another bit of Link Control than the kernel changes: it was read from nowhere.
    assert_eq!(taken_over(with_link_control(0xffff), L1SS), None);
    assert_eq!(taken_over(with_link_control(0), L1SS), None);
    assert_eq!(taken_over(with_link_control(0x00c2), L1SS), None);
    assert_eq!(taken_over(EXP, [ALL_ONES, L1SS[1]]), None);
    assert_eq!(taken_over(EXP, [L1SS[0], ALL_ONES]), None);
    // A save by the core of a function that was wiped, or half of it lost.
    let mut exp = EXP;
    exp[0] = 0;
    exp[1] = 0x0040;
    assert_eq!(taken_over(exp, L1SS), None);
}

/// In a part of the buffer that is not compared, as L1 PM Substates of a port.
#[test]
fn a_word_of_ones_is_never_taken_over() {
    let mut kept = Saved::dwords(ID_L1SS, &L1SS);
    let core = Saved::dwords(ID_L1SS, &[ALL_ONES, 0x1234]);
    follow::capability(kept.id, true, &mut kept.data, &core.data);
    let kept: Vec<_> = kept.as_guard().dwords().collect();
    assert_eq!(kept, [L1SS[0], 0x1234]);
}

#[test]
fn nothing_else_is_taken_over() {
    for (id, extended) in [(0x01, true), (0x18, true), (0x07, false), (0x1e, false)] {
        let mut kept = [1, 2, 3, 4];
        follow::capability(id, extended, &mut kept, &[5, 6, 7, 8]);
        assert_eq!(kept, [1, 2, 3, 4]);
    }
    // Nor from a buffer that is shorter.
    let mut kept = [1, 2, 3, 4];
    follow::capability(0x10, false, &mut kept, &[5]);
    assert_eq!(kept, [1, 2, 3, 4]);
}

#[test]
fn l1_is_off_below_a_port_that_has_it_off() {
    let mut exp = Saved::exp(&EXP);
    assert!(follow::has_l1(exp.id, false, &exp.data));
    assert!(!follow::limit_aspm(exp.id, false, &mut exp.data, 0x0042));
    assert_eq!(exp, Saved::exp(&EXP));
    assert!(follow::limit_aspm(exp.id, false, &mut exp.data, 0x0041));
    assert_eq!(exp, Saved::exp(&with_link_control(0x0040)));
    assert!(!follow::has_l1(exp.id, false, &exp.data));
    assert!(!follow::limit_aspm(exp.id, false, &mut exp.data, 0));

    // L0s is each end's own.
    let mut l0s = Saved::exp(&with_link_control(0x0041));
    assert!(!follow::limit_aspm(l0s.id, false, &mut l0s.data, 0));
    assert_eq!(l0s, Saved::exp(&with_link_control(0x0041)));
    let other = Capability {
        id: 0x10,
        extended: true,
        data: &[0xff; 14],
    };
    assert!(!follow::has_l1(other.id, other.extended, other.data));
}
