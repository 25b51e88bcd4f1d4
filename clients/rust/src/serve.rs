//! The two tasks behind a session: one writes what requests hand over, several frames to a flush; one reads.
//!
//! A reply that cannot be read fails its request and nothing else; a push that cannot be read is told as missed. Both
//! can come from a later hub, so neither ends the connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use protocol::{
    Channel, ClientFrame, FrameError, Push, Reply, Request, Retry, U53,
    codec::ServerFrame,
    reply::Welcome,
    request::{Since, Subscribe},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, timeout},
};

use crate::{
    Closed, Connection, Error, Receiver, Sender,
    backoff::moment_after,
    positions::{Positions, Verdict, replay},
    pushes::PushSink,
};

/// Frames joined in one flush.
const FRAMES_PER_FLUSH_MAX: usize = 64;
/// A connection that was silent for so many heartbeats is taken for dead.
const SILENT_BEATS_MAX: u32 = 2;

type Waiter = oneshot::Sender<Result<Reply, FrameError>>;

/// What a session's clients and tasks have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub next_id: AtomicU64,
    pub waiters: Mutex<HashMap<u64, Waiter>>,
    pub positions: Mutex<Positions>,
    pub closed: OnceLock<Closed>,
    /// Turns true after `closed` is set.
    pub ended: watch::Sender<bool>,
    pub come_back_at: OnceLock<Instant>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            // The first id is the hello's.
            next_id: AtomicU64::new(1),
            waiters: Mutex::default(),
            positions: Mutex::default(),
            closed: OnceLock::new(),
            ended: watch::Sender::new(false),
            come_back_at: OnceLock::new(),
        }
    }
}

/// The guarded values are whole after every statement, so a panic elsewhere does not spoil them.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the tasks of a session that was welcomed.
pub(crate) fn serve(
    connection: Connection,
    queue: mpsc::Receiver<ClientFrame>,
    reader: Reader,
    beat: Duration,
) {
    let (sender, receiver) = connection.split();
    tokio::spawn(write(sender, queue, reader.shared.clone(), beat));
    tokio::spawn(read(receiver, reader, beat));
}

async fn write(
    mut sender: Sender,
    mut queue: mpsc::Receiver<ClientFrame>,
    shared: Arc<Shared>,
    beat: Duration,
) {
    let mut heart = tokio::time::interval_at(Instant::now() + beat, beat);
    heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ended = shared.ended.subscribe();
    let mut frames = Vec::with_capacity(FRAMES_PER_FLUSH_MAX);
    loop {
        tokio::select! {
            count = queue.recv_many(&mut frames, FRAMES_PER_FLUSH_MAX) => {
                if count == 0 {
                    break;
                }
            }
            // Ends this task, so that the socket is closed.
            _ = ended.wait_for(|ended| *ended) => break,
            _ = heart.tick() => {
                let Some(id) = U53::new(shared.next_id.fetch_add(1, Relaxed)) else { break };
                frames.push(ClientFrame { id, request: Request::Ping });
            }
        }
        for frame in frames.drain(..) {
            if sender.feed(frame).await.is_err() {
                return;
            }
        }
        if sender.flush().await.is_err() {
            return;
        }
    }
    // There is no reader of an error any more.
    let _ = sender.close().await;
}

async fn read(mut receiver: Receiver, mut reader: Reader, beat: Duration) {
    let silence = beat * SILENT_BEATS_MAX;
    let closed = loop {
        match timeout(silence, receiver.recv()).await {
            Ok(Ok(ServerFrame::Reply(frame))) => reader.reply(frame.id.map_or(0, U53::get), frame.reply),
            Ok(Ok(ServerFrame::Push(push))) => reader.push(push),
            Ok(Err(Error::Frame(error))) => reader.unreadable(error),
            Ok(Err(Error::Closed(closed))) => break closed,
            Ok(Err(error)) => break Closed::broken(error.to_string()),
            Err(_) => break Closed::broken(format!("nothing came for {} ms", silence.as_millis())),
        }
    };
    tracing::debug!(%closed, "the connection ended");
    let _ = reader.shared.closed.set(closed);
    reader.shared.ended.send_replace(true);
    // Dropping the waiters wakes their requests, which then read `closed`.
    lock(&reader.shared.waiters).clear();
}

