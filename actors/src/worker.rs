//! What reaches a worker thread from elsewhere: replies, publications, and the drain.
//!
//! Each worker has one inbox and one task that empties it. Replies and publications go straight to the sockets'
//! queues; the session actors are not woken for them. What waits together leaves each socket in one write.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{Hash, Hasher},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use channels::Publication;
use protocol::{
    Channel, CloseCode, Encoding, Push, Reply, U53, codec,
    reply::{ReplyFrame, Subscribed, Welcome},
};
use socket::{Class, Out, Slot, Worker};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    panics::AbortOnPanic,
    pubsub::{PubSub, Vacant},
    reply::{ReplyTo, SessionRef},
};

/// Messages to a worker thread.
#[derive(Debug)]
pub enum ToWorker {
    /// A reply to a request.
    Reply {
        /// Whose.
        to: ReplyTo,
        /// The reply.
        reply: Box<Reply>,
    },
    /// A session follows channels from here on: everything after this message is for it too.
    Granted {
        /// Whose.
        to: ReplyTo,
        /// The channels, each with what was missed.
        channels: Vec<Subscribed>,
        /// The reply they belong to.
        reply: Grant,
    },
    /// A session follows a channel no longer.
    Unfollow {
        /// Whose.
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
        top: channels::Position,
    },
    /// A session is closed.
    Hangup {
        /// Which.
        session: SessionRef,
        /// Close code.
        code: CloseCode,
    },
    /// The hub goes down in order: every session is told when to come back, spread over this many milliseconds.
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
        /// Dropped when the last socket of this worker is gone: its close frame sent and answered, or its time over.
        gone: Arc<()>,
    },
    /// Asks what the worker has counted. The answer is dropped with a worker that is gone.
    GetStats(tokio::sync::oneshot::Sender<socket::Stats>),
}

/// The reply that carries granted channels.
#[derive(Debug)]
pub enum Grant {
    /// To `subscribe`: one channel.
    Subscribed,
    /// To `hello`: the personal channel first, then those of `resume`. The channel fields are filled in.
    Welcome(Box<Welcome>),
}

/// Senders to all workers.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Vec<Inbox>>);

#[derive(Debug)]
struct Inbox {
    sender: UnboundedSender<ToWorker>,
    /// Publications sent and not yet handed to sockets.
    waiting: Arc<AtomicU64>,
}

/// The receiving end of one worker, to be given to [`run`] on its thread.
#[derive(Debug)]
pub struct Mailbox {
    /// The worker's number.
    pub worker: u16,
    receiver: UnboundedReceiver<ToWorker>,
    waiting: Arc<AtomicU64>,
}

#[cfg(test)]
impl Mailbox {
    /// The next message, for tests of what is sent to a worker. Fails when none comes.
    pub async fn next(&mut self) -> ToWorker {
        let waiting = tokio::time::timeout(Duration::from_secs(10), self.receiver.recv());
        waiting.await.expect("a message in time").expect("the senders live as long as the test")
    }
}

impl Workers {
    /// Inboxes for so many workers.
    #[must_use]
    pub fn new(count: u16) -> (Self, Vec<Mailbox>) {
        let (inboxes, mailboxes) = (0..count)
            .map(|worker| {
                let (sender, receiver) = unbounded_channel();
                let waiting = Arc::new(AtomicU64::new(0));
                (Inbox { sender, waiting: waiting.clone() }, Mailbox { worker, receiver, waiting })
            })
            .unzip();
        (Self(Arc::new(inboxes)), mailboxes)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.0.len() as u16
    }

    /// Sends to one worker. Replies are bounded by their permits, publications by [`Workers::waiting`].
    pub fn send(&self, worker: u16, message: ToWorker) {
        let Some(inbox) = self.0.get(usize::from(worker)) else { return };
        if let ToWorker::Publication(_) = message {
            inbox.waiting.fetch_add(1, Relaxed);
        }
        // A worker that is gone has no sessions left to tell.
        let _ = inbox.sender.send(message);
    }

    /// Publications that wait at a worker.
    #[must_use]
    pub fn waiting(&self, worker: u16) -> u64 {
        self.0.get(usize::from(worker)).map_or(0, |inbox| inbox.waiting.load(Relaxed))
    }

    /// Sends to every worker.
    pub fn send_all(&self, mut message: impl FnMut() -> ToWorker) {
        (0..self.count()).for_each(|worker| self.send(worker, message()));
    }
}

