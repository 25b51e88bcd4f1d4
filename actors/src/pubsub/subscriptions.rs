//! Subscriptions: a session's channels, granted in the order of what is published on them.
//!
//! A grant is counted before anything is awaited, so that a worker which reports a channel as vacant meanwhile never
//! ends a subscription that is on its way to it.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
};

use channels::{Backplane, Epoch, Position, Recovery, SubscribeError};
use futures_util::FutureExt;
use protocol::{
    Channel, CloseCode, ErrorCode, Reply, TableId,
    reply::{Failure, Missed, Subscribed},
    request::Since,
};
use tokio::task::AbortHandle;

use crate::{
    messages::{
        pubsub::{NotFollowed, Subscriber},
        reply::{ReplyTo, SessionRef},
        worker::{Grant, ToWorker},
    },
    ports::table::{Table, TablePort},
    spread,
    workers::Workers,
};

/// Most bytes of missed publications that one reply carries. Above it the client loads the state afresh: a reply that
/// is too large for a slow client would only be asked for again. Far below `socket.queue_bytes_max`.
const RECOVERY_BYTES_MAX: usize = 64 * 1024;

/// Which workers want which channel: the grants sent to each worker.
pub type Wanted = Rc<RefCell<HashMap<Channel, Vec<(u16, u64)>>>>;

/// What subscribing needs. Cheap to clone into a future.
#[derive(Clone)]
pub struct Subscriptions {
    pub backplane: Rc<dyn Backplane>,
    pub wanted: Wanted,
    pub pending: Pending,
    pub workers: Workers,
    pub tables: TablePort,
    pub log_epoch: Epoch,
}

/// Requests to subscribe that wait for the backplane, by session and channel.
pub type Pending = Rc<RefCell<HashMap<(SessionRef, Channel), Vec<Rc<Waiting>>>>>;

/// A request to subscribe that waits for the backplane.
pub struct Waiting {
    /// Whom to answer; `None` once the answer is made.
    asker: Cell<Option<(ReplyTo, Grant)>>,
    /// Channels the session has left meanwhile.
    left: RefCell<Vec<Channel>>,
    task: Cell<Option<AbortHandle>>,
}

/// A channel on its way to a session: the backplane's answer, when it has one.
struct Subscribing {
    channel: Channel,
    since: Option<Since>,
    answer: Option<Result<Position, SubscribeError>>,
}

impl Subscriptions {
    /// Subscribes a session to channels; then the grant goes to its worker: now when the backplane answers at once, as
    /// it does for tables and players of this hub, otherwise from a task of its own.
    ///
    /// What is awaited holds no permit of those that bets need: a Redis that hangs takes no place of theirs. Where as
    /// many wait for Redis as may, those channels are refused.
    pub fn subscribe(
        &self,
        mut to: ReplyTo,
        channels: Vec<(Channel, Option<Since>)>,
        reply: Grant,
        subscriber: Subscriber,
    ) {
        let session = to.session;
        let mut awaited = Vec::new();
        let mut asked = Vec::with_capacity(channels.len());
        for (place, (channel, since)) in channels.into_iter().enumerate() {
            if !self.wanted.borrow().contains_key(&channel) {
                self.catch_up(&channel);
            }
            self.want(&channel, session.worker);
            let mut subscribing = self.backplane.subscribe(&channel);
            let answer = (&mut subscribing).now_or_never();
            if answer.is_none() {
                awaited.push((place, subscribing));
            }
            asked.push(Subscribing { channel, since, answer });
        }
        if awaited.is_empty() || !to.permit.wait_for_redis() {
            return self.grant(to, asked, reply, &subscriber, &[]);
        }
        let waiting = Rc::new(Waiting {
            asker: Cell::new(Some((to, reply))),
            left: RefCell::default(),
            task: Cell::default(),
        });
        for Subscribing { channel, .. } in &asked {
            let key = (session, channel.clone());
            self.pending.borrow_mut().entry(key).or_default().push(waiting.clone());
        }
        let (this, answered) = (self.clone(), waiting.clone());
        let task = actix::spawn(async move {
            for (place, subscribing) in awaited {
                asked[place].answer = Some(subscribing.await);
            }
            for Subscribing { channel, .. } in &asked {
                this.no_longer_pending(session, channel, &answered);
            }
            if let Some((to, reply)) = answered.asker.take() {
                this.grant(to, asked, reply, &subscriber, &answered.left.take());
            }
        });
        waiting.task.set(Some(task.abort_handle()));
    }

    /// A session leaves a channel. When the subscription is still pending it is cancelled: its request is answered with
    /// the channel's position, and the request to leave right after it.
    pub fn unsubscribe(&self, to: ReplyTo, channel: Channel) {
        let session = to.session;
        let waits = self.pending.borrow_mut().remove(&(session, channel.clone()));
        for waiting in waits.into_iter().flatten() {
            match waiting.asker.take() {
                Some((asker, Grant::Subscribed)) => {
                    if let Some(task) = waiting.task.take() {
                        task.abort();
                    }
                    let answer = self.recover(channel.clone(), None, &mut 0);
                    self.workers.reply(asker, Reply::Subscribed(answer));
                }
                // A `hello` still waits for its other channels.
                welcome => {
                    waiting.asker.set(welcome);
                    waiting.left.borrow_mut().push(channel.clone());
                }
            }
            self.unwant(&channel, session.worker, 1);
        }
        self.workers.send(session.worker, ToWorker::Unsubscribe { to, channel });
    }

