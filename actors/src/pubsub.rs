//! Pubsub: carries publications from wherever they are born to the workers whose sessions follow the channel.
//!
//! It is the one place where subscriptions and publications of the process are in one order: a grant is sent to
//! its worker before any publication the subscriber must hear. What leaves here has come back from the backplane,
//! never straight from the publisher.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
};

use actix::prelude::*;
use channels::{
    At, Backplane, Counters, Delivery, Epoch, Health, Outgoing, Position, PublishError, Recovery,
};
use domains::{Notice, What};
use futures_util::FutureExt;
use protocol::{
    Amount, Channel, ErrorCode, Payload, PlayerId, Reply,
    push::{BalanceReason, Event},
    reply::{Failure, Missed, Subscribed, Welcome},
    request::Since,
};

use crate::{
    domain::Currencies,
    gate::Told,
    reply::ReplyTo,
    worker::{Grant, ToWorker, Workers},
};

/// Publications a worker may have waiting before plain ones are dropped for it and the channel is reset.
const WAITING_MAX: u64 = 100_000;

/// Which workers want which channel: the grants sent to each worker.
type Wanted = Rc<RefCell<HashMap<Channel, Vec<(u16, u64)>>>>;

/// The pubsub actor. Lives on an arbiter of its own.
pub struct PubSub {
    backplane: Rc<dyn Backplane>,
    wanted: Wanted,
    workers: Workers,
    currencies: Currencies,
    log_epoch: Epoch,
}

/// Makes the backplane, given where its deliveries go. Called on the pubsub's thread.
pub type MakeBackplane = Box<dyn FnOnce(Rc<dyn Fn(Delivery)>) -> Rc<dyn Backplane> + Send>;

impl PubSub {
    /// Starts the actor's state; `dropped` counts publications a worker was too slow for.
    #[must_use]
    pub fn new(
        make: MakeBackplane,
        workers: Workers,
        currencies: Currencies,
        log_epoch: Epoch,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let wanted = Wanted::default();
        let deliver = {
            let (wanted, workers) = (wanted.clone(), workers.clone());
            Rc::new(move |delivery: Delivery| deliver(&wanted, &workers, &dropped, delivery))
        };
        Self { backplane: make(deliver), wanted, workers, currencies, log_epoch }
    }

    /// Publishes and lets the outcome be.
    fn publish(&self, outgoing: Outgoing) {
        let channel = outgoing.channel.clone();
        let mut publishing = self.backplane.publish(outgoing);
        let warn = move |result: Result<_, PublishError>| {
            if let Err(error) = result {
                tracing::debug!(%channel, %error, "an event was not published; its offset shows the gap");
            }
        };
        match (&mut publishing).now_or_never() {
            Some(result) => warn(result),
            None => drop(actix::spawn(async move { warn(publishing.await) })),
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

    /// Follows channels for a session; then the grant goes to its worker.
    fn follow(
        &self,
        to: ReplyTo,
        channels: Vec<(Channel, Option<Since>)>,
        reply: Grant,
    ) -> impl Future<Output = ()> + 'static {
        let subscribing: Vec<_> = channels
            .into_iter()
            .map(|(channel, since)| {
                if is_log_channel(&channel) && self.backplane.top(&channel).is_none() {
                    self.backplane.declare(&channel, Position { epoch: self.log_epoch, offset: 0 });
                }
                (self.backplane.subscribe(&channel), channel, since)
            })
            .collect();
        let (backplane, wanted, workers) =
            (self.backplane.clone(), self.wanted.clone(), self.workers.clone());
        let this = Self {
            backplane,
            wanted,
            workers,
            currencies: self.currencies.clone(),
            log_epoch: self.log_epoch,
        };
        async move {
            let mut top_of = Vec::with_capacity(subscribing.len());
            for (subscribing, channel, since) in subscribing {
                match subscribing.await {
                    Ok(_) => top_of.push((channel, since)),
                    Err(error) => tracing::warn!(%channel, %error, "a channel cannot be followed"),
                }
            }
            if top_of.is_empty() {
                let failure = Failure::of(ErrorCode::Unavailable).after_ms(1_000);
                return to.send(&this.workers, Reply::Error(failure));
            }
            // From here to the end nothing is awaited: the grants and what was missed are of one moment.
            let granted = top_of.into_iter().map(|(channel, since)| {
                this.want(&channel, to.session.worker);
                this.recover(channel, since)
            });
            let channels = granted.collect();
            let worker = to.session.worker;
            this.workers.send(worker, ToWorker::Granted { to, channels, reply });
        }
    }

    /// Where a channel stands, and what was missed of it.
    fn recover(&self, channel: Channel, since: Option<Since>) -> Subscribed {
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
                let missed = publications.into_iter().filter_map(|publication| {
                    Some(Missed { o: publication.position?.offset, d: publication.payload })
                });
                at(top, true, missed.collect())
            }
        }
    }
}

