//! The state of one channel in the mirror.

use protocol::Channel;
use tokio::sync::oneshot;

use crate::{
    Epoch, Namespace, Options, Position,
    ring::{Ring, RingLimits},
};

/// A channel's place in the list of idle channels: a time, and a number that makes it unique.
pub(crate) type IdleKey = (u64, u64);

/// What gives a channel its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// This mirror.
    Here,
    /// The money log.
    ByLog,
}

/// The server's subscription of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Not subscribed.
    Off,
    /// Requested, or to be requested when the link is up.
    Waiting,
    /// Confirmed, so that publications arrive.
    Live,
}

#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) top: Position,
    pub(crate) numbered: Numbered,
    /// Only this process publishes on it: always live, whatever the state of the link.
    pub(crate) local: bool,
    pub(crate) ring: Ring,
    pub(crate) subscribed: bool,
    pub(crate) line: Line,
    /// No position was returned to a subscriber yet, so that a confirmation needs no new epoch.
    pub(crate) fresh: bool,
    /// The callers that wait for the server's confirmation.
    pub(crate) waiters: Vec<oneshot::Sender<()>>,
    /// Time of the last publication, or when the last subscriber left. Milliseconds.
    pub(crate) touched_ms: u64,
    /// Its place in the list of idle or quiet channels; `None` while it has a subscriber.
    pub(crate) idle: Option<IdleKey>,
    /// Idle for longer than its history age: only its position is kept, which proves that nothing was published since.
    pub(crate) quiet: bool,
    options: Namespace,
    history_bytes_max: usize,
}

impl ChannelState {
    pub(crate) fn new(channel: &Channel, options: &Options, local: bool, epoch: Epoch, now_ms: u64) -> Self {
        Self {
            top: Position { epoch, offset: 0 },
            numbered: Numbered::Here,
            local,
            ring: Ring::default(),
            subscribed: false,
            line: if local { Line::Live } else { Line::Off },
            fresh: true,
            waiters: Vec::new(),
            touched_ms: now_ms,
            idle: None,
            quiet: false,
            options: options.namespace(channel.namespace()),
            history_bytes_max: options.history_bytes_per_channel_max,
        }
    }

    /// Waits for the server's confirmation.
    pub(crate) fn wait(&mut self) -> oneshot::Receiver<()> {
        // Callers that gave up are removed now and then; a search each time would be slow with many of them.
        if self.waiters.len().is_power_of_two() {
            self.waiters.retain(|waiter| !waiter.is_closed());
        }
        let (waiter, confirmed) = oneshot::channel();
        self.waiters.push(waiter);
        confirmed
    }

    /// Whether this position of the log, or a later one of the same epoch, was reached.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.numbered == Numbered::ByLog
            && self.top.epoch == position.epoch
            && self.top.offset >= position.offset
    }

    /// Goes to a position of the log, without a history. Returns the bytes freed.
    pub(crate) fn follow_log(&mut self, top: Position) -> usize {
        self.numbered = Numbered::ByLog;
        self.top = top;
        self.ring.clear()
    }

    /// Begins a new epoch. Returns the bytes freed.
    pub(crate) fn renumber(&mut self, epoch: Epoch) -> usize {
        self.top = Position { epoch, offset: 0 };
        self.ring.clear()
    }

    /// Drops publications that are too old or too many. Returns the bytes freed.
    pub(crate) fn trim(&mut self, now_ms: u64) -> usize {
        let Namespace { history_size, history_age_ms, .. } = self.options;
        let limits = RingLimits { size: history_size, bytes: self.history_bytes_max, age_ms: history_age_ms };
        self.ring.trim(limits, now_ms)
    }

    /// Whether its position alone proves something: this mirror numbers the channel, and receives every publication.
    pub(crate) fn keeps_its_place(&self) -> bool {
        self.numbered == Numbered::Here && self.line == Line::Live
    }

    /// When its history is dropped, if nothing is published before. Milliseconds.
    pub(crate) fn due_ms(&self) -> u64 {
        self.touched_ms.saturating_add(self.options.history_age_ms)
    }
}
