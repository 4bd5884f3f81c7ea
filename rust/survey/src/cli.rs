// SPDX-License-Identifier: GPL-2.0-only

//! The command line.

use std::path::PathBuf;

use clap::Parser;

const HELP: &str = "\
Nothing is loaded and nothing is written: sysfs or the dump is read, and the rules of
pci_recovery.ko are applied, compiled into this program from the same source. Only those
registers of a function are read that the kernel reads when it saves it; as with every
such read, a suspended function is awake for that long.

Each function is judged twice, as a first save and as a later one. The verdicts:
  accepted    the driver would keep this state
  refused     the driver would not bind; the reason names the register
  not judged  config space cannot be read: an ordinary user may read the first 64 bytes
              only, in which a function that is gone or wiped still shows

The columns:
  driver      its driver; of a dump, what `lspci -k` has printed
  AER         yes: it has the capability, and the kernel handles errors at the root port
              cap: it has the capability; whether the kernel handles errors is not visible
  reset       the kernel's reset methods; of a dump flr, where Device Capabilities have it
  losses, wipes refused
              with --losses: how many of all that were tried
  remarks     why it is refused, or what the driver would only warn of

Exit codes:
  0  every function is accepted
  1  a function is refused, or with --losses a loss or a wipe would be accepted
  2  the input cannot be read, or is neither a dump nor sysfs; a wrong option
  3  nothing is refused, and a function is not judged

What it cannot tell: whether registers take what is written (a Bus Master Enable that is
hard-wired to 0 shows when the driver binds), and whether a virtual function was wiped. A
wiped function without a driver is refused here; the driver restores it when it binds, if
the kernel's saved state of it is good. BARs are compared where CPU and PCI bus use the
same addresses, as on x86.

Examples:
  sudo survey                                  this machine
  sudo survey --losses 0000:01:00.0            is each loss of this function refused?
  sudo lspci -Dxxxx > dump; survey --dump dump another one, or later
  survey --dump dump --model 0000:01:00.0      one function of it, for `make models`
";

/// Prints which PCI functions pci_recovery.ko would accept, without touching them
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
pub struct Cli {
    /// A dump instead of this machine, in the form of `lspci -xxxx`; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "sysfs")]
    pub dump: Option<PathBuf>,
    /// Where sysfs is
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    pub sysfs: PathBuf,
    /// Also judge what is left of each accepted function when it is lost, reset or wiped at any
    /// read of a save, or its capability lists are broken: all of it must be refused
    #[arg(long)]
    pub losses: bool,
    /// One JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Print a model of this function, as it would be after a reset, for the fault injector
    /// (scripts/kselftest/models); all of its config space is read
    #[arg(long, value_name = "FUNCTION", conflicts_with_all = ["losses", "json", "functions"])]
    pub model: Option<String>,
    /// Only these functions, as 0000:01:00.0 or 01:00.0
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,
}
