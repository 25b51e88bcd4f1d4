//! Pubsub: carries publications from wherever they are born to the workers whose sessions follow the channel.
//!
//! It is the one place where subscriptions and publications of the process are in one order: a grant is sent to
//! its worker before any publication the subscriber must hear. What leaves here has come out of the backplane, never
//! straight from the publisher; events of this hub's log come out of it at once, whatever becomes of Redis.

mod follow;
mod notice;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
};

use actix::prelude::*;
use channels::{At, Backplane, Counters, Delivery, Epoch, Health, Outgoing, Position, PublishError};
use follow::Follower;
use futures_util::FutureExt;
use protocol::{Channel, Payload, PlayerId, Reply, push::Event, reply::Welcome, request::Since};

use crate::{
    directory::Directory,
    domain::Currencies,
    gate::Told,
    panics::AbortOnPanic,
    reply::ReplyTo,
    worker::{Grant, ToWorker, Workers},
};

/// Publications a worker may have waiting before more are dropped for it. Their offsets show the gap.
const WAITING_MAX: u64 = 100_000;

/// Which workers want which channel: the grants sent to each worker.
type Wanted = Rc<RefCell<HashMap<Channel, Vec<(u16, u64)>>>>;

/// The pubsub actor. Lives on an arbiter of its own.
pub struct PubSub {
    follower: Follower,
    currencies: Currencies,
}

/// Makes the backplane, given where its deliveries go. Called on the pubsub's thread.
pub type MakeBackplane = Box<dyn FnOnce(Rc<dyn Fn(Delivery)>) -> Rc<dyn Backplane> + Send>;

impl PubSub {
    /// Starts the actor's state; `dropped` counts publications a worker was too slow for.
    #[must_use]
    pub fn new(
        make: MakeBackplane,
        workers: Workers,
        directory: Directory,
        currencies: Currencies,
        log_epoch: Epoch,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let wanted = Wanted::default();
        let deliver = {
            let (wanted, workers) = (wanted.clone(), workers.clone());
            Rc::new(move |delivery: Delivery| deliver(&wanted, &workers, &dropped, delivery))
        };
        let (backplane, pending) = (make(deliver), follow::Pending::default());
        let follower = Follower { backplane, wanted, pending, workers, directory, log_epoch };
        Self { follower, currencies }
    }

    fn backplane(&self) -> &dyn Backplane {
        &*self.follower.backplane
    }

    fn log_position(&self, offset: u64) -> Position {
        Position { epoch: self.follower.log_epoch, offset }
    }

    /// Publishes and lets the outcome be.
    fn publish(&self, outgoing: Outgoing) {
        let channel = outgoing.channel.clone();
        let mut publishing = self.backplane().publish(outgoing);
        let warn = move |result: Result<_, PublishError>| {
            if let Err(error) = result {
                tracing::debug!(%channel, %error, "an event did not reach the other processes");
            }
        };
        match (&mut publishing).now_or_never() {
            Some(result) => warn(result),
            None => drop(actix::spawn(async move { warn(publishing.await) })),
        }
    }
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
        let _guard = AbortOnPanic("pubsub");
        let at = match offset {
            Some(offset) => At::Log(self.log_position(offset)),
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
        let _guard = AbortOnPanic("pubsub");
        for Told { notice, offset, lsn } in notices {
            let channel = Channel::player(notice.player);
            // A channel nobody here has followed lately has no history to keep: whoever follows it next is told
            // where it stands.
            if self.backplane().top(&channel).is_none() {
                continue;
            }
            let Some(event) = notice::event(&notice, lsn, &self.currencies) else { continue };
            let at = At::Log(self.log_position(offset));
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

    fn handle(&mut self, attach: Attach, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        let Attach { to, player, events, resume, welcome } = attach;
        let personal = Channel::player(player);
        self.backplane().declare(&personal, self.log_position(events));
        let since = resume.iter().find(|since| since.ch == personal).cloned();
        let mut channels = vec![(personal.clone(), since)];
        let others = resume.into_iter().filter(|since| since.ch != personal);
        channels.extend(others.map(|since| (since.ch.clone(), Some(since))));
        self.follower.follow(to, channels, Grant::Welcome(welcome));
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
        let _guard = AbortOnPanic("pubsub");
        self.follower.follow(to, vec![(channel, since)], Grant::Subscribed);
    }
}

/// A session stops following a channel. Goes the way of its grant, so that it does not overtake it; a grant that still
/// waits for Redis is taken back.
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
        let _guard = AbortOnPanic("pubsub");
        self.follower.unfollow(to, channel);
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
        let _guard = AbortOnPanic("pubsub");
        self.follower.unwant(&channel, worker, granted);
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
        let _guard = AbortOnPanic("pubsub");
        let tops = channels.into_iter().filter_map(|channel| {
            let top = self.backplane().top(&channel)?;
            Some((channel.to_string(), (top.epoch.to_string(), top.offset)))
        });
        let reply = Reply::Pong { time: crate::clock::now_ms(), tops: tops.collect() };
        to.send(&self.follower.workers, reply);
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
        let _guard = AbortOnPanic("pubsub");
        self.backplane().publish(Outgoing { channel, payload, at: At::Next })
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
        let _guard = AbortOnPanic("pubsub");
        self.backplane().declare(&channel, self.log_position(offset));
    }
}

/// How the backplane is doing.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "(Health, Counters)")]
pub struct GetHealth;

impl Handler<GetHealth> for PubSub {
    type Result = MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic("pubsub");
        MessageResult((self.backplane().health(), self.backplane().counters()))
    }
}

#[cfg(test)]
mod tests;
