//! Every actix actor of the hub: thin shells over `engine`, `channels` and `socket`.
//!
//! ```text
//!  session ──▶ table ──▶ coordinator ──▶ journal ──▶ gate ──▶ table, session's worker, pubsub
//!     │                      │                                            │
//!     └──▶ balance (reads) ──┴─ five domains, one thread                  └──▶ workers ──▶ sockets
//! ```
//!
//! Requests go down, results come back through the output gate in the order of the log, broadcasts go sideways
//! through pubsub. Messages are bounded once, at admission ([`admission`]): a request with a permit is never refused
//! because a mailbox is full, so the mailboxes below need no bounds of their own.
//!
//! Files: [`messages`] has every message, [`ports`] the ways to money and tables; then each actor has one file or
//! folder, and [`house`] starts them all. No two files depend on each other, but for the methods of one actor in the
//! files of its folder.
//!
//! Threads: a session lives on the worker that accepted its socket, a table on a table arbiter, the coordinator
//! and the domains on the money arbiter, pubsub on its own; the journal's writer, the followers and the reader of the
//! state store are plain threads.

pub mod admission;
mod asides;
mod books;
pub mod bucket;
pub mod budgets;
pub mod clock;
pub mod configured;
mod coordinator;
mod crossed;
pub mod currencies;
mod domain;
pub mod eviction;
pub mod followers;
mod frames;
mod gate;
pub mod house;
pub mod limits;
pub mod messages;
mod panics;
mod play;
pub mod ports;
pub mod pubsub;
mod receipts;
pub mod seal;
pub mod session;
pub mod spread;
pub mod stored;
mod table;
pub mod telemetry;
pub mod worker;
pub mod workers;

#[cfg(test)]
mod dies;
#[cfg(test)]
mod rig;
