// SPDX-License-Identifier: GPL-2.0-only

//! From the command line to a guest that boots: checks what was given, then starts.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use tempfile::TempDir;

use crate::accel;
use crate::accel::Accel;
use crate::accel::Choice;
use crate::arch::Arch;
use crate::cli::GuestArgs;
use crate::command;
use crate::command::Parts;
use crate::console::Console;
use crate::initramfs::Contents;
use crate::initramfs::Initramfs;
use crate::logs::Logs;
use crate::machine::Machine;
use crate::qmp::Qmp;
use crate::qmp::QmpError;
use crate::requests;
use crate::requests::Requests;
use crate::runner;
use crate::runner::Runner;
use crate::session;
use crate::session::Event;
use crate::session::Limits;
use crate::session::Session;
use crate::topology::Topology;
use crate::trace::Trace;
use crate::ui::Ui;

/// The longest path of a Unix socket (sun_path) that is not cut off.
const SOCKET_PATH: usize = 107;

/// Where --dry-run says that the sockets and the files are.
const DRY_RUN: &str = "/tmp/pci-recovery-dry-run";

/// A guest that could be booted: everything that was given has been checked.
pub struct Guest {
    mode: &'static str,
    arch: Arch,
    runner: Runner,
    topology: Topology,
    kernel: PathBuf,
    release: String,
    initramfs: Initramfs,
    keep_initramfs: Option<PathBuf>,
    accel: Accel,
    accel_reason: String,
    icount: bool,
    processors: u32,
    log_dir: PathBuf,
}

impl Guest {
    /// Checks `args`. `topology` is instead of the one in there; `mode` is what /init does; `settings` are more files
    /// for /etc/pci-recovery.
    pub fn prepare(
        args: &GuestArgs,
        topology: &str,
        mode: &'static str,
        settings: &[(&str, String)],
    ) -> Result<Self> {
        let mut topology = Topology::load(topology)?;
        topology.memory_mib = topology.memory_mib.saturating_add(args.more_memory);
        let arch = args.arch;
        topology.fit(arch)?;
        let kernel = topology.image(&args.kernel);
        let kernel = kernel
            .canonicalize()
            .with_context(|| format!("no kernel image at {} (--kernel)", kernel.display()))?;
        let release = arch.kernel_release(&kernel)?;
        let mut all = vec![
            ("mode", format!("{mode}\n")),
            ("ports", format!("{}\n", arch.port_names())),
            ("port-modules", format!("{}\n", arch.port_modules())),
            ("topology", topology.guest_lines()),
            ("topology-models", topology.model_lines()),
            ("topology-name", format!("{}\n", topology.name)),
        ];
        if let Some(swap) = &topology.swap {
            all.push(("swap", format!("{}\n", swap.mib)));
        }
        if let Some(seed) = args.seed.0 {
            all.push(("seed", format!("{seed}\n")));
        }
        if args.icount {
            all.push(("icount", "1\n".into()));
        }
        all.extend_from_slice(settings);
        let initramfs = Initramfs::collect(&Contents {
            busybox: &args.busybox,
            release: &release,
            modules: &args.module_dir,
            kselftest: &args.kselftest,
            tools: args.tools.as_deref(),
            settings: &all,
        })?;
        // Where time counts instructions there is one.
        let processors = match args.icount {
            true => 1,
            false => topology.processors.unwrap_or(args.processors),
        };
        let runner = Runner::new(&args.runner);
        let choice = match args.icount {
            true if args.accel == Choice::Kvm => {
                bail!("--icount counts what TCG executes: not with --accel kvm")
            }
            true => Choice::Tcg,
            false => args.accel,
        };
        let (accel, accel_reason) = accel::choose(choice, arch, &runner)?;
        Ok(Self {
            mode,
            arch,
            runner,
            topology,
            kernel,
            release,
            initramfs,
            keep_initramfs: args.initramfs.clone(),
            accel,
            accel_reason,
            icount: args.icount,
            processors,
            log_dir: args.log_dir.clone(),
        })
    }

    fn arguments(&self, initramfs: &Path, own: &Path, logs: &Path) -> Vec<OsString> {
        command::arguments(&Parts {
            arch: self.arch,
            accel: self.accel,
            kernel: &self.kernel,
            initramfs,
            own,
            topology: &self.topology,
            icount: self.icount,
            processors: self.processors,
            trace: &logs.join(command::TRACE),
            panic_on_oops: self.mode != "shell",
        })
    }

