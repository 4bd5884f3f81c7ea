// SPDX-License-Identifier: GPL-2.0-only

//! Config spaces of QEMU's devices.

use std::path::Path;

use pci_recovery_guard::guard::{HeaderType, Refusal};

use crate::model::{
    corpus::Model,
    damage::{all_are_refused, has_something_to_lose, wiped},
    space::List,
};

pub fn models() -> Vec<Model> {
    Model::all(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/corpus"
    )))
}

/// That there is something of each sort: a corpus that was lost would pass all tests.
#[test]
fn there_are_models_of_each_sort() {
    let models = models();
    let count = |is: &dyn Fn(&Model) -> bool| models.iter().filter(|model| is(model)).count();

    assert!(models.len() >= 50);
    assert!(count(&|m| m.wiped.is_some()) >= 40);
    assert!(count(&|m| m.function.header_type == HeaderType::Bridge) >= 5);
    assert!(count(&|m| m.function.is_vf) >= 1);
    assert!(count(&|m| m.good.find(List::Extended, 1) != 0) >= 5);
    assert!(count(&|m| !m.good.is_extended()) >= 20);
    assert!(count(&|m| !m.function.enabled) >= 1);
}

#[test]
fn each_is_accepted() {
    for model in models() {
        let device = model.device();
        let first = device.save(&model.good, None);
        let first = first.unwrap_or_else(|refusal| panic!("{}: {refusal}", model.name));
        let again = device.save(&model.good, Some(&first));
        assert!(again.is_ok(), "{}: {again:?}", model.name);
        let verdict = first
            .snapshot
            .verify(|register| model.good.read(register.offset, register.width.into()));
        // What the core saves as 0, since the function does not have it, is not in its config
        // space.
        if let Err(mismatch) = verdict {
            assert_eq!(mismatch.register.value, 0, "{}: {mismatch}", model.name);
        }
    }
}

#[test]
fn each_is_refused_when_damaged_in_any_way() {
    for model in models() {
        let device = model.device();
        let good = device.save(&model.good, None).expect("it is good");
        all_are_refused(
            &device,
            &model.good,
            model.wiped.as_ref(),
            &good,
            &mut |_| true,
        )
        .unwrap_or_else(|what| panic!("{}: {what}", model.name));
    }
}

/// And says why: a driver's log line, a person's clue.
#[test]
fn each_that_was_really_wiped_is_called_wiped() {
    for model in models() {
        let (device, Some(wiped)) = (model.device(), &model.wiped) else {
            continue;
        };
        assert!(has_something_to_lose(&device.function), "{}", model.name);
        match device.save(wiped, None).expect_err(&model.name) {
            Refusal::Wiped | Refusal::Disabled { .. } => {}
            Refusal::Unexpected {
                register: "PCI_PRIMARY_BUS",
                found: 0,
                ..
            } if device.function.buses.is_some() => {}
            refusal => panic!("{}: {refusal}", model.name),
        }
    }
}

/// What the tests call wiped where no real dump is at hand is what a reset really clears.
#[test]
fn what_is_made_up_as_wiped_is_so_in_the_real_ones() {
    for model in models() {
        let Some(real) = &model.wiped else { continue };
        let (real, made_up) = (real.header(), wiped(&model.function, &model.good).header());
        let same = |word: usize, mask| {
            let (real, made_up) = (real[word] & mask, made_up[word] & mask);
            assert_eq!(real, made_up, "{}, word {word}", model.name);
        };
        same(1, 0xffff);
        for (index, bar) in model.function.bars.iter().enumerate() {
            if bar.is_some() {
                same(4 + index, 0xffff_ffff);
            }
        }
        if model.function.header_type == HeaderType::Bridge {
            same(6, 0x00ff_ffff);
        }
    }
}
