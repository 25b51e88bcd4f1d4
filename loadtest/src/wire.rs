//! A WebSocket for measuring: no allocation for a frame received, one write for all frames queued.
//!
//! Non-blocking, over TCP without Nagle's delay. Of RFC 6455 it has what a well-behaved server needs: masked
//! frames out, whole unmasked frames in, pings answered. Fragments and extensions are refused with an error.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
};

use crate::{http, poll::Poll};

/// Bytes asked for in one read.
const READ_BYTES: usize = 64 * 1024;
/// Largest frame taken from a server, bytes.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The key of the example in RFC 6455, so that the right answer is a constant.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// A ping, which the other side must answer.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| opcode.number() == number)
    }
}

/// One connection, from the first packet on.
pub struct Socket {
    stream: TcpStream,
    number: usize,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    watches_output: bool,
    masks: u32,
}

impl Socket {
    /// Starts to connect, from a given address of this machine if one is named, and queues the WebSocket
    /// handshake. Readiness is reported by `poll` under `number`.
    pub fn connect(
        poll: &Poll,
        number: usize,
        address: SocketAddr,
        from: Option<IpAddr>,
        request: &[u8],
    ) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let stream = TcpStream::from(socket);
        poll.add(&stream, number, true)?;
        let masks = (number as u32).wrapping_mul(0x9E37_79B9) | 1;
        let (unread, unsent) = (Vec::new(), request.to_vec());
        Ok(Self { stream, number, unread, unsent, watches_output: true, masks })
    }

    /// Queues a frame, masked.
    pub fn queue(&mut self, opcode: Opcode, payload: &[u8]) {
        self.unsent.push(0x80 | opcode.number());
        match payload.len() {
            length @ 0..=125 => self.unsent.push(0x80 | length as u8),
            length @ 126..=0xFFFF => {
                self.unsent.push(0x80 | 126);
                self.unsent.extend((length as u16).to_be_bytes());
            }
            length => {
                self.unsent.push(0x80 | 127);
                self.unsent.extend((length as u64).to_be_bytes());
            }
        }
        // Masks guard proxies against scripts in browsers; here they only have to differ.
        self.masks ^= self.masks << 13;
        self.masks ^= self.masks >> 17;
        self.masks ^= self.masks << 5;
        let mask = self.masks.to_be_bytes();
        self.unsent.extend(mask);
        let start = self.unsent.len();
        self.unsent.extend(payload);
        for chunk in self.unsent[start..].chunks_mut(4) {
            chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        }
    }

    /// Queues bytes as they are, for a connection that is not a WebSocket.
    pub fn queue_bytes(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// Writes what is queued as far as the kernel takes it, and watches for room for the rest. Whether all of it is
    /// written.
    pub fn flush(&mut self, poll: &Poll) -> io::Result<bool> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A connection in the making takes nothing yet.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => break,
                Err(error) => return Err(error),
            }
        }
        self.unsent.drain(..sent);
        let wanted = !self.unsent.is_empty();
        if wanted != self.watches_output {
            self.watches_output = wanted;
            poll.change(&self.stream, self.number, wanted)?;
        }
        Ok(!wanted)
    }

    /// Puts what was left over and what has come at the start of `buffer`, which grows as needed and is shared by
    /// all sockets, and returns how many bytes that are. An end of the stream is an error of kind `UnexpectedEof`.
    pub fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let start = self.unread.len();
        if buffer.len() < start + READ_BYTES {
            buffer.resize(start + READ_BYTES, 0);
        }
        buffer[..start].copy_from_slice(&self.unread);
        self.unread.clear();
        match self.stream.read(&mut buffer[start..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(start + count),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(start)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps bytes of an incomplete frame for the next [`Socket::fill`].
    pub fn keep(&mut self, rest: &[u8]) {
        self.unread.extend_from_slice(rest);
    }
}

/// The request that opens a WebSocket.
#[must_use]
pub fn handshake(host: &str, path: &str, protocol: Option<&str>) -> Vec<u8> {
    let mut headers = vec![
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];
    headers.extend(protocol.map(|name| ("sec-websocket-protocol", name)));
    http::request(&format!("GET {path}"), host, &headers, None)
}

/// Reads the answer to [`handshake`]: the number of its bytes, or `None` when more have to come.
pub fn answered(bytes: &[u8], protocol: Option<&str>) -> io::Result<Option<usize>> {
    let read = http::head(bytes, |head| {
        let status = head.code.unwrap_or_default();
        let switched = status == 101 && http::header(head, "sec-websocket-accept") == Some(ACCEPT);
        if switched && http::header(head, "sec-websocket-protocol") == protocol {
            return Ok(());
        }
        Err(io::Error::other(format!("the server did not switch to WebSocket: status {status}")))
    })?;
    Ok(read.map(|((), length)| length))
}

/// The first frame in `bytes` and the number of bytes it takes; `None` when more have to come.
pub fn frame(bytes: &[u8]) -> io::Result<Option<(Opcode, &[u8], usize)>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (header, length) = match second & 0x7F {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (4, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (10, usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX)),
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    let opcode = Opcode::from_number(first & 0x0F);
    let (0x80, 0, Some(opcode)) = (first & 0xF0, second & 0x80, opcode) else {
        return Err(io::Error::other("a frame is fragmented, masked, extended or of an unknown kind"));
    };
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other(format!("a frame has {length} bytes")));
    }
    Ok(bytes.get(header..header + length).map(|payload| (opcode, payload, header + length)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::{net::TcpListener, time::Duration};

    use super::*;

    #[test]
    fn frames_of_every_length_class_are_found_only_when_complete() {
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![0x82];
            match length {
                0..=125 => bytes.push(length as u8),
                126..=0xFFFF => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.resize(bytes.len() + length, 7);
            let whole = bytes.len();
            bytes.push(0x81);
            let (opcode, payload, taken) = frame(&bytes).unwrap().unwrap();
            assert_eq!((opcode, payload.len(), taken), (Opcode::Binary, length, whole));
            assert_eq!(frame(&bytes[..whole - 1]).unwrap(), None);
            assert_eq!(frame(&bytes[..1]).unwrap(), None);
        }
    }

    #[test]
    fn fragments_masked_frames_and_extensions_are_refused() {
        for start in [[0x02, 0x00], [0x00, 0x00], [0xC2, 0x00], [0x82, 0x80], [0x83, 0x00]] {
            assert!(frame(&start).is_err(), "{start:02x?}");
        }
    }

    #[test]
    fn an_answer_counts_only_with_status_proof_and_protocol() {
        let good = format!(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\
             Sec-WebSocket-Protocol: p\r\n\r\nrest"
        );
        assert_eq!(answered(good.as_bytes(), Some("p")).unwrap(), Some(good.len() - 4));
        assert_eq!(answered(&good.as_bytes()[..40], Some("p")).unwrap(), None);
        assert!(answered(good.as_bytes(), Some("q")).is_err());
        assert!(answered(good.replace("101", "503").as_bytes(), Some("p")).is_err());
        assert!(answered(good.replace(ACCEPT, "x").as_bytes(), Some("p")).is_err());
    }

    #[test]
    fn what_is_queued_arrives_masked_and_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut poll = Poll::new().unwrap();
        let address = listener.local_addr().unwrap();
        let mut socket = Socket::connect(&poll, 5, address, None, b"hello").unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        assert!(poll.wait(Duration::from_secs(10)).unwrap().any(|ready| ready.number == 5 && ready.writable));
        socket.queue(Opcode::Binary, b"abcdef");
        socket.flush(&poll).unwrap();
        let mut bytes = [0; 5 + 6 + 6];
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes[..7], b"hello\x82\x86");
        let mask = &bytes[7..11];
        let clear: Vec<u8> =
            bytes[11..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(clear, b"abcdef");
        assert_ne!(&bytes[11..], b"abcdef");

        peer.write_all(b"xyz").unwrap();
        poll.wait(Duration::from_secs(10)).unwrap().for_each(drop);
        let mut buffer = Vec::new();
        let count = socket.fill(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"xyz");
        socket.keep(&buffer[1..count]);
        peer.write_all(b"!").unwrap();
        poll.wait(Duration::from_secs(10)).unwrap().for_each(drop);
        let count = socket.fill(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"yz!", "what was kept comes first");
        drop(peer);
        poll.wait(Duration::from_secs(10)).unwrap().for_each(drop);
        assert_eq!(socket.fill(&mut buffer).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
