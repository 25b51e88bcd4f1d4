//! Tests of the driver over loopback sockets, with a hand-written client that can violate the protocol.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod server;

mod close;
mod fanout;
mod floods;
mod handshake;
mod messages;
mod slow;
