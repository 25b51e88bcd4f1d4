//! Many sessions that only receive: opened a few at a time, then held.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use protocol::{
    Channel, ClientFrame, Encoding, Reply, Request, Text, U53,
    codec::{ServerFrame, decode_server, encode_client},
    request::{Hello, Subscribe},
};

use crate::{
    poll::Poll,
    progress::Progress,
    target::Target,
    wire::{self, Opcode, Socket},
};

/// Sessions opened at the same time: what a listen queue of modest length holds.
const OPENING_MAX: usize = 100;
/// Connections from one address of this machine; there are about 28,000 ports for them.
const PER_ADDRESS_MAX: usize = 20_000;
/// Longest wait for a session.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a session sends when its WebSocket is open.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Nothing: the server subscribes every connection.
    Silent,
    /// `hello` with the token of its number, and `subscribe` if a channel is named.
    Hub {
        /// One token for each session.
        tokens: Vec<String>,
        /// What to follow.
        channel: Option<Channel>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Upgrading,
    Greeting,
    Subscribing,
    Ready,
}

/// The sessions and what is needed to hear them.
pub struct Crowd {
    /// Readiness of the sessions, by number; further sockets may be added with higher numbers.
    pub poll: Poll,
    /// The sessions.
    pub sockets: Vec<Socket>,
    stages: Vec<Stage>,
    manner: Manner,
    buffer: Vec<u8>,
}

impl Crowd {
    /// Opens `count` sessions, a hundred at a time.
    pub fn open(target: &Target, count: usize, manner: Manner, progress: &Progress) -> io::Result<Self> {
        let protocol = match manner {
            Manner::Silent => None,
            Manner::Hub { .. } => Some(protocol::SUBPROTOCOL_MSGPACK),
        };
        let request = wire::handshake(&target.host, &target.path, protocol);
        let mut crowd =
            Self { poll: Poll::new()?, sockets: Vec::new(), stages: Vec::new(), manner, buffer: Vec::new() };
        let mut ready = 0;
        let mut heard = Instant::now();
        while ready < count {
            while crowd.sockets.len() < count && crowd.sockets.len() - ready < OPENING_MAX {
                let number = crowd.sockets.len();
                let from = own_address(target, number);
                let socket = Socket::connect(&crowd.poll, number, target.address, from, &request)?;
                crowd.sockets.push(socket);
                crowd.stages.push(Stage::Upgrading);
            }
            let events: Vec<_> = crowd.poll.wait(Duration::from_millis(50))?.collect();
            for event in &events {
                if event.writable {
                    crowd.sockets[event.number].flush(&crowd.poll)?;
                }
                if event.readable && crowd.advance(event.number)? {
                    ready += 1;
                }
            }
            if !events.is_empty() {
                heard = Instant::now();
            }
            if heard.elapsed() > PATIENCE {
                let text = format!("only {ready} of {count} sessions opened");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            progress.show("sessions open", ready as u64, count as u64);
        }
        Ok(crowd)
    }

    /// Reads from the sessions for a while: answers pings, drops everything else.
    pub fn hold(&mut self, length: Duration) -> io::Result<()> {
        let end = Instant::now() + length;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let events: Vec<_> = self.poll.wait(left)?.collect();
            for event in events {
                if event.writable {
                    self.sockets[event.number].flush(&self.poll)?;
                }
                if event.readable {
                    self.advance(event.number)?;
                }
            }
        }
        Ok(())
    }

    /// Reads from a session. `true` when that made it ready.
    fn advance(&mut self, number: usize) -> io::Result<bool> {
        let (socket, stage) = (&mut self.sockets[number], &mut self.stages[number]);
        let before = *stage;
        let count = socket.fill(&mut self.buffer)?;
        let mut rest = &self.buffer[..count];
        if *stage == Stage::Upgrading {
            let protocol = match self.manner {
                Manner::Silent => None,
                Manner::Hub { .. } => Some(protocol::SUBPROTOCOL_MSGPACK),
            };
            let Some(taken) = wire::answered(rest, protocol)? else {
                socket.keep(rest);
                return Ok(false);
            };
            rest = &rest[taken..];
            *stage = match &self.manner {
                Manner::Silent => Stage::Ready,
                Manner::Hub { tokens, .. } => {
                    socket.queue(Opcode::Binary, &hello(&tokens[number])?);
                    Stage::Greeting
                }
            };
        }
        while let Some((opcode, payload, taken)) = wire::frame(rest)? {
            match opcode {
                Opcode::Ping => socket.queue(Opcode::Pong, payload),
                Opcode::Close => return Err(io::Error::other(format!("the server closed session {number}"))),
                Opcode::Binary if *stage != Stage::Ready => greeted(payload, &self.manner, socket, stage)?,
                Opcode::Binary | Opcode::Text | Opcode::Pong => {}
            }
            rest = &rest[taken..];
        }
        socket.keep(rest);
        socket.flush(&self.poll)?;
        Ok(before != Stage::Ready && *stage == Stage::Ready)
    }
}

/// Takes the hub's answer to `hello` or `subscribe`.
fn greeted(payload: &[u8], manner: &Manner, socket: &mut Socket, stage: &mut Stage) -> io::Result<()> {
    let reply = match decode_server(Encoding::Msgpack, payload).map_err(io::Error::other)? {
        ServerFrame::Reply(frame) => frame.reply,
        ServerFrame::Push(_) => return Ok(()),
    };
    match (reply, manner) {
        (Reply::Welcome(_), Manner::Hub { channel: Some(channel), .. }) => {
            let subscribe = Subscribe { channel: channel.clone(), since: None };
            let frame = ClientFrame { id: U53::from(2), request: Request::Subscribe(subscribe) };
            socket.queue(Opcode::Binary, &encode_client(Encoding::Msgpack, frame));
            *stage = Stage::Subscribing;
        }
        (Reply::Welcome(_) | Reply::Subscribed(_), _) => *stage = Stage::Ready,
        (Reply::Error(failure), _) => {
            return Err(io::Error::other(format!("the hub refuses a session: {}", failure.message)));
        }
        _ => return Err(io::Error::other("the hub answered something else than was asked")),
    }
    Ok(())
}

fn hello(token: &str) -> io::Result<Vec<u8>> {
    let token = Text::new(token).ok_or_else(|| io::Error::other("a token longer than the wire allows"))?;
    let hello = Hello { token, client: Text::new("loadtest"), resume: Vec::new() };
    let frame = ClientFrame { id: U53::from(1), request: Request::Hello(hello) };
    Ok(encode_client(Encoding::Msgpack, frame))
}

/// On loopback every address of 127/8 is ours, so many connections need not share the ports of one.
fn own_address(target: &Target, number: usize) -> Option<IpAddr> {
    let nth = u8::try_from(number / PER_ADDRESS_MAX).unwrap_or(u8::MAX);
    let is_loopback = matches!(target.address.ip(), IpAddr::V4(address) if address.is_loopback());
    (is_loopback && nth > 0).then(|| IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1 + nth)))
}
