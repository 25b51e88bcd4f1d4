//! The body of a request: of a known type, not too long, and there in time.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, http::header, web};
use serde::{Deserialize, de::Error as _};

use super::error::{Error, Kind};

/// Longest wait for a body.
const WITHIN: Duration = Duration::from_secs(10);

/// The whole body of a request, which is kept in memory: at most `bytes_max`. One that is announced longer is refused
/// before any of it is read.
///
/// # Errors
/// `too_large`, `too_slow`, or `malformed` when it breaks off.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    bytes_max: usize,
) -> Result<web::Bytes, Error> {
    let too_large = || Error::new(Kind::TooLarge, format!("a body has at most {bytes_max} bytes here"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > bytes_max as u64)
    {
        return Err(too_large());
    }
    match tokio::time::timeout(WITHIN, payload.to_bytes_limited(bytes_max)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Error::new(Kind::Malformed, "the body could not be read")),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Kind::TooSlow.into()),
    }
}

/// A body that is a JSON map. A list is refused, of whose items a derived type would make fields by their order.
///
/// # Errors
/// When the body is no JSON, no map, or not the map that `T` needs.
pub fn map<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(serde_json::Error::custom("a list in the place of a map"));
    }
    serde_json::from_slice(body)
}

/// Whether the body is announced as JSON, with or without parameters.
#[must_use]
pub fn is_json(request: &HttpRequest) -> bool {
    request.content_type().eq_ignore_ascii_case("application/json")
}
