// SPDX-License-Identifier: GPL-2.0-only

//! The suites of tests in scripts/kselftest: which tests there are, where each runs, and which a filter selects.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Result;
use anyhow::anyhow;
use anyhow::bail;
use clap::ValueEnum;
use glob::Pattern;

use crate::arch::Arch;
use crate::topology::Topology;

/// How long a test takes, roughly, whose head does not say it and where `settings` do not.
const WEIGHT: u32 = 3;

/// The folders that tests are in.
#[derive(Clone, Copy)]
pub enum Suite {
    Tests,
    /// Endurance: these take minutes each.
    Soak,
    /// Dumps for the tests on the host.
    Corpus,
    /// Every device by every path; a test is a device.
    Models,
    /// What it costs.
    Bench,
}

impl Suite {
    fn folder(self) -> &'static str {
        match self {
            Suite::Tests => "tests",
            Suite::Soak => "soak",
            Suite::Corpus => "corpus",
            Suite::Models => "models",
            Suite::Bench => "bench",
        }
    }

    /// The guest's command.
    pub fn mode(self) -> &'static str {
        match self {
            Suite::Tests => "check",
            Suite::Soak => "soak",
            Suite::Corpus => "corpus",
            Suite::Models => "models",
            Suite::Bench => "bench",
        }
    }
}

/// The tests of a suite whose names match `filter`.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    pub suite: Suite,
    pub filter: &'a str,
    pub arch: Arch,
    /// Whether each test runs in the first topology that it names only.
    pub first_topology: bool,
}

/// A test of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub name: String,
    /// The topologies that it names; a test that names none runs in every one.
    pub topologies: Vec<String>,
    /// The architectures that it is for; all, where there are none.
    pub arches: Vec<Arch>,
    /// How many seconds it takes, roughly.
    pub weight: u32,
}

/// The patterns of a filter, of which a name has to match one; as the runner in the guest takes them.
fn patterns(filter: &str) -> Result<Vec<Pattern>> {
    if filter.contains(char::is_control) {
        bail!("the filter must be one line");
    }
    filter
        .split_whitespace()
        .map(|word| {
            Pattern::new(word)
                .map_err(|error| anyhow!("the filter `{word}` is not a pattern: {error}"))
        })
        .collect()
}

impl Script {
    fn matches(&self, patterns: &[Pattern]) -> bool {
        patterns.iter().any(|pattern| pattern.matches(&self.name))
    }

    fn is_for(&self, arch: Arch) -> bool {
        self.arches.is_empty() || self.arches.contains(&arch)
    }
}

/// Leaves the topologies that can be had on an architecture, and the tests that run in one of them.
pub fn keep_for(scripts: &mut Vec<Script>, arch: Arch) {
    keep_topologies(scripts, |topology| topology.is_of(arch));
}

/// Leaves the topologies whose kernel exists where the usual one is `image`, and the tests that run in one of them. Returns
/// the images that are missing. A kernel tree of one's own has none besides `image`.
pub fn keep_bootable(scripts: &mut Vec<Script>, image: &Path) -> BTreeSet<PathBuf> {
    let mut missing = BTreeSet::new();
    keep_topologies(scripts, |topology| {
        let own = topology.image(image);
        let exists = own == image || own.exists();
        if !exists {
            missing.insert(own);
        }
        exists
    });
    missing
}

/// Leaves the topologies that are `wanted`, and the tests that run in one of them. A topology that cannot be loaded is
/// reported when it is.
fn keep_topologies(scripts: &mut Vec<Script>, mut wanted: impl FnMut(&Topology) -> bool) {
    let mut known = BTreeMap::new();
    scripts.retain_mut(|script| {
        let named = !script.topologies.is_empty();
        script.topologies.retain(|name| {
            *known
                .entry(name.clone())
                .or_insert_with(|| Topology::load(name).map_or(true, |topology| wanted(&topology)))
        });
        !named || !script.topologies.is_empty()
    });
}

/// Refuses a filter with a pattern that matches no test, before a guest is booted.
pub fn check_filter(kselftest: &Path, selection: Selection<'_>) -> Result<()> {
    let patterns = patterns(selection.filter)?;
    let scripts = scripts_of(kselftest, selection);
    let unmatched = patterns
        .iter()
        .find(|pattern| !scripts.iter().any(|test| pattern.matches(&test.name)));
    if let (Some(pattern), false) = (unmatched, scripts.is_empty()) {
        let names: Vec<_> = scripts.into_iter().map(|test| test.name).collect();
        bail!(
            "no test matches `{pattern}`; the tests are: {}",
            names.join(", ")
        );
    }
    Ok(())
}

