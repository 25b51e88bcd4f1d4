//! Pubsub: carries publications from their publishers to the workers with subscribers of the channel.
//!
//! It is the one place where subscriptions and publications of the process are in one order: a grant is sent to its
//! worker before any publication that the subscriber must receive. Every publication comes out of the backplane, never
//! straight from the publisher; events of this hub's log come out of it at once and never go through Redis.

mod notice;
mod subscriptions;

use std::{
    rc::Rc,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
};

use actix::prelude::*;
use channels::{At, Backplane, Delivery, Epoch, Outgoing, Position, PublishError};
use futures_util::FutureExt;
use protocol::{Channel, Payload, Reply};
use subscriptions::{Pending, Subscriptions, Wanted};

use crate::{
    currencies::Currencies,
    messages::{
        pubsub::{
            Attach, Declare, GetHealth, GetTops, PlayerNotices, Publish, PublishEvent, Subscribe,
            Unsubscribe, Vacant,
        },
        worker::Grant,
    },
    panics::AbortOnPanic,
    ports::table::TablePort,
    workers::Workers,
};

/// The pubsub actor. Lives on an arbiter of its own.
pub struct PubSub {
    subscriptions: Subscriptions,
    currencies: Currencies,
}

/// Makes the backplane, given where its deliveries go. Called on the pubsub's thread.
pub type MakeBackplane = Box<dyn FnOnce(Rc<dyn Fn(Delivery)>) -> Rc<dyn Backplane> + Send>;

impl PubSub {
    /// A new pubsub; `dropped` counts publications and resets that a worker was too slow for.
    #[must_use]
    pub fn new(
        make: MakeBackplane,
        workers: Workers,
        tables: TablePort,
        currencies: Currencies,
        log_epoch: Epoch,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let wanted = Wanted::default();
        let deliver = {
            let (wanted, workers) = (wanted.clone(), workers.clone());
            Rc::new(move |delivery: Delivery| deliver(&wanted, &workers, &dropped, delivery))
        };
        let (backplane, pending) = (make(deliver), Pending::default());
        let subscriptions = Subscriptions { backplane, wanted, pending, workers, tables, log_epoch };
        Self { subscriptions, currencies }
    }

    fn backplane(&self) -> &dyn Backplane {
        &*self.subscriptions.backplane
    }

    fn log_position(&self, offset: u64) -> Position {
        Position { epoch: self.subscriptions.log_epoch, offset }
    }

    /// Publishes without waiting for the result; an error is logged.
    fn publish(&self, outgoing: Outgoing) {
        let channel = outgoing.channel.clone();
        let mut publishing = self.backplane().publish(outgoing);
        let warn = move |result: Result<_, PublishError>| {
            if let Err(error) = result {
                tracing::debug!(%channel, %error, "an event was not published");
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
                if !workers.publish(worker, &publication) {
                    dropped.fetch_add(1, Relaxed);
                }
            }
        }
        Delivery::Reset { channel, top } => {
            for worker in interested(&channel) {
                if !workers.reset(worker, &channel, top) {
                    dropped.fetch_add(1, Relaxed);
                }
            }
        }
    }
}

impl Actor for PubSub {
    type Context = Context<Self>;
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

impl Handler<PlayerNotices> for PubSub {
    type Result = ();

    fn handle(&mut self, PlayerNotices(notices): PlayerNotices, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        for told in notices {
            let channel = Channel::player(told.notice.player);
            // A channel without a recent subscriber here has no history to keep: the next subscriber is told its
            // position.
            if self.backplane().top(&channel).is_none() {
                continue;
            }
            let Some(event) = notice::event(&told, &self.currencies) else { continue };
            let at = At::Log(self.log_position(told.offset));
            self.publish(Outgoing { channel, payload: Payload::of(&event), at });
        }
    }
}

impl Handler<Attach> for PubSub {
    type Result = ();

    fn handle(&mut self, attach: Attach, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        let Attach { to, player, events, resume, welcome, subscriber } = attach;
        let personal = Channel::player(player);
        self.backplane().declare(&personal, self.log_position(events));
        let since = resume.iter().find(|since| since.ch == personal).cloned();
        let mut channels = vec![(personal.clone(), since)];
        let others = resume.into_iter().filter(|since| since.ch != personal);
        channels.extend(others.map(|since| (since.ch.clone(), Some(since))));
        self.subscriptions.subscribe(to, channels, Grant::Welcome(welcome), subscriber);
    }
}

impl Handler<Subscribe> for PubSub {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        let Subscribe { to, channel, since, subscriber } = subscribe;
        self.subscriptions.subscribe(to, vec![(channel, since)], Grant::Subscribed, subscriber);
    }
}

impl Handler<Unsubscribe> for PubSub {
    type Result = ();

    fn handle(&mut self, Unsubscribe { to, channel }: Unsubscribe, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        self.subscriptions.unsubscribe(to, channel);
    }
}

impl Handler<Vacant> for PubSub {
    type Result = ();

    fn handle(&mut self, Vacant { worker, channel, granted }: Vacant, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        self.subscriptions.unwant(&channel, worker, granted);
    }
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
        self.subscriptions.workers.reply(to, reply);
    }
}

impl Handler<Publish> for PubSub {
    type Result = ResponseFuture<Result<Option<Position>, PublishError>>;

    fn handle(&mut self, Publish { channel, payload }: Publish, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic("pubsub");
        self.backplane().publish(Outgoing { channel, payload, at: At::Next })
    }
}

impl Handler<Declare> for PubSub {
    type Result = ();

    fn handle(&mut self, Declare { channel, offset }: Declare, _: &mut Context<Self>) {
        let _guard = AbortOnPanic("pubsub");
        self.backplane().declare(&channel, self.log_position(offset));
    }
}

impl Handler<GetHealth> for PubSub {
    type Result = MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic("pubsub");
        MessageResult((self.backplane().health(), self.backplane().counters()))
    }
}

#[cfg(test)]
mod tests;
