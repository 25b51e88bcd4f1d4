//! The control socket: commands for a hub that serves, from its own user, over a Unix socket in its data directory.
//!
//! The hub that has the lock of the log listens; so a socket that a killed hub has left is replaced. A command connects,
//! sends one request and reads progress and one answer, each a bounded frame of JSON ([`frame`]). Connections have threads
//! of their own and are few; play waits for none of them. Who is another user is not served, whatever the mode of the file.
//! A hub without the socket serves all the same. See docs/adr/0032-commands-reach-a-serving-hub-over-a-socket.md.

mod client;
mod connection;
mod frame;
mod listen;
mod request;

pub use client::{AskError, ask};
pub use connection::Carries;
pub use listen::{ControlSocket, NotBound};
pub use request::{ControlAnswer, ControlTask, ErasePerson};

/// The name of the socket in the data directory.
pub const SOCKET: &str = "hub.sock";
