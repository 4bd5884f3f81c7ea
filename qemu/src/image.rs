// SPDX-License-Identifier: GPL-2.0-only

//! What a kernel image, a module or a program says about itself, so that a wrong file is refused before a guest is
//! booted with it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

/// The release (`uname -r`) that a bzImage was built as (Linux' x86 boot protocol: `HdrS` at 0x202, `kernel_version`
/// at 0x20e, which counts from 0x200).
pub fn kernel_release(file: &Path) -> Result<String> {
    let mut head = Vec::new();
    let open = File::open(file)
        .with_context(|| format!("cannot open the kernel image {}", file.display()))?;
    open.take(0x10000)
        .read_to_end(&mut head)
        .with_context(|| format!("cannot read {}", file.display()))?;
    match release_in(&head) {
        Some(release) => Ok(release),
        None => bail!(
            "{} is not an x86 bzImage (give arch/x86/boot/bzImage or a vmlinuz)",
            file.display()
        ),
    }
}

fn release_in(head: &[u8]) -> Option<String> {
    if head.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = 0x200 + usize::from(u16::from_le_bytes(head.get(0x20e..0x210)?.try_into().ok()?));
    first_word(head.get(offset..)?)
}

/// The kernel release that a module was built for (its `vermagic`).
pub fn module_release(module: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\0vermagic=";
    let start = module.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    first_word(&module[start..])
}

fn first_word(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| matches!(byte, 0 | b' '))?;
    Some(std::str::from_utf8(&bytes[..end]).ok()?.to_owned()).filter(|word| !word.is_empty())
}

/// Whether `program` is an ELF program that runs without a dynamic linker (it has no PT_INTERP).
pub fn is_static(program: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let half = |at: usize| {
        program
            .get(at..at + 2)
            .map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])))
    };
    let table = || {
        let start = usize::try_from(u64::from_le_bytes(
            program.get(0x20..0x28)?.try_into().ok()?,
        ))
        .ok()?;
        let (size, count) = (half(0x36)?, half(0x38)?);
        (0..count)
            .map(|n| {
                let at = start.checked_add(n * size)?;
                Some(u32::from_le_bytes(
                    program.get(at..at.checked_add(4)?)?.try_into().ok()?,
                ))
            })
            .collect::<Option<Vec<u32>>>()
    };
    program.starts_with(b"\x7fELF\x02\x01")
        && table().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bzimage_tells_its_release() {
        let mut head = vec![0; 0x400];
        head[0x202..0x206].copy_from_slice(b"HdrS");
        head[0x20e] = 0x80;
        head[0x280..0x291].copy_from_slice(b"7.3.4+x (you@me)\0");
        assert_eq!(release_in(&head).as_deref(), Some("7.3.4+x"));
        head[0x202] = b'x';
        assert_eq!(release_in(&head), None);
        assert_eq!(release_in(b"short"), None);
    }

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
}