    /// The folders that QEMU needs, besides `own`.
    fn folders<'a>(&'a self, own: &'a Path) -> Vec<&'a Path> {
        [Some(own), self.kernel.parent()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Prints the command that would be run.
    pub fn dry_run(&self, ui: &Ui) -> Result<()> {
        let own = Path::new(DRY_RUN);
        let initramfs = match &self.keep_initramfs {
            Some(path) => {
                self.write_initramfs(path)?;
                path.canonicalize()?
            }
            None => own.join("initramfs.cpio"),
        };
        let mut folders = self.folders(own);
        folders.extend(
            self.keep_initramfs
                .as_ref()
                .and_then(|_| initramfs.parent()),
        );
        let binds = self.runner.binds(&folders);
        let environment: Vec<_> = [(runner::BIND, binds)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let words = self
            .runner
            .words(self.arch.qemu(), &self.arguments(&initramfs, own, own));
        ui.line(&format!(
            "mkdir -p {DRY_RUN}  # for the sockets: console.sock shows the kernel's messages"
        ));
        if let Some(table) = self.arch.acpi_table() {
            ui.line(&command::file_for_shell(&own.join(command::WAKE), &table));
        }
        for disk in self.topology.disks() {
            let (mib, file) = (disk.mib, disk.file());
            ui.line(&format!("truncate -s {mib}M {DRY_RUN}/{file}"));
        }
        if self.keep_initramfs.is_none() {
            ui.line("# The initramfs is there during a run only; --initramfs FILE writes one that stays.");
        }
        ui.line(&command::for_shell(&environment, &words));
        Ok(())
    }

    fn write_initramfs(&self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = BufWriter::new(File::create(path)?);
            self.initramfs.write(&mut file)?;
            file.flush()
        };
        write().with_context(|| format!("cannot write the initramfs to {}", path.display()))
    }

    /// Whether QEMU translates the guest's instructions.
    pub fn is_translated(&self) -> bool {
        self.accel == Accel::Tcg
    }

    /// Starts QEMU, and returns when the machine is complete and the guest runs.
    pub fn boot(
        &self,
        limits: Limits,
        events: Receiver<Event>,
        sender: &Sender<Event>,
        ui: &Ui,
    ) -> Result<Session> {
        let arch = match self.arch.is_default() {
            true => String::new(),
            false => format!(" on {}", self.arch),
        };
        ui.note(&format!(
            "kernel {}{arch}, topology {}: {}",
            self.release, self.topology.name, self.topology.description
        ));
        ui.note(&format!("accelerator: {}", self.accel_reason));
        ui.status("starting QEMU");
        if let Some(path) = &self.keep_initramfs {
            self.write_initramfs(path)?;
        }
        let own = own_folder()?;
        let initramfs = own.path().join("initramfs.cpio");
        self.write_initramfs(&initramfs)?;
        if let Some(table) = self.arch.acpi_table() {
            fs::write(own.path().join(command::WAKE), table)
                .context("cannot write the ACPI table")?;
        }
        for disk in self.topology.disks() {
            File::create(own.path().join(disk.file()))
                .and_then(|file| file.set_len(u64::from(disk.mib) << 20))
                .with_context(|| format!("cannot make the disk {}", disk.name))?;
        }

        let logs = Logs::create(&self.log_dir, self.mode)?;
        // QEMU may be elsewhere, and sees no more than it needs.
        let log_folder = logs
            .directory()
            .canonicalize()
            .context("the logs have gone")?;
        let arguments = self.arguments(&initramfs, own.path(), &log_folder);
        let words = self.runner.words(self.arch.qemu(), &arguments);
        logs.qmp().line(
            "start:",
            command::for_shell(&[], &words)
                .replace(" \\\n   ", "")
                .as_bytes(),
        );
        let mut folders = self.folders(own.path());
        if self.icount {
            folders.push(&log_folder);
        }
        let mut machine = Machine::start(
            &self.runner,
            self.arch.qemu(),
            &arguments,
            &folders,
            &logs.qmp(),
        )?;
        let mut connect = |name: &str| machine.connect(&own.path().join(format!("{name}.sock")));
        let console_port = connect(command::CONSOLE)?;
        let requests_port = connect(command::REQUESTS)?;
        let output_port = connect(command::OUTPUT)?;
        let qmp_port = connect(command::QMP)?;
        session::forward(console_port.try_clone()?, sender.clone(), Event::Console);
        session::forward(output_port.try_clone()?, sender.clone(), Event::Output);

        let qmp = match Qmp::connect(qmp_port, logs.qmp()) {
            Ok(qmp) => Arc::new(Mutex::new(qmp)),
            Err(QmpError::Channel(_)) => bail!(machine.why_not_started()),
            Err(error) => return Err(error).context("QEMU refuses to be controlled"),
        };
        // QEMU has read the files and the sockets are connected: even SIGKILL leaves no files.
        own.close().context("cannot remove temporary files")?;
        Requests {
            stream: requests_port,
            qmp: Arc::clone(&qmp),
            devices: self.topology.devices.clone(),
            log: logs.qmp(),
            trace: Trace::new(log_folder.join(command::TRACE)),
            answers_after: if self.icount {
                requests::LEFT_ALONE
            } else {
                Duration::ZERO
            },
            events: sender.clone(),
        }
        .serve();
        ui.status("the guest boots");
        Ok(Session {
            machine,
            qmp,
            console_port,
            output_port,
            events,
            logs,
            limits,
            console: Console::default(),
            has_begun: false,
        })
    }
}

/// A folder for the sockets and what QEMU reads, that removes itself.
fn own_folder() -> Result<TempDir> {
    let mut parent = env::temp_dir();
    if parent.as_os_str().len() + "/pci-recovery-123456/requests.sock".len() > SOCKET_PATH {
        parent = "/tmp".into();
    }
    let make = || {
        tempfile::Builder::new()
            .prefix("pci-recovery-")
            .tempdir_in(&parent)
    };
    make().with_context(|| format!("cannot make a temporary folder in {}", parent.display()))
}