/// The tests of the suite that are for the architecture.
fn scripts_of(kselftest: &Path, selection: Selection<'_>) -> Vec<Script> {
    let mut scripts = scripts_in(kselftest, selection.suite);
    scripts.retain(|script| script.is_for(selection.arch));
    scripts
}

/// The selected tests of `kselftest`, in alphabetical order.
pub fn scripts_matching(kselftest: &Path, selection: Selection<'_>) -> Vec<Script> {
    let patterns = patterns(selection.filter).unwrap_or_default();
    let mut scripts = scripts_of(kselftest, selection);
    scripts.retain(|test| test.matches(&patterns));
    scripts
}

/// The tests of a list beside a script: what a line begins with, where that is a name.
fn names_in(list: &str) -> Vec<String> {
    list.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The files of a folder, and of the folders in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    entries(folder)
        .into_iter()
        .flat_map(|path| match path.is_dir() {
            true => entries(&path),
            false => vec![path],
        })
        .collect()
}

/// What the line `# KEY: ` says in the head of a test, the comments that it begins with.
fn head<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .take_while(|line| line.starts_with('#'))
        .find_map(|line| {
            line.strip_prefix("# ")?
                .strip_prefix(key)?
                .strip_prefix(": ")
        })
        .map(str::trim)
}

fn weight(text: &str) -> Option<u32> {
    head(text, "weight")?.parse().ok()
}

/// The weight of a test whose head does not say it, in the file `settings`.
fn usual_weight(kselftest: &Path) -> u32 {
    let settings = fs::read_to_string(kselftest.join("settings")).unwrap_or_default();
    settings
        .lines()
        .find_map(|line| line.strip_prefix("weight=")?.trim().parse().ok())
        .unwrap_or(WEIGHT)
}

