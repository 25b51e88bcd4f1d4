//! Options of the backplanes: bounds and periods. Every field has a default, and every resource a bound.

use std::{collections::BTreeMap, time::Duration};

/// Namespaces that belong to the hub: their publications come only from [`crate::Backplane::publish`] of this process,
/// and stay in it. Messages on them from Redis are dropped, counted and logged. Only their channels can be numbered by
/// the log.
pub const OWNED_NAMESPACES: [&str; 4] = ["table", "player", "domain", "lobby"];

/// Namespaces whose channel names come from the hub, not from players or services: there are only as many channels as
/// tables and connected players. They have a quota of their own.
pub(crate) const GIVEN_NAMESPACES: [&str; 2] = ["table", "player"];

/// Options of a backplane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Publications kept for each channel. 0 keeps none.
    pub history_size: usize,
    /// How long a publication is kept. Milliseconds. It should be longer than a usual loss of a phone's connection.
    /// After it, only the position of a channel without a subscriber is kept.
    pub history_age_ms: u64,
    /// Namespaces that differ from the two above.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Most bytes of all histories together: payloads, and the overhead of each publication. When it is reached,
    /// channels without a subscriber lose their histories first (the one longest without a publication first), then the
    /// channel of the new publication its oldest ones.
    pub history_bytes_max: usize,
    /// Most bytes of the history of one channel. When it is reached, the oldest publications are dropped; one that is
    /// larger than this alone is delivered and not kept.
    pub history_bytes_per_channel_max: usize,
    /// Most channels held. When it is reached, a channel without a subscriber is removed, one without a history first;
    /// if there is none, a new subscription is refused. Channels of tables and players have a quota of
    /// their own, of the same size, and are never refused.
    pub channels_max: usize,
    /// Largest payload, bytes, of a publication made here or received.
    pub payload_bytes_max: usize,
    /// Bounds and periods of the Redis link.
    pub link: LinkOptions,
}

/// History of one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespace {
    /// As [`Options::history_size`].
    pub history_size: usize,
    /// As [`Options::history_age_ms`].
    pub history_age_ms: u64,
    /// Only this process publishes on its channels: they are not sent to Redis, and messages on them from Redis are
    /// dropped. Always so for [`OWNED_NAMESPACES`], whatever this field is.
    pub local: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_size: 64,
            history_age_ms: 120_000,
            namespaces: BTreeMap::new(),
            history_bytes_max: 256 * 1024 * 1024,
            history_bytes_per_channel_max: 4 * 1024 * 1024,
            channels_max: 200_000,
            payload_bytes_max: protocol::payload::PAYLOAD_BYTES_MAX,
            link: LinkOptions::default(),
        }
    }
}

impl Options {
    /// The history options of a namespace.
    #[must_use]
    pub fn namespace(&self, namespace: &str) -> Namespace {
        let Self { history_size, history_age_ms, .. } = *self;
        let default = Namespace { history_size, history_age_ms, local: false };
        self.namespaces.get(namespace).copied().unwrap_or(default)
    }
}

impl Options {
    /// Whether only this process publishes on the channels of a namespace.
    pub(crate) fn is_local(&self, namespace: &str) -> bool {
        OWNED_NAMESPACES.contains(&namespace)
            || self.namespaces.get(namespace).is_some_and(|options| options.local)
    }

    /// The namespaces on whose channels only this process publishes.
    pub(crate) fn local_namespaces(&self) -> impl Iterator<Item = &str> {
        let configured = self.namespaces.iter().filter(|(_, options)| options.local).map(|(name, _)| &**name);
        OWNED_NAMESPACES.into_iter().chain(configured.filter(|name| !OWNED_NAMESPACES.contains(name)))
    }
}

/// Bounds and periods of the Redis link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// Time between two liveness probes of each connection. Milliseconds. After two probes without an answer the
    /// connection is given up, so a dead link is noticed after at most three times this.
    pub probe_every_ms: u64,
    /// Longest wait for a connection with its handshake. Milliseconds.
    pub connect_within_ms: u64,
    /// Longest wait for the answer to a command. Milliseconds.
    pub answer_within_ms: u64,
    /// First pause before connecting again; it doubles with each failure. Milliseconds.
    pub backoff_min_ms: u64,
    /// Longest pause before connecting again. Milliseconds. There is no last attempt.
    pub backoff_max_ms: u64,
    /// Most publications waiting to be sent to Redis; more are refused as busy.
    pub publish_queue_max: usize,
    /// Most bytes of publications waiting to be sent; more are refused as busy.
    pub publish_queue_bytes_max: usize,
    /// Most messages from Redis waiting to be delivered. With more, the link counts as lost and is connected again,
    /// because a message that was dropped silently would be a gap that no subscriber can notice.
    pub receive_queue_max: usize,
    /// Most bytes of messages waiting to be delivered. With more, as for [`LinkOptions::receive_queue_max`].
    pub receive_queue_bytes_max: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            probe_every_ms: 2_000,
            connect_within_ms: 2_000,
            answer_within_ms: 2_000,
            backoff_min_ms: 100,
            backoff_max_ms: 2_000,
            publish_queue_max: 4_096,
            publish_queue_bytes_max: 16 * 1024 * 1024,
            receive_queue_max: 65_536,
            receive_queue_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl LinkOptions {
    pub(crate) fn probe_every(&self) -> Duration {
        // An interval of zero would panic.
        Duration::from_millis(self.probe_every_ms.max(1))
    }

    pub(crate) fn connect_within(&self) -> Duration {
        Duration::from_millis(self.connect_within_ms)
    }

    pub(crate) fn answer_within(&self) -> Duration {
        Duration::from_millis(self.answer_within_ms)
    }
}
