// SPDX-License-Identifier: GPL-2.0-only

//! The command line.

use std::num::ParseIntError;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::ArgAction;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser;

use crate::accel::Choice;
use crate::arch::Arch;

const EXAMPLES: &str = "\
Exit status:
  0    everything passed
  1    a test or a step of the demonstration failed
  2    wrong usage, or something that is needed is missing: nothing was tested
  3    the guest hung, did not boot or panicked, or QEMU died
  130  interrupted by Ctrl-C (128 plus the signal's number for others)

Examples:
  pci-recovery-qemu check --filter 'aer_*'
  pci-recovery-qemu run --kernel arch/x86/boot/bzImage --dry-run
  pci-recovery-qemu shell --topology switch

`make run`, `make check` and `make shell` give all options that are needed.";

/// Boots a kernel in QEMU with PCI devices of its own, injects errors through the emulated hardware,
/// and reports what the programs in the guest found.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the demonstration, and its steps as a table at the end
    #[command(after_help = EXAMPLES, args_override_self = true)]
    Run {
        #[command(flatten)]
        guest: GuestArgs,
        #[command(flatten)]
        silence: SilenceArgs,
    },
    /// Run the tests, and end with the line `N passed, N failed, N skipped`
    #[command(after_help = EXAMPLES, args_override_self = true)]
    Check {
        #[command(flatten)]
        guest: GuestArgs,
        #[command(flatten)]
        silence: SilenceArgs,
        /// Run only the tests whose name matches this pattern (`*`, `?`, `[a-z]`), or one of several
        #[arg(long, value_name = "GLOB", env = "FILTER", default_value = "*")]
        filter: String,
        /// Run the endurance tests instead: thousands of cycles, after which memory must not have grown
        #[arg(long)]
        soak: bool,
        /// Dump the config spaces of the topology `models` instead, for the tests on the host
        #[arg(long, conflicts_with = "soak")]
        corpus: bool,
        /// Take each function that QEMU models through every path instead: suspend, reset, error, removal and more
        #[arg(long, conflicts_with_all = ["soak", "corpus"])]
        models: bool,
        /// Run each test in the first topology that it names only, on a kernel where all of them take hours
        #[arg(long)]
        first_topology: bool,
        /// How many guests run at the same time and share the tests; each needs a processor and 512 MiB [default: 2, or 1 on one processor]
        #[arg(long, value_name = "N", env = "JOBS", default_value = "", hide_default_value = true, value_parser = jobs)]
        jobs: Jobs,
        #[command(flatten)]
        report: ReportArgs,
    },
    /// Print what failed in several parts of a run, and end with the line `N passed, N failed, N skipped`, the sum of all
    Total {
        /// A part: its name, exit status, seconds, and the file with its results (.json, .ktap, or .cargo: what cargo printed)
        #[arg(long, num_args = 4, value_names = ["NAME", "STATUS", "SECONDS", "FILE"], action = ArgAction::Append)]
        part: Vec<String>,
        /// A part that was not run, and why
        #[arg(long, num_args = 2, value_names = ["NAME", "REASON"], action = ArgAction::Append)]
        skip: Vec<String>,
        #[command(flatten)]
        report: ReportArgs,
    },
    /// Print which tests of a file of results caught a mutant: `caught: TESTS`, `SURVIVED: WHY` or `not tested: WHY`
    Judge {
        /// The file that `check --report` wrote
        file: PathBuf,
    },
    /// Measure the cost of the guard, against plain C, in guests whose time counts instructions
    #[command(after_help = EXAMPLES, args_override_self = true)]
    Bench {
        #[command(flatten)]
        guest: GuestArgs,
        #[command(flatten)]
        silence: SilenceArgs,
        #[command(flatten)]
        bench: BenchArgs,
    },
    /// Give a shell in the guest, with the module loaded and the tests at hand; leave with `exit` or Ctrl-]
    #[command(after_help = EXAMPLES, args_override_self = true)]
    Shell {
        #[command(flatten)]
        guest: GuestArgs,
    },
}

#[derive(Debug, Args)]
pub struct GuestArgs {
    /// The architecture of the guest
    #[arg(long, value_name = "NAME", value_enum, default_value = "amd64")]
    pub arch: Arch,

