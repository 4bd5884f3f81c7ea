// SPDX-License-Identifier: GPL-2.0-only

//! Finds, in lines of the kernel log, the allocations that were made to fail (`Documentation/fault-injection`).

use anyhow::Context;
use anyhow::Result;
use regex_lite::Regex;

/// What every stack begins with.
const ALLOCATOR: &str = "^(dump_stack|__dump_stack|should_fail|fail_dump|__kmalloc|__kvmalloc|kmem_cache_alloc|\
    kmalloc|krealloc|__alloc_|alloc_pages|alloc_frozen_pages|___kmalloc|__do_kmalloc|_RNv.*alloc)";

/// How many functions of a stack are named.
const MOST_NAMED: usize = 4;

/// What to look for.
pub struct Patterns {
    allocator: Regex,
    frame: Regex,
    ours: Option<Regex>,
    damage: Option<Regex>,
    forgiven: Option<Regex>,
    want: Option<Regex>,
}

impl Patterns {
    pub fn new(
        ours: Option<&str>,
        damage: Option<&str>,
        forgiven: Option<&str>,
        want: Option<&str>,
    ) -> Result<Self> {
        let regex = |text: Option<&str>| {
            text.filter(|text| !text.is_empty())
                .map(|text| {
                    Regex::new(text).with_context(|| format!("no regular expression: `{text}`"))
                })
                .transpose()
        };
        Ok(Self {
            allocator: Regex::new(ALLOCATOR)?,
            frame: Regex::new(r"^ ([A-Za-z_0-9.$]+)\+0x[0-9a-f]+/0x[0-9a-f]+")?,
            ours: regex(ours)?,
            damage: regex(damage)?,
            forgiven: regex(forgiven)?,
            want: regex(want)?,
        })
    }
}

fn matches(regex: Option<&Regex>, line: &str) -> bool {
    regex.is_some_and(|regex| regex.is_match(line))
}

/// Where the allocation was made that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// No failure was logged.
    None,
    /// The stack goes through none of the modules.
    Core,
    /// It goes through one.
    Ours,
}

/// What a part of the log says.
#[derive(Debug)]
pub struct Findings {
    class: Class,
    damage: Option<String>,
    wanted: usize,
    /// The innermost functions of the stack.
    site: Vec<String>,
    /// How many functions of the stack that is being read were named.
    depth: usize,
}

impl Findings {
    pub fn new() -> Self {
        Self {
            class: Class::None,
            damage: None,
            wanted: 0,
            site: Vec::new(),
            depth: 0,
        }
    }

    /// Takes a line, without its time.
    pub fn line(&mut self, line: &str, patterns: &Patterns) {
        if line.starts_with("FAULT_INJECTION: forcing a failure") {
            if self.class == Class::None {
                self.class = Class::Core;
            }
            self.depth = 0;
        } else if self.class != Class::None {
            if let Some(frame) = patterns.frame.captures(line) {
                let name = &frame[1];
                if matches(patterns.ours.as_ref(), line) {
                    self.class = Class::Ours;
                }
                if self.depth < MOST_NAMED && !patterns.allocator.is_match(name) {
                    self.site.push(name.to_owned());
                    self.depth += 1;
                }
            }
        }
        let forgiven = || matches(patterns.forgiven.as_ref(), line);
        if self.damage.is_none() && matches(patterns.damage.as_ref(), line) && !forgiven() {
            self.damage(line);
        }
        if matches(patterns.want.as_ref(), line) {
            self.wanted += 1;
        }
    }

    /// Notes damage.
    pub fn damage(&mut self, text: &str) {
        self.damage = Some(text.replace(' ', "_"));
    }

    /// `CLASS DAMAGE WANTED SITE`
    pub fn answer(&self) -> String {
        let class = match self.class {
            Class::None => "none",
            Class::Core => "core",
            Class::Ours => "ours",
        };
        let damage = self.damage.as_deref().unwrap_or("-");
        let site = if self.site.is_empty() {
            "-".to_owned()
        } else {
            self.site.join("<")
        };
        format!("{class} {damage} {} {site}", self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "\
FAULT_INJECTION: forcing a failure.
name failslab, interval 1, probability 0
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 should_fail_ex.cold+0x32/0x4c
 __kmalloc_cache_noprof+0x1f/0x2a0
 _RNvMs_NtCs1_6kernel5alloc+0x10/0x20
 save_state+0x10/0x20 [pci_recovery]
 write+0x5/0x9
 vfs_write+0x1/0x2
 ksys_write+0x1/0x2
 do_syscall_64+0x1/0x2";

    fn read(text: &str) -> Findings {
        let patterns = Patterns::new(
            Some(r"\[(pci_recovery|pci_guard)\]"),
            Some("WARNING:|BUG:"),
            Some("WARNING: forgiven"),
            Some("device recovery successful"),
        );
        let patterns = patterns.unwrap();
        let mut findings = Findings::new();
        text.lines().for_each(|line| findings.line(line, &patterns));
        findings
    }

    #[test]
    fn a_stack_through_a_module_is_ours() {
        assert_eq!(
            read(STACK).answer(),
            "ours - 0 save_state<write<vfs_write<ksys_write"
        );
        assert_eq!(
            read(&STACK.replace(" [pci_recovery]", "")).class,
            Class::Core
        );
        // A stack of something else, before any failure.
        assert_eq!(read(" f+0x1/0x2 [pci_recovery]").answer(), "none - 0 -");
    }

    #[test]
    fn damage_is_named_unless_it_is_forgiven() {
        assert_eq!(
            read("WARNING: forgiven\nWARNING: at x\nBUG: y").answer(),
            "none WARNING:_at_x 0 -"
        );
        assert_eq!(
            read("x: device recovery successful\ny: device recovery successful").answer(),
            "none - 2 -"
        );
    }

    #[test]
    fn a_pattern_may_be_missing_but_not_wrong() {
        let patterns = Patterns::new(None, Some(""), None, None).unwrap();
        let mut findings = Findings::new();
        findings.line("WARNING: x", &patterns);
        assert_eq!(findings.answer(), "none - 0 -");
        assert!(Patterns::new(Some("("), None, None, None).is_err());
    }
}
