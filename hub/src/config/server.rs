//! The servers: addresses, connections and sockets.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The listener, and who may connect to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port of HTTP and WebSocket.
    #[serde(deserialize_with = "super::read::address")]
    pub listen: SocketAddr,
    /// Where players reach this hub, such as `https://play.example.com`; empty: the listening address.
    pub public_url: String,
    /// Threads that hold sessions; 0: one a core. 0..=256.
    pub workers: u16,
    /// Origins whose pages may open a socket, as browsers send them. Empty: only the page's own host.
    pub allowed_origins: Vec<String>,
    /// Host names that the hub answers to besides those of the two options above, and `"*"` for any. IP addresses and
    /// `localhost` are always answered.
    pub allowed_hosts: Vec<String>,
    /// Most connections at once, rounded up to a multiple of the workers. 1..=1_000_000. Plan 16 KiB of memory for each.
    pub connections_max: u32,
    /// Most connections from one network address. 1..=1_000_000. Many people share one address.
    pub connections_per_address_max: u32,
    /// Longest a stop waits for sessions to leave. Seconds; 0..=300.
    pub drain_seconds: u16,
    /// Whether `/metrics` is served here as well as on the admin server.
    pub metrics: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7700)),
            public_url: String::new(),
            workers: 0,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            connections_max: 50_000,
            connections_per_address_max: 256,
            drain_seconds: 10,
            metrics: false,
        }
    }
}

/// The operator's own server: health and figures, on its own port and thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Whether there is one.
    pub enabled: bool,
    /// Address and port; a loopback address unless `remote` is set.
    #[serde(deserialize_with = "super::read::address")]
    pub listen: SocketAddr,
    /// Whether `listen` may be an address that other machines reach. It knows no passwords.
    pub remote: bool,
}

impl Default for Admin {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7701)), remote: false }
    }
}

/// Bounds of one WebSocket session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Socket {
    /// Largest frame a client may send. Bytes; 1_024..=16_384 (the protocol's own bound).
    pub frame_bytes_max: usize,
    /// Largest message in fragments. Bytes; `frame_bytes_max`..=65_536.
    pub message_bytes_max: usize,
    /// Unsent bytes at which a session is closed as too slow, 128 more for each frame. Bytes; 65_536..=16_777_216.
    pub queue_bytes_max: usize,
    /// Unsent bytes above which a client's requests are not read until it has read. Bytes; up to `queue_bytes_max`.
    pub queue_soft_bytes: usize,
    /// Longest a reply may stay unsent before the session is closed. Milliseconds; 1_000..=120_000.
    pub stall_ms_max: u32,
    /// The server's heartbeat. Milliseconds; 1_000..=300_000.
    pub ping_every_ms: u32,
    /// Longest wait for the answer to a ping. Milliseconds; 500..=`ping_every_ms`.
    pub pong_within_ms: u32,
    /// Longest wait for `hello` after the handshake. Milliseconds; 100..=60_000.
    pub hello_within_ms: u32,
    /// Longest wait for the client's close frame after ours. Milliseconds; 100..=30_000.
    pub close_within_ms: u32,
    /// The kernel's send buffer of a socket; 0: the kernel chooses. Bytes; 0 or 4_096..=4_194_304.
    pub send_buffer_bytes: usize,
}

impl Default for Socket {
    fn default() -> Self {
        Self {
            frame_bytes_max: 16 * 1024,
            message_bytes_max: 16 * 1024,
            queue_bytes_max: 256 * 1024,
            queue_soft_bytes: 64 * 1024,
            stall_ms_max: 10_000,
            ping_every_ms: 20_000,
            pong_within_ms: 10_000,
            hello_within_ms: 5_000,
            close_within_ms: 2_000,
            send_buffer_bytes: 0,
        }
    }
}
