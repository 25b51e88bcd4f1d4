//! Figures of the actors, in one place: each event is counted by a method with its name.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::ErrorCode;

/// Figures of the actors. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    sessions: Gauge<i64, AtomicI64>,
    sessions_opened: Counter<u64, AtomicU64>,
    sessions_ended: Family<Vec<(&'static str, String)>, Counter<u64, AtomicU64>>,
    malformed: Counter<u64, AtomicU64>,
    tokens_refused: Counter<u64, AtomicU64>,
    refused: Family<Vec<(&'static str, &'static str)>, Counter<u64, AtomicU64>>,
    rounds_settled: Counter<u64, AtomicU64>,
    rounds_voided: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Registers every figure.
    pub fn register(&self, registry: &mut Registry) {
        let figures = &*self.0;
        registry.register("hub_sessions", "Sessions connected now", figures.sessions.clone());
        registry.register("hub_sessions_opened", "Sessions accepted", figures.sessions_opened.clone());
        registry.register(
            "hub_sessions_closed",
            "Sessions closed for what their client said, by close code",
            figures.sessions_ended.clone(),
        );
        registry.register(
            "hub_frames_malformed",
            "Client frames that were no request",
            figures.malformed.clone(),
        );
        registry.register(
            "hub_tokens_refused",
            "Tokens that were not accepted",
            figures.tokens_refused.clone(),
        );
        registry.register(
            "hub_requests_refused",
            "Requests refused and recorded, by code",
            figures.refused.clone(),
        );
        registry.register("hub_rounds_settled", "Rounds drawn and settled", figures.rounds_settled.clone());
        registry.register("hub_rounds_voided", "Rounds voided", figures.rounds_voided.clone());
    }

    /// Sessions connected now.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        u64::try_from(self.0.sessions.get()).unwrap_or(0)
    }

    pub(crate) fn session_opened(&self) {
        self.0.sessions.inc();
        self.0.sessions_opened.inc();
    }

    pub(crate) fn session_closed(&self) {
        self.0.sessions.dec();
    }

    /// The hub closes a session for what its client said, or did not say.
    pub(crate) fn session_ended(&self, code: u16) {
        self.0.sessions_ended.get_or_create(&vec![("code", code.to_string())]).inc();
    }

    pub(crate) fn malformed(&self) {
        self.0.malformed.inc();
    }

    pub(crate) fn token_refused(&self) {
        self.0.tokens_refused.inc();
    }

    pub(crate) fn refused(&self, code: ErrorCode) {
        self.0.refused.get_or_create(&vec![("code", code.name())]).inc();
    }

    pub(crate) fn round_settled(&self) {
        self.0.rounds_settled.inc();
    }

    pub(crate) fn round_voided(&self) {
        self.0.rounds_voided.inc();
    }
}
