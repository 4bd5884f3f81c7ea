// SPDX-License-Identifier: GPL-2.0-only

//! `guard/lists.rs`, rule by rule.

use pci_recovery_guard::guard::{capability::Kind, Lists, Refusal};

use crate::model::{
    driver::Device,
    input::Input,
    space::{Entry, List, Space},
};

/// A function with PCI Express at 0x48 between two other capabilities; AER at 0x100, then two.
struct Example {
    device: Device,
    space: Space,
}

const ORDINARY: [(u16, u16); 3] = [(0x01, 0x40), (0x10, 0x48), (0x09, 0x90)];
const EXTENDED: [(u16, u16); 3] = [(0x01, 0x100), (0x18, 0x150), (0x03, 0x140)];

fn entry(list: List, (id, offset): (u16, u16)) -> Entry {
    Entry { list, id, offset }
}

fn example(extended: bool) -> Example {
    let mut space = Space::new(&[], extended);
    space.set(0, u32::MAX, 0x0005_1b36);
    space.set(4, u32::MAX, 0x0010_0000);
    space.set(0x34, 0xff, ORDINARY[0].1.into());
    for (list, entries) in [(List::Ordinary, ORDINARY), (List::Extended, EXTENDED)] {
        if list == List::Extended && !extended {
            continue;
        }
        for (number, &of) in entries.iter().enumerate() {
            space.set(
                of.1,
                if extended && of.1 >= 0x100 {
                    0xf_ffff
                } else {
                    0xff
                },
                u32::from(of.0),
            );
            space.set_link(
                entry(list, of),
                entries.get(number + 1).map_or(0, |next| next.1),
            );
        }
    }
    let (mut function, _) = Input::new(&[]).raw();
    function.ids = 0x0005_1b36;
    Example {
        device: Device::add(function, &space),
        space,
    }
}

impl Example {
    fn lists(&self) -> Lists {
        let read = |offset| self.space.dword(offset);
        Lists::read(&self.space.header(), &self.device.function, read)
    }

    /// The verdict of the first save.
    fn verdict(&self) -> Result<(), Refusal> {
        self.device.save(&self.space, None).map(|_| ())
    }

    fn link(&mut self, list: List, of: (u16, u16), next: u16) {
        self.space.set_link(entry(list, of), next);
    }
}

const EXP: (u16, bool) = (0x10, false);
const ERR: (u16, bool) = (0x01, true);
const LTR: (u16, bool) = (0x18, true);
const VC: (u16, bool) = (0x02, true);

/// Where the walk found a capability.
fn place(lists: &Lists, (id, extended): (u16, bool)) -> Option<u16> {
    Kind::index(id, extended).and_then(|kind| lists.places.at(kind))
}

fn truncated((id, extended): (u16, bool)) -> Result<(), Refusal> {
    Err(Refusal::Truncated { id, extended })
}

#[test]
fn what_the_core_saves_is_found() {
    let example = example(true);
    let lists = example.lists();
    assert_eq!(place(&lists, EXP), Some(0x48));
    assert_eq!(place(&lists, ERR), Some(0x100));
    assert_eq!(place(&lists, LTR), Some(0x150));
    assert_eq!(place(&lists, VC), None);
    assert_eq!(lists.oddity, None);
    assert_eq!(example.verdict(), Ok(()));
}

#[test]
fn the_first_of_two_counts() {
    let mut example = example(true);
    // The last one becomes LTR, too.
    example.space.set(0x140, 0xffff, 0x18);
    assert_eq!(place(&example.lists(), LTR), Some(0x150));
}

#[test]
fn each_capability_is_read_once_and_nothing_else() {
    let example = example(true);
    let mut reads = Vec::new();
    Lists::read(
        &example.space.header(),
        &example.device.function,
        |offset| {
            reads.push(offset);
            example.space.dword(offset)
        },
    );
    assert_eq!(reads, [0x40, 0x48, 0x90, 0x100, 0x150, 0x140]);
}

#[test]
fn the_channels_of_virtual_channel_are_counted() {
    let mut example = example(true);
    example.space.set(0x140, 0xffff, 0x02);
    example.space.set(0x144, u32::MAX, 0xffff_fffb);
    let lists = example.lists();
    let kind = Kind::index(VC.0, VC.1).expect("it is saved");
    assert_eq!(lists.places.at(kind), Some(0x140));
    assert_eq!(lists.places.channels(kind), 3);
}

#[test]
fn a_space_of_256_bytes_has_no_extended_list() {
    let lists = example(false).lists();
    assert_eq!(place(&lists, EXP), Some(0x48));
    assert_eq!(place(&lists, ERR), None);
}