/// The tests of a suite; a script with a list beside it stands for each test of the list. A test `guarded_NAME` takes as
/// long as the test that it runs.
fn scripts_in(kselftest: &Path, suite: Suite) -> Vec<Script> {
    let usual = usual_weight(kselftest);
    let files: Vec<(String, PathBuf, String)> = files_in(&kselftest.join(suite.folder()))
        .into_iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".sh")?.to_owned();
            let text = fs::read_to_string(&path).unwrap_or_default();
            Some((name, path, text))
        })
        .collect();
    let weight_of = |name: &str, text: &str| {
        let of_another = || {
            let name = name.strip_prefix("guarded_")?;
            let (.., text) = files.iter().find(|(other, ..)| other == name)?;
            weight(text)
        };
        weight(text).or_else(of_another).unwrap_or(usual)
    };
    let mut scripts = Vec::new();
    for (name, path, text) in &files {
        let names = match fs::read_to_string(path.with_extension("list")) {
            Ok(list) => names_in(&list),
            Err(_) => vec![name.clone()],
        };
        let topologies = head(text, "topology").unwrap_or_default();
        let arches = head(text, "arch").unwrap_or_default().split_whitespace();
        // A host test asks for names that are known.
        let arches: Vec<_> = arches
            .filter_map(|name| Arch::from_str(name, false).ok())
            .collect();
        for name in names {
            scripts.push(Script {
                weight: weight_of(&name, text),
                topologies: topologies.split_whitespace().map(str::to_owned).collect(),
                arches: arches.clone(),
                name,
            });
        }
    }
    scripts.sort_by(|one, other| one.name.cmp(&other.name));
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_topologies(kselftest: &Path, suite: Suite) -> Vec<(String, Vec<String>)> {
        scripts_in(kselftest, suite)
            .into_iter()
            .map(|script| (script.name, script.topologies))
            .collect()
    }

    #[test]
    fn the_tests_of_a_list_are_the_names_that_its_lines_begin_with() {
        let list = "# SPDX\n#\n\nigb\nigb-vf vf igb\n  indented\nq35-mch at 0000:00:00.0\n";
        assert_eq!(names_in(list), ["igb", "igb-vf", "q35-mch"]);
    }

    #[test]
    fn each_line_of_a_list_is_a_test_in_the_topology_of_its_script() {
        let directory = tempfile::tempdir().unwrap();
        let models = directory.path().join("models");
        fs::create_dir(&models).unwrap();
        fs::write(models.join("a.sh"), "# topology: t\n").unwrap();
        fs::write(models.join("a.list"), "y\nx\n").unwrap();
        fs::write(models.join("b.sh"), "").unwrap();
        let t = vec!["t".to_owned()];
        assert_eq!(
            names_and_topologies(directory.path(), Suite::Models),
            [
                ("b".into(), vec![]),
                ("x".into(), t.clone()),
                ("y".into(), t)
            ]
        );
    }

    #[test]
    fn tests_whose_kernel_does_not_exist_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("vmlinuz");
        let unchecked = directory.path().join("vmlinuz-unchecked");
        let script = |name: &str, topologies: &[&str]| Script {
            name: name.into(),
            topologies: topologies.iter().map(ToString::to_string).collect(),
            arches: vec![],
            weight: 1,
        };
        let all = [
            script("any", &[]),
            script("both", &["zpci", "zpci_unchecked"]),
            script("own", &["zpci_unchecked", "zpci_nvme_unchecked"]),
        ];
        let mut scripts = all.to_vec();
        let missing = keep_bootable(&mut scripts, &image);
        assert_eq!(missing, [unchecked.clone()].into());
        assert_eq!(scripts, [script("any", &[]), script("both", &["zpci"])]);

        fs::write(unchecked, "").unwrap();
        let mut scripts = all.to_vec();
        assert!(keep_bootable(&mut scripts, &image).is_empty());
        assert_eq!(scripts, all);
    }

    #[test]
    fn a_test_in_a_folder_has_the_name_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let tests = directory.path().join("tests");
        fs::create_dir_all(tests.join("aer")).unwrap();
        fs::write(tests.join("b.sh"), "").unwrap();
        fs::write(tests.join("aer/c.sh"), "# topology: t\n").unwrap();
        fs::write(tests.join("aer/l.sh"), "").unwrap();
        fs::write(tests.join("aer/l.list"), "a\n").unwrap();
        assert_eq!(
            names_and_topologies(directory.path(), Suite::Tests),
            [
                ("a".into(), vec![]),
                ("b".into(), vec![]),
                ("c".into(), vec!["t".to_owned()])
            ]
        );
    }

    #[test]
    fn the_head_of_a_test_says_how_long_it_takes() {
        let directory = tempfile::tempdir().unwrap();
        let tests = directory.path().join("tests");
        fs::create_dir(&tests).unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("settings", "timeout=60\nweight=4\n");
        write("tests/a.sh", "#!/bin/sh\n# weight: 20\n");
        write("tests/b.sh", "#!/bin/sh\n\n# weight: 20\n");
        write("tests/g.sh", "# topology: t u\n");
        write("tests/g.list", "guarded_a\nguarded_b\n");
        let weights: Vec<_> = scripts_in(directory.path(), Suite::Tests)
            .into_iter()
            .map(|script| (script.name, script.weight))
            .collect();
        let expected = [("a", 20), ("b", 4), ("guarded_a", 20), ("guarded_b", 4)];
        assert_eq!(
            weights,
            expected.map(|(name, weight)| (name.into(), weight))
        );
    }

    #[test]
    fn the_head_of_a_test_says_which_architectures_it_is_for() {
        let directory = tempfile::tempdir().unwrap();
        let tests = directory.path().join("tests");
        fs::create_dir(&tests).unwrap();
        fs::write(tests.join("a.sh"), "# arch: amd64 arm64\n").unwrap();
        fs::write(tests.join("b.sh"), "# topology: t\n").unwrap();
        let names = |arch| {
            let selection = Selection {
                suite: Suite::Tests,
                filter: "*",
                arch,
                first_topology: false,
            };
            let scripts = scripts_matching(directory.path(), selection);
            let names: Vec<_> = scripts.into_iter().map(|script| script.name).collect();
            names
        };
        assert_eq!(names(Arch::Arm64), ["a", "b"]);
        assert_eq!(names(Arch::S390x), ["b"]);
    }

    #[test]
    fn architectures_in_heads_are_known() {
        let kselftest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kselftest");
        for folder in ["tests", "soak", "models", "corpus", "bench"] {
            for path in files_in(&kselftest.join(folder)) {
                let text = fs::read_to_string(&path).unwrap();
                for name in head(&text, "arch").unwrap_or_default().split_whitespace() {
                    assert!(Arch::from_str(name, false).is_ok(), "{}", path.display());
                }
            }
        }
    }

    #[test]
    fn no_two_tests_have_the_same_name() {
        let kselftest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kselftest");
        for suite in [
            Suite::Tests,
            Suite::Soak,
            Suite::Corpus,
            Suite::Models,
            Suite::Bench,
        ] {
            let scripts = scripts_in(&kselftest, suite);
            assert!(!scripts.is_empty());
            for two in scripts.windows(2) {
                assert_ne!(two[0].name, two[1].name, "in {}", suite.folder());
            }
        }
    }
}
