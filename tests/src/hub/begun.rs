//! A command of the hub at work: what it has said so far, how it ends, or that it is killed.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
};

use rustix::process::Signal;

use super::log::Log;
use crate::PATIENCE;

/// A command that was begun. Dropped: killed.
#[derive(Debug)]
pub struct BegunCommand {
    command: Command,
    child: Child,
    said: Log,
    /// They take in what it says.
    readers: Vec<JoinHandle<()>>,
}

/// How a command has ended.
#[derive(Debug, Clone)]
pub struct EndedCommand {
    /// Its status, also when it was killed.
    pub status: ExitStatus,
    /// What it has said, on both of its outputs.
    pub said: String,
}

impl EndedCommand {
    /// Whether it was killed before its end.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }
}

impl BegunCommand {
    /// Starts one that has a bound.
    pub(super) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the hub can be started");
        let said = Log::default();
        let readers = vec![
            said.follow(child.stdout.take().expect("it is piped")),
            said.follow(child.stderr.take().expect("it is piped")),
        ];
        Self { command, child, said, readers }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has said a line with this text.
    #[must_use]
    pub fn has_said(&self, text: &str) -> bool {
        self.said.lines().iter().any(|line| line.contains(text))
    }

    /// Whether it has ended. All that it has said is known then.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait().expect("a child of ours").is_some();
        if ended {
            self.is_heard_out();
        }
        ended
    }

    /// Waits until all that it has said is known, once it has ended.
    fn is_heard_out(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().expect("it reads text");
        }
    }

    /// `kill -9`, which may come too late ([`EndedCommand::was_killed`]).
    ///
    /// # Panics
    /// When the system refuses it, or it had not ended after [`PATIENCE`].
    pub fn kill(mut self) -> EndedCommand {
        self.child.kill().expect("a child of ours");
        self.ended()
    }

    /// Waits for its end. Blocks the thread.
    ///
    /// # Panics
    /// When it has not ended after [`PATIENCE`], with what it has said.
    pub fn ended(mut self) -> EndedCommand {
        let status = self.child.wait().expect("a child of ours");
        self.is_heard_out();
        let said = self.said.lines().join("\n");
        in_time(&self.command, status, &said);
        EndedCommand { status, said }
    }
}

impl Drop for BegunCommand {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Checks that the bound of a command was not what has ended it.
pub(super) fn in_time(command: &Command, status: ExitStatus, said: &str) {
    let bound = Some(Signal::ALARM.as_raw());
    let arguments = || command.get_args().collect::<Vec<_>>();
    let seconds = PATIENCE.as_secs();
    assert!(status.signal() != bound, "{:?} had not ended after {seconds} s: {said}", arguments());
}
