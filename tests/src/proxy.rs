//! A proxy to a server with a bad network: answers come late and in small pieces, or some connections break.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Bytes of an answer written at once: less than any whole reply of a server.
const CRUMB_BYTES: usize = 3;

/// A proxy on a free port. Dropped: its connections end with the test's runtime.
pub struct Proxy {
    port: u16,
    road: Arc<Road>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Road {
    delay_ms: AtomicU64,
    cut_publishers: AtomicBool,
}

impl Proxy {
    /// In front of a server on this machine.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let own = listener.local_addr().expect("it is bound").port();
        let road = Arc::new(Road::default());
        let accepting = tokio::spawn({
            let road = road.clone();
            async move {
                while let Ok((inward, _)) = listener.accept().await {
                    tokio::spawn(carry(inward, port, road.clone()));
                }
            }
        });
        Self { port: own, road, accepting }
    }

    /// Its address for `HUB_REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on every byte of the server arrives later by `delay`, in small pieces. The delays do not add up.
    pub fn delay(&self, delay: Duration) {
        self.road.delay_ms.store(delay.as_millis() as u64, Relaxed);
    }

    /// Whether a connection breaks as soon as it publishes. Those that only listen stand.
    pub fn cut_publishers(&self, cut: bool) {
        self.road.cut_publishers.store(cut, Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries one connection until either side ends it.
async fn carry(inward: TcpStream, port: u16, road: Arc<Road>) {
    let Ok(outward) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let set = inward.set_nodelay(true).and(outward.set_nodelay(true));
    set.expect("sockets of our own");
    let ((from_client, to_client), (from_server, to_server)) = (inward.into_split(), outward.into_split());
    let (late, in_time) = mpsc::unbounded_channel();
    // Whichever ends first takes the connection with it.
    tokio::select! {
        _ = ask(from_client, to_server, &road) => {}
        _ = hear(from_server, &late) => {}
        _ = answer(in_time, to_client, &road) => {}
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, road: &Road) -> std::io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        let publishes = bytes[..count].windows(7).any(|window| window == b"PUBLISH");
        if count == 0 || (publishes && road.cut_publishers.load(Relaxed)) {
            return Ok(());
        }
        to.write_all(&bytes[..count]).await?;
    }
}

type Late = (Instant, Vec<u8>);

async fn hear(mut from: OwnedReadHalf, late: &mpsc::UnboundedSender<Late>) -> std::io::Result<()> {
    loop {
        let mut bytes = Vec::new();
        if from.read_buf(&mut bytes).await? == 0 || late.send((Instant::now(), bytes)).is_err() {
            return Ok(());
        }
    }
}

async fn answer(
    mut late: mpsc::UnboundedReceiver<Late>,
    mut to: OwnedWriteHalf,
    road: &Road,
) -> std::io::Result<()> {
    while let Some((at, bytes)) = late.recv().await {
        let delay_ms = road.delay_ms.load(Relaxed);
        if delay_ms == 0 {
            to.write_all(&bytes).await?;
            continue;
        }
        sleep_until(at + Duration::from_millis(delay_ms)).await;
        for crumb in bytes.chunks(CRUMB_BYTES) {
            to.write_all(crumb).await?;
        }
    }
    Ok(())
}
