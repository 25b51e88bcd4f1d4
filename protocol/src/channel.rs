//! A channel's name: `namespace:name`, or a namespace alone such as `lobby`.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{PlayerId, TableId};

/// Longest channel name, bytes.
pub const CHANNEL_BYTES_MAX: usize = 96;

/// The name of a channel. Cheap to clone. The namespaces `table`, `player`, `domain` and `lobby` are the hub's own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(Arc<str>);

impl Channel {
    /// The channel of a table: the public events of its rounds.
    #[must_use]
    pub fn table(table: TableId) -> Self {
        Self(format!("table:{table}").into())
    }

    /// A player's personal channel: balances and results. The server subscribes its sessions to it.
    #[must_use]
    pub fn player(player: PlayerId) -> Self {
        Self(format!("player:{player}").into())
    }

    /// The part before the first colon, or all of it.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(namespace, _)| namespace)
    }

    /// The part after the first colon, empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a channel name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a channel is \"namespace\" or \"namespace:name\" of at most 96 letters, digits, '_', '-', '.' or ':'"
)]
pub struct NotAChannel;

impl FromStr for Channel {
    type Err = NotAChannel;
    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        let shaped = !text.is_empty() && !text.starts_with(':') && !text.ends_with(':');
        if !shaped || text.len() > CHANNEL_BYTES_MAX || !text.bytes().all(legal) {
            return Err(NotAChannel);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

crate::bounded::text_serde!(Channel, "a channel such as \"table:roulette-1\"");
