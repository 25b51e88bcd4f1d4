//! A WebSocket client for malformed input that knows the hub's protocol: sends any bytes as any frame, answers a ping
//! only when told to, reads only when asked to. It does what a correct library refuses to do and the hub has to
//! survive.

use std::net::SocketAddr;

use raw_socket::{Client, HANDSHAKE};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::soon;

/// Opcode of a continuation.
pub const CONTINUATION: u8 = 0;
/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a binary frame.
pub const BINARY: u8 = 2;
const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// A frame of the hub, or the end of the connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame with its code, if it has one.
    Close(Option<u16>),
    /// The connection is gone without (another) frame.
    End,
}

/// The connection.
#[derive(Debug)]
pub struct RawSocket {
    client: Client,
    next_id: u64,
    /// Frames that came while a reply was waited for.
    pub pushes: Vec<Value>,
    /// Whether pings met while reading are answered.
    pub answers_pings: bool,
}

impl RawSocket {
    /// Makes the handshake, offering `subprotocol`; otherwise the status of the refusal, if there was an answer at all.
    pub async fn open(hub: SocketAddr, subprotocol: &str) -> Result<Self, Option<u16>> {
        let stream = TcpStream::connect(hub).await.expect("the hub listens");
        Self::over(stream, subprotocol, "localhost", "").await
    }

    /// The same by another name, with more header lines.
    pub async fn open_with(hub: SocketAddr, host: &str, headers: &str) -> Result<Self, Option<u16>> {
        let stream = TcpStream::connect(hub).await.expect("the hub listens");
        Self::over(stream, protocol::SUBPROTOCOL_JSON, host, headers).await
    }

    /// The same as a page of `origin` would, in a browser.
    pub async fn open_from(hub: SocketAddr, origin: &str) -> Result<Self, Option<u16>> {
        Self::open_with(hub, "localhost", &format!("origin: {origin}\r\n")).await
    }

    /// The same with a small receive buffer, so that the hub soon notices that nobody reads.
    pub async fn open_narrow(hub: SocketAddr, subprotocol: &str) -> Result<Self, Option<u16>> {
        let stream = raw_socket::narrow(hub.port(), 4_096).await;
        Self::over(stream, subprotocol, "localhost", "").await
    }

    async fn over(
        stream: TcpStream,
        subprotocol: &str,
        host: &str,
        headers: &str,
    ) -> Result<Self, Option<u16>> {
        let handshake = HANDSHAKE.replace("host: localhost", &format!("host: {host}"));
        let head = format!("{handshake}sec-websocket-protocol: {subprotocol}\r\n{headers}");
        let client = Client::over(stream, &head, b"").await.ok_or(None)?;
        match client.status() {
            101 => Ok(Self { client, next_id: 0, pushes: Vec::new(), answers_pings: true }),
            status => Err(Some(status)),
        }
    }

    /// A session in `hub.v1.json` that has said hello.
    ///
    /// # Panics
    /// When the hub refuses it.
    pub async fn hello(hub: SocketAddr, token: &str) -> Self {
        let mut socket =
            Self::open(hub, protocol::SUBPROTOCOL_JSON).await.expect("the hub takes the handshake");
        let welcome = socket.ask(json!({"t": "hello", "token": token})).await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        socket
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.client.io.write_all(bytes).await
    }

