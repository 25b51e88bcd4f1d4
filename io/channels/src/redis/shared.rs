//! The state that the Redis backplane and its two connections share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use ::redis::Client;
use tokio::{sync::Notify, time::Instant};

use super::{guard::Guard, status::Status};
use crate::{Options, mirror::Mirror, outbox::Outbox, telemetry::Telemetry};

/// The state that the Redis backplane and its two connections share. All are on one thread, so cells are enough.
pub(super) struct Shared {
    pub(super) options: Rc<Options>,
    pub(super) telemetry: Rc<Telemetry>,
    pub(super) mirror: RefCell<Mirror>,
    pub(super) outbox: Outbox,
    pub(super) started: Instant,
    pub(super) client: Client,
    /// Host and port: the only part of the URL that is ever shown.
    pub(super) server: String,
    pub(super) hearing: Status,
    pub(super) sending: Status,
    /// Wakes the receiving link when the mirror has subscriptions to change.
    pub(super) changes: Notify,
    /// Bytes of publications waiting to be sent.
    pub(super) queued_bytes: Cell<usize>,
    /// A channel of Redis that only this process uses. No [`Channel`] has such a name.
    pub(super) probe: String,
    /// The messages dropped on the hub's own namespaces.
    pub(super) guard: Arc<Guard>,
    /// Probes that Redis accepted since the last one came back.
    pub(super) unheard_probes: Cell<u32>,
}

impl Shared {
    /// Milliseconds since the backplane was made.
    pub(super) fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}
