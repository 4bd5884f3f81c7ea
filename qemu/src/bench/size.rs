// SPDX-License-Identifier: GPL-2.0-only

//! How large a module is when it is loaded.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use object::Object;
use object::ObjectSection;
use object::SectionFlags;
use object::elf::SHF_ALLOC;
use object::elf::SHF_EXECINSTR;
use object::elf::SHF_WRITE;
use serde::Deserialize;
use serde::Serialize;

/// Bytes, of the sections that are kept: what only runs once is thrown away when it has.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Size {
    pub text: u64,
    /// Writable data, zeroed data included.
    pub data: u64,
    /// Constants.
    pub rodata: u64,
}

/// Sections of the kernel's that are not the module's own: where its functions begin, what is to be patched.
const KERNELS: [&str; 8] = [
    "__mcount_loc",
    ".return_sites",
    ".retpoline_sites",
    ".call_sites",
    ".orc_",
    ".altinstr",
    ".note",
    "__bug_table",
];

/// `NAME.ko` in the first of `folders` that has it.
fn read(name: &str, folders: &[PathBuf]) -> Result<Vec<u8>> {
    let file = folders
        .iter()
        .map(|folder| folder.join(format!("{name}.ko")))
        .find(|file| file.exists())
        .with_context(|| format!("there is no {name}.ko in the folders of modules"))?;
    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
}

impl Size {
    /// Of the module `name`, which is in one of `folders`.
    pub fn of(name: &str, folders: &[PathBuf]) -> Result<Self> {
        let bytes = read(name, folders)?;
        let module =
            object::File::parse(&*bytes).with_context(|| format!("{name}.ko is no module"))?;
        let mut size = Self::default();
        for section in module.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            let flags = |mask: u32| sh_flags & u64::from(mask) != 0;
            let name = section.name()?;
            if !flags(SHF_ALLOC)
                || name.starts_with(".init")
                || name == ".gnu.linkonce.this_module"
                || KERNELS.iter().any(|of| name.starts_with(of))
            {
                continue;
            }
            let kind = match () {
                () if flags(SHF_EXECINSTR) => &mut size.text,
                () if flags(SHF_WRITE) => &mut size.data,
                () => &mut size.rodata,
            };
            *kind += section.size();
        }
        Ok(size)
    }
}
