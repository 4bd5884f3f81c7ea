// SPDX-License-Identifier: GPL-2.0-only

//! The guest's root file system: busybox, the modules, the tests and what the guest must know, as a cpio archive.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use cpio::newc;
use cpio::newc::ModeFileType;

use crate::image;

/// The guest's own files; they come with this program so that the two always fit each other.
const OWN: &[(&str, u32, &str)] = &[
    ("init", 0o755, include_str!("../guest/init")),
    ("bin/harness", 0o755, include_str!("../guest/harness")),
    (
        "etc/pci-recovery/shell",
        0o644,
        include_str!("../guest/shell"),
    ),
    ("etc/passwd", 0o644, include_str!("../guest/passwd")),
];

/// Mount points, and the folders that programs expect.
const DIRECTORIES: &[&str] = &["dev", "proc", "root", "run", "sys", "tmp"];

/// The contents of the archive besides this program's own files.
pub struct Contents<'a> {
    pub busybox: &'a Path,
    /// The release of the kernel that is to load the modules.
    pub release: &'a str,
    pub modules: &'a [PathBuf],
    pub kselftest: &'a Path,
    /// In place of `tools` in there.
    pub tools: Option<&'a Path>,
    /// Files in /etc/pci-recovery: name and text.
    pub settings: &'a [(&'a str, String)],
}

#[derive(Debug, PartialEq)]
enum Node {
    Directory,
    File { mode: u32, data: Vec<u8> },
    Link(String),
    Character { major: u32, minor: u32 },
}

/// An archive in memory; the map's order puts every folder before its files.
#[derive(Debug, Default)]
pub struct Initramfs {
    nodes: BTreeMap<String, Node>,
}

impl Initramfs {
    /// Collects everything, and refuses what could not work in the guest.
    pub fn collect(contents: &Contents<'_>) -> Result<Self> {
        let mut archive = Self::default();
        for directory in DIRECTORIES {
            archive.insert(directory, Node::Directory);
        }
        // The kernel opens the console before /init can mount anything.
        archive.insert("dev/console", Node::Character { major: 5, minor: 1 });
        archive.insert("dev/null", Node::Character { major: 1, minor: 3 });
        for (path, mode, text) in OWN {
            archive.insert(
                path,
                Node::File {
                    mode: *mode,
                    data: text.as_bytes().to_vec(),
                },
            );
        }
        for (name, text) in contents.settings {
            let data = text.clone().into_bytes();
            archive.insert(
                &format!("etc/pci-recovery/{name}"),
                Node::File { mode: 0o644, data },
            );
        }
        archive.add_busybox(contents.busybox)?;
        // A folder may be empty: not every kernel has its own modules built.
        let mut found = false;
        for directory in contents.modules {
            found |= archive.add_modules(directory, contents.release)?;
        }
        ensure!(
            found,
            "no .ko file in the module folders: build the module first"
        );
        archive.add_tree("kselftest", contents.kselftest)?;
        if let Some(tools) = contents.tools {
            archive
                .nodes
                .retain(|path, _| !path.starts_with("kselftest/tools/"));
            archive.add_tree("kselftest/tools", tools)?;
        }
        Ok(archive)
    }

    fn add_busybox(&mut self, file: &Path) -> Result<()> {
        let data =
            fs::read(file).with_context(|| format!("cannot read busybox at {}", file.display()))?;
        ensure!(
            image::is_static(&data),
            "{} is not a static 64-bit program; the guest has no C library (Debian: busybox-static)",
            file.display()
        );
        self.insert("bin/busybox", Node::File { mode: 0o755, data });
        // /init makes the links of the other applets: this one is its interpreter.
        self.insert("bin/sh", Node::Link("busybox".into()));
        Ok(())
    }

    /// Whether there was a module in `directory`.
    fn add_modules(&mut self, directory: &Path, release: &str) -> Result<bool> {
        let mut found = false;
        for path in sorted(directory)
            .with_context(|| format!("cannot read modules in {}", directory.display()))?
        {
            if path.extension().is_none_or(|extension| extension != "ko") {
                continue;
            }
            found = true;
            let data =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            match image::module_release(&data) {
                Some(built_for) if built_for == release => {}
                Some(built_for) => bail!(
                    "{} was built for kernel {built_for}, the guest runs {release}: build it again for this kernel",
                    path.display()
                ),
                None => bail!("{} is not a kernel module", path.display()),
            }
            let target = format!("modules/{}", name(&path)?);
            let node = Node::File { mode: 0o644, data };
            ensure!(
                self.nodes.get(&target).is_none_or(|other| *other == node),
                "two module folders have a different {target}; the second is {}",
                path.display()
            );
            self.insert(&target, node);
        }
        Ok(found)
    }

