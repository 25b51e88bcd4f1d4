//! JSON Web Tokens: checked with the algorithm of their key.
//!
//! The claims `hub:kind` ("service" or "operator") and `hub:can` (a list of capabilities) make the token of somebody who
//! calls the API. That of an operator may name roles (`hub:roles`), besides capabilities or instead of them; what they allow, the
//! configuration of this hub says. A token without these claims is a player's. Neither is taken for the other.
//!
//! The library checks the signature; the claims are checked here, against a time that is an argument, in one
//! stated order. `jku`, `jwk` and `x5u` in a header are ignored: a token does not bring its own key. `kid` chooses one of the keys
//! that the token's issuer publishes, where the configuration names such an issuer (`auth.jwks`), and is ignored elsewhere.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use engine::PrincipalKind;
use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use people::{Person, SUBJECT_BYTES_MAX};

use super::{
    Caller, Capabilities, Issuers, KeyMissing, KeySet, ROLES_OF_TOKEN_MAX, RoleGrant, RoleName, Roles,
    TokenKeys, is_name, jwk::signature_alone,
};

/// The claim that says what a caller of the API is.
pub(super) const KIND: &str = "hub:kind";
/// The claim with what such a caller may do.
pub(super) const CAN: &str = "hub:can";
/// The claim with the roles of an operator.
pub(super) const ROLES: &str = "hub:roles";
/// The kinds of principals that call the API.
const CALLERS: [PrincipalKind; 2] = [PrincipalKind::Service, PrincipalKind::Operator];

/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// The rules for the claims of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// The only `iss` accepted.
    pub issuer: String,
    /// What `aud` must be or hold.
    pub audience: String,
    /// Tolerated difference between the issuer's clock and ours.
    pub leeway: Duration,
    /// How far ahead of us `exp` may lie. A token cannot be taken back, so none may hold for ever.
    pub lifetime_max: Duration,
}

/// Why a token is refused. Order is precedence: the first that holds is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Above [`TOKEN_BYTES_MAX`].
    #[error("the token is longer than 4096 bytes")]
    TooLong,
    /// Not three parts of base64url, or no JSON object with an algorithm we know in the first.
    #[error("this is not a JSON Web Token the hub can read")]
    Malformed,
    /// Another algorithm than the configured one, `none` included.
    #[error("the token is signed with another algorithm than this hub accepts")]
    WrongAlgorithm,
    /// The header demands an extension (`crit`), and the hub knows none.
    #[error("the token demands an extension this hub does not know")]
    UnknownExtension,
    /// The header names no key, and the issuer has several.
    #[error("the token's header names no key (\"kid\"), and its issuer publishes a set of keys")]
    NoKeyName,
    /// The issuer's keys are being read, and this one may be among them.
    #[error("the keys of the token's issuer are being read: send the same again in a moment")]
    KeysAwaited,
    /// The issuer does not publish the key that is named.
    #[error(
        "the token is signed with a key (\"kid\") that its issuer does not publish, as far as the hub has seen"
    )]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is not valid: it was made with another key, or altered")]
    Forged,
    /// A claim is missing or not of its type.
    #[error("the token's claim \"{0}\" is missing or not of its type")]
    BadClaim(&'static str),
    /// A time claim so large that it cannot count seconds: milliseconds, most likely.
    #[error("the token's claim \"{0}\" does not count seconds since 1970: is it in milliseconds?")]
    NotSeconds(&'static str),
    /// From another issuer.
    #[error("the token was issued by someone else")]
    WrongIssuer,
    /// For another audience.
    #[error("the token was issued for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired: get a new one")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the token is not valid yet: its claim \"{0}\" lies in the future")]
    NotYetValid(&'static str),
    /// The token of a service or an operator, where a player's belongs.
    #[error("this is the token of a service or an operator, and not of a player")]
    NotAPlayer,
    /// A player's token, where that of a service or an operator belongs.
    #[error("this is a player's token: the API takes those of services and operators")]
    NotACaller,
    /// `hub:can` has something that is no capability, or too much.
    #[error(
        "the token's claim \"hub:can\" names something that this hub has no capability for, or more than 64 of them: make it with \
         `hub token`, or compare it with docs/api.md"
    )]
    BadCapabilities,
    /// `hub:roles` has something that is no name of a role, or too much.
    #[error(
        "the token's claim \"hub:roles\" has something that is no name of a role, or more than 16 of them"
    )]
    BadRoles,
    /// `hub:roles` in the token of a service.
    #[error("the token's claim \"hub:roles\" is for operators: what a service may do stands in \"hub:can\"")]
    RolesOfAService,
    /// `exp` lies further ahead than [`TokenRules::lifetime_max`].
    #[error("the token holds for longer than this hub allows: its claim \"exp\" lies too far in the future")]
    HoldsTooLong,
}

