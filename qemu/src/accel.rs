// SPDX-License-Identifier: GPL-2.0-only

//! Whether KVM can be used.
//!
//! That /dev/kvm exists, opens and even makes a virtual machine does not prove it: some virtual machines offer a KVM
//! that emulates instructions and gives up at the first that it does not know. So the processor must have the
//! virtualization extensions, and QEMU must start a machine with it.

use std::fs;
use std::fs::OpenOptions;

use anyhow::Result;
use anyhow::bail;

use crate::arch::Arch;
use crate::runner::Runner;

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Choice {
    /// KVM where it works, else TCG
    Auto,
    /// KVM, or an error
    Kvm,
    /// QEMU's own translator, which works everywhere
    Tcg,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accel {
    Kvm,
    Tcg,
}

/// Decides, and says why in words.
pub fn choose(choice: Choice, arch: Arch, runner: &Runner) -> Result<(Accel, String)> {
    if choice == Choice::Tcg {
        return Ok((Accel::Tcg, "TCG, as requested".into()));
    }
    match (why_no_kvm(arch, runner), choice) {
        (None, _) => Ok((Accel::Kvm, "KVM".into())),
        (Some(reason), Choice::Kvm) => {
            bail!("KVM does not work here: {reason} (--accel auto uses TCG instead)")
        }
        (Some(reason), _) => Ok((
            Accel::Tcg,
            format!("TCG, because KVM does not work: {reason}"),
        )),
    }
}

fn why_no_kvm(arch: Arch, runner: &Runner) -> Option<String> {
    if !arch.is_of_host() {
        return Some(format!("this processor does not run {arch}"));
    }
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Some(format!("/dev/kvm: {error}"));
    }
    if !fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| has_extensions(&text)) {
        return Some("the processor has no virtualization extensions (vmx or svm)".into());
    }
    // A machine that never runs: QEMU reads `quit` from its monitor.
    let machine = arch.machine(false);
    let arguments =
        "-accel kvm -cpu max -nodefaults -no-user-config -display none -S -monitor stdio";
    let arguments: Vec<&str> = ["-machine", machine]
        .into_iter()
        .chain(arguments.split(' '))
        .collect();
    match runner.output(arch.qemu(), &arguments, "quit\n") {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            Some(
                text.lines()
                    .last()
                    .unwrap_or("QEMU cannot use it")
                    .to_owned(),
            )
        }
        Err(error) => Some(error.to_string()),
    }
}

fn has_extensions(cpuinfo: &str) -> bool {
    let mut flags = cpuinfo.lines().filter(|line| line.starts_with("flags"));
    flags.any(|line| {
        line.split_whitespace()
            .any(|flag| matches!(flag, "vmx" | "svm"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_whole_words() {
        assert!(has_extensions("processor: 0\nflags\t\t: fpu svm sse\n"));
        assert!(has_extensions("flags : vmx\n"));
        assert!(!has_extensions(
            "flags : fpu svm_lock hypervisor\nmodel name : vmx\n"
        ));
    }
}