    /// The PCI devices of the guest: a name from qemu/topologies, or a .toml file
    /// [default: endpoint; of check: each test in those that it names]
    #[arg(
        long,
        value_name = "NAME|FILE",
        env = "TOPOLOGY",
        default_value = "",
        hide_default_value = true
    )]
    pub topology: String,

    /// The kernel to boot: a bzImage, or what the architecture has in its place
    #[arg(long, value_name = "IMAGE", env = "KERNEL_IMAGE")]
    pub kernel: PathBuf,

    /// A folder with modules (.ko) for the guest's /modules; may be given more than once
    #[arg(
        long,
        value_name = "DIR",
        env = "MODULE_DIRS",
        value_delimiter = ':',
        default_value = "build/7.3/module"
    )]
    pub module_dir: Vec<PathBuf>,

    /// A static busybox, which is the guest's user space
    #[arg(long, value_name = "FILE", env = "BUSYBOX")]
    pub busybox: PathBuf,

    /// The folder with the tests and the demonstration, the guest's /kselftest
    #[arg(
        long,
        value_name = "DIR",
        env = "KSELFTEST",
        default_value = "scripts/kselftest"
    )]
    pub kselftest: PathBuf,

    /// The folder with the programs of the tests, in place of `tools` in the one of the tests: those of another architecture
    #[arg(long, value_name = "DIR")]
    pub tools: Option<PathBuf>,

    /// The seed of the tests' random numbers, as a test that used some reports it [default: another one each time]
    #[arg(long, value_name = "NUMBER", env = "SEED", default_value = "", hide_default_value = true, value_parser = seed)]
    pub seed: Seed,

    /// A command to put before QEMU's: a program, or a program with arguments [default: none, the host's QEMU]
    #[arg(
        long,
        value_name = "CMD",
        env = "RUNNER",
        default_value = "",
        hide_default_value = true
    )]
    pub runner: String,

    /// Seconds that the guest may take to start its program
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub boot_timeout: Duration,

    /// MiB of memory in addition to those of the topology, for a kernel that needs more
    #[arg(long, value_name = "MIB", default_value = "0", value_parser = clap::value_parser!(u32).range(..=65536))]
    pub more_memory: u32,

    /// Processors of the guest; of several guests that run at the same time each wants its own from the host
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub processors: u32,

    /// Let the guest's time count its instructions, on one processor and without KVM: measurements are the same in each run
    #[arg(long)]
    pub icount: bool,

    /// The accelerator: KVM, or TCG, which emulates
    #[arg(long, value_name = "ACCEL", value_enum, default_value = "auto")]
    pub accel: Choice,

    /// Only print the QEMU command, ready to be copied and pasted
    #[arg(long)]
    pub dry_run: bool,

    /// Keep the guest's root file system in this file (with --dry-run: write it, so that the command works)
    #[arg(long, value_name = "FILE")]
    pub initramfs: Option<PathBuf>,

    /// Where each run keeps console.log, output.log and qmp.log in a folder of its own;
    /// of the runs that passed only the last is kept
    #[arg(
        long,
        value_name = "DIR",
        env = "LOG_DIR",
        default_value = "build/7.3/logs"
    )]
    pub log_dir: PathBuf,
}

impl GuestArgs {
    /// The topology of a guest that is booted for a person. A Makefile gives an empty text where none is chosen.
    pub fn topology(&self) -> &str {
        match &self.topology[..] {
            "" => self.arch.usual_topology(),
            topology => topology,
        }
    }
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Run only the benchmarks whose name matches this pattern, or one of several
    #[arg(long, value_name = "GLOB", env = "FILTER", default_value = "*")]
    pub filter: String,
    /// Compare with the stored results instead of writing them: counts of accesses must be the same, those of
    /// instructions within 2 %
    #[arg(long)]
    pub check: bool,
    /// Print the stored results and write plot and page from them, without a measurement
    #[arg(long, conflicts_with = "check")]
    pub show: bool,
    /// The file with the results; the plot goes beside it
    #[arg(long, value_name = "FILE", default_value = "bench/results.json")]
    pub results: PathBuf,
    /// The page with the table of the results, between its lines `<!-- make bench: begin -->` and `end`
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    pub page: PathBuf,
    #[command(flatten)]
    pub report: ReportArgs,
    /// How many guests run at the same time [default: 2, or 1 on one processor]
    #[arg(long, value_name = "N", env = "JOBS", default_value = "", hide_default_value = true, value_parser = jobs)]
    pub jobs: Jobs,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Write what happened to this file, as JSON (docs/testing.md); also of a run that was interrupted
    #[arg(
        long = "report",
        value_name = "FILE",
        env = "REPORT",
        default_value = "",
        hide_default_value = true, value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct SilenceArgs {
    /// Seconds without output after which the guest has hung
    #[arg(long, value_name = "SECONDS", env = "TIMEOUT", default_value = "120", value_parser = seconds)]
    pub timeout: Duration,
}

/// How many guests share the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jobs(pub usize);

/// The empty text, which a Makefile gives for a variable that is not set, is the default.
fn jobs(text: &str) -> Result<Jobs, String> {
    if text.is_empty() {
        let processors = thread::available_parallelism().map_or(1, |count| count.get());
        return Ok(Jobs(processors.min(2)));
    }
    match text.parse() {
        Ok(count @ 1..=16) => Ok(Jobs(count)),
        _ => Err("must be a number from 1 to 16".into()),
    }
}

/// The seed of random numbers; none where any will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seed(pub Option<u32>);

/// The empty text, which a Makefile gives for a variable that is not set, is none.
fn seed(text: &str) -> Result<Seed, ParseIntError> {
    match text {
        "" => Ok(Seed(None)),
        text => Ok(Seed(Some(text.parse()?))),
    }
}

/// Whole seconds; the empty text, which a Makefile gives for a variable that is not set, is the default.
fn seconds(text: &str) -> Result<Duration, String> {
    let text = if text.is_empty() { "120" } else { text };
    match text
        .parse::<u32>()
        .map_err(|error: ParseIntError| error.to_string())?
    {
        0 => Err("must be at least 1".into()),
        seconds => Ok(Duration::from_secs(seconds.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn jobs_are_few_and_some() {
        assert_eq!(jobs("3"), Ok(Jobs(3)));
        assert!(jobs("").is_ok_and(|Jobs(count)| count == 1 || count == 2));
        for wrong in ["0", "-1", "17", "x"] {
            assert!(jobs(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_seed_is_a_number_or_missing() {
        assert_eq!(seed(""), Ok(Seed(None)));
        assert_eq!(seed("4294967295"), Ok(Seed(Some(u32::MAX))));
        assert!(seed("-1").is_err() && seed("4294967296").is_err());
    }

    #[test]
    fn seconds_are_whole_and_positive() {
        assert_eq!(seconds("7"), Ok(Duration::from_secs(7)));
        assert_eq!(seconds(""), Ok(Duration::from_secs(120)));
        for wrong in ["0", "-1", "1.5", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
