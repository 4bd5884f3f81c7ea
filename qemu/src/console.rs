// SPDX-License-Identifier: GPL-2.0-only

//! Watches the kernel's console for what must not pass unseen.

use std::collections::VecDeque;

/// How many of the last lines are kept to be shown.
const TAIL: usize = 30;

/// Messages after which the kernel does nothing any more; the second is that of its decompressor.
const PANIC: &[&str] = &["Kernel panic - not syncing", "-- System halted"];

/// Kernel messages that fail the test during which they appear.
const DAMAGE: &[&str] = &[
    "WARNING: ",
    "BUG: ",
    "BUG kmalloc",
    "Oops: ",
    "Kernel panic",
    "general protection fault",
    "KASAN: ",
    "UBSAN: ",
    "kernel BUG at ",
    "possible circular locking dependency detected",
    "possible recursive locking detected",
    "inconsistent lock state",
    "register non-static key",
    "suspicious RCU usage",
    "rcu_preempt detected stalls",
    "rcu_sched detected stalls",
    "self-detected stall",
    "blocked for more than",
    "unreferenced object",
    "sleeping function called from invalid context",
];

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
            if DAMAGE.iter().any(|mark| text.contains(mark)) {
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

    /// What came after the last line's end.
    pub fn rest(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(console.damage().is_empty());
    }
}
