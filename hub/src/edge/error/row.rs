//! What is fixed for a kind of refusal.

use actix_web::http::StatusCode;

/// What is fixed for a kind.
pub struct KindRow {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
    /// What the caller can do about it.
    pub hint: &'static str,
    /// Whether the same request will be refused again.
    pub last: bool,
    /// The default time until a retry, milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl KindRow {
    /// A refusal that stays as long as the request does.
    pub const fn last(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        hint: &'static str,
    ) -> Self {
        Self { status, code, title, hint, last: true, retry_after_ms: None }
    }

    /// A refusal that may end by itself.
    pub const fn passing(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        hint: &'static str,
        retry_after_ms: Option<u64>,
    ) -> Self {
        Self { status, code, title, hint, last: false, retry_after_ms }
    }
}
