//! What goes into a backplane and what comes out of it.

use protocol::{Channel, Payload};

use crate::Position;

/// A publication on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it is published.
    pub channel: Channel,
    /// The data.
    pub payload: Payload,
    /// Who numbers it.
    pub at: At,
}

/// Who numbers a publication. A channel is numbered either by the backplane or by the log, never by both; the log
/// numbers only channels of [`crate::OWNED_NAMESPACES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The backplane gives the next offset. Refused on a channel that the log numbers.
    Next,
    /// The money log has numbered it: epoch of the log, offset counted there, from 1. Sending it again is
    /// harmless: an offset at or below the top of the same epoch is dropped. On a channel that was numbered
    /// otherwise, the log takes over, and subscribers are told to resync.
    Log(Position),
    /// Not numbered and not kept: who does not hear it now never will.
    Ephemeral,
}

/// A publication as subscribers hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where it was published.
    pub channel: Channel,
    /// Its place in the channel; `None` when it is ephemeral: no history, no continuity.
    pub position: Option<Position>,
    /// The data.
    pub payload: Payload,
}

/// What a backplane hands to the process. Only for channels with a subscriber here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A publication. Offsets of an epoch only rise; a jump on a log channel means that the log's holder left some
    /// out, and that the history begins anew at this one.
    Publication(Publication),
    /// Continuity is lost and the epoch is new: subscribers must resync, and go on from `top`.
    Reset {
        /// The channel.
        channel: Channel,
        /// Where the channel is now. The next publication is the one after it.
        top: Position,
    },
}

/// What a channel's history knows about the publications after a position. Never partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// All of them, oldest first, without a gap.
    Recovered {
        /// Contiguous, from the one after the position asked for up to `top`; empty when that was the top.
        publications: Vec<Publication>,
        /// Where the channel is.
        top: Position,
    },
    /// Some are lost, or the position is of another epoch: resync, and go on from `top`.
    Lost {
        /// Where the channel is; `None` when this process does not hold the channel.
        top: Option<Position>,
    },
}
