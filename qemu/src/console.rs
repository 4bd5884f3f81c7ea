// SPDX-License-Identifier: GPL-2.0-only

//! Watches the kernel's console for what must not pass unseen.

use std::collections::VecDeque;

/// How many of the last lines are kept to be shown.
const TAIL: usize = 30;

/// Messages after which the kernel has stopped; the second is that of its decompressor.
const PANIC: &[&str] = &["Kernel panic - not syncing", "-- System halted"];

/// The texts of kernel messages that fail the test during which they appear; the runner in the guest reads them, too.
const DAMAGE: &str = include_str!("../../scripts/kselftest/lib/damage");

/// Whether a message means damage.
fn is_damage(text: &str) -> bool {
    DAMAGE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .any(|damage| text.contains(damage))
}

/// A kernel message that means damage.
#[derive(Debug, PartialEq)]
pub struct Damage {
    pub line: String,
    /// The test that ran when it appeared; none before the first.
    pub during: Option<String>,
}

#[derive(Debug, Default)]
pub struct Console {
    lines: Lines,
    tail: VecDeque<String>,
    panic: Option<String>,
    damage: Vec<Damage>,
}

impl Console {
    /// Reads what the console printed; `running` is the test that runs.
    pub fn feed(&mut self, bytes: &[u8], running: Option<&str>) {
        for line in self.lines.feed(bytes) {
            let text = without_timestamp(&line);
            if self.panic.is_none() && PANIC.iter().any(|mark| text.contains(mark)) {
                self.panic = Some(text.trim().to_owned());
            }
            if is_damage(text) {
                self.damage.push(Damage {
                    line: text.to_owned(),
                    during: running.map(Into::into),
                });
            }
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line);
        }
    }

    /// The panic message, once there was one.
    pub fn panic(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The last lines.
    pub fn tail(&self) -> impl Iterator<Item = &str> {
        self.tail
            .iter()
            .map(String::as_str)
            .chain(self.lines.rest())
    }
}

fn without_timestamp(line: &str) -> &str {
    let rest = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    rest.filter(|(time, _)| time.chars().all(|c| matches!(c, '0'..='9' | '.' | ' ')))
        .map_or(line, |(_, text)| text)
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    /// The partial line as text, for those who look before it ends.
    text: String,
}

