// SPDX-License-Identifier: GPL-2.0-only

//! `guard/lists.rs`, rule by rule.

use pci_recovery_guard::guard::{Lists, Refusal};

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
    fn read(&self) -> Result<Lists, Refusal> {
        let read = |offset| self.space.dword(offset);
        Lists::read(&self.space.header(), &self.device.function, read)
    }

    fn link(&mut self, list: List, of: (u16, u16), next: u16) {
        self.space.set_link(entry(list, of), next);
    }
}

#[test]
fn every_capability_is_found_once() {
    let example = example(true);
    let lists = example.read().expect("whole");
    let all: Vec<_> = lists.offsets().collect();
    assert_eq!(all, [0x40, 0x48, 0x90, 0x100, 0x140, 0x150]);
    assert_eq!(lists.check(&example.device.function, Some(&lists)), Ok(()));
}

#[test]
fn each_capability_is_read_once_and_nothing_else() {
    let example = example(true);
    let mut reads = Vec::new();
    let lists = Lists::read(
        &example.space.header(),
        &example.device.function,
        |offset| {
            reads.push(offset);
            example.space.dword(offset)
        },
    );
    assert!(lists.is_ok());
    assert_eq!(reads, [0x40, 0x48, 0x90, 0x100, 0x150, 0x140]);
}

#[test]
fn a_space_of_256_bytes_has_no_extended_list() {
    let lists = example(false).read().expect("whole");
    assert_eq!(lists.offsets().collect::<Vec<_>>(), [0x40, 0x48, 0x90]);
}

#[test]
fn a_capability_that_points_to_itself_loops() {
    let mut example = example(true);
    example.link(List::Ordinary, ORDINARY[1], 0x48);
    assert_eq!(example.read(), Err(Refusal::Loop { offset: 0x48 }));
}

#[test]
fn an_extended_capability_that_points_back_loops() {
    let mut example = example(true);
    example.link(List::Extended, EXTENDED[2], 0x150);
    assert_eq!(example.read(), Err(Refusal::Loop { offset: 0x150 }));
}

#[test]
fn the_reserved_bits_of_a_pointer_do_not_hide_a_loop() {
    let mut example = example(true);
    example.link(List::Ordinary, ORDINARY[2], 0x43);
    assert_eq!(example.read(), Err(Refusal::Loop { offset: 0x40 }));
}

#[test]
fn a_capability_that_reads_all_ones_is_nobodys() {
    for (list, at, first) in [
        (List::Ordinary, 0xf0, ORDINARY[2]),
        (List::Extended, 0xff0, EXTENDED[2]),
    ] {
        let mut example = example(true);
        example.space.set(at, u32::MAX, u32::MAX);
        example.link(list, first, at);
        assert_eq!(example.read(), Err(Refusal::Astray { offset: at }));
    }
}

#[test]
fn a_pointer_into_the_header_ends_the_list() {
    let mut example = example(true);
    example.link(List::Ordinary, ORDINARY[2], 0x3c);
    example.link(List::Extended, EXTENDED[2], 0xfc);
    assert_eq!(example.read().map(|lists| lists.offsets().count()), Ok(6));
}

#[test]
fn a_list_that_misses_what_the_kernel_found_is_truncated() {
    let cases = [
        (List::Ordinary, ORDINARY[0], 0x48),
        (List::Extended, EXTENDED[0], 0x150),
    ];
    for (list, last, missing) in cases {
        let mut example = example(true);
        let whole = example.read().expect("whole");
        example.link(list, last, 0);
        let lists = example.read().expect("it ends, early");
        let function = &example.device.function;
        let refusal = Err(Refusal::Truncated { offset: missing });
        assert!(lists.check(function, Some(&whole)).is_err());
        if missing == 0x48 {
            assert_eq!(lists.check(function, None), refusal);
        } else {
            // The kernel keeps no record of LTR.
            assert_eq!(lists.check(function, None), Ok(()));
        }
    }
}

#[test]
fn without_an_extended_list_the_kernels_aer_capability_is_missing() {
    let mut example = example(true);
    example.space.set(0x100, u32::MAX, 0);
    let lists = example.read().expect("empty");
    let verdict = lists.check(&example.device.function, None);
    assert_eq!(verdict, Err(Refusal::Truncated { offset: 0x100 }));
}

/// `quirk_intel_qat_vf_cap()`: one that is in no list from the first day on.
#[test]
fn a_virtual_functions_list_may_lack_pci_express() {
    let mut example = example(true);
    example.device.function.is_vf = true;
    let whole = example.read().expect("whole");
    example.link(List::Ordinary, ORDINARY[0], 0);
    let lists = example.read().expect("it ends, early");
    assert_eq!(lists.check(&example.device.function, None), Ok(()));
    let verdict = lists.check(&example.device.function, Some(&whole));
    assert_eq!(verdict, Err(Refusal::Truncated { offset: 0x48 }));
}

#[test]
fn a_capability_more_than_before_is_no_harm() {
    let mut example = example(true);
    example.link(List::Extended, EXTENDED[1], 0);
    let known = example.read().expect("whole");
    example.link(List::Extended, EXTENDED[1], 0x140);
    let lists = example.read().expect("whole");
    assert_eq!(lists.check(&example.device.function, Some(&known)), Ok(()));
}

/// Why the rule is there: the core looks for some capabilities anew, and a save without them
/// succeeds.
#[test]
fn a_truncated_list_leaves_an_old_value_in_the_buffer() {
    use crate::model::{kernel::Core, reads::ID_LTR};

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
