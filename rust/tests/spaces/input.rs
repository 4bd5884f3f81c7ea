// SPDX-License-Identifier: GPL-2.0-only

//! What the fuzzer does, without a fuzzer: any bytes, and those of the corpus.

use proptest::{collection, prelude::*};

use crate::{
    cases::config,
    corpus::models,
    model::input::{Input, Source, SIZE},
};

fn check(input: &Input) {
    if let Err(what) = input.run(&[]) {
        panic!("{what}");
    }
}

/// Bytes with runs of 0 and of ones, of any length.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        4 => collection::vec(any::<u8>(), 1..64),
        1 => (1..200_usize).prop_map(|n| vec![0; n]),
        1 => (1..64_usize).prop_map(|n| vec![0xff; n]),
    ];
    collection::vec(run, 0..100).prop_map(|runs| runs.concat())
}

/// A model's bytes, and some of them changed.
fn of_models() -> impl Strategy<Value = Vec<u8>> {
    let models: Vec<_> = models().iter().map(Input::of_model).collect();
    let models: Vec<Vec<u8>> = models.iter().map(|input| input.bytes().to_vec()).collect();
    let change = (1..SIZE, any::<u8>());
    (
        proptest::sample::select(models),
        collection::vec(change, 0..4),
    )
        .prop_map(|(mut bytes, changes)| {
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes
        })
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_space_that_is_made_valid_is_accepted_and_refused_when_damaged(bytes in bytes()) {
        check(&Input::new(&bytes).with_source(Source::Built));
    }

    #[test]
    fn any_space_is_judged_and_one_that_is_accepted_is_refused_when_damaged(bytes in bytes()) {
        check(&Input::new(&bytes).with_source(Source::Raw));
    }

    #[test]
    fn a_model_with_some_bytes_changed_is_judged(bytes in of_models()) {
        check(&Input::new(&bytes).with_source(Source::Raw));
    }
}

/// A seed for the fuzzer is the model, no other function.
#[test]
fn the_bytes_of_a_model_mean_that_model() {
    for model in models() {
        let seed = Input::of_model(&model).with_source(Source::Raw);
        assert_eq!(seed.source(), Source::Raw);
        let (function, space) = seed.raw();
        assert_eq!(space, model.good, "{}", model.name);
        assert_eq!(
            format!("{function:?}"),
            format!("{:?}", model.device().function),
            "{}",
            model.name
        );
        check(&seed);
    }
}
