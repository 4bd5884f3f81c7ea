// SPDX-License-Identifier: GPL-2.0-only

//! Boots a kernel in QEMU, injects PCI errors through the emulated hardware, and reports what the guest found.
//!
//! `modes` has the subcommands, but for `bench` and those of `results`. Each lets `guest` check what was given and boot, `session`
//! run the guest to its end with a program (`check`, `demo`, `shell`) that interprets its output, and `outcome` has the exit
//! status. `suite` knows the tests, `shards` shares them, `guests` runs them, `results` records what happened.

mod accel;
mod arch;
mod bench;
mod check;
mod cli;
mod command;
mod console;
mod demo;
mod guest;
mod guests;
mod host;
mod image;
mod initramfs;
mod ktap;
mod logs;
mod machine;
mod matrix;
mod modes;
mod outcome;
mod qmp;
mod requests;
mod results;
mod runner;
mod session;
mod shards;
mod shell;
mod suite;
mod topology;
mod trace;
mod ui;
mod wake;

use std::process::ExitCode;
use std::sync::mpsc;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use anyhow::Result;
use clap::Parser;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use crate::cli::Cli;
use crate::cli::Command;
use crate::host::Host;
use crate::session::Event;
use crate::suite::Selection;
use crate::suite::Suite;
use crate::ui::Ui;

fn main() -> ExitCode {
    let result = match runner::supervise() {
        Some(status) => status.map_err(Into::into),
        None => run(Cli::parse()),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        eprintln!("{}: error: {error:#}", env!("CARGO_PKG_NAME"));
        outcome::UNUSABLE
    }))
}

fn run(cli: Cli) -> Result<u8> {
    let (sender, events) = mpsc::channel();
    listen_for_signals(sender.clone())?;
    let host = Host {
        ui: Ui::new(),
        events,
        sender,
    };
    match cli.command {
        Command::Check {
            guest,
            silence,
            filter,
            soak,
            corpus,
            models,
            first_topology,
            jobs,
            report,
        } => modes::check(
            host,
            &guest,
            silence.timeout,
            Selection {
                suite: match (soak, corpus, models) {
                    (true, _, _) => Suite::Soak,
                    (_, true, _) => Suite::Corpus,
                    (_, _, true) => Suite::Models,
                    _ => Suite::Tests,
                },
                filter: &filter,
                arch: guest.arch,
                first_topology,
            },
            jobs,
            &report.file,
        ),
        Command::Total { part, skip, report } => {
            results::total(&part, &skip, &report.file, &host.ui)
        }
        Command::Judge { file } => results::judge(&file, &host.ui),
        Command::Bench {
            mut guest,
            silence,
            bench,
        } => {
            guest.icount = true;
            bench::bench(host, &guest, silence.timeout, &bench)
        }
        Command::Run { guest, silence } => modes::demonstrate(host, &guest, silence.timeout),
        Command::Shell { guest } => modes::shell(host, &guest),
    }
}

/// Signals become events, so that everything is cleaned up in the ordinary way.
fn listen_for_signals(events: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot handle signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}