/// Handles the frames of the hub as they come.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    sink: PushSink,
    /// Weak, so that the connection ends with the last client and not with its reader.
    frames: mpsc::WeakSender<ClientFrame>,
    /// Requests of our own that ask for what is missing, by id.
    healing: HashMap<u64, Channel>,
}

impl Reader {
    pub fn new(shared: Arc<Shared>, sink: PushSink, frames: mpsc::WeakSender<ClientFrame>) -> Self {
        Self { shared, sink, frames, healing: HashMap::new() }
    }

    /// Hands on what was missed, and asks for the channels that the welcome does not speak of.
    pub fn welcomed(&mut self, welcome: &Welcome, resume: &[Since]) {
        let (missed, absent) = lock(&self.shared.positions).welcomed(welcome, resume);
        missed.into_iter().for_each(|missed| self.sink.put(missed));
        absent.into_iter().for_each(|since| self.heal(since));
    }

    fn reply(&mut self, id: u64, reply: Reply) {
        if let Some(channel) = self.healing.remove(&id) {
            return self.heal_answered(&channel, &reply);
        }
        match &reply {
            Reply::Subscribed(subscribed) => lock(&self.shared.positions).follow(subscribed),
            Reply::Unsubscribed { ch } => lock(&self.shared.positions).forget(ch),
            Reply::Pong { tops, .. } => {
                let late = lock(&self.shared.positions).beat(tops);
                late.into_iter().for_each(|since| self.heal(since));
            }
            _ => {}
        }
        let waiter = lock(&self.shared.waiters).remove(&id);
        let unheard = match waiter {
            // The request may just have run out of time.
            Some(waiter) => waiter.send(Ok(reply)).err().and_then(Result::ok),
            None => Some(reply),
        };
        // The caller is gone; what its answer says was missed goes to the listener, so that it is not lost.
        if let Some(Reply::Subscribed(subscribed)) = unheard {
            replay(&subscribed, 0).into_iter().for_each(|missed| self.sink.put(missed));
        }
    }

    fn heal_answered(&self, channel: &Channel, reply: &Reply) {
        let mut positions = lock(&self.shared.positions);
        match reply {
            Reply::Subscribed(subscribed) => {
                positions.healed(subscribed).into_iter().for_each(|missed| self.sink.put(missed));
            }
            Reply::Error(failure) if matches!(failure.retry, Retry::Never | Retry::Authenticate) => {
                tracing::debug!(%channel, name = failure.name, "a channel goes on no longer");
                positions.refused(channel).into_iter().for_each(|told| self.sink.put(told));
            }
            _ => positions.not_healed(channel),
        }
    }

    pub fn push(&mut self, push: Push) {
        if let Push::Drain { reconnect_after_ms } = push {
            let moment = moment_after(Duration::from_millis(reconnect_after_ms));
            let _ = self.shared.come_back_at.set(moment);
        }
        let verdict = lock(&self.shared.positions).heard(&push);
        match verdict {
            Verdict::Deliver => self.sink.put(push),
            Verdict::Drop => {}
            Verdict::Heal(since) => self.heal(since),
        }
    }

    /// A push came that cannot be read.
    pub fn missed(&self) {
        self.sink.unreadable();
    }

    fn unreadable(&mut self, error: FrameError) {
        tracing::warn!(%error, "a frame of the hub cannot be read");
        let Some(id) = error.id.map(U53::get) else { return self.missed() };
        if let Some(channel) = self.healing.remove(&id) {
            lock(&self.shared.positions).not_readable(&channel);
            return self.missed();
        }
        let waiter = lock(&self.shared.waiters).remove(&id);
        if let Some(waiter) = waiter {
            // The request may just have run out of time.
            let _ = waiter.send(Err(error));
        }
    }

    /// Asks for a channel again from a position.
    fn heal(&mut self, since: Since) {
        let Since { ch: channel, e, o } = since;
        let number = self.shared.next_id.fetch_add(1, Relaxed);
        let subscribe = Subscribe { channel: channel.clone(), since: Some((e, o)) };
        let frame = U53::new(number).map(|id| ClientFrame { id, request: Request::Subscribe(subscribe) });
        let sent =
            frame.zip(self.frames.upgrade()).is_some_and(|(frame, frames)| frames.try_send(frame).is_ok());
        if sent {
            tracing::debug!(%channel, "asked for what is missing");
            self.healing.insert(number, channel);
        } else {
            // The queue is full or the connection is ending; the next sign of the gap asks again.
            lock(&self.shared.positions).not_healed(&channel);
        }
    }
}
