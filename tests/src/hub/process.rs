//! The hub as a process: started on a free port over a directory of its own, stopped, killed, started again.

use std::{
    ffi::OsStr,
    fs, io,
    net::SocketAddr,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::Instant,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit, setrlimit};
use serde_json::Value;

use super::{binary::binary, log::Log, setup::Setup};
use crate::{PATIENCE, until};

/// A hub of a test's own. Dropped: killed, and its log shown if the test has failed.
#[derive(Debug)]
pub struct TestHub {
    setup: Setup,
    pub(super) directory: tempfile::TempDir,
    pub(super) process: Option<Process>,
    pub(super) log: Log,
    expects_errors: bool,
    /// More arguments of a start.
    arguments: &'static [&'static str],
    /// Longest file that a started process may write. Bytes.
    file_bytes_max: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    /// Where it serves, once it has said so.
    pub(super) address: Option<SocketAddr>,
    /// Where it answers the operator, if it does.
    pub(super) admin: Option<SocketAddr>,
    /// Takes in its log, until the end of the process.
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Waits until all that the process has written is in the log, once it has ended.
    fn is_read(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it reads text");
        }
    }

    /// `kill -9`, and waits for the end. It may have ended by itself.
    fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.is_read();
        Ok(())
    }
}

impl Setup {
    /// Starts a hub over an empty directory and waits until it serves.
    ///
    /// # Panics
    /// When it does not serve in time.
    #[must_use]
    pub fn start(self) -> TestHub {
        let mut hub = self.prepare();
        hub.start();
        hub
    }

    /// Everything but the start.
    ///
    /// # Panics
    /// Without a temporary directory.
    #[must_use]
    pub fn prepare(self) -> TestHub {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("hub.toml"), self.text()).expect("the directory is ours");
        TestHub {
            setup: self,
            directory,
            process: None,
            log: Log::default(),
            expects_errors: false,
            arguments: &[],
            file_bytes_max: None,
        }
    }
}

impl TestHub {
    /// Starts the process and waits until it serves.
    ///
    /// # Panics
    /// When it runs already, or does not serve in time.
    pub fn start(&mut self) -> SocketAddr {
        self.spawn();
        self.serving()
    }

