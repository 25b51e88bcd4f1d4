//! JSON Web Tokens that the hub makes itself: for demo players, and for whoever has a key that signs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::PrincipalKind;
use jsonwebtoken::Header;
use people::SUBJECT_BYTES_MAX;
use serde::Serialize;

use super::{Capabilities, RoleName, TokenKeys, TokenRules, is_name};

/// Why no token could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// Empty, or above 256 bytes.
    #[error("a player's name has 1 to 256 bytes")]
    BadSubject,
    /// Not the name of a service or an operator.
    #[error("the name of a service or an operator has 1 to 64 letters, digits, '_', '-' and '.'")]
    BadName,
    /// Nothing is allowed.
    #[error("a token of a service or an operator needs at least one capability or role")]
    NoCapability,
    /// Longer than the hub itself would accept.
    #[error("a token holds for {0} seconds at most (auth.token_lifetime_max_seconds)")]
    HoldsTooLong(u64),
    /// The clock stands before 1970.
    #[error("the clock of this machine is wrong")]
    Clock,
    /// The key did not sign.
    #[error("the key did not sign")]
    Signing,
}

/// Makes tokens, where the hub holds a key that signs.
#[derive(Debug)]
pub struct Minter {
    keys: TokenKeys,
    rules: TokenRules,
}

/// Whom a token is made for.
#[derive(Debug, Clone, Copy)]
pub enum TokenFor<'a> {
    /// A player, by the subject.
    Player(&'a str),
    /// A service or an operator, by name, and what they may do.
    Caller(PrincipalKind, &'a str, &'a Capabilities),
    /// An operator, by name, with roles, and what they may do besides.
    Operator(&'a str, &'a [RoleName], &'a Capabilities),
}

#[derive(Serialize)]
struct Minted<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(rename = "hub:kind", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(rename = "hub:can", skip_serializing_if = "Option::is_none")]
    can: Option<Vec<String>>,
    #[serde(rename = "hub:roles", skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'a str>>,
}

impl Minter {
    /// `None` without keys, and when they only check.
    #[must_use]
    pub fn new(keys: impl Into<Option<TokenKeys>>, rules: TokenRules) -> Option<Self> {
        let keys = keys.into().filter(TokenKeys::can_sign)?;
        Some(Self { keys, rules })
    }

    /// Makes a token for somebody that holds from `now` for `lifetime`, counted in whole seconds.
    ///
    /// # Errors
    /// Why there is no token.
    pub fn mint(&self, whom: TokenFor<'_>, now: SystemTime, lifetime: Duration) -> Result<String, MintError> {
        let mut roles = None;
        let (subject, kind, can) = match whom {
            TokenFor::Player(subject) if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX => {
                return Err(MintError::BadSubject);
            }
            TokenFor::Player(subject) => (subject, None, None),
            TokenFor::Caller(_, name, _) | TokenFor::Operator(name, ..) if !is_name(name) => {
                return Err(MintError::BadName);
            }
            TokenFor::Caller(_, _, may) | TokenFor::Operator(_, [], may) if may.is_empty() => {
                return Err(MintError::NoCapability);
            }
            TokenFor::Caller(kind, name, may) => (name, Some(kind.name()), Some(may.texts())),
            TokenFor::Operator(name, named, may) => {
                roles = (!named.is_empty()).then(|| named.iter().map(RoleName::as_str).collect());
                let can = (!may.is_empty()).then(|| may.texts());
                (name, Some(PrincipalKind::Operator.name()), can)
            }
        };
        if lifetime > self.rules.lifetime_max {
            return Err(MintError::HoldsTooLong(self.rules.lifetime_max.as_secs()));
        }
        let issued = now.duration_since(UNIX_EPOCH).map_err(|_| MintError::Clock)?.as_secs();
        let claims = Minted {
            iss: &self.rules.issuer,
            aud: &self.rules.audience,
            sub: subject,
            iat: issued,
            exp: issued.saturating_add(lifetime.as_secs()),
            kind,
            can,
            roles,
        };
        let key = self.keys.sign.as_ref().expect("checked in `new`");
        let header = Header::new(self.keys.algorithm.jwt());
        jsonwebtoken::encode(&header, &claims, key).map_err(|_| MintError::Signing)
    }
}
