//! A real `redis-server` of a test's own: on a free port, in a directory of its own, gone with the test.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::{PATIENCE, soon};

/// A running server.
pub struct Redis {
    child: Child,
    port: u16,
    /// Keeps the port, also while the server is dead: nobody else gets it, and the server may listen on it.
    _kept: TcpSocket,
    directory: tempfile::TempDir,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    ///
    /// # Panics
    /// Without `redis-server` on the path.
    #[must_use]
    pub fn start() -> Self {
        let kept = kept_port().expect("loopback has a free port");
        let port = kept.local_addr().expect("it is bound").port();
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { child: spawn(port, directory.path()), port, _kept: kept, directory }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address for `HUB_REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it; what it held is gone.
    ///
    /// # Panics
    /// When it is dead already.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a child of ours");
    }

    /// Starts it again on the same port, empty.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, self.directory.path());
    }

    /// Stops the process without an end: connections stay, nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues the process.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let sent = kill_process(Pid::from_child(&self.child), signal);
        sent.unwrap_or_else(|error| panic!("{signal:?} to redis-server: {error}"));
    }

    /// Publishes as any service would; answers how many connections hear it.
    ///
    /// # Panics
    /// When the server does not answer with a number.
    #[must_use]
    pub fn publish(&self, channel: &str, message: &[u8]) -> u32 {
        let reply = self.run(&[b"PUBLISH", channel.as_bytes(), message]);
        let count = reply.strip_prefix(':').and_then(|count| count.trim_end().parse().ok());
        count.unwrap_or_else(|| panic!("redis-server answered {reply:?}"))
    }

    /// Listens on a channel of Redis, as any service may, until a message holds `needle`. Nothing that was published
    /// before is heard.
    ///
    /// # Panics
    /// When no such message comes.
    pub async fn hears(&self, channel: &str, needle: &str) {
        let listening = async {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(format!("SUBSCRIBE {channel}\r\n").as_bytes()).await?;
            let mut heard = Vec::new();
            while !heard.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                if stream.read_buf(&mut heard).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            std::io::Result::Ok(())
        };
        soon(&format!("{needle} on {channel}"), listening).await.expect("redis-server goes on");
    }

    /// Runs a command; answers the first line of the reply in the server's own spelling.
    fn run(&self, command: &[&[u8]]) -> String {
        let mut request = format!("*{}\r\n", command.len()).into_bytes();
        for part in command {
            request.extend(format!("${}\r\n", part.len()).into_bytes());
            request.extend(*part);
            request.extend(b"\r\n");
        }
        let talk = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&request)?;
            let mut reply = Vec::new();
            let mut byte = [0];
            while !reply.ends_with(b"\r\n") {
                stream.read_exact(&mut byte)?;
                reply.push(byte[0]);
            }
            Ok(String::from_utf8_lossy(&reply).into_owned())
        };
        talk().expect("redis-server answers")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Ends a frozen one too. It may be dead already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket that is bound and does not listen. With this option on both, a server may listen on its port; whoever asks for any free
/// port, or connects from one, does not get it.
fn kept_port() -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    Ok(socket)
}

fn spawn(port: u16, directory: &std::path::Path) -> Child {
    let mut child = Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(directory)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts; these tests need it: apt-get install redis-server");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < PATIENCE, "redis-server did not open port {port}");
        let ended = child.try_wait().expect("a child of ours");
        assert!(ended.is_none(), "redis-server on port {port} ended at its start: {ended:?}");
        std::thread::sleep(crate::LOOK_EVERY);
    }
    child
}
