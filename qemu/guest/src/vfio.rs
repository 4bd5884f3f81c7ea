// SPDX-License-Identifier: GPL-2.0-only

//! Drives a function through VFIO, as a virtual machine monitor does: opens it, and carries out the commands on standard
//! input, until that ends.

use std::io;
use std::io::BufRead;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use crate::file::Outcome;
use crate::options::Options;

mod device;
mod nvme;

use device::Device;

pub const ABOUT: &str = "\
drives a function through VFIO, as a virtual machine monitor does

The function is bound to vfio-pci. Prints `ready`, then an answer to each line of standard input, until that ends:
  enable      memory decoding and bus mastering on, in Command
  command     Command, as VFIO shows it, or the errno
  reset       VFIO_DEVICE_RESET: OK, or the errno
  hot_reset   VFIO_DEVICE_PCI_HOT_RESET: OK, or the errno
  error       waits up to 10 s until the kernel reports an error (VFIO_PCI_ERR_IRQ_INDEX): reported, or none
  zpci_error  VFIO_DEVICE_FEATURE_ZPCI_ERROR, of s390x: the event's code and the function's handle, or the errno; each
              event is there once, then ENOMSG
  bad_dma     has an NVMe controller, enabled as above, read a command from an address without memory: OK, or the errno";

/// How long an error is waited for.
const ERROR_WITHIN: Duration = Duration::from_secs(10);

/// The result of an ioctl.
fn said(result: nix::Result<i32>) -> String {
    Outcome::from(result.map(drop)).to_string()
}

fn answer(device: &Device, word: &str) -> Result<String> {
    Ok(match word {
        "enable" => {
            device.set_command(device.command().context("Command cannot be read")? | 0x6)?;
            "OK".into()
        }
        "command" => match device.command() {
            Ok(command) => format!("{command:#06x}"),
            Err(error) => Outcome::from(Err(error)).to_string(),
        },
        "reset" => said(device.reset()),
        "hot_reset" => said(device.hot_reset()),
        "error" if device.error_is_reported(ERROR_WITHIN)? => "reported".into(),
        "error" => "none".into(),
        "zpci_error" => match device.zpci_error() {
            Ok(event) => format!("event {:#x} handle {:#010x}", event.code, event.handle),
            Err(error) => Outcome::from(Err(error)).to_string(),
        },
        "bad_dma" => Outcome::from(device.bar0().and_then(|bar| nvme::bad_dma(&bar))).to_string(),
        _ => anyhow::bail!("unknown word `{word}` (see --help)"),
    })
}

/// `guest vfio`
pub fn command(options: Options) -> Result<ExitCode> {
    let mut parsed = options.parse(&[], &[])?;
    let address = parsed.word("FUNCTION")?;
    parsed.end()?;
    let device = Device::open(&address)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    for word in io::stdin().lock().lines() {
        let word = word.context("cannot read what to do")?;
        writeln!(out, "{}", answer(&device, word.trim())?)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_told_by_its_name() {
        assert_eq!(said(Err(nix::errno::Errno::EIO)), "EIO");
        assert_eq!(said(Ok(0)), "OK");
    }

    #[test]
    fn what_is_not_there_is_not_opened() {
        let error = Device::open("0000:ff:1f.7").err().unwrap().to_string();
        assert!(
            error.starts_with("0000:ff:1f.7 has no IOMMU group"),
            "{error}"
        );
    }
}
