//! The backplane trait, with its errors and counters.

use futures_util::future::LocalBoxFuture;
use protocol::Channel;

use crate::{Outgoing, Position, Recovery};

/// Carries publications from their publishers to the subscribers of this process, in order, and keeps a history.
///
/// Lives on one thread of a tokio runtime. Deliveries go to the function given at construction, on that thread. They
/// are never nested: a publication made while a delivery is handled is delivered after it.
///
/// Its invariants, which the conformance suite checks:
/// * **C1** deliveries of one channel come in the order of publication; offsets of an epoch only rise.
/// * **C2** after `subscribe` has answered with `top`, every later publication is delivered, or a
///   [`crate::Delivery::Reset`] says that some may be missing.
/// * **C3** a recovery is complete, or it is `Lost`; it is never partial.
/// * **C4** an epoch of the backplane's own is never used again after continuity broke.
pub trait Backplane {
    /// Publishes. The publication takes its place in the order at once. The future gives the result and may be dropped;
    /// it has the position where that is known. Over Redis a publication with [`crate::At::Next`] is numbered only when
    /// it comes back: `None`.
    ///
    /// Channels of [`crate::OWNED_NAMESPACES`] exist in this process alone: their publications are delivered here at
    /// once and are not sent to Redis, and messages on them from Redis are dropped.
    fn publish(&self, outgoing: Outgoing) -> LocalBoxFuture<'static, Result<Option<Position>, PublishError>>;

    /// Begins deliveries of the channel to this process, for its first subscriber; has no effect for the next ones.
    /// Returns the top at the time when the future resolves. It takes effect even if the future is dropped. Without a
    /// link it resolves at once, and a `Reset` follows when the link is up. For a channel of
    /// [`crate::OWNED_NAMESPACES`] it always resolves at once, and no reset follows: the link does not matter there.
    fn subscribe(&self, channel: &Channel) -> LocalBoxFuture<'static, Result<Position, SubscribeError>>;

    /// Ends deliveries of the channel, after the last subscriber has left. The history is kept for
    /// [`crate::Options::history_age_ms`], so that a client that comes back can recover. The position is kept for
    /// longer: until it proves nothing any more, or its room is needed.
    fn unsubscribe(&self, channel: &Channel);

    /// Everything published after `since`, from the local history, or `Lost`. Call it after `subscribe` has resolved.
    fn recover(&self, channel: &Channel, since: &Position) -> Recovery;

    /// The current position of the channel; `None` when this process does not hold it.
    fn top(&self, channel: &Channel) -> Option<Position>;

    /// Sets the position of a channel that the log numbers, after a start or before the first subscriber, so that
    /// positions continue those from before the start. Has no effect when the channel is at or after `top`; otherwise
    /// it goes to `top` without a history, and subscribers here are reset. Only for channels of
    /// [`crate::OWNED_NAMESPACES`].
    fn declare(&self, channel: &Channel, top: Position);

    /// Whether the link is up.
    fn health(&self) -> Health;

    /// Counters since the start.
    fn counters(&self) -> Counters;
}

/// Why a publication was not published, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The queue to the backplane is full; nothing was published. Retryable.
    #[error("the queue to the backplane is full, retry in {retry_after_ms} ms")]
    Busy {
        /// Time to wait before a retry, milliseconds.
        retry_after_ms: u64,
    },
    /// There is no link; nothing was published. Retryable.
    #[error("the backplane is unavailable, retry in {retry_after_ms} ms")]
    Unavailable {
        /// Time to wait before a retry, milliseconds.
        retry_after_ms: u64,
    },
    /// The link broke before the answer: it may have been published or not. A retry of a log publication is harmless;
    /// any other may be delivered twice.
    #[error("the backplane did not confirm the publication")]
    Unconfirmed,
    /// The payload is longer than [`crate::Options::payload_bytes_max`]. Final.
    #[error("a payload of {bytes} bytes is longer than the {max} allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The log numbers this channel, so [`crate::At::Next`] is refused. Final.
    #[error("the channel is numbered by the log")]
    LogChannel,
    /// The log numbers only channels of [`crate::OWNED_NAMESPACES`], so [`crate::At::Log`] is refused. Final.
    #[error("the channel is not the log's to number")]
    NotALogChannel,
    /// A log position with offset 0. Final.
    #[error("the first offset is 1")]
    OffsetZero,
    /// The server refused it, for example by its access rules. Final until an operator changes that.
    #[error("the backplane refused the publication: {0}")]
    Refused(String),
}

/// Why a channel cannot be subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// [`crate::Options::channels_max`] channels have a subscriber.
    #[error("{max} channels are subscribed, no more are allowed")]
    TooManyChannels {
        /// The limit.
        max: usize,
    },
    /// The channel was unsubscribed and removed before the future resolved.
    #[error("the channel was unsubscribed meanwhile")]
    Withdrawn,
}

/// Whether the link is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Publications are sent and received.
    pub up: bool,
    /// For people: what it is connected to, or what failed. Contains no secrets.
    pub message: String,
    /// How long it has been in this state, milliseconds.
    pub since_ms: u64,
}

/// Messages from Redis that were dropped, by reason. Counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Neither JSON, MessagePack nor a publication of a hub.
    pub invalid: u64,
    /// Larger than allowed.
    pub oversized: u64,
    /// A single byte from 0 to 127: an integer in MessagePack, and perhaps another integer in JSON.
    pub ambiguous: u64,
    /// On a namespace on which only the hub publishes.
    pub owned: u64,
    /// With a position of a log: events of a log are never accepted from Redis.
    pub log: u64,
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Channels held now, with a subscriber or a history.
    pub channels: u64,
    /// Channels now of which only the position is kept.
    pub quiet: u64,
    /// Bytes of all histories now: payloads and the overhead of each publication.
    pub history_bytes: u64,
    /// Publications delivered to this process.
    pub delivered: u64,
    /// Log publications that were repeated, and dropped.
    pub resent: u64,
    /// Jumps in the offsets of log channels.
    pub gaps: u64,
    /// Channels whose subscribers were told to resync.
    pub resets: u64,
    /// Messages from Redis that were dropped.
    pub dropped: Dropped,
    /// Publications refused because the queue was full.
    pub busy: u64,
    /// Number of times that a link was lost.
    pub links_lost: u64,
}
