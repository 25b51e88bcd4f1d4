//! The locks of a log in a process that starts others: until a forked process runs its own program, it has every file open that
//! its parent had.

use std::io::{PipeWriter, Read, Write, pipe};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::JoinHandle;

use journal::Claim;

use crate::{SMALL, payload};

/// A process between its fork and its own program, for as long as this is there.
struct Forked {
    go: PipeWriter,
    started: Option<JoinHandle<Child>>,
}

impl Forked {
    /// Forks, and returns once the process is there with everything that is open.
    fn new() -> Self {
        let ((mut is_here, here), (may_go, go)) = (pipe().unwrap(), pipe().unwrap());
        let mut command = Command::new("true");
        // SAFETY: between fork and exec only `write` and `read` are called, which are safe there.
        unsafe {
            command.pre_exec(move || {
                (&here).write_all(b".")?;
                (&may_go).read_exact(&mut [0])
            });
        }
        // The call returns once the process runs its own program.
        let started = std::thread::spawn(move || command.spawn().unwrap());
        is_here.read_exact(&mut [0]).unwrap();
        Self { go, started: Some(started) }
    }
}

impl Drop for Forked {
    /// It runs its own program, to the end.
    fn drop(&mut self) {
        self.go.write_all(b".").unwrap();
        let started = self.started.take().map(JoinHandle::join);
        started.unwrap().unwrap().wait().unwrap();
    }
}

/// Opens a log, changes its segment once, and closes it.
fn lengthened(path: &Path) {
    let mut log = journal::open(path, SMALL).unwrap().into_sync();
    for n in 1..=20 {
        log.append(&payload(n));
        log.sync().unwrap();
    }
    log.close().unwrap();
}

#[test]
fn a_log_that_was_closed_is_free_while_a_forked_process_still_has_its_files_open() {
    let dir = tempfile::tempdir().unwrap();
    lengthened(dir.path());
    let log = journal::open(dir.path(), SMALL).unwrap();
    let _forked = Forked::new();
    assert!(matches!(Claim::take(dir.path()), Err(journal::Error::Locked { .. })), "a writer has it");
    drop(log);
    // A claim that changes nothing, one that is a writer's, and a writer that goes on to other segments.
    for _ in 0..2 {
        drop(Claim::take(dir.path()).unwrap());
        lengthened(dir.path());
    }
}

#[test]
fn a_claim_that_was_dropped_is_free_while_a_forked_process_still_has_its_files_open() {
    let dir = tempfile::tempdir().unwrap();
    lengthened(dir.path());
    let claim = Claim::take(dir.path()).unwrap();
    let _forked = Forked::new();
    drop(claim);
    lengthened(dir.path());
}

#[test]
fn segments_that_a_writer_left_are_free_while_a_forked_process_still_has_them_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = journal::open(dir.path(), SMALL).unwrap().into_sync();
    let _forked = Forked::new();
    for n in 1..=20 {
        log.append(&payload(n));
        log.sync().unwrap();
    }
    let taken = |name: &std::path::PathBuf| std::fs::File::open(name).unwrap().try_lock().is_err();
    let mut segments: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "log"));
    segments.sort();
    assert!(segments.len() > 1, "{segments:?}");
    let (last, before) = segments.split_last().unwrap();
    assert!(taken(last) && !before.iter().any(taken));
    drop(log);
    assert!(!taken(last));
}