/// Hardware may be so, and the core copes: it is refused only where something is missing for it.
#[test]
fn a_loop_is_odd_and_refused_only_where_it_hides_a_capability() {
    for (list, from, to, hidden) in [
        (List::Ordinary, ORDINARY[0], 0x40, true),
        (List::Ordinary, ORDINARY[1], 0x48, false),
        (List::Ordinary, ORDINARY[2], 0x40, false),
        // The reserved bits of a pointer do not hide it.
        (List::Ordinary, ORDINARY[2], 0x43, false),
        (List::Extended, EXTENDED[0], 0x100, true),
        (List::Extended, EXTENDED[2], 0x150, false),
    ] {
        let mut example = example(true);
        example.link(list, from, to);
        let oddity = Refusal::Loop { offset: to & 0xffc };
        assert_eq!(example.lists().oddity, Some(oddity));
        assert_eq!(example.verdict().is_err(), hidden, "{from:x?} {to:x}");
        if hidden {
            assert_eq!(example.verdict(), Err(oddity));
        }
    }
}

#[test]
fn a_list_that_leads_astray_is_refused_only_where_that_hides_a_capability() {
    for (list, at, from, hidden) in [
        (List::Ordinary, 0xf0, ORDINARY[0], true),
        (List::Ordinary, 0xf0, ORDINARY[2], false),
        (List::Extended, 0xff0, EXTENDED[0], true),
        (List::Extended, 0xff0, EXTENDED[2], false),
    ] {
        let mut example = example(true);
        example.space.set(at, u32::MAX, u32::MAX);
        example.link(list, from, at);
        let oddity = Refusal::Astray { offset: at };
        assert_eq!(example.lists().oddity, Some(oddity));
        let expected = if hidden { Err(oddity) } else { Ok(()) };
        assert_eq!(example.verdict(), expected, "{from:x?}");
    }
}

#[test]
fn a_pointer_into_the_header_ends_the_list() {
    let mut example = example(true);
    example.link(List::Ordinary, ORDINARY[2], 0x3c);
    example.link(List::Extended, EXTENDED[2], 0xfc);
    assert_eq!(example.lists().oddity, None);
    assert_eq!(example.verdict(), Ok(()));
}

#[test]
fn a_list_that_misses_what_the_core_saves_is_truncated() {
    let cases = [
        (List::Ordinary, ORDINARY[0], EXP),
        (List::Extended, EXTENDED[0], LTR),
    ];
    for (list, last, missing) in cases {
        let mut example = example(true);
        example.link(list, last, 0);
        assert_eq!(example.verdict(), truncated(missing));
    }
}

#[test]
fn without_an_extended_list_the_aer_capability_is_missing() {
    let mut example = example(true);
    example.space.set(0x100, u32::MAX, 0);
    assert!([truncated(ERR), truncated(LTR)].contains(&example.verdict()));
}

/// `quirk_intel_qat_vf_cap()`: one that is in no list from the first day on.
#[test]
fn a_virtual_functions_list_may_lack_pci_express() {
    let mut example = example(true);
    example.device.function.is_vf = true;
    example.space.set(0, u32::MAX, u32::MAX);
    example.link(List::Ordinary, ORDINARY[0], 0);
    assert_eq!(example.verdict(), Ok(()));
}

#[test]
fn a_capability_that_is_not_saved_may_come_and_go() {
    let mut example = example(true);
    example.link(List::Extended, EXTENDED[1], 0);
    assert_eq!(example.verdict(), Ok(()));
}

/// Why the rule is there: the core looks for some capabilities anew, and a save without them
/// succeeds.
#[test]
fn a_truncated_list_leaves_an_old_value_in_the_buffer() {
    use crate::model::reads::ID_LTR;
    use pci_recovery_space::kernel::Core;

    let mut example = example(true);
    example.space.set(0x154, u32::MAX, 0x1001_1001);
    let mut core = Core::new(&example.space);
    core.save(&mut |offset, width| example.space.read(offset, width));
    let ltr = |core: &Core| core.saved().into_iter().find(|saved| saved.id == ID_LTR);
    let before = ltr(&core);
    assert_eq!(
        before.as_ref().map(|saved| saved.data.clone()),
        Some(0x1001_1001_u32.to_ne_bytes().to_vec())
    );

    example.space.set(0x154, u32::MAX, 0x0842_0842);
    example.link(List::Extended, EXTENDED[0], 0);
    core.save(&mut |offset, width| example.space.read(offset, width));
    assert_eq!(ltr(&core), before);
}