/// The person whom a valid token names, and until when. `Debug` does not show the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Issuer and subject.
    pub person: Person,
    /// From when on the token is refused: its `exp`, and the leeway after it.
    pub until: SystemTime,
}

/// Checks tokens. Cheap to share behind an `Arc`. Where issuers publish their keys, checking takes a lock for a moment.
#[derive(Debug, Clone)]
pub struct TokenVerifier {
    /// The configured key, if there is one, and the check of signatures with it.
    keys: Option<(TokenKeys, Validation)>,
    issuers: Arc<Issuers>,
    roles: Roles,
    rules: TokenRules,
    /// The issuer of the rules, shared by everybody it names.
    issuer: Arc<str>,
}

/// The claims of a token whose signature is right, and who has issued it.
struct SignedClaims {
    claims: serde_json::Value,
    issuer: Arc<str>,
}

/// What a token is checked with, when its issuer publishes keys.
struct Published {
    keys: Arc<KeySet>,
    kid: String,
    issuer: Arc<str>,
}

impl TokenVerifier {
    /// Puts the configured keys and the rules together.
    #[must_use]
    pub fn new(keys: impl Into<Option<TokenKeys>>, rules: TokenRules) -> Self {
        let keys = keys.into().map(|keys| {
            let signature = signature_alone(keys.algorithm.jwt());
            (keys, signature)
        });
        let issuer = rules.issuer.as_str().into();
        Self { keys, issuers: Arc::default(), roles: Roles::default(), rules, issuer }
    }

    /// The same, and operators may have these roles. Without it no role is known.
    #[must_use]
    pub fn with_roles(self, roles: Roles) -> Self {
        Self { roles, ..self }
    }

    /// The same, and tokens of issuers that publish their keys.
    #[must_use]
    pub fn with_issuers(self, issuers: Arc<Issuers>) -> Self {
        Self { issuers, ..self }
    }

