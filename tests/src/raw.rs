//! A WebSocket with bad manners: sends any bytes as any frame, answers a ping only when told to, reads only when
//! asked to. What a well-behaved library refuses to do is what the hub has to survive.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

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
    stream: TcpStream,
    received: Vec<u8>,
    next_id: u64,
    /// Frames that came while a reply was waited for.
    pub pushes: Vec<Value>,
    /// Whether pings met while reading are answered.
    pub answers_pings: bool,
}

impl RawSocket {
    /// Shakes hands, offering `subprotocol`; otherwise the status of the refusal, if there was an answer at all.
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
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer is allowed");
        let stream = socket.connect(hub).await.expect("the hub listens");
        Self::over(stream, subprotocol, "localhost", "").await
    }

    async fn over(
        mut stream: TcpStream,
        subprotocol: &str,
        host: &str,
        headers: &str,
    ) -> Result<Self, Option<u16>> {
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {subprotocol}\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.map_err(|_| None)?;
        let mut received = Vec::new();
        let end = loop {
            if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            match soon("the answer to a handshake", stream.read_buf(&mut received)).await {
                Ok(0) | Err(_) => return Err(None),
                Ok(_) => {}
            }
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an HTTP status");
        if status != 101 {
            return Err(Some(status));
        }
        received.drain(..end);
        Ok(Self { stream, received, next_id: 0, pushes: Vec::new(), answers_pings: true })
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
        self.stream.write_all(bytes).await
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
            // A reset is an end like any other.
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) | Err(_) => return Frame::End,
                Ok(_) => {}
            }
        }
    }

    /// Takes one whole frame out of what was received.
    fn take(&mut self) -> Option<Frame> {
        let bytes = &self.received;
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let (start, length) = match second {
            126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
            short => (2, u64::from(short)),
        };
        let end = start + usize::try_from(length).ok()?;
        let payload = bytes.get(start..end)?.to_vec();
        self.received.drain(..end);
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
                        self.stream.writable().await?;
                        self.stream.try_write(&bytes[sent..])
                    }, if sent < bytes.len() => Ok((written, 0)),
                    readable = self.stream.readable() => readable.map(|()| (Ok(0), 1)),
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
            if readable > 0 {
                match self.stream.try_read_buf(&mut self.received) {
                    Ok(0) => return,
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }
}

/// A frame of a client.
///
/// # Panics
/// Never: a length fits 64 bits.
#[must_use]
pub fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x5a, 0x13, 0xc7, 0x08];
    let mut frame = header(opcode, last, payload.len() as u64);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The beginning of a masked frame that declares `length` bytes, up to its mask.
#[must_use]
pub fn header(opcode: u8, last: bool, length: u64) -> Vec<u8> {
    let mut header = vec![if last { 0x80 | opcode } else { opcode }];
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
