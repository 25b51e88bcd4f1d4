//! Publications, deliveries and recoveries: the input and output of a backplane.

use protocol::{Channel, Payload};

use crate::Position;

/// A publication to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The channel.
    pub channel: Channel,
    /// The data.
    pub payload: Payload,
    /// How it is numbered.
    pub at: At,
}

/// How a publication is numbered. A channel is numbered either by the backplane or by the log, never by both; the log
/// numbers only channels of [`crate::OWNED_NAMESPACES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The backplane gives the next offset. Refused on a channel that the log numbers.
    Next,
    /// The money log has numbered it: epoch of the log, and an offset from 1. Publishing it again is harmless: an
    /// offset at or below the top of the same epoch is dropped. A channel that the backplane numbered is numbered by
    /// the log from then on, and its subscribers are reset.
    Log(Position),
    /// Not numbered and not kept: only current subscribers get it.
    Ephemeral,
}

/// A publication as subscribers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The channel.
    pub channel: Channel,
    /// Its place in the channel; `None` for an ephemeral one, which is in no history.
    pub position: Option<Position>,
    /// The data.
    pub payload: Payload,
}

/// What a backplane delivers to the process, only for channels with a subscriber here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A publication. Offsets of an epoch only rise. A jump on a channel of the log means that some were not
    /// published, and that the history begins again at this one.
    Publication(Publication),
    /// The channel has a new epoch: subscribers must load the state again, and continue from `top`.
    Reset {
        /// The channel.
        channel: Channel,
        /// The position of the channel. The next publication has the next offset.
        top: Position,
    },
}

/// The publications after a position, from a channel's history. Complete, or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// All of them, oldest first.
    Recovered {
        /// Contiguous, from the one after the given position up to `top`; empty when that was the top.
        publications: Vec<Publication>,
        /// The position of the channel.
        top: Position,
    },
    /// Some are lost, or the position is of another epoch: load the state again, and continue from `top`.
    Lost {
        /// The position of the channel; `None` when this process does not hold the channel.
        top: Option<Position>,
    },
}
