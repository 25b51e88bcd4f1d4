//! Authentication of players: a token gives its player, or the error that the client gets. Somebody new is enrolled first.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use actors::session::{Authenticate, Bearer, Identity};
use people::People;
use protocol::ErrorCode;

use crate::{
    auth::{self, TokenError, TokenVerifier},
    people::enrol,
};

/// Checks tokens with the configured keys, by the time of day, and finds the person they name in the people store.
#[must_use]
pub fn authenticate(verifier: TokenVerifier, people: People) -> Authenticate {
    Arc::new(move |token| match verifier.verify(token, SystemTime::now()) {
        // Final: a later token of the same person is refused too.
        Ok(identity) if people.is_excluded(&identity.person) => {
            Err((ErrorCode::Forbidden, "this person is excluded".into()))
        }
        Ok(identity) => Ok(bearer(&people, identity)),
        Err(error) => Err((code(&error), error.to_string())),
    })
}

fn bearer(people: &People, auth::Identity { person, until }: auth::Identity) -> Bearer {
    let until_ms = milliseconds(until);
    if let Some(player) = people.get(&person) {
        return Bearer::Known(Identity { player, until_ms });
    }
    let people = people.clone();
    Bearer::New(Box::pin(async move {
        enrol(people, person).await.ok().map(|player| Identity { player, until_ms })
    }))
}

fn code(error: &TokenError) -> ErrorCode {
    match error {
        TokenError::Expired => ErrorCode::TokenExpired,
        TokenError::KeysAwaited => ErrorCode::Unavailable,
        TokenError::TooLong
        | TokenError::Malformed
        | TokenError::WrongAlgorithm
        | TokenError::UnknownExtension
        | TokenError::NoKeyName
        | TokenError::UnknownKey
        | TokenError::Forged
        | TokenError::BadClaim(_)
        | TokenError::NotSeconds(_)
        | TokenError::WrongIssuer
        | TokenError::WrongAudience
        | TokenError::BadCapabilities
        | TokenError::BadRoles
        | TokenError::RolesOfAService
        | TokenError::NotAPlayer
        | TokenError::NotACaller
        | TokenError::NotYetValid(_)
        | TokenError::HoldsTooLong => ErrorCode::TokenInvalid,
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
