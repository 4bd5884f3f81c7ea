// SPDX-License-Identifier: GPL-2.0-only

//! An NVMe controller that does what a driver must not have it do (NVM Express Base Specification, 3.1 and 3.5).

use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;

use super::device::Bar0;

/// Controller Configuration, and its bits: Enable; entries of 64 and 16 bytes in the queues.
const CC: u64 = 0x14;
const ENABLE: u32 = 1 | 6 << 16 | 4 << 20;
/// Controller Status, Ready.
const CSTS: u64 = 0x1c;
const READY: u32 = 1;
/// Admin Queue Attributes, the addresses of the two Admin Queues, the first doorbell.
const AQA: u64 = 0x24;
const ASQ: u64 = 0x28;
const ACQ: u64 = 0x30;
const DOORBELL: u64 = 0x1000;

/// Of 4 commands each.
const LENGTHS: u32 = 3 << 16 | 3;

/// Within the addresses that functions of s390x have for DMA (`ZPCI_SDMA_ADDR` in QEMU), and mapped by nobody: this
/// program maps no memory.
const UNMAPPED: u64 = 0x1_1000_0000;

/// How long the controller may take until it is ready, or no longer, in steps of 10 ms.
const STEPS: u32 = 500;

fn wait(bar: &Bar0<'_>, ready: u32) -> nix::Result<()> {
    for _ in 0..STEPS {
        if bar.read(CSTS)? & READY == ready {
            return Ok(());
        }
        sleep(Duration::from_millis(10));
    }
    Err(Errno::ETIMEDOUT)
}

fn write_address(bar: &Bar0<'_>, register: u64, address: u64) -> nix::Result<()> {
    bar.write(register, address as u32)?;
    bar.write(register + 4, (address >> 32) as u32)
}

/// Has the controller fetch a command from an address without memory.
///
/// # Errors
///
/// `ETIMEDOUT` where it does not become ready; what VFIO returns when its registers cannot be read or written.
pub fn bad_dma(bar: &Bar0<'_>) -> nix::Result<()> {
    bar.write(CC, 0)?;
    wait(bar, 0)?;
    bar.write(AQA, LENGTHS)?;
    write_address(bar, ASQ, UNMAPPED)?;
    write_address(bar, ACQ, UNMAPPED + 0x1000)?;
    bar.write(CC, ENABLE)?;
    wait(bar, READY)?;
    bar.write(DOORBELL, 1)
}
