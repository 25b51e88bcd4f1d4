//! Channels: epochs, offsets, history and recovery, over a backplane in memory or in Redis.
//!
//! Publishers (the log's publisher, the HTTP edge, other services through Redis) publish; the process's pubsub takes
//! the deliveries and fans them out to its sockets. This crate depends on neither sockets nor actors. It runs on one
//! thread of a tokio runtime and is not `Send`.
//!
//! It guarantees that there is no silent gap (C1–C4 at [`Backplane`]): every loss shows as a jump of offsets, a new
//! epoch or a reset. It does not guarantee delivery: the log has the complete record, a channel only a copy.
//!
//! ```text
//! publish ─▶ Memory ──────────────────────────────▶ mirror (numbers, remembers) ─▶ deliver
//! publish ─▶ RedisBackplane ─▶ Redis ─▶ the link ─▶ mirror ─▶ deliver
//!             any service's PUBLISH ─▶┘
//! ```
//!
//! Channels of the hub's own namespaces ([`OWNED_NAMESPACES`]) never use Redis: they exist only in the process's
//! mirror, so that no message from outside can be taken for an event of the log (ADR-0013).

mod backplane;
mod memory;
mod mirror;
mod options;
mod outbox;
mod position;
mod publication;
mod redis;
mod ring;
mod telemetry;

pub use backplane::{Backplane, Counters, Dropped, Health, PublishError, SubscribeError};
pub use memory::Memory;
pub use options::{LinkOptions, Namespace, OWNED_NAMESPACES, Options};
pub use position::{EPOCH_BYTES_MAX, Epoch, NotAnEpoch, Position};
pub use publication::{At, Delivery, Outgoing, Publication, Recovery};
pub use redis::{ConnectError, REDIS_PREFIX, RedisBackplane, check_url};