/// Whether the money log numbers the channel.
fn is_log_channel(channel: &Channel) -> bool {
    matches!(channel.namespace(), "table" | "player")
}

fn deliver(wanted: &Wanted, workers: &Workers, dropped: &AtomicU64, delivery: Delivery) {
    let interested = |channel: &Channel| -> Vec<u16> {
        let wanted = wanted.borrow();
        wanted.get(channel).into_iter().flatten().map(|(worker, _)| *worker).collect()
    };
    match delivery {
        Delivery::Publication(publication) => {
            let numbers = interested(&publication.channel);
            let publication = Arc::new(publication);
            for worker in numbers {
                if workers.waiting(worker) < WAITING_MAX {
                    workers.send(worker, ToWorker::Publication(publication.clone()));
                } else {
                    // Offsets show the gap to whoever counts them; the heartbeat's tops show it to the others.
                    dropped.fetch_add(1, Relaxed);
                }
            }
        }
        Delivery::Reset { channel, top } | Delivery::Doubt { channel, top } => {
            for worker in interested(&channel) {
                workers.send(worker, ToWorker::Reset { channel: channel.clone(), top });
            }
        }
    }
}

impl Actor for PubSub {
    type Context = Context<Self>;
}

/// Publishes an event that was born in the log, or is ephemeral.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct PublishEvent {
    /// The channel.
    pub channel: Channel,
    /// Offset given by the log, none for an ephemeral event.
    pub offset: Option<u64>,
    /// The event.
    pub event: Event,
}

impl Handler<PublishEvent> for PubSub {
    type Result = ();

    fn handle(&mut self, PublishEvent { channel, offset, event }: PublishEvent, _: &mut Context<Self>) {
        let at = match offset {
            Some(offset) => At::Log(Position { epoch: self.log_epoch, offset }),
            None => At::Ephemeral,
        };
        self.publish(Outgoing { channel, payload: Payload::of(&event), at });
    }
}

/// What players are told, in the order of the log.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct PlayerNotices(pub Vec<Told>);

impl Handler<PlayerNotices> for PubSub {
    type Result = ();

    fn handle(&mut self, PlayerNotices(notices): PlayerNotices, _: &mut Context<Self>) {
        for Told { notice, offset, lsn } in notices {
            let channel = Channel::player(notice.player);
            // A channel nobody here has followed lately has no history to keep: whoever follows it next is told
            // where it stands.
            if self.backplane.top(&channel).is_none() {
                continue;
            }
            let Some(event) = event(&notice, lsn, &self.currencies) else { continue };
            let at = At::Log(Position { epoch: self.log_epoch, offset });
            self.publish(Outgoing { channel, payload: Payload::of(&event), at });
        }
    }
}

/// A session's player is known: follow the personal channel and those the client had.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Attach {
    /// The session.
    pub to: ReplyTo,
    /// The player.
    pub player: PlayerId,
    /// Offset of the newest event of the player's channel.
    pub events: u64,
    /// Channels to follow again; those the session may not follow are gone already.
    pub resume: Vec<Since>,
    /// The reply.
    pub welcome: Box<Welcome>,
}

impl Handler<Attach> for PubSub {
    type Result = ();

    fn handle(&mut self, attach: Attach, context: &mut Context<Self>) {
        let Attach { to, player, events, resume, welcome } = attach;
        let personal = Channel::player(player);
        self.backplane.declare(&personal, Position { epoch: self.log_epoch, offset: events });
        let since = resume.iter().find(|since| since.ch == personal).cloned();
        let mut channels = vec![(personal.clone(), since)];
        let others = resume.into_iter().filter(|since| since.ch != personal);
        channels.extend(others.map(|since| (since.ch.clone(), Some(since))));
        let following = self.follow(to, channels, Grant::Welcome(welcome));
        context.spawn(following.into_actor(self));
    }
}

/// A session follows one more channel.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Follow {
    /// The session.
    pub to: ReplyTo,
    /// The channel.
    pub channel: Channel,
    /// The last position seen.
    pub since: Option<Since>,
}

impl Handler<Follow> for PubSub {
    type Result = ();

