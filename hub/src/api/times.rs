//! Times in requests.

use std::time::UNIX_EPOCH;

use crate::edge::error::{Error, Kind};

/// Reads a time of a field, milliseconds since 1970.
///
/// # Errors
/// `malformed`, with the name of the field.
pub fn read(field: &'static str, text: &str) -> Result<u64, Error> {
    let time = humantime::parse_rfc3339(text)
        .map_err(|_| wrong(field, "a time is written as 2026-12-31T23:59:59Z (RFC 3339, UTC)"))?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| wrong(field, "the time is before 1970"))?;
    u64::try_from(since.as_millis()).map_err(|_| wrong(field, "the time is too late"))
}

/// The refusal of a time.
pub fn wrong(field: &'static str, words: &'static str) -> Error {
    Error::new(Kind::Malformed, words).field(field)
}
