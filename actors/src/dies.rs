//! Tests of what ends the process: each runs again as a process of its own, which may end.

use std::{env, os::unix::process::ExitStatusExt, path::Path, path::PathBuf, process::Command};

/// Names the directory of the log to the process that is to die.
const DIRECTORY: &str = "ACTORS_TEST_DIES_OVER";

/// Names what it is to die of.
const OF: &str = "ACTORS_TEST_DIES_OF";

/// Runs the test `name` of this binary again, over `log`, to die of `what`; returns what it printed before the abort.
pub fn dies(name: &str, log: &Path, what: &str) -> String {
    let output = Command::new(env::current_exe().expect("a test runs from a file"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .envs([(DIRECTORY, log.as_os_str()), (OF, what.as_ref())])
        .output()
        .expect("the test can be started");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{what}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Where and of what this process is to die, if it is.
pub fn to_die() -> Option<(PathBuf, String)> {
    Some((env::var_os(DIRECTORY)?.into(), env::var(OF).ok()?))
}