    /// Starts the process and waits for nothing.
    ///
    /// # Panics
    /// When it runs already.
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "the hub runs already");
        let mut command = self.command(["serve", "--listen", "127.0.0.1:0"]);
        command.args(self.arguments);
        let file_bytes_max = self.file_bytes_max;
        // SAFETY: between fork and exec only `signal` and `setrlimit` are called, which are safe there.
        unsafe {
            command.pre_exec(move || {
                // A file that may not grow is then an error of the write and not the end of the process.
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                // The tests may have been started with it ignored.
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                if file_bytes_max.is_some() {
                    setrlimit(Resource::Fsize, file_bytes(file_bytes_max))?;
                }
                Ok(())
            });
        }
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the hub can be started");
        self.log.lines().push(format!("--- process {}", child.id()));
        let reader = self.log.follow(child.stderr.take().expect("it is piped"));
        self.process = Some(Process { child, address: None, admin: None, reader: Some(reader) });
    }

    /// Waits until the process serves.
    ///
    /// # Panics
    /// When it ends instead, or takes too long.
    pub fn serving(&mut self) -> SocketAddr {
        let served = self.serving_or_ended();
        served.unwrap_or_else(|ended| panic!("the hub ended at its start: {ended:?}\n{}", self.tail()))
    }

    /// Waits until the process serves, or has ended by itself.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn serving_or_ended(&mut self) -> Result<SocketAddr, ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(line) = self.announced() {
                let named = |name: &str| line[name].as_str().and_then(|address| address.parse().ok());
                let address = named("address").expect("it serves somewhere");
                let process = self.process.as_mut().expect("it was started");
                (process.address, process.admin) = (Some(address), named("admin"));
                return Ok(address);
            }
            if let Some(ended) = self.has_ended() {
                return Err(ended);
            }
            assert!(began.elapsed() < PATIENCE, "the hub does not serve\n{}", self.tail());
            std::thread::sleep(crate::LOOK_EVERY);
        }
    }

    /// How the process has ended by itself, if it has.
    ///
    /// # Panics
    /// When it was not started.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        let process = self.process.as_mut().expect("it was started");
        let ended = process.child.try_wait().expect("a child of ours");
        if ended.is_some() {
            process.is_read();
        }
        ended
    }

    /// What the running process has written to its log when it began to serve.
    fn announced(&self) -> Option<Value> {
        let lines = self.log.lines();
        let start = lines.iter().rposition(|line| line.starts_with("---"))?;
        let line = lines[start..].iter().find(|line| line.contains("\"the hub serves\""))?;
        serde_json::from_str(line).ok()
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the hub runs");
        process.kill().expect("a child of ours");
    }

    /// `kill -9`, and starts again on the same directory.
    pub fn crash(&mut self) -> SocketAddr {
        self.kill();
        self.start()
    }

    /// `kill -9`, and starts again with another option.
    pub fn crash_into(&mut self, name: &str, value: impl ToString) -> SocketAddr {
        self.setup = self.setup.clone().option(name, value);
        self.crash()
    }

    /// From the next start on it is configured otherwise; its directory stays.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    pub fn configure(&mut self, change: impl FnOnce(Setup) -> Setup) {
        self.setup = change(self.setup.clone());
        fs::write(self.directory.path().join("hub.toml"), self.setup.text()).expect("the directory is ours");
    }

    /// Sends SIGTERM; [`TestHub::ended`] waits for the end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP, as a terminal does that closes.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process_id(), signal)
            .unwrap_or_else(|error| panic!("{signal:?} to the hub: {error}"));
    }

    fn process_id(&self) -> Pid {
        Pid::from_child(&self.process.as_ref().expect("the hub runs").child)
    }

    /// From the next start on `hub serve` gets these arguments too.
    pub fn serve_with(&mut self, arguments: &'static [&'static str]) {
        self.arguments = arguments;
    }

    /// The hub will have reason to log errors.
    pub fn expect_errors(&mut self) {
        self.expects_errors = true;
    }

    /// From now on the process may write no file: the disk is full.
    ///
    /// # Panics
    /// When the system does not allow it.
    pub fn fill_disk(&mut self) {
        self.limit_files(Some(0));
    }

    /// The next processes may write no file beyond so many bytes: there is no room for a longer one.
    pub fn start_with_files_below(&mut self, bytes: u64) {
        self.expects_errors = true;
        self.file_bytes_max = Some(bytes);
    }

    /// The running process may write files of so many bytes from now on; `None`: of any length.
    ///
    /// # Panics
    /// When the system does not allow it.
    pub fn limit_files(&mut self, bytes: Option<u64>) {
        self.expects_errors = true;
        prlimit(Some(self.process_id()), Resource::Fsize, file_bytes(bytes)).expect("a child of ours");
    }

    /// Waits for the process to end by itself. All that it has written is in the log then.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the hub runs");
        let child = &mut process.child;
        let ended = until("the end of the hub", async || child.try_wait().expect("a child of ours")).await;
        process.is_read();
        ended
    }

    /// The hub with these arguments, over the same directory and configuration.
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HUB_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.directory.path())
            .args(["--config", "hub.toml", "--data", "data"])
            .envs(self.setup.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    /// The last lines of the log.
    #[must_use]
    pub fn tail(&self) -> String {
        let lines = self.log.lines();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; then there is nothing to do.
            let _ = process.kill();
        }
        if std::thread::panicking() {
            eprintln!("the hub's log ends so:\n{}", self.tail());
            return;
        }
        let lines = self.log.lines();
        let errors: Vec<&String> = lines
            .iter()
            .filter(|line| line.contains("\"level\":\"ERROR\"") || line.contains("panicked at"))
            .collect();
        assert!(self.expects_errors || errors.is_empty(), "the hub logged errors: {errors:#?}");
    }
}

/// The limit of the length of a file; `None`: there is none.
fn file_bytes(max: Option<u64>) -> Rlimit {
    Rlimit { current: max, maximum: None }
}

/// Whether a process ended by `abort`, as a hub does that can no longer keep its word.
#[must_use]
pub fn aborted(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::ABORT.as_raw())
}
