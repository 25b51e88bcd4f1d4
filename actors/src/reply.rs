//! The way back to a session: which worker, which slot, which request, and the permit that ends with it.

use protocol::{ErrorCode, Reply, U53, reply::Failure};
use socket::Slot;

use crate::{
    admission::Permit,
    worker::{ToWorker, Workers},
};

/// Where a session is: stale ones are harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef {
    /// The worker.
    pub worker: u16,
    /// The place on it.
    pub slot: Slot,
}

/// Where a reply goes. Each is answered once.
#[derive(Debug)]
pub struct ReplyTo {
    /// The session.
    pub session: SessionRef,
    /// The request's id.
    pub id: U53,
    /// Held until the reply is on its way.
    pub permit: Permit,
}

impl ReplyTo {
    /// Sends the reply. Only for what does not depend on a record that is not durable yet.
    pub fn send(self, workers: &Workers, reply: Reply) {
        workers.send(self.session.worker, ToWorker::Reply { to: self, reply: Box::new(reply) });
    }

    /// Sends a refusal.
    pub fn refuse(self, workers: &Workers, code: ErrorCode) {
        self.send(workers, Reply::Error(Failure::of(code)));
    }
}
