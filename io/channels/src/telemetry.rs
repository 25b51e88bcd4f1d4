//! Counters and log events of the channels. Repeated warnings are limited.

use std::cell::Cell;

use protocol::Channel;
use tokio::time::Instant;

use crate::Counters;

/// Shortest time between two warnings of one kind, milliseconds, so that a flood of bad messages is not a flood of
/// log lines.
const WARN_EVERY_MS: u128 = 10_000;

/// Counts and logs. One for each backplane.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    counters: Cell<Counters>,
    invalid: Warned,
    oversized: Warned,
    ambiguous: Warned,
    owned: Warned,
    log: Warned,
    busy: Warned,
    unreachable: Warned,
}

/// When a kind of warning was last logged.
#[derive(Debug, Default)]
struct Warned(Cell<Option<Instant>>);

impl Warned {
    fn is_due(&self) -> bool {
        let now = Instant::now();
        let due = self.0.get().is_none_or(|last| now.duration_since(last).as_millis() >= WARN_EVERY_MS);
        if due {
            self.0.set(Some(now));
        }
        due
    }
}

impl Telemetry {
    pub(crate) fn counters(&self) -> Counters {
        self.counters.get()
    }

    fn count(&self, count: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        count(&mut counters);
        self.counters.set(counters);
    }

    pub(crate) fn delivered(&self) {
        self.count(|counters| counters.delivered += 1);
    }

    pub(crate) fn resent(&self) {
        self.count(|counters| counters.resent += 1);
    }

    pub(crate) fn gap(&self) {
        self.count(|counters| counters.gaps += 1);
    }

    pub(crate) fn reset(&self) {
        self.count(|counters| counters.resets += 1);
    }

    pub(crate) fn invalid(&self, channel: &str, reason: &str) {
        self.count(|counters| counters.dropped.invalid += 1);
        if self.invalid.is_due() {
            tracing::warn!(channel, reason, "dropped a message that is not a publication");
        }
    }

    pub(crate) fn oversized(&self, channel: &str, bytes: usize, max: usize) {
        self.count(|counters| counters.dropped.oversized += 1);
        if self.oversized.is_due() {
            tracing::warn!(channel, bytes, max, "dropped a message that is too large");
        }
    }

    pub(crate) fn ambiguous(&self, channel: &Channel) {
        self.count(|counters| counters.dropped.ambiguous += 1);
        if self.ambiguous.is_due() {
            tracing::warn!(%channel, "dropped a message of one byte, which JSON and MessagePack read differently");
        }
    }

    /// `count` messages were dropped; `channel` is the channel of one of them, with its name in Redis.
    pub(crate) fn owned(&self, channel: &str, count: u64) {
        self.count(|counters| counters.dropped.owned += count);
        if self.owned.is_due() {
            tracing::warn!(channel, count, "dropped a message from redis on a namespace of the hub");
        }
    }

    pub(crate) fn log(&self, channel: &Channel) {
        self.count(|counters| counters.dropped.log += 1);
        if self.log.is_due() {
            tracing::warn!(%channel, "dropped a message from redis that claims to be an event of a log");
        }
    }

    pub(crate) fn busy(&self) {
        self.count(|counters| counters.busy += 1);
        if self.busy.is_due() {
            tracing::warn!("the queue to redis is full, publications are refused");
        }
    }

    pub(crate) fn link_up(&self, link: &'static str, server: &str) {
        tracing::info!(link, server, "connected to redis");
    }

    pub(crate) fn link_lost(&self, link: &'static str, server: &str, reason: &str) {
        self.count(|counters| counters.links_lost += 1);
        tracing::warn!(link, server, reason, "lost the connection to redis");
    }

    pub(crate) fn link_unreachable(&self, link: &'static str, server: &str, reason: &str) {
        if self.unreachable.is_due() {
            tracing::warn!(link, server, reason, "cannot connect to redis, trying on");
        }
    }

    pub(crate) fn unwatched(&self, reason: &str) {
        tracing::info!(reason, "redis does not let the hub count what others publish on its own namespaces");
    }

    pub(crate) fn link_panicked(&self, link: &'static str) {
        tracing::error!(link, "a delivery panicked, the link to redis is built again");
    }
}
