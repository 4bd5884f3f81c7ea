// SPDX-License-Identifier: GPL-2.0-only

//! What a module or a program says about itself, so that a wrong file is refused before a guest is booted with it.

/// The kernel release that a module was built for (its `vermagic`).
pub fn module_release(module: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\0vermagic=";
    let start = module.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    first_word(&module[start..])
}

/// The text up to a space or a zero.
pub fn first_word(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| matches!(byte, 0 | b' '))?;
    Some(std::str::from_utf8(&bytes[..end]).ok()?.to_owned()).filter(|word| !word.is_empty())
}

/// Whether `program` is a 64-bit ELF program, of either byte order, that runs without a dynamic linker (it has no PT_INTERP).
pub fn is_static(program: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let little = match program.get(..6) {
        Some(b"\x7fELF\x02\x01") => true,
        Some(b"\x7fELF\x02\x02") => false,
        _ => return false,
    };
    let number = |at: usize, bytes: usize| {
        let bytes = program.get(at..at.checked_add(bytes)?)?.iter();
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match little {
            true => bytes.rev().fold(0, add),
            false => bytes.fold(0, add),
        })
    };
    let table = || {
        let (start, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
        (0..count)
            .map(|n| {
                let at = start.checked_add(n * size)?;
                number(usize::try_from(at).ok()?, 4)
            })
            .collect::<Option<Vec<u64>>>()
    };
    table().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_tells_its_kernel() {
        let module = b"\x7fELF..\0name=x\0vermagic=7.3.4+x SMP preempt mod_unload \0";
        assert_eq!(module_release(module).as_deref(), Some("7.3.4+x"));
        assert_eq!(module_release(b"nothing"), None);
    }

    #[test]
    fn this_test_is_not_a_static_busybox() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&own));
        assert!(!is_static(b"#!/bin/sh"));
        assert!(!is_static(b"\x7fELF\x02\x01 cut off"));
    }

    #[test]
    fn a_program_may_have_either_byte_order() {
        for (mark, kind, count) in [
            (b"\x7fELF\x02\x01", 0x40, 0x38),
            (b"\x7fELF\x02\x02", 0x43, 0x39),
        ] {
            let mut program = vec![0; 0x50];
            program[..6].copy_from_slice(mark);
            let start = if count == 0x38 { 0x20 } else { 0x27 };
            program[start] = 0x40;
            program[count] = 1;
            program[kind] = 1;
            assert!(is_static(&program));
            program[kind] = 3;
            assert!(!is_static(&program));
        }
    }
}