/// How often a worker that closes looks whether its sockets are gone.
const LEAVING_EVERY: Duration = Duration::from_millis(20);

/// Most messages taken in one go: sockets are written after each.
const BATCH_MAX: usize = 512;

/// Empties a worker's inbox until the hub stops.
pub async fn run(mut mailbox: Mailbox, worker: Worker, pubsub: actix::Addr<PubSub>) {
    let _guard = AbortOnPanic("a worker's inbox");
    let delivery = Delivery::new(worker, mailbox.worker, pubsub);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while mailbox.receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
        // Publications get a turn of the thread's other tasks: those that are being made right now join them, and
        // what waits together is one write a socket. Measured in docs/performance.md. A reply waits for nobody.
        if batch.iter().any(|message| matches!(message, ToWorker::Publication(_))) {
            tokio::task::yield_now().await;
        }
        while batch.len() < BATCH_MAX
            && let Ok(message) = mailbox.receiver.try_recv()
        {
            batch.push(message);
        }
        let _cork = (batch.len() > 1).then(|| delivery.worker.cork());
        let mut messages = batch.drain(..).peekable();
        while let Some(message) = messages.next() {
            if let ToWorker::Publication(first) = message {
                let mut together = vec![first];
                while let Some(ToWorker::Publication(next)) =
                    messages.next_if(|next| next.joins(&together[0]))
                {
                    together.push(next);
                }
                mailbox.waiting.fetch_sub(together.len() as u64, Relaxed);
                broadcast(&delivery.worker, &together);
            } else {
                delivery.take(message);
            }
        }
    }
}

impl ToWorker {
    /// Whether this is a publication that may leave in one write with `first`: of its channel, and kept like it.
    fn joins(&self, first: &Publication) -> bool {
        match self {
            ToWorker::Publication(next) => {
                next.channel == first.channel && next.position.is_some() && first.position.is_some()
            }
            ToWorker::Reply { .. }
            | ToWorker::Granted { .. }
            | ToWorker::Unfollow { .. }
            | ToWorker::Reset { .. }
            | ToWorker::Hangup { .. }
            | ToWorker::Drain { .. }
            | ToWorker::Close { .. }
            | ToWorker::GetStats(_) => false,
        }
    }
}

/// Hands what reaches a worker to its sockets, and tells pubsub which channels nobody here follows any more.
struct Delivery {
    worker: Worker,
    number: u16,
    pubsub: actix::Addr<PubSub>,
    /// Grants seen for each channel with a subscriber here; pubsub compares them with those it has sent.
    grants: Rc<RefCell<HashMap<Channel, u64>>>,
}

impl Delivery {
    fn new(worker: Worker, number: u16, pubsub: actix::Addr<PubSub>) -> Self {
        let grants = Rc::new(RefCell::new(HashMap::new()));
        worker.on_vacant({
            let (grants, pubsub) = (grants.clone(), pubsub.clone());
            move |name| vacate(&grants, &pubsub, number, name)
        });
        Self { worker, number, pubsub, grants }
    }

    fn take(&self, message: ToWorker) {
        let worker = &self.worker;
        match message {
            ToWorker::Reply { to, reply } => reply_to(worker, to, *reply),
            ToWorker::Granted { to, channels, reply } => self.grant(to, channels, reply),
            ToWorker::Unfollow { to, channel } => {
                if worker.unsubscribe(to.session.slot, channel.as_str()) {
                    self.vacate(channel.as_str());
                }
                reply_to(worker, to, Reply::Unsubscribed { ch: channel });
            }
            ToWorker::Publication(publication) => broadcast(worker, &[publication]),
            ToWorker::Reset { channel, top } => {
                let push = Push::Reset { ch: channel.clone(), e: top.epoch.to_string(), o: top.offset };
                let frame = |encoding| push_frame(encoding, &push);
                worker.broadcast(channel.as_str(), Class::Publication, frame);
            }
            ToWorker::Hangup { session, code } => {
                if let Some(out) = worker.get(session.slot) {
                    out.close(code.number(), code.text());
                }
            }
            ToWorker::GetStats(answer) => {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(worker.stats());
            }
            ToWorker::Drain { spread_ms } => drain(worker, spread_ms),
            ToWorker::Close { code, reason, gone } => {
                worker.for_each(|_, out| out.close(code, reason));
                let worker = worker.clone();
                actix::spawn(async move {
                    while worker.sessions() > 0 {
                        tokio::time::sleep(LEAVING_EVERY).await;
                    }
                    drop(gone);
                });
            }
        }
    }

