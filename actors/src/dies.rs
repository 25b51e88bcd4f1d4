//! Support for tests in which the process must end: such a test runs again in a process of its own.

use std::{env, os::unix::process::ExitStatusExt, path::Path, path::PathBuf, process::Command};

use rustix::process::Signal;

/// The environment variable that gives the new process the directory of the log.
const DIRECTORY: &str = "ACTORS_TEST_DIES_OVER";

/// The environment variable that gives the new process the fault that is to end it.
const OF: &str = "ACTORS_TEST_DIES_OF";

/// Runs the test `name` of this binary again in a new process, over `log`, with the fault `what`. Returns what it
/// printed before the abort.
pub fn dies(name: &str, log: &Path, what: &str) -> String {
    let output = Command::new(env::current_exe().expect("a test runs from a file"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .envs([(DIRECTORY, log.as_os_str()), (OF, what.as_ref())])
        .output()
        .expect("the test can be started");
    assert_eq!(output.status.signal(), Some(Signal::ABORT.as_raw()), "{what}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// In the new process: the directory of the log, and the fault. Otherwise `None`.
pub fn to_die() -> Option<(PathBuf, String)> {
    Some((env::var_os(DIRECTORY)?.into(), env::var(OF).ok()?))
}
