//! A WebSocket client of a few lines, for bytes no decent library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8A;

/// Long enough for a busy machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub io: TcpStream,
    unread: Vec<u8>,
    /// Status line and headers of the server's answer.
    pub answer: String,
}

pub const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl Client {
    pub async fn open(port: u16) -> Client {
        let client = Client::request(port, HANDSHAKE, b"").await;
        assert!(client.answer.starts_with("HTTP/1.1 101 "), "{}", client.answer);
        client
    }

    /// Sends a request head (its blank line is added) with `behind` in the same packet, and reads the
    /// answer's head.
    pub async fn request(port: u16, head: &str, behind: &[u8]) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that a client that does not read is noticed after kilobytes, not megabytes.
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut io = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        let mut request = format!("{head}\r\n").into_bytes();
        request.extend(behind);
        io.write_all(&request).await.unwrap();
        let mut client = Client { io, unread: Vec::new(), answer: String::new() };
        loop {
            if let Some(end) = client.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                client.answer = String::from_utf8(client.unread.drain(..end + 4).collect()).unwrap();
                return client;
            }
            assert!(client.fill().await, "no answer but {:?}", String::from_utf8_lossy(&client.unread));
        }
    }

    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match timeout(PATIENCE, self.io.read(&mut buffer)).await.expect("the server says nothing") {
            Ok(0) | Err(_) => false,
            Ok(n) => {
                self.unread.extend(&buffer[..n]);
                true
            }
        }
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    pub async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.raw(&masked(first, payload.as_ref())).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.send(TEXT, text).await;
    }

    /// The next frame, or `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((header, len)) = header(&self.unread)
                && self.unread.len() >= header + len
            {
                let first = self.unread[0];
                let payload = self.unread[header..header + len].to_vec();
                self.unread.drain(..header + len);
                return Some((first, payload));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next frame, which must be text.
    pub async fn expect_text(&mut self) -> String {
        let (first, payload) = self.frame().await.expect("the stream goes on");
        assert_eq!(first, TEXT, "{:?}", String::from_utf8_lossy(&payload));
        String::from_utf8(payload).unwrap()
    }

    /// Skips to the close frame and returns its code; 1005 if it has none.
    pub async fn expect_close(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().await.expect("a close frame comes before the end");
            if first == CLOSE {
                return payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
            }
        }
    }

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
    pub async fn body(&mut self) -> String {
        while self.fill().await {}
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }
}

fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.get(1)? {
        126 => Some((4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize)),
        127 => Some((10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize)),
        len => Some((2, *len as usize)),
    }
}

pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            out.push(0xFE);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0xFF);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}
