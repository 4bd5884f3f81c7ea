// SPDX-License-Identifier: GPL-2.0-only

//! How a file is written and read: at once, in pieces, at offsets, again and again while it is open.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::FileExt;

use fastrand::Rng;

use super::input;
use super::input::Inputs;
use super::plan::Target;
use super::tally::How;
use super::tally::Tally;
use crate::file::whole;

/// Sizes of the buffers to read into.
const BUFFERS: &[usize] = &[1, 2, 3, 7, 64, 4095, 4096, 4097, 1 << 20];

/// Who reads byte by byte need not read it all.
const MOST_READS: usize = 64;

/// Opens `target` and does something with it, random as all here.
pub fn one(index: usize, target: &Target, inputs: Inputs, rng: &mut Rng, tally: &mut Tally) {
    // Who knows the words knows which files are to be written.
    let writes = !target.words.is_empty() && (inputs == Inputs::Words || rng.u32(..4) != 0);
    let how = if writes { How::Write } else { How::Read };
    let mut options = OpenOptions::new();
    match (how, inputs) {
        (How::Read, _) => options.read(true),
        (How::Write, Inputs::Words) => options.write(true),
        (How::Write, Inputs::Anything) => options
            .write(true)
            .read(rng.bool())
            .append(rng.u32(..8) == 0),
    };
    let mut file = match options.open(&target.path) {
        Ok(file) => file,
        Err(error) => return tally.note(index, target, how, &Err(error), b"open"),
    };
    match (how, inputs) {
        (How::Read, _) => read(index, target, &mut file, rng, tally),
        (How::Write, Inputs::Words) => {
            let input = input::next(rng, &target.words, inputs);
            let result = whole(file.write(&input), input.len());
            tally.note(index, target, how, &result, &input);
        }
        (How::Write, Inputs::Anything) => {
            for _ in 0..rng.usize(1..=4) {
                let input = input::next(rng, &target.words, inputs);
                let result = match rng.u32(..4) {
                    0 => file.write_at(&input, rng.u64(..1 << 33)),
                    _ => file.write(&input),
                };
                tally.note(index, target, how, &whole(result, input.len()), &input);
            }
        }
    }
}

fn read(index: usize, target: &Target, file: &mut File, rng: &mut Rng, tally: &mut Tally) {
    let size = rng.choice(BUFFERS).copied().unwrap_or(1);
    let mut buffer = vec![0; size];
    for _ in 0..rng.usize(1..=MOST_READS) {
        let result = match rng.u32(..8) {
            0 => file.read_at(&mut buffer, rng.u64(..10_000)),
            1 => file.read_at(&mut buffer, rng.u64(..1 << 40)),
            _ => file.read(&mut buffer),
        };
        let over = !matches!(result, Ok(1..));
        tally.note(index, target, How::Read, &result.map(drop), b"read");
        if over {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fuzz::plan::Plan;

    fn try_on(path: &str, words: &str, inputs: Inputs) -> (Tally, Plan) {
        let plan = Plan::parse(&format!("{path}\tEINVAL\t{words}")).unwrap();
        let mut tally = Tally::default();
        let mut rng = Rng::with_seed(3);
        for _ in 0..100 {
            one(0, &plan.files[0], inputs, &mut rng, &mut tally);
        }
        (tally, plan)
    }

    #[test]
    fn what_comes_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "x").unwrap();
        let path_text = path.to_str().unwrap();
        let (tally, plan) = try_on(path_text, "1|2", Inputs::Words);
        assert!(tally.is_as_planned());
        let report = tally.report(&plan);
        assert!(report.contains("file write OK 100"), "{report}");
        let (tally, plan) = try_on(path_text, "", Inputs::Words);
        let report = tally.report(&plan);
        assert!(report.contains("file read OK "), "{report}");
        let left = fs::read(&path).unwrap();
        assert!(left.iter().all(|byte| b"12\nx".contains(byte)), "{left:?}");
    }

    #[test]
    fn what_is_not_allowed_is_told() {
        let (tally, plan) = try_on("/nowhere/at/all", "1", Inputs::Anything);
        assert!(!tally.is_as_planned() && tally.is_hopeless());
        let report = tally.report(&plan);
        assert!(
            report.contains("unexpected /nowhere/at/all write ENOENT"),
            "{report}"
        );
        let (tally, _) = try_on("/dev/full", "1", Inputs::Words);
        assert!(!tally.is_as_planned());
    }
}
