//! The backplane in memory, for a single process: a publication is delivered in the process that publishes it.

use std::{cell::RefCell, rc::Rc};

use futures_util::{FutureExt, future::LocalBoxFuture};
use protocol::Channel;
use tokio::time::Instant;

use crate::{
    Backplane, Counters, Delivery, Health, Options, Outgoing, Position, PublishError, Recovery,
    SubscribeError,
    mirror::Mirror,
    outbox::{Deliver, Outbox},
    telemetry::Telemetry,
};

/// The backplane in memory, for a single process. Every future resolves at once; it is always up and never busy.
///
/// A publication is delivered before `publish` returns; one made inside a delivery is delivered after it.
pub struct Memory {
    mirror: RefCell<Mirror>,
    outbox: Outbox,
    started: Instant,
}

impl Memory {
    /// A backplane without channels. `deliver` is called on the thread that publishes.
    #[must_use]
    pub fn new(options: Options, deliver: Rc<dyn Fn(Delivery)>) -> Self {
        let deliver: Deliver = deliver;
        Self {
            mirror: RefCell::new(Mirror::local(Rc::new(options), Rc::new(Telemetry::default()))),
            outbox: Outbox::new(deliver),
            started: Instant::now(),
        }
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn publish_now(&self, outgoing: Outgoing) -> Result<Option<Position>, PublishError> {
        let mut mirror = self.mirror.borrow_mut();
        mirror.check(&outgoing)?;
        mirror.publish(outgoing, self.now_ms(), &self.outbox)
    }
}

impl Backplane for Memory {
    fn publish(&self, outgoing: Outgoing) -> LocalBoxFuture<'static, Result<Option<Position>, PublishError>> {
        let published = self.publish_now(outgoing);
        self.outbox.drain();
        std::future::ready(published).boxed_local()
    }

    fn subscribe(&self, channel: &Channel) -> LocalBoxFuture<'static, Result<Position, SubscribeError>> {
        let mut mirror = self.mirror.borrow_mut();
        let subscribed = mirror
            .subscribe(channel, self.now_ms())
            .map(|_| mirror.top(channel).expect("a channel that is subscribed is held"));
        std::future::ready(subscribed).boxed_local()
    }

    fn unsubscribe(&self, channel: &Channel) {
        self.mirror.borrow_mut().unsubscribe(channel, self.now_ms());
    }

    fn recover(&self, channel: &Channel, since: &Position) -> Recovery {
        self.mirror.borrow_mut().recover(channel, since, self.now_ms())
    }

    fn top(&self, channel: &Channel) -> Option<Position> {
        self.mirror.borrow().top(channel)
    }

    fn declare(&self, channel: &Channel, top: Position) {
        self.mirror.borrow_mut().declare(channel, top, self.now_ms(), &self.outbox);
        self.outbox.drain();
    }

    fn health(&self) -> Health {
        Health { up: true, message: "in memory".into(), since_ms: self.now_ms() }
    }

    fn counters(&self) -> Counters {
        self.mirror.borrow().counters()
    }
}
