//! The driver over real loopback sockets, with a hand-written client that may break every rule.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod server;

mod close;
mod fanout;
mod floods;
mod handshake;
mod messages;
mod slow;
