//! A client of the hub: connects, correlates replies, hands on pushes, comes back after a break.
//!
//! Three levels, each usable alone. [`Connection`] is one socket with the hub's frames. [`Client`] adds `hello`,
//! replies matched by id with a time limit, a heartbeat and a bounded queue of pushes. [`Resilient`] adds
//! reconnecting, also while nobody asks anything, and carries a bet to a definite outcome with one key, whatever
//! breaks on the way. All three work with a later hub: what they do not know they pass on or skip, and report.
//!
//! Needs a tokio runtime, current-thread or multi-thread. Opens `ws://` itself; for TLS, hand a stream of your
//! own to [`Connection::over`], or a way to open one to [`Resilient::with`].
//!
//! ```no_run
//! # async fn example(token: &str) -> Result<(), hub_client::Error> {
//! use hub_client::{Client, Options, Pushed};
//! let (client, mut pushes) = Client::connect("ws://127.0.0.1:7700/ws", token, Options::default()).await?;
//! let (table, _own_bets) = client.join_table("roulette-1".parse().expect("a table id")).await?;
//! client.follow(&table).await?;
//! while let Some(Pushed::Push(push)) = pushes.recv().await {
//!     println!("{push:?}");
//! }
//! # Ok(()) }
//! ```

mod backoff;
mod client;
mod connection;
mod error;
mod keys;
mod link;
mod positions;
mod pushes;
mod requests;
mod resilient;
mod serve;
mod settings;

pub use backoff::Backoff;
pub use client::{Client, Options};
pub use connection::{Connect, Connection, Receiver, Sender, Transport};
pub use error::{Closed, Error};
pub use keys::Keys;
pub use protocol;
pub use pushes::{Pushed, Pushes};
pub use requests::one_bet;
pub use resilient::{Outcome, Resilient};
pub use settings::Settings;
