//! One session of a worker: its socket, its out-queue and its state.
//!
//! The driver reads and ends the session; all other code has an [`Out`] and pushes frames. A push writes at once when
//! no frame waits and writes are not held back (by the actor's own turn or a [`Cork`](crate::Cork)). Otherwise the
//! frame is queued, and flushed at the end of that turn or cork. The socket is stored only here, and is closed when the
//! session is over, even if handles remain.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::decode::Decoded;
use crate::frame::{self, NO_CODE};
use crate::queue::{Class, Pushed, Queue, SLICES};
use crate::shared::{Corked, Shared, Slot};
use crate::telemetry;

/// Period over which control frames and empty fragments are counted, milliseconds.
const IDLE_WINDOW_MS: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketPhase {
    Open,
    /// This side's close frame is queued or sent.
    Closing,
    /// The socket is gone.
    Over,
}

/// How the client's side of the session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InboundEnd {
    /// With a close frame; the code to answer.
    Closed(u16),
    /// With a violation of the protocol or of a limit.
    FrameFault(crate::decode::FrameFault),
    /// With the end of the stream.
    Eof,
}

pub(crate) struct Session {
    pub(crate) shared: Rc<Shared>,
    pub(crate) slot: Slot,
    encoding: u8,
    io: RefCell<Option<TcpStream>>,
    queue: RefCell<Queue>,
    /// Decoded events that the actor has not taken yet. The driver fills it only when it is empty.
    pub(crate) inbox: RefCell<VecDeque<Decoded>>,
    pub(crate) inbound_end: Cell<Option<InboundEnd>>,
    /// Whether the actor did not get the whole inbox because the client does not read fast enough.
    pub(crate) throttled: Cell<bool>,
    /// The subscriptions: number of the channel, and position among its members.
    pub(crate) subscriptions: RefCell<Vec<(u32, u32)>>,
    waker: RefCell<Option<Waker>>,
    pub(crate) phase: Cell<SocketPhase>,
    close_code: Cell<Option<u16>>,
    /// Whether the socket refused bytes; the driver waits until it takes more.
    blocked: Cell<bool>,
    /// Whether the driver is polling the actor, and will flush after that.
    corked: Cell<bool>,
    /// Whether the session is on the worker's list of sessions to flush.
    dirty: Cell<bool>,
    heard_ms: Cell<u64>,
    pinged_ms: Cell<Option<u64>>,
    closing_since_ms: Cell<u64>,
    /// Start of the period, and number of control frames and empty fragments in it.
    idle_frames: Cell<(u64, u32)>,
}

impl Session {
    pub(crate) fn new(shared: Rc<Shared>, slot: Slot, encoding: u8, io: TcpStream) -> Self {
        let now_ms = shared.now_ms();
        Session {
            shared,
            slot,
            encoding,
            io: RefCell::new(Some(io)),
            queue: RefCell::default(),
            inbox: RefCell::default(),
            inbound_end: Cell::new(None),
            throttled: Cell::new(false),
            subscriptions: RefCell::default(),
            waker: RefCell::new(None),
            phase: Cell::new(SocketPhase::Open),
            close_code: Cell::new(None),
            blocked: Cell::new(false),
            corked: Cell::new(false),
            dirty: Cell::new(false),
            heard_ms: Cell::new(now_ms),
            pinged_ms: Cell::new(None),
            closing_since_ms: Cell::new(0),
            idle_frames: Cell::new((now_ms, 0)),
        }
    }

    pub(crate) fn encoding(&self) -> u8 {
        self.encoding
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.borrow().bytes()
    }

    pub(crate) fn close_code(&self) -> Option<u16> {
        self.close_code.get()
    }

    pub(crate) fn push(self: &Rc<Self>, frames: Bytes, class: Class) -> bool {
        if self.phase.get() != SocketPhase::Open || frames.is_empty() {
            return false;
        }
        let frames = match self.write_through(frames) {
            Some(rest) => rest,
            None => return true,
        };
        if self.phase.get() != SocketPhase::Open {
            return false;
        }
        let limits = self.shared.limits();
        if self.queued_bytes() + frames.len() > limits.read_pause_bytes && !self.blocked.get() {
            // Frames may wait only because of a cork: try the socket before the client counts as slow.
            self.flush();
        }
        let pushed = self.queue.borrow_mut().push(frames, class, self.shared.now_ms(), limits);
        self.shared.count_push(&pushed);
        match pushed {
            Pushed::Queued | Pushed::Conflated => {
                self.flush_later();
                true
            }
            Pushed::Overflow => {
                self.close_too_slow();
                false
            }
        }
    }

