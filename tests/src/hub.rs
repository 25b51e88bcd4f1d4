//! The real hub as a process: started on a free port over a directory of its own, killed, drained, started again,
//! and asked by its own commands what it has on disk.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use protocol::RoundId;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit, setrlimit};
use serde_json::Value;

use crate::{PATIENCE, http, until, verify::Totals};

/// The shared secret of tokens in tests.
pub const AUTH_SECRET: &str = "0KxqvY3m8tWc5ZfR1nLb7uJd4eHs9gPa";

/// How a hub is configured. Times are short and nobody is too fast, unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct Setup {
    tables: Vec<Table>,
    deposit: String,
    variables: Vec<(String, String)>,
    /// Appended to the configuration as it is.
    extra: String,
}

/// A roulette table; any bet may be 0.50 to 500.00.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its id.
    pub id: &'static str,
    /// How long bets are taken, milliseconds.
    pub betting_ms: u32,
    /// From the last bet to the result, milliseconds.
    pub locked_ms: u32,
    /// From the result to the next round, milliseconds.
    pub pause_ms: u32,
}

/// A table whose round takes bets for as long as any test runs.
pub const OPEN: Table = Table { id: "open", betting_ms: 600_000, locked_ms: 100, pause_ms: 100 };
/// A table that plays a round in less than a second.
pub const QUICK: Table = Table { id: "quick", betting_ms: 400, locked_ms: 50, pause_ms: 50 };

impl Default for Setup {
    fn default() -> Self {
        let setup = Self {
            tables: vec![OPEN, QUICK],
            deposit: "1000.00".into(),
            variables: Vec::new(),
            extra: String::new(),
        };
        setup
            .variable("HUB_AUTH_SECRET", AUTH_SECRET)
            .option("auth.leeway_seconds", 0)
            .option("admin.listen", "127.0.0.1:0")
            .option("server.connections_per_address_max", 50_000)
            .option("server.drain_seconds", 5)
            .option("rate.connects_per_second_per_address", 100_000)
            .option("rate.connects_burst_per_address", 100_000)
            .option("rate.requests_per_second_per_address", 100_000)
            .option("rate.requests_burst_per_address", 100_000)
            .option("rate.requests_per_second_per_player", 100_000)
            .option("rate.requests_burst_per_player", 100_000)
            .option("journal.segment_bytes", 1_048_576)
            .option("journal.checkpoint_every_records", 1_000)
            .option("telemetry.format", "json")
            .option("telemetry.log", "info")
    }
}

impl Setup {
    /// These tables and no others.
    #[must_use]
    pub fn tables(mut self, tables: impl Into<Vec<Table>>) -> Self {
        self.tables = tables.into();
        self
    }

    /// What a demo player is given.
    #[must_use]
    pub fn deposit(mut self, amount: &str) -> Self {
        amount.clone_into(&mut self.deposit);
        self
    }

    /// An option by its full name, such as `socket.ping_every_ms`.
    #[must_use]
    pub fn option(self, name: &str, value: impl ToString) -> Self {
        let name = format!("HUB__{}", name.to_uppercase().replace('.', "__"));
        self.variable(&name, value)
    }

    /// A variable of the hub's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// More lines of the configuration file.
    #[must_use]
    pub fn extra(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self
    }

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
            file_bytes_max: None,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("[demo]\ndeposit = \"{}\"\n", self.deposit);
        text.push_str(&self.extra);
        for Table { id, betting_ms, locked_ms, pause_ms } in &self.tables {
            text.push_str(&format!(
                "\n[[tables]]\nid = \"{id}\"\nname = \"Table {id}\"\ngame = \"roulette\"\ncurrency = \"EUR\"\n\
                 betting_ms = {betting_ms}\nlocked_ms = {locked_ms}\npause_ms = {pause_ms}\n\
                 player_round_max = \"100000.00\"\n[tables.limits]\nany = {{ min = \"0.50\", max = \"500.00\" }}\n"
            ));
        }
        text
    }
}

