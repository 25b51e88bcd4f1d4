//! One channel as the mirror holds it.

use protocol::Channel;
use tokio::sync::oneshot;

use crate::{
    Epoch, Namespace, Options, Position,
    ring::{Ring, RingLimits},
};

/// A channel's place among the idle: the time it was filed under, and a number that makes it unique.
pub(crate) type IdleKey = (u64, u64);

/// Who gives a channel its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// This mirror.
    Here,
    /// The money log.
    ByLog,
}

/// Whether a channel's publications reach this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Not asked for.
    Off,
    /// Asked for, or to be asked for when the link is there.
    Waiting,
    /// Confirmed.
    Live,
}

#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) top: Position,
    pub(crate) numbered: Numbered,
    /// Only this process speaks on it: always on line, whatever the link does.
    pub(crate) local: bool,
    pub(crate) ring: Ring,
    pub(crate) subscribed: bool,
    pub(crate) line: Line,
    /// No position was told to anyone yet, so a confirmation breaks no promise.
    pub(crate) fresh: bool,
    /// Who waits for the server's confirmation.
    pub(crate) waiters: Vec<oneshot::Sender<()>>,
    /// Last publication, or when the last subscriber left. Milliseconds.
    pub(crate) touched_ms: u64,
    /// Its place among the idle or the quiet ones; `None` while it has a subscriber.
    pub(crate) idle: Option<IdleKey>,
    /// Idle for longer than its history age: only its position is kept, and proves that nothing was published.
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
        // Whoever gave up waiting is forgotten now and then; looking each time would be slow for a crowd.
        if self.waiters.len().is_power_of_two() {
            self.waiters.retain(|waiter| !waiter.is_closed());
        }
        let (waiter, confirmed) = oneshot::channel();
        self.waiters.push(waiter);
        confirmed
    }

    /// Whether a publication of the log, or a later one of the same epoch, has been here.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.numbered == Numbered::ByLog
            && self.top.epoch == position.epoch
            && self.top.offset >= position.offset
    }

    /// Goes to a position of the log, without a history. Answers the bytes freed.
    pub(crate) fn follow_log(&mut self, top: Position) -> usize {
        self.numbered = Numbered::ByLog;
        self.top = top;
        self.ring.clear()
    }

    /// Begins a new epoch. Answers the bytes freed.
    pub(crate) fn renumber(&mut self, epoch: Epoch) -> usize {
        self.top = Position { epoch, offset: 0 };
        self.ring.clear()
    }

    /// Forgets what is too old or too many. Answers the bytes freed.
    pub(crate) fn trim(&mut self, now_ms: u64) -> usize {
        let Namespace { history_size, history_age_ms, .. } = self.options;
        let limits = RingLimits { size: history_size, bytes: self.history_bytes_max, age_ms: history_age_ms };
        self.ring.trim(limits, now_ms)
    }

    /// Whether its position alone proves something: it is this mirror's, and nothing is published unheard.
    pub(crate) fn keeps_its_place(&self) -> bool {
        self.numbered == Numbered::Here && self.line == Line::Live
    }

    /// When it loses its history, if nothing touches it before. Milliseconds.
    pub(crate) fn due_ms(&self) -> u64 {
        self.touched_ms.saturating_add(self.options.history_age_ms)
    }
}