    fn handle(&mut self, Follow { to, channel, since }: Follow, _: &mut Context<Self>) {
        let mut following = Box::pin(self.follow(to, vec![(channel, since)], Grant::Subscribed));
        if (&mut following).now_or_never().is_none() {
            actix::spawn(following);
        }
    }
}

/// A session stops following a channel. Goes the way of its grant, so that the two cannot overtake each other.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Unfollow {
    /// The session.
    pub to: ReplyTo,
    /// The channel.
    pub channel: Channel,
}

impl Handler<Unfollow> for PubSub {
    type Result = ();

    fn handle(&mut self, Unfollow { to, channel }: Unfollow, _: &mut Context<Self>) {
        self.workers.send(to.session.worker, ToWorker::Unfollow { to, channel });
    }
}

/// A worker has no subscriber of a channel any more.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Vacant {
    /// The worker.
    pub worker: u16,
    /// The channel.
    pub channel: Channel,
    /// Grants the worker has seen for it; others may still be on their way to it.
    pub granted: u64,
}

impl Handler<Vacant> for PubSub {
    type Result = ();

    fn handle(&mut self, Vacant { worker, channel, granted }: Vacant, _: &mut Context<Self>) {
        let mut wanted = self.wanted.borrow_mut();
        let Some(workers) = wanted.get_mut(&channel) else { return };
        if let Some(place) = workers.iter().position(|(number, _)| *number == worker) {
            workers[place].1 = workers[place].1.saturating_sub(granted);
            if workers[place].1 == 0 {
                workers.swap_remove(place);
            }
        }
        if workers.is_empty() {
            wanted.remove(&channel);
            drop(wanted);
            self.backplane.unsubscribe(&channel);
        }
    }
}

/// The newest positions of channels, for a heartbeat.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetTops {
    /// The session.
    pub to: ReplyTo,
    /// Its channels.
    pub channels: Vec<Channel>,
}

impl Handler<GetTops> for PubSub {
    type Result = ();

    fn handle(&mut self, GetTops { to, channels }: GetTops, _: &mut Context<Self>) {
        let tops = channels.into_iter().filter_map(|channel| {
            let top = self.backplane.top(&channel)?;
            Some((channel.to_string(), (top.epoch.to_string(), top.offset)))
        });
        let reply = Reply::Pong { time: crate::clock::now_ms(), tops: tops.collect() };
        to.send(&self.workers, reply);
    }
}

/// A service publishes.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<Position>, PublishError>")]
pub struct Publish {
    /// The channel.
    pub channel: Channel,
    /// The data.
    pub payload: Payload,
}

impl Handler<Publish> for PubSub {
    type Result = ResponseFuture<Result<Option<Position>, PublishError>>;

    fn handle(&mut self, Publish { channel, payload }: Publish, _: &mut Context<Self>) -> Self::Result {
        self.backplane.publish(Outgoing { channel, payload, at: At::Next })
    }
}

/// Tells where a channel of the log stands, at the start.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Declare {
    /// The channel.
    pub channel: Channel,
    /// Offset of its newest event.
    pub offset: u64,
}

impl Handler<Declare> for PubSub {
    type Result = ();

    fn handle(&mut self, Declare { channel, offset }: Declare, _: &mut Context<Self>) {
        self.backplane.declare(&channel, Position { epoch: self.log_epoch, offset });
    }
}

/// How the backplane is doing.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "(Health, Counters)")]
pub struct GetHealth;

impl Handler<GetHealth> for PubSub {
    type Result = MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Context<Self>) -> Self::Result {
        MessageResult((self.backplane.health(), self.backplane.counters()))
    }
}

/// A notice as the wire spells it.
fn event(notice: &Notice, lsn: u64, currencies: &Currencies) -> Option<Event> {
    let scale = currencies.scale(notice.currency)?;
    let amount = |minor| Amount::from_minor(minor, scale).ok();
    let (available, held) = (amount(notice.after.available)?, amount(notice.after.held)?);
    let currency = notice.currency;
    let balance = |reason| Some(Event::Balance { lsn, currency, available, held, reason });
    let settled = |round, staked, returned, outcome| {
        let (staked, returned) = (amount(staked)?, amount(returned)?);
        Some(Event::BetSettled { lsn, round, staked, returned, outcome, currency, available, held })
    };
    match notice.what {
        What::Deposit => balance(BalanceReason::Deposit),
        What::Stake => balance(BalanceReason::Stake),
        What::Release => balance(BalanceReason::Release),
        What::Settled { round, staked, returned, outcome } => settled(round, staked, returned, Some(outcome)),
        What::Voided { round, staked } => settled(round, staked, staked, None),
    }
}
