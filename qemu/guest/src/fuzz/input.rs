// SPDX-License-Identifier: GPL-2.0-only

//! What is written: words that the file understands, such words with something wrong, and noise.

use fastrand::Rng;

/// How much of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inputs {
    /// The words only, and a newline after some.
    Words,
    Anything,
}

/// Lengths at which buffers end.
const LENGTHS: &[usize] = &[
    1,
    2,
    3,
    159,
    160,
    161,
    4095,
    4096,
    4097,
    8192,
    65536,
    1 << 20,
];

/// Where parsers of numbers err.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "+1",
    "1",
    "01",
    "0x",
    "0x1",
    "0X1",
    "1e3",
    "255",
    "256",
    "65535",
    "65536",
    "4095",
    "4096",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
];

/// The next input for a file that understands `words`.
pub fn next(rng: &mut Rng, words: &[String], inputs: Inputs) -> Vec<u8> {
    let kind = match inputs {
        Inputs::Words => 0,
        Inputs::Anything => rng.u32(..12),
    };
    let mut bytes = match kind {
        0..=3 => word(rng, words),
        4..=7 => wrong_word(rng, words),
        8..=9 => several_words(rng, words),
        10 => noise(rng, 64),
        _ => long(rng, words),
    };
    if rng.bool() {
        bytes.push(b'\n');
    }
    bytes
}

fn word(rng: &mut Rng, words: &[String]) -> Vec<u8> {
    rng.choice(words)
        .map(|word| word.clone().into_bytes())
        .unwrap_or_default()
}

/// A word with a few small things wrong.
fn wrong_word(rng: &mut Rng, words: &[String]) -> Vec<u8> {
    let mut bytes = word(rng, words);
    for _ in 0..rng.usize(1..=3) {
        let at = rng.usize(..=bytes.len());
        match rng.u32(..8) {
            0 => bytes.insert(at, rng.u8(..)),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(..at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u32(..8),
            4 => insert(
                &mut bytes,
                at,
                rng.choice(NUMBERS).map_or("", |n| n).as_bytes(),
            ),
            5 => number_for_another(rng, &mut bytes),
            6 => insert(&mut bytes, at, b" "),
            _ => insert(&mut bytes, at, &word(rng, words)),
        }
    }
    bytes
}

fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    bytes.splice(at..at, more.iter().copied());
}

/// Puts another number in place of the first one after a random byte.
fn number_for_another(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let from = rng.usize(..=bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let length = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let other = match rng.choice(NUMBERS) {
        Some(number) if rng.bool() => (*number).to_owned(),
        _ => rng.u32(..5000).to_string(),
    };
    bytes.splice(start..start + length, other.into_bytes());
}

fn several_words(rng: &mut Rng, words: &[String]) -> Vec<u8> {
    let separator = *rng.choice(b" \n\t,=\0").unwrap_or(&b' ');
    let mut bytes = word(rng, words);
    for _ in 0..rng.usize(1..=4) {
        bytes.push(separator);
        bytes.extend(word(rng, words));
    }
    bytes
}

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(..=most)).map(|_| rng.u8(..)).collect()
}

/// As long as a buffer, or longer, of one thing again and again.
fn long(rng: &mut Rng, words: &[String]) -> Vec<u8> {
    let length = rng.choice(LENGTHS).copied().unwrap_or(1);
    let piece = match rng.u32(..4) {
        0 => vec![0],
        1 => vec![b' '],
        2 => noise(rng, 16),
        _ => word(rng, words),
    };
    if piece.is_empty() {
        return vec![0xff; length];
    }
    piece.iter().copied().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<String> {
        vec!["1".to_owned(), "gone from=3 ms=20".to_owned()]
    }

    #[test]
    fn a_seed_repeats_the_inputs() {
        let inputs = |seed| {
            let mut rng = Rng::with_seed(seed);
            let mut next = || next(&mut rng, &words(), Inputs::Anything);
            (0..500).map(|_| next()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }

    #[test]
    fn there_is_everything_among_them() {
        let mut rng = Rng::with_seed(1);
        let inputs: Vec<_> = (0..1000)
            .map(|_| next(&mut rng, &words(), Inputs::Anything))
            .collect();
        assert!(inputs.iter().any(Vec::is_empty));
        assert!(inputs.iter().any(|input| input == b"gone from=3 ms=20\n"));
        assert!(inputs.iter().any(|input| input.len() >= 1 << 20));
        assert!(inputs.iter().any(|input| input.len() == 4097));
        assert!(inputs.iter().any(|input| input.contains(&0)));
        assert!(inputs.iter().any(|input| !input.is_ascii()));
    }

    #[test]
    fn numbers_are_put_in_place_of_others() {
        let mut rng = Rng::with_seed(1);
        let words: Vec<_> = (0..20_000)
            .map(|_| wrong_word(&mut rng, &words()))
            .collect();
        for number in ["4294967296", "18446744073709551616"] {
            let wanted = format!("gone from={number} ms=20");
            assert!(words.iter().any(|word| *word == wanted.as_bytes()));
        }
    }

    #[test]
    fn words_are_words() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..1000 {
            let input = next(&mut rng, &words(), Inputs::Words);
            let word = input.strip_suffix(b"\n").unwrap_or(&input);
            assert!(words().iter().any(|right| right.as_bytes() == word));
        }
        assert!(next(&mut rng, &[], Inputs::Words).len() <= 1);
    }
}
