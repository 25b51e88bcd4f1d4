//! A session's out-queue: frames that the socket has not taken yet, with a rule for each class of frame.
//!
//! Pure: no socket and no clock. Frames keep the order of the pushes. A newer state frame replaces the older one of its
//! key, but is queued at the *end*, so that it never overtakes a reply that was pushed before it.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::Limits;

/// The class of a frame: what may happen to it when the client is too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A reply. Never dropped: when the queue is full, or the oldest frame has waited too long, the session is closed.
    Reply,
    /// A publication. Treated as a reply, so it is never dropped silently; after a close the client recovers it from
    /// the channel's history.
    Publication,
    /// The current state of something, with a key: while one waits, a newer one with the same key replaces it.
    State(u64),
}

/// The result of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// Queued, and an older state of the same key was dropped.
    Conflated,
    /// Not queued: there is no room.
    Overflow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Must be sent: replies, publications, control frames, and any frame of which a part was sent.
    Must,
    State(u64),
    /// The answer to the newest ping. A later ping only changes its payload.
    Pong,
}

/// A frame that waits. An empty frame is a hole: its place is kept, so that numbers of entries stay valid.
struct Entry {
    frame: Bytes,
    kind: Kind,
    queued_ms: u64,
}

/// Memory overhead of a waiting frame, besides its length. Bytes: its entry, with the spare capacity of the queue, and
/// the allocation of a short frame. Counted in every bound, so that many small frames cannot exceed one.
pub(crate) const ENTRY_BYTES: usize = 128;

/// Most frames of one vectored write.
pub(crate) const SLICES: usize = 64;

#[derive(Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// Number of `entries[0]`. Numbers rise by one with each push.
    first: u64,
    /// Number of the newest frame of each state key.
    states: HashMap<u64, u64>,
    /// Number of the pong that waits, if one does.
    pong: Option<u64>,
    bytes: usize,
    holes: usize,
    /// Whether a part of the first frame was sent: the rest must follow, or the client cannot decode the stream.
    started: bool,
}

impl Queue {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory of the waiting frames, overhead included. Bytes.
    pub(crate) fn cost_bytes(&self) -> usize {
        self.bytes + (self.entries.len() - self.holes) * ENTRY_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Queues a frame by the rule of its class.
    pub(crate) fn push(&mut self, frame: Bytes, class: Class, now_ms: u64, limits: &Limits) -> Pushed {
        let kind = match class {
            Class::Reply | Class::Publication => Kind::Must,
            Class::State(key) => Kind::State(key),
        };
        let conflated = match kind {
            Kind::State(key) => self.forget_state(key),
            Kind::Must | Kind::Pong => false,
        };
        if self.cost_bytes() + frame.len() + ENTRY_BYTES > limits.queue_bytes_max && !self.is_empty() {
            return Pushed::Overflow;
        }
        self.append(frame, kind, now_ms);
        if conflated { Pushed::Conflated } else { Pushed::Queued }
    }

    /// Queues a frame of the protocol itself (ping, close). Always taken: it is short, and there is at most one of
    /// each.
    pub(crate) fn push_control(&mut self, frame: Bytes, now_ms: u64) {
        self.append(frame, Kind::Must, now_ms);
    }

    /// Queues the answer to a ping. RFC 6455 §5.5.3: of several unanswered pings only the newest needs an answer, so
    /// there is at most one pong.
    pub(crate) fn push_pong(&mut self, frame: Bytes, now_ms: u64) {
        let Some(number) = self.pong else { return self.append(frame, Kind::Pong, now_ms) };
        let entry = &mut self.entries[(number - self.first) as usize];
        self.bytes = self.bytes - entry.frame.len() + frame.len();
        entry.frame = frame;
    }

    /// Queues the rest of a frame whose beginning was already sent. The queue must be empty.
    pub(crate) fn push_rest(&mut self, rest: Bytes, now_ms: u64) {
        debug_assert!(self.is_empty(), "only the front of the queue can be under way");
        self.append(rest, Kind::Must, now_ms);
        self.started = true;
    }

    /// Drops all frames, except one of which a part was sent.
    pub(crate) fn abandon(&mut self) {
        let started = self.started.then(|| self.entries.pop_front()).flatten();
        *self = Queue { first: self.first, ..Queue::default() };
        if let Some(entry) = started {
            self.append(entry.frame, Kind::Must, entry.queued_ms);
            self.started = true;
        }
    }

    /// When the oldest frame that must be sent was queued.
    pub(crate) fn oldest_must_ms(&self) -> Option<u64> {
        self.entries
            .iter()
            .find(|entry| matches!(entry.kind, Kind::Must | Kind::Pong) && !entry.frame.is_empty())
            .map(|entry| entry.queued_ms)
    }

    /// Number of entries, holes included.
    #[cfg(test)]
    fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Fills `slices` with the first frames; returns how many it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let waiting = self.entries.iter().filter(|entry| !entry.frame.is_empty());
        let mut n = 0;
        for (slice, entry) in slices.iter_mut().zip(waiting) {
            *slice = IoSlice::new(&entry.frame);
            n += 1;
        }
        n
    }

    /// Removes `n` bytes from the front, which the socket has taken.
    pub(crate) fn written(&mut self, mut n: usize) {
        self.bytes -= n;
        while let Some(front) = self.entries.front_mut() {
            if front.frame.is_empty() {
                self.holes -= 1;
            } else if n == 0 {
                break;
            } else if n < front.frame.len() {
                front.frame.advance(n);
                self.started = true;
                let kind = std::mem::replace(&mut front.kind, Kind::Must);
                self.leave(kind);
                break;
            } else {
                n -= front.frame.len();
                self.started = false;
                let kind = front.kind;
                self.leave(kind);
            }
            self.entries.pop_front();
            self.first += 1;
        }
        if self.entries.is_empty() && self.entries.capacity() > SLICES {
            // Gives the memory of a burst back.
            *self = Queue { first: self.first, ..Queue::default() };
        }
    }

    fn append(&mut self, frame: Bytes, kind: Kind, queued_ms: u64) {
        match kind {
            Kind::Must => {}
            Kind::State(key) => {
                self.states.insert(key, self.first + self.entries.len() as u64);
            }
            Kind::Pong => self.pong = Some(self.first + self.entries.len() as u64),
        }
        self.bytes += frame.len();
        self.entries.push_back(Entry { frame, kind, queued_ms });
    }

    /// Notes that the first frame cannot be replaced any more.
    fn leave(&mut self, kind: Kind) {
        match kind {
            Kind::Must => {}
            Kind::State(key) => {
                self.states.remove(&key);
            }
            Kind::Pong => self.pong = None,
        }
    }

    fn forget_state(&mut self, key: u64) -> bool {
        let Some(number) = self.states.remove(&key) else { return false };
        let entry = &mut self.entries[(number - self.first) as usize];
        self.bytes -= entry.frame.len();
        entry.frame = Bytes::new();
        self.holes += 1;
        if self.holes > SLICES && self.holes > self.entries.len() / 2 {
            self.fill_holes();
        }
        true
    }

    fn fill_holes(&mut self) {
        self.entries.retain(|entry| !entry.frame.is_empty());
        self.holes = 0;
        for (number, entry) in (self.first..).zip(&self.entries) {
            match entry.kind {
                Kind::Must => {}
                Kind::State(key) => {
                    self.states.insert(key, number);
                }
                Kind::Pong => self.pong = Some(number),
            }
        }
    }
}

#[cfg(test)]
mod tests;