    /// Writes directly to the socket if no frame waits before these. Returns the frames if they must be queued.
    fn write_through(&self, frames: Bytes) -> Option<Bytes> {
        if self.must_queue() || !self.queue.borrow().is_empty() {
            return Some(frames);
        }
        let written = match self.io.borrow().as_ref() {
            Some(io) => self.try_write(io, &[IoSlice::new(&frames)]),
            None => return Some(frames),
        };
        match written {
            Ok(n) if n == frames.len() => None,
            Ok(0) => {
                self.block();
                Some(frames)
            }
            Ok(n) => {
                self.queue.borrow_mut().push_rest(frames.slice(n..), self.shared.now_ms());
                self.block();
                None
            }
            Err(_) => {
                self.kill();
                Some(frames)
            }
        }
    }

    /// Whether a push must not write at once.
    fn must_queue(&self) -> bool {
        self.corked.get() || self.blocked.get() || self.shared.is_corked()
    }

    /// Makes sure that what was queued is flushed.
    fn flush_later(self: &Rc<Self>) {
        if self.corked.get() || self.blocked.get() {
            // The driver flushes, after the actor's turn or when the socket is writable.
        } else if self.shared.is_corked() {
            if !self.dirty.replace(true) {
                self.shared.mark_dirty(self.clone());
            }
        } else {
            self.flush();
        }
    }

    /// Queues a frame of the protocol itself.
    pub(crate) fn push_control(self: &Rc<Self>, frame: Bytes) {
        if self.phase.get() == SocketPhase::Open {
            self.queue.borrow_mut().push_control(frame, self.shared.now_ms());
            self.flush_later();
        }
    }

    /// Queues the answer to a ping, or changes the one that waits.
    pub(crate) fn push_pong(self: &Rc<Self>, frame: Bytes) {
        if self.phase.get() == SocketPhase::Open {
            self.queue.borrow_mut().push_pong(frame, self.shared.now_ms());
            self.flush_later();
        }
    }

    /// Counts control frames and empty fragments; a client that sends too many is closed.
    pub(crate) fn count_idle(self: &Rc<Self>, frames: u32) {
        if frames == 0 {
            return;
        }
        let (now_ms, (since_ms, before)) = (self.shared.now_ms(), self.idle_frames.get());
        let fresh = now_ms.saturating_sub(since_ms) >= IDLE_WINDOW_MS;
        let (since_ms, count) =
            if fresh { (now_ms, frames) } else { (since_ms, before.saturating_add(frames)) };
        self.idle_frames.set((since_ms, count));
        let allowed = self.shared.limits().control_frames_per_second_max;
        if count > allowed && self.phase.get() == SocketPhase::Open {
            telemetry::flooding(&self.shared);
            self.close(self.shared.codes().flooding, "too many control frames or empty fragments");
        }
    }

    /// Queues the frames that the actor wrote through its context, in order. A close frame among them closes the
    /// session.
    pub(crate) fn push_context(self: &Rc<Self>, mut frames: Bytes) {
        let mut plain = frames.clone();
        while let Some((opcode, whole, payload)) = frame::split_frame(&mut frames) {
            if opcode == frame::CLOSE {
                plain.truncate(plain.len() - frames.len() - whole.len());
                self.push(plain, Class::Reply);
                let code = payload.first_chunk().map_or(NO_CODE, |code| u16::from_be_bytes(*code));
                self.close_with(code, whole);
                return;
            }
        }
        self.push(plain, Class::Reply);
    }

    /// Writes the queue until it is empty or the socket takes no more; then the driver waits for the socket.
    pub(crate) fn flush(&self) {
        if self.is_refused() {
            self.block();
        }
    }

    /// Writes the queue; true if the socket refused a part of it. A broken connection is dropped.
    fn is_refused(&self) -> bool {
        let mut broken = false;
        if let Some(io) = self.io.borrow().as_ref() {
            let mut queue = self.queue.borrow_mut();
            while !queue.is_empty() && !broken {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let n = queue.slices(&mut slices);
                match self.try_write(io, &slices[..n]) {
                    Ok(0) => return true,
                    Ok(n) => queue.written(n),
                    Err(_) => broken = true,
                }
            }
        }
        if broken {
            self.kill();
        }
        false
    }

    fn block(&self) {
        if !self.blocked.replace(true) {
            self.wake();
        }
    }