/// A hub of a test's own. Dropped: killed, and its log shown if the test has failed.
#[derive(Debug)]
pub struct TestHub {
    setup: Setup,
    directory: tempfile::TempDir,
    process: Option<Process>,
    log: Log,
    expects_errors: bool,
    /// Longest file that a started process may write. Bytes.
    file_bytes_max: Option<u64>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Where it serves, once it has said so.
    address: Option<SocketAddr>,
    /// Where it answers the operator, if it does.
    admin: Option<SocketAddr>,
}

/// What the hub wrote to standard error, over all its starts.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// The lines are whole after every statement, so a panic elsewhere does not spoil them.
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, stderr: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lines().push(line);
            }
        });
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
        let mut command = self.command(["--listen", "127.0.0.1:0"]);
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
        self.log.follow(child.stderr.take().expect("it is piped"));
        self.process = Some(Process { child, address: None, admin: None });
    }

    /// Waits until the process serves.
    ///
    /// # Panics
    /// When it ends instead, or takes too long.
    pub fn serving(&mut self) -> SocketAddr {
        let began = Instant::now();
        loop {
            if let Some(line) = self.announced() {
                let named = |name: &str| line[name].as_str().and_then(|address| address.parse().ok());
                let address = named("address").expect("it serves somewhere");
                let process = self.process.as_mut().expect("it was started");
                (process.address, process.admin) = (Some(address), named("admin"));
                return address;
            }
            let process = self.process.as_mut().expect("it was started");
            let ended = process.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "the hub ended at its start: {ended:?}\n{}", self.tail());
            assert!(began.elapsed() < PATIENCE, "the hub does not serve\n{}", self.tail());
            std::thread::sleep(crate::LOOK_EVERY);
        }
    }

    /// What the running process has written to its log when it began to serve.
    fn announced(&self) -> Option<Value> {
        let lines = self.log.lines();
        let start = lines.iter().rposition(|line| line.starts_with("---"))?;
        let line = lines[start..].iter().find(|line| line.contains("\"the hub serves\""))?;
        serde_json::from_str(line).ok()
    }

    /// Where it serves.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.as_ref().and_then(|process| process.address).expect("the hub serves")
    }

    /// Where it answers the operator.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.process.as_ref().and_then(|process| process.admin).expect("the hub has an admin server")
    }

    /// One figure by its whole name, labels included; `None` when it is not there.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn figure(&self, name: &str) -> Option<u64> {
        let metrics = self.figures().await;
        metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// All figures, as the operator's scraper reads them.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn figures(&self) -> String {
        http::get(self.admin(), "/metrics").await.body
    }

    /// The address of its WebSockets.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address())
    }

    /// The process id.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the hub runs").child.id()
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the hub runs");
        process.child.kill().expect("a child of ours");
        process.child.wait().expect("a child of ours");
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

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the hub runs");
        let child = &mut process.child;
        until("the end of the hub", async || child.try_wait().expect("a child of ours")).await
    }

    /// Waits until the hub has logged a line with this text.
    pub async fn logged(&self, text: &str) -> String {
        let line = async || self.log.lines().iter().find(|line| line.contains(text)).cloned();
        until(&format!("the log line {text:?}"), line).await
    }

    /// The hub with these arguments, over the same directory and configuration.
    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
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

    /// Runs a command of the hub, such as `check-config`, to its end; the kernel ends it after [`PATIENCE`].
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        // SAFETY: between fork and exec only `alarm` is called, which is safe there.
        unsafe {
            command.pre_exec(|| {
                libc::alarm(PATIENCE.as_secs() as u32);
                Ok(())
            });
        }
        command.output().expect("the hub can be started")
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
            let _ = process.child.kill();
            let _ = process.child.wait();
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

/// The hub's binary: of `HUB_BIN`, or built now beside the tests, so that it is never an old one.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("HUB_BIN") {
            return path.into();
        }
        let tests = std::env::current_exe().expect("a test runs from a file");
        let profile = tests.parent().and_then(Path::parent).expect("…/target/<profile>/deps/<test>");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", "hub"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo can be started");
        assert!(built.success(), "the hub does not build");
        profile.join("hub")
    })
}
