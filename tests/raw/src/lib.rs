//! A small WebSocket client that sends what a correct library refuses to send: it writes any bytes as any frame,
//! answers nothing by itself, and reads only when asked to.
//!
//! Used by the tests of the socket room and, with the hub's protocol on top, by the end-to-end tests. Like every test
//! it panics when something is not as expected.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// First byte of a whole text frame.
pub const TEXT: u8 = 0x81;
/// First byte of a whole binary frame.
pub const BINARY: u8 = 0x82;
/// First byte of a close frame.
pub const CLOSE: u8 = 0x88;
/// First byte of a ping.
pub const PING: u8 = 0x89;
/// First byte of a pong.
pub const PONG: u8 = 0x8A;

/// Longest wait for bytes. A test that needs it has failed, unless the machine is very busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The head of a good handshake at `/ws`, without the blank line that ends it. The key is the example of RFC 6455.
pub const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A connection to a server on this machine.
#[derive(Debug)]
pub struct Client {
    /// The connection itself.
    pub io: TcpStream,
    unread: Vec<u8>,
    /// Status line and headers of the server's answer.
    pub answer: String,
}

impl Client {
    /// Connects and makes the handshake.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn open(port: u16) -> Self {
        let client = Self::request(port, HANDSHAKE, b"").await;
        assert_eq!(client.status(), 101, "{}", client.answer);
        client
    }

    /// Sends a request head (its blank line is added) with `behind` in the same packet, and reads the answer's head. The
    /// receive buffer is small, so that a client that does not read is noticed after kilobytes, not megabytes.
    ///
    /// # Panics
    /// Without an answer.
    pub async fn request(port: u16, head: &str, behind: &[u8]) -> Self {
        let io = narrow(port, 8 * 1024).await;
        Self::over(io, head, behind).await.expect("an answer")
    }

    /// The same over an open connection. `None` when it ends without an answer.
    ///
    /// # Panics
    /// When nothing comes for long.
    pub async fn over(mut io: TcpStream, head: &str, behind: &[u8]) -> Option<Self> {
        io.write_all(&[head.as_bytes(), b"\r\n", behind].concat()).await.ok()?;
        let mut client = Self { io, unread: Vec::new(), answer: String::new() };
        loop {
            if let Some(end) = client.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = client.unread.drain(..end + 4).collect();
                client.answer = String::from_utf8(head).expect("a head is ASCII");
                return Some(client);
            }
            if !client.fill().await {
                return None;
            }
        }
    }

    /// The status of the server's answer.
    ///
    /// # Panics
    /// When the answer is no HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self.answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.expect("an HTTP status")
    }

    /// Reads once; false at the end of the stream, of which a reset is one like any other.
    ///
    /// # Panics
    /// When nothing comes for long.
    pub async fn fill(&mut self) -> bool {
        let read = timeout(PATIENCE, self.io.read_buf(&mut self.unread));
        matches!(read.await.expect("the server says nothing"), Ok(1..))
    }

    /// Reads what is there, without waiting; false at the end of the stream.
    pub fn try_fill(&mut self) -> bool {
        match self.io.try_read_buf(&mut self.unread) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.expect("the connection stands");
    }

    /// Sends one frame with this first byte, masked.
    pub async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.raw(&masked(first, payload.as_ref())).await;
    }

    /// Sends a whole text frame.
    pub async fn text(&mut self, text: &str) {
        self.send(TEXT, text).await;
    }

    /// The next frame, first byte and payload, if all of it was read already.
    pub fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let (start, length) = unmasked(&self.unread)?;
        let payload = self.unread.get(start..start.checked_add(length)?)?.to_vec();
        let first = self.unread[0];
        self.unread.drain(..start + length);
        Some((first, payload))
    }

    /// The next frame, or `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next frame, which must be text.
    ///
    /// # Panics
    /// When it is not.
    pub async fn expect_text(&mut self) -> String {
        let (first, payload) = self.frame().await.expect("the stream goes on");
        assert_eq!(first, TEXT, "{:?}", String::from_utf8_lossy(&payload));
        String::from_utf8(payload).expect("text is UTF-8")
    }

    /// Skips to the close frame and returns its code; 1005 if it has none.
    ///
    /// # Panics
    /// When the stream ends without one.
    pub async fn expect_close(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().await.expect("a close frame comes before the end");
            if first == CLOSE {
                return payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
            }
        }
    }

    /// The stream ends here.
    ///
    /// # Panics
    /// When it does not.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.frame().await, None);
    }

    /// Skips to the end of the stream.
    pub async fn drain(&mut self) {
        while self.fill().await {
            self.unread.clear();
        }
    }

    /// The rest of the stream as text: the body of a refusal.
    ///
    /// # Panics
    /// When it is no text.
    pub async fn body(&mut self) -> String {
        while self.fill().await {}
        String::from_utf8(std::mem::take(&mut self.unread)).expect("text is UTF-8")
    }
}

/// A connection to a port of this machine that takes this many bytes before somebody reads them.
///
/// # Panics
/// When nobody listens.
pub async fn narrow(port: u16, bytes: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(bytes).expect("a small buffer is allowed");
    socket.connect(([127, 0, 0, 1], port).into()).await.expect("the server listens")
}

/// Where the payload of a server's frame begins, and its length.
fn unmasked(bytes: &[u8]) -> Option<(usize, usize)> {
    let second = *bytes.get(1)?;
    assert_eq!(second & 0x80, 0, "a server does not mask");
    match second {
        126 => Some((4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into())),
        127 => Some((10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?)),
        length => Some((2, length.into())),
    }
}

/// The beginning of a masked frame that declares `length` bytes, up to its mask.
#[must_use]
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(0x80 | length as u8),
        126..=0xFFFF => {
            header.push(0x80 | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header
}

/// A frame of a client with this first byte: flags and opcode.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = header(first, payload.len() as u64);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
