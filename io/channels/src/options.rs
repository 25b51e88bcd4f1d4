//! Bounds and periods of the channels. Every field has a default; none is unbounded.

use std::{collections::BTreeMap, time::Duration};

/// Namespaces that belong to the hub: their publications come through [`crate::Backplane::publish`] of this process
/// only and stay in it. Whatever comes on them through Redis is dropped, counted and logged. Only their channels can
/// be numbered by the log.
pub const OWNED_NAMESPACES: [&str; 4] = ["table", "player", "domain", "lobby"];

/// Namespaces whose names the hub gives, not players or services: there are only as many channels as tables and
/// connected players. Their room is counted apart from all others.
pub(crate) const GIVEN_NAMESPACES: [&str; 2] = ["table", "player"];

/// Options of a backplane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Publications kept for each channel. 0 keeps none.
    pub history_size: usize,
    /// How long a publication is kept. Milliseconds. It should outlast a phone's way through a tunnel. After it, a
    /// channel without a subscriber is known by its position alone.
    pub history_age_ms: u64,
    /// Namespaces that differ from the two above.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Bytes of all histories together: payloads, and what each publication costs besides. When it is reached, channels
    /// without a subscriber lose their histories first (the longest silent one first), then the publishing channel its
    /// own oldest publications.
    pub history_bytes_max: usize,
    /// The same of one channel. When it is reached, the oldest go; what does not fit alone is delivered, not kept.
    pub history_bytes_per_channel_max: usize,
    /// Channels held. When it is reached, a channel without a subscriber is forgotten, one without a history first; if
    /// there is none, a new subscription is refused. Channels of tables and players have as much room again, apart, and are never
    /// refused.
    pub channels_max: usize,
    /// Largest payload, bytes, as it is published and as it arrives.
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
    /// Only this process publishes on its channels: nothing of them goes elsewhere or is taken from there. So it is for
    /// [`OWNED_NAMESPACES`] whatever stands here.
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
    /// Time between two liveness probes of each connection. Milliseconds. Two probes without an answer, and the
    /// connection is given up: a dead link is noticed after at most three of these.
    pub probe_every_ms: u64,
    /// Longest wait for a connection with its handshake. Milliseconds.
    pub connect_within_ms: u64,
    /// Longest wait for the answer to a command. Milliseconds.
    pub answer_within_ms: u64,
    /// First pause before connecting again; it doubles with each failure. Milliseconds.
    pub backoff_min_ms: u64,
    /// Longest pause before connecting again. Milliseconds. There is no last attempt.
    pub backoff_max_ms: u64,
    /// Publications waiting to be sent to Redis. More: `busy`.
    pub publish_queue_max: usize,
    /// Bytes of the publications waiting to be sent. More: `busy`.
    pub publish_queue_bytes_max: usize,
    /// Messages from Redis waiting to be delivered. More: the link counts as lost and is built again, because
    /// a message that was dropped silently would be a gap that nobody can see.
    pub receive_queue_max: usize,
    /// Bytes of the messages waiting to be delivered. More: as above.
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
        // An interval of zero is a panic; one millisecond is the shortest that means anything.
        Duration::from_millis(self.probe_every_ms.max(1))
    }

    pub(crate) fn connect_within(&self) -> Duration {
        Duration::from_millis(self.connect_within_ms)
    }

    pub(crate) fn answer_within(&self) -> Duration {
        Duration::from_millis(self.answer_within_ms)
    }
}