    fn add_tree(&mut self, target: &str, source: &Path) -> Result<()> {
        self.insert(target, Node::Directory);
        for path in sorted(source).with_context(|| format!("cannot read {}", source.display()))? {
            let target = format!("{target}/{}", name(&path)?);
            let metadata = path
                .symlink_metadata()
                .with_context(|| format!("cannot read {}", path.display()))?;
            if metadata.is_dir() {
                self.add_tree(&target, &path)?;
            } else if metadata.is_symlink() {
                let to = fs::read_link(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                self.insert(&target, Node::Link(to.to_string_lossy().into_owned()));
            } else if metadata.is_file() {
                let data =
                    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                self.insert(
                    &target,
                    Node::File {
                        mode: metadata.permissions().mode() & 0o777,
                        data,
                    },
                );
            }
        }
        Ok(())
    }

    /// Adds a node, and the folders above it.
    fn insert(&mut self, path: &str, node: Node) {
        for (at, _) in path.match_indices('/') {
            self.nodes
                .entry(path[..at].to_owned())
                .or_insert(Node::Directory);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Writes the archive (cpio, `newc`): the same contents give the same bytes.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        for (number, (path, node)) in self.nodes.iter().enumerate() {
            let inode = u32::try_from(number + 1).map_err(io::Error::other)?;
            let entry = newc::Builder::new(path).ino(inode).uid(0).gid(0).mtime(0);
            let (entry, data): (_, &[u8]) = match node {
                Node::Directory => (
                    entry
                        .mode(0o755)
                        .set_mode_file_type(ModeFileType::Directory)
                        .nlink(2),
                    &[],
                ),
                Node::File { mode, data } => (
                    entry.mode(*mode).set_mode_file_type(ModeFileType::Regular),
                    data,
                ),
                Node::Link(to) => (
                    entry.mode(0o777).set_mode_file_type(ModeFileType::Symlink),
                    to.as_bytes(),
                ),
                Node::Character { major, minor } => {
                    let device = entry.mode(0o600).set_mode_file_type(ModeFileType::Char);
                    (device.rdev_major(*major).rdev_minor(*minor), &[])
                }
            };
            let mut writer = entry.write(
                &mut out,
                u32::try_from(data.len()).map_err(io::Error::other)?,
            );
            writer.write_all(data)?;
            writer.finish()?;
        }
        newc::trailer(&mut out)?;
        out.flush()
    }
}

fn sorted(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> Result<&str> {
    path.file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest file that passes for a static ELF program.
    fn elf() -> Vec<u8> {
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf
    }

    fn sources(vermagic: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, data: &[u8]| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, data).unwrap();
        };
        write("busybox", &elf());
        write(
            "mod/a.ko",
            format!("\x7fELF\0vermagic={vermagic} SMP \0").as_bytes(),
        );
        write("mod/notes.txt", b"not for the guest");
        write("tests/run.sh", b"#!/bin/sh\n");
        write("tests/lib/ktap.sh", b"x");
        fs::set_permissions(
            dir.path().join("tests/run.sh"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        std::os::unix::fs::symlink("run.sh", dir.path().join("tests/link")).unwrap();
        dir
    }

    fn collect(dir: &Path) -> Result<Initramfs> {
        Initramfs::collect(&Contents {
            busybox: &dir.join("busybox"),
            release: "7.3.4",
            modules: &[dir.join("mod")],
            kselftest: &dir.join("tests"),
            tools: None,
            settings: &[("mode", "check\n".into())],
        })
    }

    /// An entry as a reader sees it.
    struct Found {
        path: String,
        mode: u32,
        data: Vec<u8>,
        device: (u32, u32),
    }

    fn read_back(archive: &Initramfs) -> Vec<Found> {
        let mut bytes = Vec::new();
        archive.write(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        let mut entries = Vec::new();
        loop {
            let mut reader = newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                return entries;
            }
            let mut data = Vec::new();
            io::Read::read_to_end(&mut reader, &mut data).unwrap();
            let entry = reader.entry();
            let device = (entry.rdev_major(), entry.rdev_minor());
            entries.push(Found {
                path: entry.name().into(),
                mode: entry.mode(),
                data,
                device,
            });
            rest = reader.finish().unwrap();
        }
    }

    #[test]
    fn the_archive_has_what_the_guest_needs() {
        let dir = sources("7.3.4");
        let entries = read_back(&collect(dir.path()).unwrap());
        let get = |path: &str| entries.iter().find(|entry| entry.path == path).unwrap();
        assert_eq!(get("dev/console").mode, 0o020600);
        assert_eq!(get("dev/console").device, (5, 1));
        assert_eq!(get("init").mode, 0o100755);
        assert!(get("init").data.starts_with(b"#!/bin/sh"));
        assert_eq!(get("bin/sh").mode, 0o120777);
        assert_eq!(get("bin/sh").data, b"busybox");
        assert_eq!(get("kselftest/run.sh").mode, 0o100755);
        assert_eq!(get("kselftest/lib/ktap.sh").data, b"x");
        assert_eq!(get("kselftest/link").data, b"run.sh");
        assert_eq!(get("etc/pci-recovery/mode").data, b"check\n");
        assert_eq!(get("modules").mode, 0o040755);
        assert!(
            !entries
                .iter()
                .any(|entry| entry.path.ends_with("notes.txt"))
        );
    }

    #[test]
    fn folders_come_before_their_files() {
        let dir = sources("7.3.4");
        let entries = read_back(&collect(dir.path()).unwrap());
        for (at, entry) in entries.iter().enumerate() {
            if let Some((parent, _)) = entry.path.rsplit_once('/') {
                assert!(
                    entries[..at].iter().any(|other| other.path == parent),
                    "{}",
                    entry.path
                );
            }
        }
    }

    #[test]
    fn what_could_not_work_is_refused() {
        let other = collect(sources("6.1.0").path()).unwrap_err().to_string();
        assert!(
            other.contains("a.ko was built for kernel 6.1.0, the guest runs 7.3.4"),
            "{other}"
        );

        let dir = sources("7.3.4");
        fs::write(dir.path().join("busybox"), "#!/bin/sh").unwrap();
        assert!(
            collect(dir.path())
                .unwrap_err()
                .to_string()
                .contains("not a static 64-bit program")
        );

        let dir = sources("7.3.4");
        fs::remove_file(dir.path().join("mod/a.ko")).unwrap();
        assert!(
            collect(dir.path())
                .unwrap_err()
                .to_string()
                .contains("build the module first")
        );
    }
}
