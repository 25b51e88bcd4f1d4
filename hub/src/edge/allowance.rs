//! What the caller of a request may still ask for, told in the headers of its answer.

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderName, HeaderValue},
};

/// What is left to a caller after a request. Whoever charges for a request leaves it with the request ([`Allowance::leave`]), and
/// the door tells it with every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What may be saved up: the most that is ever left.
    pub limit: u32,
    /// What is left.
    pub remaining: u32,
    /// Until all of it is there again, milliseconds.
    pub whole_in_ms: u64,
}

/// Left with a request for services of which it is not known who calls: its address is charged, whatever the answer is.
#[derive(Debug, Clone, Copy)]
pub struct Stranger;

impl Stranger {
    /// Leaves the mark.
    pub fn leave(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }

    /// Whether a request has it.
    #[must_use]
    pub fn is(request: &HttpRequest) -> bool {
        request.extensions().get::<Self>().is_some()
    }
}

/// The names of limit, remaining and reset: of the draft of the IETF, and as many clients expect them.
const NAMES: [[&str; 3]; 2] = [
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
];

impl Allowance {
    /// Leaves it with the request that it was charged for.
    pub fn leave(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }

    /// What was left with a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get().copied()
    }

    /// The headers that tell it; times in whole seconds, rounded up.
    pub fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let Self { limit, remaining, whole_in_ms } = self;
        let values = [u64::from(limit), remaining.into(), whole_in_ms.div_ceil(1_000)];
        let named = move |names: [&'static str; 3]| names.into_iter().zip(values);
        NAMES
            .into_iter()
            .flat_map(named)
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from(value)))
    }
}