    /// Writes the queue. Pending while bytes still wait: the task is woken when the socket takes more.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if !self.blocked.get() {
                self.blocked.set(self.is_refused());
            }
            if !self.blocked.get() {
                return Poll::Ready(());
            }
            let ready = match self.io.borrow().as_ref() {
                Some(io) => io.poll_write_ready(cx),
                None => return Poll::Ready(()),
            };
            match ready {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => self.blocked.set(false),
                Poll::Ready(Err(_)) => self.kill(),
            }
        }
    }

    pub(crate) fn close(self: &Rc<Self>, code: u16, reason: &str) {
        self.close_with(code, frame::close_frame(code, reason));
    }

    /// Closes with this close frame.
    fn close_with(self: &Rc<Self>, code: u16, frame: Bytes) {
        if self.phase.get() != SocketPhase::Open {
            return;
        }
        self.push_control(frame);
        // The push may have found the connection broken and ended the session.
        if self.phase.get() == SocketPhase::Open {
            self.phase.set(SocketPhase::Closing);
            self.close_code.set(Some(code));
            self.closing_since_ms.set(self.shared.now_ms());
            self.wake();
        }
    }

    fn close_too_slow(self: &Rc<Self>) {
        telemetry::too_slow(&self.shared);
        self.queue.borrow_mut().abandon();
        self.close(self.shared.codes().too_slow, "reading too slowly");
    }

    pub(crate) fn kill(&self) {
        if self.phase.replace(SocketPhase::Over) == SocketPhase::Over {
            return;
        }
        if let Some(io) = self.io.borrow_mut().take() {
            // Drops the kernel's unsent bytes too. An error does not matter: the connection is given up anyway.
            let _ = socket2::SockRef::from(&io).set_linger(Some(Duration::ZERO));
        }
        self.queue.borrow_mut().abandon();
        self.wake();
    }

    /// Closes the connection and drops the session's memory. The driver calls it last.
    pub(crate) fn finish(&self) {
        self.phase.set(SocketPhase::Over);
        self.io.borrow_mut().take();
        *self.queue.borrow_mut() = Queue::default();
        self.inbox.borrow_mut().clear();
        self.waker.borrow_mut().take();
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match slot.as_mut() {
            Some(known) => known.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Sets whether pushes wait for the end of the actor's turn.
    pub(crate) fn set_corked(&self, corked: bool) {
        self.corked.set(corked);
    }

    /// Whether the client must read before more is read from it.
    pub(crate) fn is_paused(&self) -> bool {
        self.queue.borrow().cost_bytes() > self.shared.limits().read_pause_bytes
    }

    /// Runs `read` on the socket, if it is still open.
    pub(crate) fn with_io<T>(&self, read: impl FnOnce(&mut TcpStream) -> T) -> Option<T> {
        self.io.borrow_mut().as_mut().map(read)
    }

    /// Notes that bytes came from the client, which proves that it is alive.
    pub(crate) fn heard(&self) {
        self.heard_ms.set(self.shared.now_ms());
        self.pinged_ms.set(None);
    }

    /// Checks the time limits of this session; the worker calls it at every tick.
    pub(crate) fn tick(self: &Rc<Self>, now_ms: u64) {
        let limits = self.shared.limits();
        let older_than = |since_ms: u64, ms: u64| now_ms.saturating_sub(since_ms) >= ms;
        match self.phase.get() {
            SocketPhase::Over => {}
            SocketPhase::Closing => {
                if older_than(self.closing_since_ms.get(), limits.close_within_ms) {
                    self.kill();
                }
            }
            SocketPhase::Open => {
                let oldest_ms = self.queue.borrow().oldest_must_ms();
                if oldest_ms.is_some_and(|since| older_than(since, limits.stall_ms_max)) {
                    self.close_too_slow();
                } else if let Some(since) = self.pinged_ms.get() {
                    // While the ping itself waits to be sent, only the rule for slow clients above applies.
                    if oldest_ms.is_none() && older_than(since, limits.pong_within_ms) {
                        telemetry::no_pong(&self.shared);
                        self.close(self.shared.codes().no_pong, "no answer to ping");
                    }
                } else if older_than(self.heard_ms.get(), self.ping_after_ms()) {
                    self.pinged_ms.set(Some(now_ms));
                    self.push_control(frame::ping_frame());
                }
            }
        }
    }

    /// The ping period, up to a quarter shorter depending on the slot, so that sessions that connected together are not
    /// pinged together.
    fn ping_after_ms(&self) -> u64 {
        let every_ms = self.shared.limits().ping_every_ms;
        let spread_ms = every_ms / 4;
        every_ms - u64::from(self.slot.index).wrapping_mul(7919).checked_rem(spread_ms).unwrap_or(0)
    }

    /// Writes once, without tokio's cooperative budget, which a loop over many sockets would use up. `Ok(0)` when the
    /// socket takes nothing now.
    fn try_write(&self, io: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = loop {
            let written = match slices {
                [one] => io.try_write(one),
                many => io.try_write_vectored(many),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.shared.count(|stats| {
            stats.writes += 1;
            stats.written_bytes += written as u64;
        });
        Ok(written)
    }
}

impl Corked for Session {
    fn uncork(&self) {
        self.dirty.set(false);
        self.flush();
    }
}
