//! An alert that an operator has acknowledged: a row, so that it is known after a restart, and for good who did it.

use std::{fmt, str::FromStr};

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    fields::{Field, Fields},
    rows::Row,
};

/// Longest name of an alert, bytes.
pub const ALERT_NAME_BYTES_MAX: usize = 32;

/// The name of an alert of the hub itself: 1 to [`ALERT_NAME_BYTES_MAX`] lower-case letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertName(Box<str>);

/// The text is not the name of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of an alert is 1 to 32 lower-case letters, digits, \"_\" and \"-\", such as \"log_not_ready\""
)]
pub struct NotAnAlertName;

impl AlertName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AlertName {
    type Err = NotAnAlertName;

    fn from_str(text: &str) -> Result<Self, NotAnAlertName> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let fits = (1..=ALERT_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(NotAnAlertName) }
    }
}

impl fmt::Display for AlertName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an operator knows of an alert: the row of the alert's name. A later acknowledgement replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// When the episode of the alert began. Milliseconds since 1970; it names the episode.
    pub began: u64,
    /// Whether it was critical then; otherwise a warning.
    pub critical: bool,
}

impl Row for Acknowledged {
    const KIND: u16 = 6;
    const NAME: &'static str = "acknowledged";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.began.into());
        encoder.flag(self.critical);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { began: decoder.u64()?, critical: decoder.flag()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        vec![("began", Field::Time(self.began)), ("critical", Field::Flag(self.critical))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_alert_is_an_identifier_in_lower_case() {
        for good in ["a", "log_not_ready", "a-b-7", &"x".repeat(32)] {
            assert_eq!(good.parse().as_ref().map(AlertName::as_str), Ok(good));
        }
        for bad in ["", "A", "a b", "a.b", "ä", &"x".repeat(33)] {
            assert_eq!(bad.parse::<AlertName>(), Err(NotAnAlertName), "{bad:?}");
        }
    }
}
