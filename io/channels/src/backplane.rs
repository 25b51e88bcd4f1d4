//! The trait that both backplanes implement, its errors and its figures.

use futures_util::future::LocalBoxFuture;
use protocol::Channel;

use crate::{Outgoing, Position, Recovery};

/// Carries publications from whoever publishes to the process's subscribers, in order, and remembers the last.
///
/// Lives on one thread of a tokio runtime. Deliveries go to the function given at construction, on that
/// thread, never from inside a delivery: what is published while one is handled is delivered after it.
///
/// What holds, and what the conformance suite checks:
/// * **C1** deliveries of one channel come in the order of publication; offsets of an epoch only rise.
/// * **C2** after `subscribe` has answered with `top`, every later publication is delivered, or a
///   [`crate::Delivery::Reset`] says that some may be missing.
/// * **C3** a recovery is complete or it is `Lost`; never a part.
/// * **C4** an epoch of the backplane's own is never used again after continuity broke.
pub trait Backplane {
    /// Publishes. The publication takes its place in the order now; the future, which may be dropped, tells
    /// what became of it: its position when it is known here (a Redis mirror numbers [`crate::At::Next`] only
    /// when it hears it: `None`).
    ///
    /// Channels of [`crate::OWNED_NAMESPACES`] live in this process alone: what is published on them is delivered
    /// here at once, goes nowhere else, and nothing of them is taken from elsewhere.
    fn publish(&self, outgoing: Outgoing) -> LocalBoxFuture<'static, Result<Option<Position>, PublishError>>;

    /// Begins deliveries of the channel to this process, for its first subscriber; harmless for the next.
    /// Answers with the top at the moment the future resolves. It takes effect even if the future is dropped.
    /// Without a link it answers at once: a `Reset` follows when the link is there. For a channel of
    /// [`crate::OWNED_NAMESPACES`] it always answers at once, and nothing follows: the link has no say in it.
    fn subscribe(&self, channel: &Channel) -> LocalBoxFuture<'static, Result<Position, SubscribeError>>;

    /// Ends deliveries of the channel, after the last subscriber has left. The history goes on being kept for
    /// [`crate::Options::history_age_ms`], so that a client which comes back finds what it missed; the position is
    /// kept for longer, until it proves nothing any more or the room is needed.
    fn unsubscribe(&self, channel: &Channel);

    /// Everything published after `since`, from the local history, or `Lost`. To be asked after `subscribe`
    /// has answered.
    fn recover(&self, channel: &Channel, since: &Position) -> Recovery;

    /// Where the channel is; `None` when this process does not hold it.
    fn top(&self, channel: &Channel) -> Option<Position>;

    /// Tells where a channel that the log numbers is, by the log's owner: after a start, or before the first
    /// subscriber. Positions then continue those given before the start. Harmless when the channel is at or past
    /// `top`; otherwise it goes to `top` without a history, and subscribers here are reset. Only for channels of
    /// [`crate::OWNED_NAMESPACES`].
    fn declare(&self, channel: &Channel, top: Position);

    /// Whether the link stands.
    fn health(&self) -> Health;

    /// Figures since the start.
    fn counters(&self) -> Counters;
}

/// Why a publication was not published, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The queue to the backplane is full; nothing was published. Retryable.
    #[error("the queue to the backplane is full, retry in {retry_after_ms} ms")]
    Busy {
        /// A sensible pause, milliseconds.
        retry_after_ms: u64,
    },
    /// There is no link; nothing was published. Retryable.
    #[error("the backplane is unavailable, retry in {retry_after_ms} ms")]
    Unavailable {
        /// A sensible pause, milliseconds.
        retry_after_ms: u64,
    },
    /// The link broke before the answer: it was published or not. A resend is harmless for a log
    /// publication; any other may be heard twice.
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
    /// The log numbers this channel; [`crate::At::Next`] is refused there. Final.
    #[error("the channel is numbered by the log")]
    LogChannel,
    /// The log numbers channels of [`crate::OWNED_NAMESPACES`] only; [`crate::At::Log`] is refused elsewhere. Final.
    #[error("the channel is not the log's to number")]
    NotALogChannel,
    /// A log position with offset 0. Final.
    #[error("the first offset is 1")]
    OffsetZero,
    /// The server refused it, for example by its access rules. Final until an operator acts.
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
    /// It was unsubscribed, and forgotten, before the answer.
    #[error("the channel was unsubscribed meanwhile")]
    Withdrawn,
}

/// Whether the link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Publications go out and come in.
    pub up: bool,
    /// For people: what it is connected to, or what failed. Without secrets.
    pub message: String,
    /// How long it has been so, milliseconds.
    pub since_ms: u64,
}

/// Messages from elsewhere that were dropped, by reason. Figures since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Neither JSON, MessagePack nor a publication of a hub.
    pub invalid: u64,
    /// Larger than allowed.
    pub oversized: u64,
    /// A lone byte 0 to 127: an integer in MessagePack, perhaps another one in JSON.
    pub ambiguous: u64,
    /// On a namespace of the hub's own, whoever sent them and whatever they hold.
    pub owned: u64,
    /// With a position of a log: a log's events are never taken from elsewhere.
    pub log: u64,
}

/// Figures since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Channels held now, with a subscriber or a history.
    pub channels: u64,
    /// Channels of which only the position is kept now.
    pub quiet: u64,
    /// Bytes held in histories now: payloads, and what each publication costs besides.
    pub history_bytes: u64,
    /// Publications delivered to this process.
    pub delivered: u64,
    /// Log publications that had been heard before and were dropped.
    pub resent: u64,
    /// Jumps in the offsets of log channels.
    pub gaps: u64,
    /// Channels whose subscribers were told to resync.
    pub resets: u64,
    /// Messages from elsewhere that were dropped.
    pub dropped: Dropped,
    /// Publications refused because the queue was full.
    pub busy: u64,
    /// Times a link was lost.
    pub links_lost: u64,
}
