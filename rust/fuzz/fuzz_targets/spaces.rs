// SPDX-License-Identifier: GPL-2.0-only

//! Any function and any config space of 4 KiB: never a panic. What the guard accepts, it refuses
//! when it is damaged: all-ones from any read on, reset at any read, wiped, a capability list that
//! loops, ends early or leads astray. A valid one, made up or of the corpus, it accepts.
#![no_main]

use std::{path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/model/mod.rs"]
mod model;

use model::{corpus::Model, input::Input};

static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    Model::all(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/corpus"
    )))
});

fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = Input::new(bytes).run(&MODELS) {
        panic!("{what}");
    }
});
