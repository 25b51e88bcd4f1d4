//! What every request to the API has: a caller with the needed capability, and a key when something changes.

use std::{sync::Arc, time::SystemTime};

use actix_web::{HttpRequest, http::header, web};
use engine::TxId;

use super::{parameters::Parameters, rates::CallerRates};
use crate::{
    auth::{Caller, CallerVerifier, Capability, TokenError},
    edge::{
        allowance::Stranger,
        body,
        error::{Error, Kind},
    },
};

/// The header with the key of a change.
const KEY_HEADER: &str = "idempotency-key";

/// Longest key, bytes.
pub const KEY_BYTES_MAX: usize = 64;

/// Longest body of a command, bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// When to come back while the keys of an issuer are being read, milliseconds.
const KEYS_WITHIN_MS: u64 = 1_000;

/// The token of `Authorization: Bearer`. The scheme may be written in any case (RFC 9110, 11.1).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let credentials = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The callers of the API, and how much each may ask for.
pub struct ApiCallers {
    verifier: Arc<CallerVerifier>,
    rates: Arc<CallerRates>,
}

impl ApiCallers {
    /// Whom the verifier knows, within these limits.
    #[must_use]
    pub fn new(verifier: Arc<CallerVerifier>, rates: Arc<CallerRates>) -> Self {
        Self { verifier, rates }
    }

    /// The limits.
    #[must_use]
    pub fn rates(&self) -> &Arc<CallerRates> {
        &self.rates
    }
}

/// The caller of a request that no limit holds for, whatever they may do.
///
/// # Errors
/// `unauthorized`; `unavailable` while the keys of the token's issuer are being read.
pub fn identified(request: &HttpRequest, verifier: &CallerVerifier) -> Result<Arc<Caller>, Error> {
    let token = bearer(request).ok_or_else(no_token);
    let caller = token.and_then(|token| verifier.verify(token, SystemTime::now()).map_err(refused));
    caller.inspect_err(|_| Stranger.leave(request))
}

/// The caller of a request to the API, whatever they may do. The request is charged to them.
///
/// # Errors
/// `unauthorized`, or `rate_limited`.
pub fn caller(request: &HttpRequest, callers: &ApiCallers) -> Result<Arc<Caller>, Error> {
    let caller = identified(request, &callers.verifier)?;
    callers.rates.charge(&caller, request)?;
    Ok(caller)
}

/// The same of a request that needs a capability.
///
/// # Errors
/// `unauthorized`, `rate_limited`, or `forbidden` with the name of what is missing.
pub fn allowed(
    request: &HttpRequest,
    callers: &ApiCallers,
    needed: &Capability,
) -> Result<Arc<Caller>, Error> {
    let caller = caller(request, callers)?;
    caller.has(needed).map_err(|lacks| Error::new(Kind::Forbidden, lacks.to_string()))?;
    Ok(caller)
}

/// The same of a request that takes no parameters.
///
/// # Errors
/// As [`allowed`], or `malformed` with the name of a parameter.
pub fn allowed_alone(
    request: &HttpRequest,
    callers: &ApiCallers,
    needed: &Capability,
) -> Result<Arc<Caller>, Error> {
    let caller = allowed(request, callers, needed)?;
    Parameters::read(request, &[])?;
    Ok(caller)
}

fn no_token() -> Error {
    Error::new(Kind::Unauthorized, "the header \"Authorization: Bearer <token>\" is missing")
}

fn refused(error: TokenError) -> Error {
    match error {
        // A token of some other form may be a shared one that is not known.
        TokenError::Malformed | TokenError::TooLong => {
            Error::new(Kind::Unauthorized, "the token is none of this hub's")
        }
        TokenError::KeysAwaited => {
            Error::new(Kind::Unavailable, error.to_string()).retry_after_ms(KEYS_WITHIN_MS)
        }
        error => Error::new(Kind::Unauthorized, error.to_string()),
    }
}

/// The key of a change: 1 to 64 printable ASCII characters without spaces and quotes, bare or in quotes.
///
/// # Errors
/// `idempotency_key_required`, or `malformed`.
fn key(request: &HttpRequest) -> Result<&str, Error> {
    let mut given = request.headers().get_all(KEY_HEADER);
    let key = given.next().ok_or(Kind::IdempotencyKeyRequired)?;
    let wrong = || {
        let words =
            format!("a key is 1 to {KEY_BYTES_MAX} printable ASCII characters without spaces and quotes");
        Error::new(Kind::Malformed, words).field("Idempotency-Key")
    };
    let text = key.to_str().map_err(|_| wrong())?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if given.next().is_none() && is_key(text) { Ok(text) } else { Err(wrong()) }
}

/// Whether a text is the key of a change.
pub fn is_key(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// A request for a change, read as far as all of them are alike.
pub struct KeyedRequest<'a> {
    /// Who asks, with the right to.
    pub caller: Arc<Caller>,
    /// The key.
    pub key: &'a str,
    /// The body.
    pub body: web::Bytes,
    /// Whether it is only to be said what would happen.
    pub dry_run: bool,
}

impl<'a> KeyedRequest<'a> {
    /// Reads the request of somebody who may make it.
    ///
    /// # Errors
    /// `idempotency_key_required`, `unsupported_media_type`, `too_large`, `too_slow` or
    /// `malformed`.
    pub async fn read(
        request: &'a HttpRequest,
        payload: web::Payload,
        caller: Arc<Caller>,
    ) -> Result<Self, Error> {
        let key = key(request)?;
        let dry_run = Parameters::read(request, &["dry_run"])?.flag("dry_run")?;
        if !body::is_json(request) {
            return Err(Error::new(Kind::UnsupportedMediaType, "the body is application/json"));
        }
        Ok(Self { caller, key, body: body::read(request, payload, BODY_BYTES_MAX).await?, dry_run })
    }

    /// The id of the transaction of its key.
    pub fn tx_id(&self) -> TxId {
        id_of_key(&self.caller, self.key)
    }
}

/// The id of the transaction of a caller's key.
pub fn id_of_key(caller: &Caller, key: &str) -> TxId {
    let Caller { kind, issuer, name, .. } = caller;
    TxId::of(*kind, issuer, name.as_bytes(), key.as_bytes())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(name: &'static str, value: &str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn the_scheme_of_a_token_may_be_written_in_any_case() {
        for text in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(bearer(&with("authorization", text)), Some("abc"), "{text}");
        }
        for text in ["Bearer", "Bearerabc", "Basic abc", "abc", ""] {
            assert_eq!(bearer(&with("authorization", text)), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_bare_or_in_quotes_and_bounded() {
        let long = "x".repeat(64);
        for (text, expected) in [("a", "a"), ("\"a-b\"", "a-b"), (long.as_str(), long.as_str()), (" a ", "a")]
        {
            let request = with(KEY_HEADER, text);
            assert_eq!(key(&request).map_err(|error| error.body()), Ok(expected));
        }
        for text in ["", "\"\"", "a b", "\"a", "a\"b", &"x".repeat(65)] {
            let request = with(KEY_HEADER, text);
            assert_eq!(key(&request).map_err(|error| error.kind()), Err(Kind::Malformed), "{text:?}");
        }
        let none = TestRequest::default().to_http_request();
        assert_eq!(key(&none).map_err(|error| error.kind()), Err(Kind::IdempotencyKeyRequired));
        let twice = TestRequest::default().append_header((KEY_HEADER, "a")).append_header((KEY_HEADER, "a"));
        assert_eq!(key(&twice.to_http_request()).map_err(|error| error.kind()), Err(Kind::Malformed));
    }
}