    /// From here on the session hears its channels. One that is gone meanwhile leaves them vacant.
    fn grant(&self, to: ReplyTo, channels: Vec<Subscribed>, reply: Grant) {
        for granted in &channels {
            let name = granted.ch.as_str();
            *self.grants.borrow_mut().entry(granted.ch.clone()).or_default() += 1;
            self.worker.subscribe(to.session.slot, name);
            if self.worker.subscribers(name) == 0 {
                self.vacate(name);
            }
        }
        let mut channels = channels.into_iter();
        let Some(first) = channels.next() else { return };
        let reply = match reply {
            Grant::Subscribed => Reply::Subscribed(first),
            Grant::Welcome(mut welcome) => {
                welcome.personal = first;
                welcome.resumed = channels.collect();
                Reply::Welcome(*welcome)
            }
        };
        reply_to(&self.worker, to, reply);
    }

    fn vacate(&self, name: &str) {
        vacate(&self.grants, &self.pubsub, self.number, name);
    }
}

/// Tells pubsub that a channel has no subscriber here, as of the grants seen so far.
fn vacate(grants: &RefCell<HashMap<Channel, u64>>, pubsub: &actix::Addr<PubSub>, worker: u16, name: &str) {
    let Ok(channel) = name.parse::<Channel>() else { return };
    let granted = grants.borrow_mut().remove(&channel).unwrap_or_default();
    pubsub.do_send(Vacant { worker, channel, granted });
}

/// Frames a message for an encoding.
#[must_use]
pub fn frame(encoding: Encoding, message: &[u8]) -> Bytes {
    match encoding {
        Encoding::Msgpack => socket::binary_frame(message),
        Encoding::Json => socket::text_frame(message),
    }
}

/// The encoding of a session's tag.
#[must_use]
pub fn encoding(tag: u8) -> Encoding {
    if tag == Encoding::Json as u8 { Encoding::Json } else { Encoding::Msgpack }
}

/// Encodes a reply and hands it to the session's queue.
pub fn push_reply(out: &Out, id: Option<U53>, reply: Reply) {
    let encoding = encoding(out.encoding());
    let message = codec::encode_reply(encoding, &ReplyFrame { id, reply });
    out.push(frame(encoding, &message), Class::Reply);
}

fn reply_to(worker: &Worker, to: ReplyTo, reply: Reply) {
    let ReplyTo { session: SessionRef { slot, .. }, id, permit } = to;
    if let Some(out) = worker.get(slot) {
        push_reply(&out, Some(id), reply);
    }
    drop(permit);
}

fn push_frame(tag: u8, push: &Push) -> Bytes {
    let encoding = encoding(tag);
    frame(encoding, &codec::encode_push(encoding, push))
}

fn broadcast(worker: &Worker, together: &[Arc<Publication>]) {
    let channel = together[0].channel.as_str();
    let class = match together[0].position {
        Some(_) => Class::Publication,
        // An ephemeral publication is a picture of now: while it waits, a newer one takes its place.
        None => Class::State(fingerprint(channel)),
    };
    worker.broadcast(channel, class, |tag| {
        let encoding = encoding(tag);
        let frames = together.iter().map(|publication| {
            let position = publication.position.as_ref().map(|at| (at.epoch.as_str(), at.offset));
            frame(encoding, &codec::encode_publication(encoding, channel, position, &publication.payload))
        });
        let mut frames: Vec<Bytes> = frames.collect();
        if frames.len() == 1 { frames.swap_remove(0) } else { socket::join(&frames) }
    });
}

/// The conflation key of a channel's ephemeral publications.
fn fingerprint(channel: &str) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    channel.hash(&mut hasher);
    hasher.finish()
}

/// Tells every session to come back at a time of its own within the spread.
fn drain(worker: &Worker, spread_ms: u64) {
    let sessions = worker.sessions().max(1) as u64;
    let mut place = 0;
    worker.for_each(|_slot: Slot, out| {
        place += 1;
        let reconnect_after_ms = 250 + spread_ms * place / sessions;
        out.push(push_frame(out.encoding(), &Push::Drain { reconnect_after_ms }), Class::Reply);
    });
}
