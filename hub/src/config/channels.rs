//! Channels and the backplane that carries them between hubs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bounds of all channels, and the namespaces there are. A channel of another namespace is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channels {
    /// Largest publication. Bytes of its MessagePack; 256..=65_536.
    pub payload_bytes_max: usize,
    /// Channels one session may subscribe to. 1..=10_000.
    pub subscriptions_per_session_max: u32,
    /// Channels one player may subscribe to, over all its sessions. 1..=1_000_000.
    pub subscriptions_per_player_max: u32,
    /// Channels held at once. 16..=10_000_000. The least recently used are forgotten first, those without a history
    /// before all others; tables and players have as much room apart.
    pub channels_max: u32,
    /// Bytes of all histories, with what each publication costs besides its payload. 1_048_576..=68_719_476_736. When it
    /// is reached, channels without a subscriber lose their histories first.
    pub history_bytes_max: usize,
    /// The same of one channel; its oldest publications go. 131_072..=1_073_741_824, not above the one before.
    pub history_bytes_per_channel_max: usize,
    /// Bytes of the publications that wait at all workers, with what each costs besides its payload; every worker has an
    /// equal share. 1_048_576..=68_719_476_736. What does not fit is dropped for that worker, and counted.
    pub waiting_bytes_max: u64,
    /// Options by namespace: the part of a channel's name before the colon.
    pub namespaces: BTreeMap<String, Namespace>,
}

/// Options of the channels of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Namespace {
    /// Publications kept for recovery; 0: none, a break is always a resync. 0..=10_000.
    pub history_size: u32,
    /// Longest a publication is kept. Milliseconds; 0..=86_400_000.
    pub history_age_ms: u32,
    /// Who may subscribe.
    pub subscribe: Subscribe,
    /// Who may publish.
    pub publish: Publisher,
}

impl Default for Namespace {
    fn default() -> Self {
        Self {
            history_size: 64,
            history_age_ms: 300_000,
            subscribe: Subscribe::Anyone,
            publish: Publisher::Service,
        }
    }
}

/// Who may subscribe to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscribe {
    /// Every player with a valid token.
    Anyone,
    /// No client asks for it: the hub subscribes those it concerns.
    Hub,
}

/// Who may publish into a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publisher {
    /// A service with a token, or with access to Redis; the hub too.
    Service,
    /// The hub alone.
    Hub,
}

impl Default for Channels {
    fn default() -> Self {
        let hub = |history_size, subscribe| Namespace {
            history_size,
            subscribe,
            publish: Publisher::Hub,
            ..Namespace::default()
        };
        let namespaces = [
            ("domain", hub(64, Subscribe::Hub)),
            ("lobby", hub(64, Subscribe::Anyone)),
            ("news", Namespace::default()),
            ("player", hub(64, Subscribe::Hub)),
            ("table", hub(128, Subscribe::Anyone)),
        ];
        Self {
            payload_bytes_max: 16 * 1024,
            subscriptions_per_session_max: 64,
            subscriptions_per_player_max: 256,
            channels_max: 200_000,
            history_bytes_max: 256 * 1024 * 1024,
            history_bytes_per_channel_max: 4 * 1024 * 1024,
            waiting_bytes_max: 256 * 1024 * 1024,
            namespaces: namespaces.map(|(name, options)| (name.to_owned(), options)).into(),
        }
    }
}

/// The Redis backplane; without an address, channels live in this process alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Address without a password, such as `redis://10.0.0.5:6379/0`; empty: `HUB_REDIS_URL`, or no Redis.
    pub url: String,
    /// File with the address, which may hold a password.
    pub url_file: String,
}
