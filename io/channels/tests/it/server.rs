//! A real `redis-server` for one test: on a free port, in a directory of its own, ended with the test.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::net::TcpSocket;

pub struct Server {
    child: Child,
    port: u16,
    /// Keeps the port, also while the server is dead: nobody else gets it, and the server may listen on it.
    _kept: TcpSocket,
    password: Option<&'static str>,
    directory: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    pub fn start_with(password: Option<&'static str>) -> Self {
        // Bound without listening. With this option on both, a server may listen on the port; whoever asks for any free port, or
        // connects from one, does not get it.
        let kept = TcpSocket::new_v4().unwrap();
        kept.set_reuseaddr(true).unwrap();
        kept.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let port = kept.local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        Self { child: spawn(port, password, &directory), port, _kept: kept, password, directory }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, self.password, &self.directory);
    }

    /// Stops the process without ending it, as on a machine that swaps or behind a network that drops everything.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Runs a command as another service would, with a client of its own. Returns the reply in the format of the
    /// protocol.
    pub fn run(&self, command: &[&[u8]]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // QUIT makes the server close the connection after the answer.
        let mut request = spell(command);
        request.extend(spell(&[b"QUIT"]));
        stream.write_all(&request).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.strip_suffix("+OK\r\n").unwrap().trim_end().to_owned()
    }

    /// Publishes as another service would. Returns the number of connections that receive it.
    pub fn publish(&self, channel: &str, message: &[u8]) -> u32 {
        self.run(&[b"PUBLISH", channel.as_bytes(), message]).strip_prefix(':').unwrap().parse().unwrap()
    }

    /// Number of connections that are subscribed to a channel of Redis.
    pub fn subscribers(&self, channel: &str) -> u32 {
        let reply = self.run(&[b"PUBSUB", b"NUMSUB", channel.as_bytes()]);
        reply.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Number of connections, without the one that asks.
    pub fn connections(&self) -> usize {
        self.run(&[b"CLIENT", b"LIST"]).matches("id=").count() - 1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also ends a frozen one. It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spell(command: &[&[u8]]) -> Vec<u8> {
    let mut spelled = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        spelled.extend(format!("${}\r\n", part.len()).into_bytes());
        spelled.extend(*part);
        spelled.extend(b"\r\n");
    }
    spelled
}

fn spawn(port: u16, password: Option<&str>, directory: &tempfile::TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
        .arg(directory.path())
        .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .args(password.iter().flat_map(|password| ["--requirepass", *password]))
        .stdout(Stdio::null());
    let child = command
        .spawn()
        .expect("redis-server could not be started; these tests need it: apt-get install redis-server");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "redis-server did not open port {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
