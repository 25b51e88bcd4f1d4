//! Following: a session's channels, granted in the order of what is published on them.
//!
//! A grant is counted before anything is awaited, so that a worker which reports a channel as vacant meanwhile never
//! ends a subscription that is on its way to it.

use std::{rc::Rc, sync::atomic::Ordering::Relaxed};

use channels::{Backplane, Epoch, Position, Recovery};
use futures_util::FutureExt;
use protocol::{
    Channel, CloseCode, ErrorCode, Reply, TableId,
    reply::{Failure, Missed, Subscribed},
    request::Since,
};

use super::Wanted;
use crate::{
    directory::Directory,
    reply::ReplyTo,
    worker::{Grant, ToWorker, Workers},
};

/// Most bytes of missed publications one reply carries. Above it the client loads the state afresh: a reply that
/// a slow client cannot take would only be asked for again. Far below `socket.queue_bytes_max`.
const RECOVERY_BYTES_MAX: usize = 64 * 1024;

/// What following needs. Cheap to clone into a future.
#[derive(Clone)]
pub struct Follower {
    pub backplane: Rc<dyn Backplane>,
    pub wanted: Wanted,
    pub workers: Workers,
    pub directory: Directory,
    pub log_epoch: Epoch,
}

impl Follower {
    /// Follows channels for a session; then the grant goes to its worker. What is awaited is the backplane only.
    pub fn follow(
        &self,
        to: ReplyTo,
        channels: Vec<(Channel, Option<Since>)>,
        reply: Grant,
    ) -> impl Future<Output = ()> + use<> {
        let worker = to.session.worker;
        let begin = |(channel, since): (Channel, Option<Since>)| {
            if !self.wanted.borrow().contains_key(&channel) {
                self.catch_up(&channel);
            }
            self.want(&channel, worker);
            let mut subscribing = self.backplane.subscribe(&channel);
            let at_once = (&mut subscribing).now_or_never();
            (at_once, subscribing, channel, since)
        };
        let subscribing: Vec<_> = channels.into_iter().map(begin).collect();
        let this = self.clone();
        async move {
            let mut followed = Vec::with_capacity(subscribing.len());
            let mut first_followed = true;
            for (place, (at_once, subscribing, channel, since)) in subscribing.into_iter().enumerate() {
                let waited = at_once.is_none();
                let subscribed = match at_once {
                    Some(subscribed) => subscribed,
                    None => subscribing.await,
                };
                match subscribed {
                    Ok(_) => followed.push((channel, since, waited)),
                    Err(error) => {
                        tracing::warn!(%channel, %error, "a channel cannot be followed");
                        this.unwant(&channel, worker, 1);
                        first_followed &= place > 0;
                    }
                }
            }
            // From here to the end nothing is awaited: the grants and what was missed are of one moment.
            if !first_followed {
                followed.iter().for_each(|(channel, ..)| this.unwant(channel, worker, 1));
                return this.refuse(to, &reply);
            }
            let mut room = RECOVERY_BYTES_MAX;
            let granted = followed.into_iter().map(|(channel, since, waited)| {
                if waited {
                    // What was published before the server began to listen is not heard back.
                    this.catch_up(&channel);
                }
                this.recover(channel, since, &mut room)
            });
            let channels = granted.collect();
            this.workers.send(worker, ToWorker::Granted { to, channels, reply });
        }
    }

    /// Without its first channel a session has nothing; one that says hello without its own is closed, to try again.
    fn refuse(&self, to: ReplyTo, reply: &Grant) {
        let session = to.session;
        to.send(&self.workers, Reply::Error(Failure::of(ErrorCode::Unavailable).after_ms(1_000)));
        if let Grant::Welcome(_) = reply {
            let code = CloseCode::Internal;
            self.workers.send(session.worker, ToWorker::Hangup { session, code });
        }
    }

    /// A table's channel that nobody here hears stands where the log has left it: the backplane may have forgotten
    /// it, or not have heard back what was published. Who comes now must not be given an old position.
    fn catch_up(&self, channel: &Channel) {
        if channel.namespace() != "table" {
            return;
        }
        let table = channel.name().parse::<TableId>().ok();
        let entry = table.and_then(|table| self.directory.get(table));
        let offset = entry.map_or(0, |entry| entry.status.events.load(Relaxed));
        let behind = |top: Position| top.epoch != self.log_epoch || top.offset < offset;
        if self.backplane.top(channel).is_none_or(behind) {
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

    /// Takes grants of a worker back; the last one of the process ends the subscription.
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

    /// Where a channel stands, and what was missed of it, as far as there is room.
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