    /// Sends one frame, masked as RFC 6455 asks of clients.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, opcode: u8, last: bool, payload: &[u8]) {
        self.send_bytes(&frame(opcode, last, payload)).await.expect("the connection stands");
    }

    /// Sends a JSON text frame.
    pub async fn say(&mut self, value: &Value) {
        self.send(TEXT, true, value.to_string().as_bytes()).await;
    }

    /// Sends a request with an id of its own and waits for its reply; other frames go to `pushes`.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub async fn ask(&mut self, mut request: Value) -> Value {
        self.next_id += 1;
        request["id"] = self.next_id.into();
        self.say(&request).await;
        loop {
            match self.next().await {
                Frame::Text(text) => {
                    let value: Value = serde_json::from_str(&text).expect("the hub speaks JSON");
                    if value["id"] == self.next_id {
                        return value;
                    }
                    self.pushes.push(value);
                }
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => panic!("{request} was answered with {other:?}"),
            }
        }
    }

    /// Waits for a push for which `wanted` holds, of those kept and those to come.
    pub async fn push(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(at) = self.pushes.iter().position(&wanted) {
                return self.pushes.remove(at);
            }
            match self.next().await {
                Frame::Text(text) => {
                    self.pushes.push(serde_json::from_str(&text).expect("the hub speaks JSON"));
                }
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => panic!("instead of a push came {other:?}; kept are {:?}", self.pushes),
            }
        }
    }

    /// The next frame.
    pub async fn next(&mut self) -> Frame {
        soon("a frame of the hub", self.receive()).await
    }

    async fn receive(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.take() {
                if let (Frame::Ping(payload), true) = (&frame, self.answers_pings) {
                    // A hub that is closing needs no answer.
                    let _ = self.send_bytes(&crate::raw::frame(PONG, true, payload)).await;
                }
                return frame;
            }
            if !self.client.fill().await {
                return Frame::End;
            }
        }
    }

    /// Takes one whole frame out of what was received.
    fn take(&mut self) -> Option<Frame> {
        let (first, payload) = self.client.take()?;
        assert_eq!(first & 0xF0, 0x80, "the hub sends whole messages and no extension bits");
        Some(match first & 0x0F {
            TEXT => Frame::Text(String::from_utf8(payload).expect("text is UTF-8")),
            BINARY => Frame::Binary(payload),
            PING => Frame::Ping(payload),
            PONG => Frame::Pong(payload),
            CLOSE => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            other => panic!("the hub sent a frame of opcode {other}"),
        })
    }

    /// Reads to the end; the close code, if the hub sent one, and the texts before it.
    pub async fn to_end(&mut self) -> (Option<u16>, Vec<Value>) {
        let mut texts = std::mem::take(&mut self.pushes);
        loop {
            match self.next().await {
                Frame::Text(text) => texts.push(serde_json::from_str(&text).expect("the hub speaks JSON")),
                Frame::Close(code) => return (code, texts),
                Frame::End => return (None, texts),
                Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) => {}
            }
        }
    }

    /// The close code the hub ends the connection with.
    ///
    /// # Panics
    /// When it ends without one.
    pub async fn close_code(&mut self) -> u16 {
        self.to_end().await.0.expect("the hub says why it closes")
    }

    /// Sends all these bytes and reads meanwhile, until `enough` says so of a frame or the connection ends.
    pub async fn flood(&mut self, bytes: &[u8], mut enough: impl FnMut(&Frame) -> bool) {
        let mut sent = 0;
        loop {
            while let Some(frame) = self.take() {
                if enough(&frame) {
                    return;
                }
            }
            let round = async {
                tokio::select! {
                    written = async {
                        self.client.io.writable().await?;
                        self.client.io.try_write(&bytes[sent..])
                    }, if sent < bytes.len() => Ok((written, 0)),
                    readable = self.client.io.readable() => readable.map(|()| (Ok(0), 1)),
                }
            };
            let (written, readable) = match soon("an answer to a flood", round).await {
                Ok(round) => round,
                Err(_) => return,
            };
            match written {
                Ok(count) => sent += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // The hub has closed; what it said before may still be there to read.
                Err(_) => sent = bytes.len(),
            }
            if readable > 0 && !self.client.try_fill() {
                return;
            }
        }
    }
}

/// A frame of a client.
#[must_use]
pub fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    raw_socket::masked(first(opcode, last), payload)
}

/// The beginning of a masked frame that declares `length` bytes, up to its mask.
#[must_use]
pub fn header(opcode: u8, last: bool, length: u64) -> Vec<u8> {
    raw_socket::header(first(opcode, last), length)
}

fn first(opcode: u8, last: bool) -> u8 {
    if last { 0x80 | opcode } else { opcode }
}