    fn no_longer_pending(&self, session: SessionRef, channel: &Channel, waiting: &Rc<Waiting>) {
        let mut pending = self.pending.borrow_mut();
        let Entry::Occupied(mut entry) = pending.entry((session, channel.clone())) else { return };
        entry.get_mut().retain(|other| !Rc::ptr_eq(other, waiting));
        if entry.get().is_empty() {
            entry.remove();
        }
    }

    /// Sends the grant for the channels that the backplane has accepted. Nothing is awaited here: the grants and the
    /// missed publications are of the same moment.
    fn grant(
        &self,
        to: ReplyTo,
        asked: Vec<Subscribing>,
        reply: Grant,
        subscriber: &Subscriber,
        left: &[Channel],
    ) {
        let worker = to.session.worker;
        let mut taken = Vec::with_capacity(asked.len());
        let mut first_taken = true;
        for (place, Subscribing { channel, since, answer }) in asked.into_iter().enumerate() {
            if left.contains(&channel) {
                continue;
            }
            match answer {
                Some(Ok(_)) => taken.push((channel, since)),
                refused => {
                    let reason = refused.and_then(Result::err).map(|error| error.to_string());
                    tracing::warn!(%channel, reason, "a channel cannot be subscribed to");
                    self.unwant(&channel, worker, 1);
                    first_taken &= place > 0;
                    // In this order: when the client hears, its session knows.
                    subscriber.refused.do_send(NotFollowed { channel, subscription: subscriber.number });
                }
            }
        }
        if !first_taken {
            taken.iter().for_each(|(channel, _)| self.unwant(channel, worker, 1));
            return self.refuse(to, &reply);
        }
        let mut room = RECOVERY_BYTES_MAX;
        let granted = taken.into_iter().map(|(channel, since)| self.recover(channel, since, &mut room));
        let channels = granted.collect();
        self.workers.send(worker, ToWorker::Granted { to, channels, reply });
    }

    /// Refuses a request whose first channel is not available. The session of a `hello` is closed, so that the client
    /// connects again.
    fn refuse(&self, to: ReplyTo, reply: &Grant) {
        let session = to.session;
        let wait_ms = spread::wait_ms(spread::COME_BACK);
        self.workers.reply(to, Reply::Error(Failure::of(ErrorCode::Unavailable).after_ms(wait_ms)));
        if let Grant::Welcome(_) = reply {
            let code = CloseCode::Internal;
            self.workers.send(session.worker, ToWorker::Hangup { session, code });
        }
    }

    /// Gives the backplane the position of a table's channel, unless it holds one of this log. The channels that it
    /// holds have taken in every event already.
    fn catch_up(&self, channel: &Channel) {
        if channel.namespace() != "table" {
            return;
        }
        let table = channel.name().parse::<TableId>().ok();
        let offset = table.and_then(|table| self.tables.get(table)).map_or(0, Table::events);
        if self.backplane.top(channel).is_none_or(|top| top.epoch != self.log_epoch) {
            self.backplane.declare(channel, Position { epoch: self.log_epoch, offset });
        }
    }

    fn want(&self, channel: &Channel, worker: u16) {
        let mut wanted = self.wanted.borrow_mut();
        let workers = wanted.entry(channel.clone()).or_default();
        match workers.iter_mut().find(|(number, _)| *number == worker) {
            Some((_, grants)) => *grants += 1,
            None => workers.push((worker, 1)),
        }
    }

    /// Takes back grants of a worker. When no worker has any more, the process ends its subscription.
    pub fn unwant(&self, channel: &Channel, worker: u16, grants: u64) {
        let mut wanted = self.wanted.borrow_mut();
        let Some(workers) = wanted.get_mut(channel) else { return };
        if let Some(place) = workers.iter().position(|(number, _)| *number == worker) {
            workers[place].1 = workers[place].1.saturating_sub(grants);
            if workers[place].1 == 0 {
                workers.swap_remove(place);
            }
        }
        if workers.is_empty() {
            wanted.remove(channel);
            drop(wanted);
            self.backplane.unsubscribe(channel);
        }
    }

    /// The position of a channel, and the publications missed since `since`. Not recovered when they do not fit into
    /// `room` bytes.
    fn recover(&self, channel: Channel, since: Option<Since>, room: &mut usize) -> Subscribed {
        let top = self.backplane.top(&channel).unwrap_or(Position { epoch: self.log_epoch, offset: 0 });
        let since =
            since.and_then(|since| Some(Position { epoch: since.e.parse().ok()?, offset: since.o.get() }));
        let at = |top: Position, recovered, pubs| Subscribed {
            ch: channel.clone(),
            e: top.epoch.to_string(),
            o: top.offset,
            recovered,
            pubs,
        };
        match since.map(|since| self.backplane.recover(&channel, &since)) {
            None => at(top, false, Vec::new()),
            Some(Recovery::Lost { top: lost }) => at(lost.unwrap_or(top), false, Vec::new()),
            Some(Recovery::Recovered { publications, top }) => {
                let bytes = publications.iter().map(|publication| publication.payload.bytes().len()).sum();
                let Some(left) = room.checked_sub(bytes) else { return at(top, false, Vec::new()) };
                *room = left;
                let missed = publications.into_iter().filter_map(|publication| {
                    Some(Missed { o: publication.position?.offset, d: publication.payload })
                });
                at(top, true, missed.collect())
            }
        }
    }
}
