//! What the hub has on disk, and what its own commands say of it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Output},
};

use protocol::RoundId;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{
    begun::{BegunCommand, in_time},
    process::TestHub,
};
use crate::{PATIENCE, verify::Totals};

/// What a command has said, on both of its outputs.
#[must_use]
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Runs a bounded command to its end.
fn output(mut command: Command) -> Output {
    let output = command.output().expect("the hub can be started");
    in_time(&command, output.status, &words(&output));
    output
}

impl TestHub {
    /// The hub with these arguments, over the same directory and configuration; the kernel ends it after [`PATIENCE`].
    #[must_use]
    pub fn bounded<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(arguments);
        // SAFETY: between fork and exec only `alarm` is called, which is safe there.
        unsafe {
            command.pre_exec(|| {
                libc::alarm(PATIENCE.as_secs() as u32);
                Ok(())
            });
        }
        command
    }

    /// Runs a command of the hub, such as `check-config`, to its end.
    ///
    /// # Panics
    /// When it cannot be started, or has not ended after [`PATIENCE`].
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        output(self.bounded(arguments))
    }

    /// Runs a command that succeeds, and returns what it has said.
    ///
    /// # Panics
    /// When it fails.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = words(&output);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// Runs a command that the hub refuses (exit code 1, or 78 when the configuration is the reason), and returns what
    /// it has said.
    ///
    /// # Panics
    /// When it succeeds, or ends in another way: a wrong use (2), a panic, a signal.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = words(&output);
        assert!(matches!(output.status.code(), Some(1 | 78)), "{arguments:?}: {}: {said}", output.status);
        said
    }

    /// Runs a command that may write no file beyond so many bytes, as on a full disk.
    ///
    /// # Panics
    /// When it cannot be started, or has not ended after [`PATIENCE`].
    #[must_use]
    pub fn run_with_files_below(&self, bytes: u64, arguments: &[&str]) -> Output {
        let mut command = self.bounded(arguments);
        // SAFETY: between fork and exec only `signal` and `setrlimit` are called, which are safe there.
        unsafe {
            command.pre_exec(move || {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
                Ok(())
            });
        }
        output(command)
    }

    /// Starts a command of the hub and waits for nothing; it ends after [`PATIENCE`] at the latest.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn begin(&self, arguments: &[&str]) -> BegunCommand {
        BegunCommand::start(self.bounded(arguments))
    }

    /// Runs `hub verify` and reads its totals.
    ///
    /// # Panics
    /// When it finds anything wrong.
    pub fn verify(&self) -> Totals {
        let output = self.run(&["verify"]);
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "hub verify: {}\n{report}\n{errors}", output.status);
        Totals::parse(&report).unwrap_or_else(|| panic!("this is no report of an intact log:\n{report}"))
    }

    /// Runs `hub verify-round`.
    #[must_use]
    pub fn verify_round(&self, round: RoundId) -> Output {
        self.run(&["verify-round", &round.to_string()])
    }

    /// The directory of the log.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The segments of the log, oldest first.
    ///
    /// # Panics
    /// When the directory cannot be read.
    #[must_use]
    pub fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data()).expect("the directory of the log");
        let paths = entries.map(|entry| entry.expect("an entry of the directory").path());
        let mut segments: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
        segments.sort();
        segments
    }
}
