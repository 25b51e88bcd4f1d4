//! The task of one worker's inbox: hands replies and publications to the worker's sockets, and runs the drain there.
//!
//! Each worker has one inbox and one task that empties it. Replies and publications go straight to the sockets'
//! queues; the session actors are not woken for them. What waits together leaves each socket in one write.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{Hash, Hasher},
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use channels::Publication;
use protocol::{Channel, Push, Reply, codec, reply::Subscribed};
use socket::{Class, Slot, Worker};

use crate::{
    frames::{encoding, frame, push_frame, push_reply},
    messages::{
        pubsub::Vacant,
        reply::{ReplyTo, SessionRef},
        worker::{Grant, ToWorker},
    },
    panics::AbortOnPanic,
    pubsub::PubSub,
    workers::{Mailbox, publication_bytes, reset_bytes},
};

/// How often a worker that closes looks whether its sockets are gone.
const LEAVING_EVERY: Duration = Duration::from_millis(20);

/// Most messages taken in one go: sockets are written after each.
const BATCH_MAX: usize = 512;

/// Turns of the thread's other tasks before a broadcast. In the first one a request is read, and its publication goes to
/// pubsub's thread; in the next ones it comes back. What waits together is one write a socket. A turn without work takes
/// a few microseconds. Source: docs/performance.md, "Fan-out".
const TURNS: usize = 3;

/// Empties a worker's inbox until the hub stops.
pub async fn run(mut mailbox: Mailbox, worker: Worker, pubsub: actix::Addr<PubSub>) {
    let _guard = AbortOnPanic("a worker's inbox");
    let delivery = Delivery::new(worker, mailbox.worker, pubsub);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while mailbox.receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
        // Publications that are being made right now join the batch. A batch of replies alone does not wait.
        if batch.iter().any(|message| matches!(message, ToWorker::Publication(_))) {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
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
                    messages.next_if(|next| joins(next, &together[0]))
                {
                    together.push(next);
                }
                let bytes = together.iter().map(|publication| publication_bytes(publication)).sum();
                mailbox.waiting.fetch_sub(bytes, Relaxed);
                broadcast(&delivery.worker, &together);
            } else {
                if let ToWorker::Reset { channel, .. } = &message {
                    mailbox.waiting.fetch_sub(reset_bytes(channel), Relaxed);
                }
                delivery.take(message);
            }
        }
    }
}

/// Whether a message is a publication that may leave in one write with `first`: of its channel, and kept like it.
fn joins(next: &ToWorker, first: &Publication) -> bool {
    match next {
        ToWorker::Publication(next) => {
            next.channel == first.channel && next.position.is_some() && first.position.is_some()
        }
        ToWorker::Reply { .. }
        | ToWorker::Granted { .. }
        | ToWorker::Unsubscribe { .. }
        | ToWorker::Reset { .. }
        | ToWorker::Hangup { .. }
        | ToWorker::Drain { .. }
        | ToWorker::Close { .. }
        | ToWorker::GetStats(_) => false,
    }
}

/// Hands the messages of a worker to its sockets, and tells pubsub which channels have no subscriber here any more.
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
            ToWorker::Unsubscribe { to, channel } => {
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
                // The asker may have stopped waiting.
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

    /// Subscribes the session to its channels. When the session is gone, a channel without other subscribers is vacant.
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

fn reply_to(worker: &Worker, to: ReplyTo, reply: Reply) {
    let ReplyTo { session: SessionRef { slot, .. }, id, permit } = to;
    if let Some(out) = worker.get(slot) {
        push_reply(&out, Some(id), reply);
    }
    drop(permit);
}

fn broadcast(worker: &Worker, together: &[Arc<Publication>]) {
    let channel = together[0].channel.as_str();
    let class = match together[0].position {
        Some(_) => Class::Publication,
        // An ephemeral publication shows the present state: while it waits, a newer one takes its place.
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

/// Tells every session when to come back, each at a time of its own within the spread.
fn drain(worker: &Worker, spread_ms: u64) {
    let sessions = worker.sessions().max(1) as u64;
    let mut place = 0;
    worker.for_each(|_slot: Slot, out| {
        place += 1;
        let reconnect_after_ms = 250 + spread_ms * place / sessions;
        out.push(push_frame(out.encoding(), &Push::Drain { reconnect_after_ms }), Class::Reply);
    });
}
