//! Authentication of players: a token gives its player, or the error that the client gets.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use actors::session::{Authenticate, Identity};
use protocol::ErrorCode;

use crate::auth::{TokenError, TokenVerifier};

/// Checks tokens with the configured keys, by the time of day.
#[must_use]
pub fn authenticate(verifier: TokenVerifier) -> Authenticate {
    Arc::new(move |token| match verifier.verify(token, SystemTime::now()) {
        Ok(identity) => Ok(Identity { player: identity.player, until_ms: milliseconds(identity.until) }),
        Err(error) => Err((code(&error), error.to_string())),
    })
}

fn code(error: &TokenError) -> ErrorCode {
    match error {
        TokenError::Expired => ErrorCode::TokenExpired,
        TokenError::TooLong
        | TokenError::Malformed
        | TokenError::WrongAlgorithm
        | TokenError::UnknownExtension
        | TokenError::Forged
        | TokenError::BadClaim(_)
        | TokenError::NotSeconds(_)
        | TokenError::WrongIssuer
        | TokenError::WrongAudience
        | TokenError::NotYetValid(_)
        | TokenError::HoldsTooLong => ErrorCode::TokenInvalid,
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