impl Lines {
    /// Adds bytes, and returns the lines that they end, without their ends.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        self.partial.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            lines.push(
                String::from_utf8_lossy(&line)
                    .trim_end_matches(['\r', '\n'])
                    .to_owned(),
            );
        }
        self.text = String::from_utf8_lossy(&self.partial).into_owned();
        lines
    }

    /// The text after the last line's end.
    pub fn rest(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;
    use std::process::Stdio;

    use super::*;

    /// A message of each kind, as Linux 7.3 prints it.
    const KINDS: &str = "\
WARNING: drivers/pci/pci.c:1 at f+0x1/0x2, CPU#0: sh/1
BUG: kernel NULL pointer dereference, address: 0000000000000008
BUG kmalloc-64 (Not tainted): Right Redzone overwritten
BUG: sleeping function called from invalid context at kernel/locking/mutex.c:1
BUG: scheduling while atomic: sh/1/0x00000002
BUG: unable to handle page fault for address: ffffc90000000000
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]
watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 0
kernel BUG at mm/slub.c:1!
Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP
Oops: 0002 [#1] SMP
Internal error: synchronous external abort: 0000000096000210 [#1]  SMP
SError Interrupt on CPU0, code 0x00000000bf000000 -- SError
Kernel panic - not syncing: Fatal exception
Unable to handle kernel paging request, unable to handle
refcount_t: underflow; use-after-free.
BUG: KASAN: slab-use-after-free in f+0x1/0x2
UBSAN: array-index-out-of-bounds in f.c:1:1
kmemleak: Cannot insert 0xffff888000000000 into the object search tree (overlaps existing)
kmemleak: Freeing unknown object at 0xffff888000000000
kmemleak: Partially freeing unknown object at 0xffff888000000000 (size 8)
kmemleak: Kernel memory leak detector disabled
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: inconsistent lock state
INFO: trying to register non-static key.
WARNING: suspicious RCU usage
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
rcu: INFO: rcu_tasks detected expedited stalls on CPUs/tasks: { 0-... }
rcu: INFO: rcu_preempt self-detected stall on CPU
INFO: task sh:1 blocked for more than 120 seconds.
Future hung task reports are suppressed, see sysctl kernel.hung_task_warnings
";

    /// What runs a function of the guest's `lib/` with this input.
    fn of_guest(script: &str, input: &str) -> String {
        let kselftest = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kselftest");
        let mut guest = Command::new("sh")
            .args(["-euc", script])
            .env("KT_DIR", kselftest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = guest.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).unwrap();
        drop(pipe);
        String::from_utf8(guest.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn of_lost_memory_only_a_pci_dev_is_known() {
        let object = |caller: &str| {
            format!(
                "unreferenced object 0xffff888000000000 (size 64):\n  backtrace (crc 0):\n    \
                 kmemleak_alloc+0x4e/0x90\n    {caller}+0x1/0x2\n"
            )
        };
        let module = "_RNvMs_added+0x1/0x2 [pci_guard]\n    pci_device_add+0x1/0x2\n    ";
        let ours = object("_RNvMs_init") + &object(&format!("{module}pci_scan_single_device"));
        let all = object("pci_scan_single_device") + &ours + &object("pci_iov_add_virtfn");
        let script = ". \"$KT_DIR/lib/kmemleak.sh\"; kmemleak_unknown";
        assert_eq!(of_guest(script, &all), ours);
    }

    #[test]
    fn each_kind_of_damage_is_seen_by_harness_and_guest() {
        for line in KINDS.lines() {
            assert!(is_damage(line), "the harness does not see: {line}");
        }
        let script = ". \"$KT_DIR/lib/dmesg.sh\"; dmesg_since() { cat; }; ! dmesg_damage mark";
        let all = KINDS.to_owned() + "pcieport 0000:00:04.0: AER: error\n";
        assert_eq!(of_guest(script, &all), KINDS);
    }

    #[test]
    fn damage_is_text_that_a_regular_expression_takes_as_it_is() {
        let texts = DAMAGE.lines().filter(|line| !line.starts_with('#'));
        for text in texts {
            assert!(
                !text.contains(|c: char| r".*+?[](){}|^$\".contains(c)),
                "{text}"
            );
            assert_eq!(text, text.trim());
        }
    }

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        assert!(lines.feed(b"a").is_empty());
        assert_eq!(lines.feed(b"b\r\nc\n\xff"), ["ab", "c"]);
        assert_eq!(lines.rest(), Some("\u{fffd}"));
    }

    #[test]
    fn damage_has_the_test_that_ran() {
        let mut console = Console::default();
        console.feed(b"[    0.000000] Linux version 7.3.4\n", None);
        console.feed(
            b"[   10.5] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1\n",
            Some("bind"),
        );
        assert_eq!(console.damage().len(), 1);
        assert_eq!(console.damage()[0].during.as_deref(), Some("bind"));
        assert_eq!(
            console.damage()[0].line,
            "WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1"
        );
        assert_eq!(console.panic(), None);
    }

    #[test]
    fn a_panic_is_seen_and_the_tail_is_bounded() {
        let mut console = Console::default();
        for number in 0..50 {
            console.feed(format!("line {number}\n").as_bytes(), None);
        }
        console.feed(
            b"[    9.1] Kernel panic - not syncing: sysrq triggered crash\n[ 9.2] half",
            None,
        );
        assert_eq!(
            console.panic(),
            Some("Kernel panic - not syncing: sysrq triggered crash")
        );
        assert_eq!(console.tail().count(), TAIL + 1);
        assert_eq!(console.tail().last(), Some("[ 9.2] half"));
    }

    #[test]
    fn harmless_messages_are_no_damage() {
        let mut console = Console::default();
        console.feed(
            b"[ 1.0] pcieport 0000:00:04.0: AER: Uncorrectable (Fatal) error message received\n",
            None,
        );
        console.feed(b"[ 1.0] BUGs are not here; unregistered. debug: on\n", None);
        // A test may switch the machine off, and it boots again.
        console.feed(
            b"[ 1.0] kmemleak: Kernel memory leak detector initialized (mem pool available: 30888)\n\
              [ 1.0] kmemleak: Automatic memory scanning thread started\n",
            None,
        );
        assert!(console.damage().is_empty());
    }
}
