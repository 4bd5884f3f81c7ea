// SPDX-License-Identifier: GPL-2.0-only

//! Does for the tests in the guest what shell does badly. It shares no code with the modules, so that it can say where
//! they are wrong.
//!
//! | file | |
//! |---|---|
//! | `main.rs` | the commands |
//! | `options.rs` | the command line of a command |
//! | `config.rs` | reads and writes config space |
//! | `registers.rs`, `layout.rs` | decodes it: which registers there are, which bits change by themselves |
//! | `states.rs` | names the state that a loss left |
//! | `log.rs`, `failures.rs` | lets allocations fail, and finds them in the kernel log |
//! | `file.rs` | writes, opens, loads; the errno by name |
//! | `aer.rs` | records for `aer_inject` |
//! | `measure.rs` | what a write takes |
//! | `fuzz.rs`, `fuzz/` | random operations on files |
//! | `vfio.rs`, `vfio/` | drives a function through VFIO |

use std::process::ExitCode;

use anyhow::Result;

mod aer;
mod config;
mod failures;
mod file;
mod fuzz;
mod layout;
mod log;
mod measure;
mod options;
mod registers;
mod states;
mod vfio;

use options::Options;

/// One command.
struct Command {
    name: &'static str,
    /// Its arguments, for `--help`.
    usage: &'static str,
    about: &'static str,
    run: fn(Options) -> Result<ExitCode>,
}

const fn command(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(Options) -> Result<ExitCode>,
) -> Command {
    Command {
        name,
        usage,
        about,
        run,
    }
}

const COMMANDS: &[Command] = &[
    command(
        "config-read",
        "FUNCTION OFFSET SIZE",
        config::READ,
        config::read_command,
    ),
    command(
        "config-write",
        "FUNCTION OFFSET SIZE VALUE...",
        config::WRITE,
        config::write_command,
    ),
    command(
        "registers",
        "[--bytes N] [--fleet] FUNCTION...",
        registers::ABOUT,
        registers::command,
    ),
    command(
        "capabilities",
        "[--bytes N] [--count] FUNCTION",
        registers::CAPABILITIES,
        registers::capabilities_command,
    ),
    command(
        "saved-diff",
        "[--bytes N] FUNCTION SAVED",
        registers::SAVED,
        registers::saved_command,
    ),
    command(
        "states",
        "[--skip LIST] [--half LIST] SAVED WOULD REGISTERS",
        states::ABOUT,
        states::command,
    ),
    command(
        "failures",
        "[--ours REGEX] [--damage REGEX] [--forgiven REGEX] [--want REGEX]",
        failures::ABOUT,
        failures::command,
    ),
    command("write", "FILE [TEXT]", file::WRITE, file::write_command),
    command("open", "read|write FILE", file::OPEN, file::open_command),
    command("load", "FILE", file::LOAD, file::load_command),
    command("unload", "NAME", file::UNLOAD, file::unload_command),
    command(
        "aer-record",
        "FUNCTION CORRECTABLE UNCORRECTABLE [FILE]",
        aer::ABOUT,
        aer::command,
    ),
    command(
        "measure",
        "[--times N] [--before FILE] FILE TEXT",
        measure::ABOUT,
        measure::command,
    ),
    command(
        "fuzz",
        "--seed N [OPTION]... PLAN",
        fuzz::ABOUT,
        fuzz::command,
    ),
    command("vfio", "FUNCTION", vfio::ABOUT, vfio::command),
];

fn help() -> String {
    let mut text = String::from(
        "usage: guest COMMAND [ARGUMENT]...\n\
         Does for the tests what shell does badly. A FUNCTION is an address as 0000:01:00.0, or a file with a config space.\n\n",
    );
    for command in COMMANDS {
        let summary = command.about.lines().next().unwrap_or_default();
        text += &format!("  {:13} {summary}\n", command.name);
    }
    text + "\nguest COMMAND --help says more. Exit status: 0 done, 1 the answer is no, 2 an error.\n"
}

fn run(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<ExitCode> {
    let Some(name) = arguments.next() else {
        eprint!("{}", help());
        return Ok(ExitCode::from(2));
    };
    if name == "--help" || name == "-h" {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    let command = COMMANDS
        .iter()
        .find(|command| name == command.name)
        .ok_or_else(|| {
            anyhow::anyhow!(
                "there is no command `{}` (see --help)",
                name.to_string_lossy()
            )
        })?;
    let options = Options::new(arguments);
    if options.ask_for_help() {
        println!(
            "usage: guest {} {}\n\n{}",
            command.name, command.usage, command.about
        );
        return Ok(ExitCode::SUCCESS);
    }
    (command.run)(options)
        .map_err(|error| error.context(format!("{} {}", command.name, command.usage)))
}

fn main() -> ExitCode {
    run(std::env::args_os().skip(1)).unwrap_or_else(|error| {
        eprintln!("guest: error: {error:#}");
        ExitCode::from(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_words(words: &[&str]) -> Result<ExitCode> {
        run(words.iter().map(|word| (*word).into()))
    }

    #[test]
    fn every_command_has_a_line_in_the_help() {
        let help = help();
        for command in COMMANDS {
            assert!(
                help.contains(&format!("\n  {} ", command.name)),
                "{}",
                command.name
            );
            assert_eq!(
                run_words(&[command.name, "--help"]).unwrap(),
                ExitCode::SUCCESS
            );
        }
        assert!(help.lines().all(|line| line.len() <= 120), "{help}");
    }

    #[test]
    fn wrong_usage_is_an_error() {
        let error = run_words(&["nonsense"]).unwrap_err().to_string();
        assert!(error.contains("no command `nonsense`"), "{error}");
        assert!(run_words(&["config-read", "0000:00:00.0"]).is_err());
        assert!(run_words(&["registers", "--nonsense", "x"]).is_err());
        assert_eq!(run_words(&[]).unwrap(), ExitCode::from(2));
    }
}