    /// Rises when a key changes: what was verified before may not hold any more.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.issuers.generation()
    }

    /// Checks a player's token at the time `now`, and returns the person whom it names.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, TokenError> {
        let SignedClaims { claims, issuer } = self.signed(token, now)?;
        let (subject, until) = self.check(&claims, &issuer, now)?;
        if [KIND, CAN, ROLES].iter().any(|claim| claims.get(claim).is_some()) {
            return Err(TokenError::NotAPlayer);
        }
        let person = Person::new(issuer, subject).map_err(|_| TokenError::BadClaim("sub"))?;
        Ok(Identity { person, until })
    }

    /// Checks the token of a service or an operator at the time `now`: who it is, and from when on the token is refused.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify_caller(&self, token: &str, now: SystemTime) -> Result<(Caller, SystemTime), TokenError> {
        let SignedClaims { claims, issuer } = self.signed(token, now)?;
        let (subject, until) = self.check(&claims, &issuer, now)?;
        let Some(kind) = claims.get(KIND) else { return Err(TokenError::NotACaller) };
        let kind = CALLERS.into_iter().find(|known| kind.as_str() == Some(known.name()));
        let kind = kind.ok_or(TokenError::BadClaim(KIND))?;
        if !is_name(subject) {
            return Err(TokenError::BadClaim("sub"));
        }
        let roles = texts(&claims, ROLES)?.map(named).transpose()?;
        if roles.is_some() && kind != PrincipalKind::Operator {
            return Err(TokenError::RolesOfAService);
        }
        let mut may = match (texts(&claims, CAN)?, &roles) {
            (Some(texts), _) => Capabilities::parse(texts).map_err(|_| TokenError::BadCapabilities)?,
            (None, Some(_)) => Capabilities::default(),
            (None, None) => return Err(TokenError::BadClaim(CAN)),
        };
        let RoleGrant { may: by_roles, unconfigured } = self.roles.grant(&roles.unwrap_or_default());
        may.extend(&by_roles);
        let unconfigured = unconfigured.into();
        Ok((Caller { kind, issuer, name: subject.into(), may, unconfigured }, until))
    }

    /// The claims of a token whose signature is right.
    fn signed(&self, token: &str, now: SystemTime) -> Result<SignedClaims, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        if let Some(Published { keys, kid, issuer }) = self.published(token, now)? {
            let key = keys.get(&kid).ok_or(TokenError::UnknownKey)?;
            return Ok(SignedClaims { claims: decoded(token, &key.check, &key.signature)?, issuer });
        }
        match &self.keys {
            Some((keys, signature)) => {
                let claims = decoded(token, &keys.check, signature)?;
                Ok(SignedClaims { claims, issuer: self.issuer.clone() })
            }
            None => Err(match jsonwebtoken::decode_header(token) {
                Ok(_) => TokenError::WrongIssuer,
                Err(error) => refusal(error.kind(), token),
            }),
        }
    }

    /// The published keys that have the key of a token. `None` when the configured key is the one to use. The issuer is the one that
    /// the token claims; whether that is true, its signature shows.
    fn published(&self, token: &str, now: SystemTime) -> Result<Option<Published>, TokenError> {
        if self.issuers.is_empty() {
            return Ok(None);
        }
        let header = jsonwebtoken::decode_header(token);
        let claims = jsonwebtoken::dangerous::insecure_decode_claims::<serde_json::Value>(token);
        let (Ok(header), Ok(claims)) = (header, claims) else { return Ok(None) };
        let claimed = claims.get("iss").and_then(|issuer| issuer.as_str()).unwrap_or_default();
        let Some(place) = self.issuers.place(claimed) else { return Ok(None) };
        let issuer = self.issuers.all()[place].issuer.clone();
        match header.kid {
            Some(kid) => {
                let keys = self.issuers.key(place, &kid, now).map_err(|missing| match missing {
                    KeyMissing::Awaited => TokenError::KeysAwaited,
                    KeyMissing::Unknown => TokenError::UnknownKey,
                })?;
                Ok(Some(Published { keys, kid, issuer }))
            }
            // The hub's own tokens, and those of an issuer that has a key in the configuration as well.
            None if issuer == self.issuer && self.keys.is_some() => Ok(None),
            None => Err(TokenError::NoKeyName),
        }
    }

    /// The subject of claims that hold at the time `now`, and until when they do.
    fn check<'a>(
        &self,
        claims: &'a serde_json::Value,
        expected: &str,
        now: SystemTime,
    ) -> Result<(&'a str, SystemTime), TokenError> {
        let text =
            |claim| claims.get(claim).and_then(|value| value.as_str()).ok_or(TokenError::BadClaim(claim));
        let issuer = text("iss")?;
        let subject = text("sub")?;
        if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            return Err(TokenError::BadClaim("sub"));
        }
        let for_us = audience(claims, &self.rules.audience).ok_or(TokenError::BadClaim("aud"))?;
        let expires = time(claims, "exp")?.ok_or(TokenError::BadClaim("exp"))?;
        let begins = time(claims, "nbf")?;
        let issued = time(claims, "iat")?;
        if issuer != expected {
            return Err(TokenError::WrongIssuer);
        }
        if !for_us {
            return Err(TokenError::WrongAudience);
        }
        let leeway = self.rules.leeway;
        let until = expires + leeway;
        if now >= until {
            return Err(TokenError::Expired);
        }
        for (claim, time) in [("nbf", begins), ("iat", issued)] {
            if time.is_some_and(|time| now + leeway < time) {
                return Err(TokenError::NotYetValid(claim));
            }
        }
        // Our time, not `iat`, which a token need not have: a token made for a year is taken in its last month.
        if expires > now + self.rules.lifetime_max + leeway {
            return Err(TokenError::HoldsTooLong);
        }
        Ok((subject, until))
    }
}

