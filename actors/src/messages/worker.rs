//! Messages to a worker thread: replies, publications, and the drain.

use std::sync::Arc;

use channels::{Position, Publication};
use protocol::{
    Channel, CloseCode, Reply,
    reply::{Subscribed, Welcome},
};
use tokio::sync::oneshot;

use super::reply::{ReplyTo, SessionRef};

/// Messages to a worker thread.
#[derive(Debug)]
pub enum ToWorker {
    /// A reply to a request.
    Reply {
        /// The session and its request.
        to: ReplyTo,
        /// The reply.
        reply: Box<Reply>,
    },
    /// A session has channels from here on: every publication after this message is for it too.
    Granted {
        /// The session and its request.
        to: ReplyTo,
        /// The channels, each with what was missed.
        channels: Vec<Subscribed>,
        /// The reply they belong to.
        reply: Grant,
    },
    /// A session leaves a channel.
    Unsubscribe {
        /// The session and its request.
        to: ReplyTo,
        /// The channel.
        channel: Channel,
    },
    /// A publication for this worker's subscribers.
    Publication(Arc<Publication>),
    /// Continuity of a channel is lost.
    Reset {
        /// The channel.
        channel: Channel,
        /// Where it stands now.
        top: Position,
    },
    /// A session is closed.
    Hangup {
        /// The session.
        session: SessionRef,
        /// Close code.
        code: CloseCode,
    },
    /// The drain begins: every session is told when to come back, spread over this many milliseconds.
    Drain {
        /// The spread.
        spread_ms: u64,
    },
    /// Every session is closed.
    Close {
        /// Close code.
        code: u16,
        /// Reason.
        reason: &'static str,
        /// Dropped when the last socket of this worker is gone: its close frame was sent and answered, or its time was
        /// over.
        gone: Arc<()>,
    },
    /// Asks what the worker has counted. The answer is dropped with a worker that is gone.
    GetStats(oneshot::Sender<socket::Stats>),
}

/// The reply that carries granted channels.
#[derive(Debug)]
pub enum Grant {
    /// To `subscribe`: one channel.
    Subscribed,
    /// To `hello`: the personal channel first, then those of `resume`. The channel fields are filled in.
    Welcome(Box<Welcome>),
}
