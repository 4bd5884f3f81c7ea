// SPDX-License-Identifier: GPL-2.0-only

//! seeds DIR: writes what the fuzz target `spaces` begins with: each model of the corpus as it is,
//! as a pattern for a made-up function, and by its number.

use std::{env, fs, io, path::Path};

#[path = "../tests/model/mod.rs"]
mod model;

use model::{
    corpus::Model,
    input::{Input, Source},
};

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1) else {
        return Err(io::Error::other("usage: seeds DIR"));
    };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let models = Model::all(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/corpus"
    )));
    for (number, model) in models.iter().enumerate() {
        let seeds = [
            Input::of_model(model).with_source(Source::Raw),
            Input::of_model(model).with_source(Source::Built),
            Input::of_number(number as u8),
        ];
        for (kind, seed) in ["raw", "built", "corpus"].into_iter().zip(seeds) {
            let file = directory.join(format!("{}-{kind}", model.name));
            fs::write(file, seed.spread(number).bytes())?;
        }
    }
    println!("{} models", models.len());
    Ok(())
}