/// The claims of a token that is signed with a key.
fn decoded(token: &str, key: &DecodingKey, signature: &Validation) -> Result<serde_json::Value, TokenError> {
    let data = jsonwebtoken::decode::<serde_json::Value>(token, key, signature)
        .map_err(|error| refusal(error.kind(), token))?;
    if data.header.crit.is_some() {
        return Err(TokenError::UnknownExtension);
    }
    Ok(data.claims)
}

/// The hub's own error for a refusal of the library.
fn refusal(kind: &ErrorKind, token: &str) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Forged,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => TokenError::WrongAlgorithm,
        _ => match jsonwebtoken::decode_header(token) {
            Ok(header) if header.crit.is_some() => TokenError::UnknownExtension,
            // The library does not know the header's algorithm: `WrongAlgorithm` only for what is otherwise a token.
            Err(_) if unsigned(token) => TokenError::WrongAlgorithm,
            _ => TokenError::Malformed,
        },
    }
}

/// Whether the token has the shape of `alg: none`: a header and claims, and an empty signature.
fn unsigned(token: &str) -> bool {
    let parts: Vec<_> = token.split('.').collect();
    matches!(parts.as_slice(), [header, claims, ""] if !header.is_empty() && !claims.is_empty())
}

/// A claim that is a list of texts, if it is there.
fn texts<'a>(claims: &'a serde_json::Value, claim: &'static str) -> Result<Option<Vec<&'a str>>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let texts = value.as_array().and_then(|all| all.iter().map(|text| text.as_str()).collect());
    texts.map(Some).ok_or(TokenError::BadClaim(claim))
}

/// The roles of these names.
fn named(texts: Vec<&str>) -> Result<BTreeSet<RoleName>, TokenError> {
    if texts.len() > ROLES_OF_TOKEN_MAX {
        return Err(TokenError::BadRoles);
    }
    let names = texts.into_iter().map(|text| text.parse().map_err(|_| TokenError::BadRoles));
    names.collect()
}

/// Whether `aud` (a text or a list of texts) holds `expected`; `None` when it is neither.
fn audience(claims: &serde_json::Value, expected: &str) -> Option<bool> {
    match claims.get("aud")? {
        serde_json::Value::String(one) => Some(one == expected),
        serde_json::Value::Array(all) => {
            let names: Option<Vec<_>> = all.iter().map(|name| name.as_str()).collect();
            Some(names?.contains(&expected))
        }
        _ => None,
    }
}

/// A time claim in seconds since 1970, whole or with a fraction, which is cut off. Numbers only, and not below zero.
fn time(claims: &serde_json::Value, claim: &'static str) -> Result<Option<SystemTime>, TokenError> {
    /// The year 5138 in seconds; in milliseconds, it was in 1973.
    const SECONDS_BELOW: f64 = 1.0e11;
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|number| *number >= 0.0).ok_or(TokenError::BadClaim(claim))?;
    if seconds >= SECONDS_BELOW {
        return Err(TokenError::NotSeconds(claim));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    Ok(Some(UNIX_EPOCH + Duration::from_secs(seconds as u64)))
}

#[cfg(test)]
mod published_tests;
#[cfg(test)]
mod tests;
