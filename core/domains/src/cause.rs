//! Why a service moves money, and which paper of the operator's it belongs to. Both are recorded with the intent; neither is
//! free text, because what is recorded stays.

use std::{fmt, str::FromStr};

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::fields::{Field, Fields};

/// Longest code of a reason, bytes.
pub const REASON_BYTES_MAX: usize = 32;
/// Longest reference, bytes.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// The code of a reason, such as `GOODWILL`: upper-case letters, digits and `_`, at most [`REASON_BYTES_MAX`]. Which codes
/// there are, the operator says; a record keeps its code when the operator has it no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(Box<str>);

/// A reference of the operator's, such as the number of an invoice: 1 to [`REFERENCE_BYTES_MAX`] printable ASCII characters
/// that neither begin nor end with a space. No personal data belongs into it: it cannot be erased.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Box<str>);

/// The text is not the code of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason is a code of 1 to 32 upper-case letters, digits and \"_\", such as \"GOODWILL\"")]
pub struct NotAReason;

/// The text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reference is 1 to 64 printable ASCII characters without a space at its ends, such as \"INVOICE-2026-117\""
)]
pub struct NotAReference;

impl ReasonCode {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReasonCode {
    type Err = NotAReason;

    fn from_str(text: &str) -> Result<Self, NotAReason> {
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=REASON_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(NotAReason)
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Reference {
    /// The reference.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let legal = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let fits = (1..=REFERENCE_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits && text.trim_ascii() == text { Ok(Self(text.into())) } else { Err(NotAReference) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why money moves, as far as whoever asked has said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentCause {
    /// The code of the reason.
    pub reason: Option<ReasonCode>,
    /// The operator's reference.
    pub reference: Option<Reference>,
}

impl PaymentCause {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        // Neither can be empty, so no text stands for none.
        encoder.bytes(self.reason.as_ref().map_or("", ReasonCode::as_str).as_bytes());
        encoder.bytes(self.reference.as_ref().map_or("", Reference::as_str).as_bytes());
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        fn some<T: FromStr>(text: &str, what: &'static str) -> Result<Option<T>, DecodeError> {
            (!text.is_empty()).then(|| text.parse().map_err(|_| DecodeError::OutOfRange(what))).transpose()
        }
        Ok(Self {
            reason: some(decoder.text()?, "a reason")?,
            reference: some(decoder.text()?, "a reference")?,
        })
    }

    pub(crate) fn fields(&self) -> Fields {
        let reason = self.reason.as_ref().map(|reason| ("reason", Field::Text(reason.to_string())));
        let reference =
            self.reference.as_ref().map(|reference| ("reference", Field::Text(reference.to_string())));
        reason.into_iter().chain(reference).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_code_and_a_reference_one_line_of_ascii() {
        for good in ["A", "GOODWILL", "R_2", &"X".repeat(32)] {
            assert_eq!(good.parse().as_ref().map(ReasonCode::as_str), Ok(good));
        }
        for bad in ["", "goodwill", "A B", "Ä", "A-B", &"X".repeat(33)] {
            assert_eq!(bad.parse::<ReasonCode>(), Err(NotAReason), "{bad:?}");
        }
        for good in ["1", "INVOICE-2026/117", "a b", &"x".repeat(64)] {
            assert_eq!(good.parse().as_ref().map(Reference::as_str), Ok(good));
        }
        for bad in ["", " a", "a ", "a\nb", "ä", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Reference>(), Err(NotAReference), "{bad:?}");
        }
    }

    #[test]
    fn what_is_recorded_reads_back_and_nothing_else_is_read() {
        let cause = |reason: Option<&str>, reference: Option<&str>| PaymentCause {
            reason: reason.map(|reason| reason.parse().expect("a reason")),
            reference: reference.map(|reference| reference.parse().expect("a reference")),
        };
        for cause in [
            cause(None, None),
            cause(Some("GOODWILL"), None),
            cause(None, Some("7")),
            cause(Some("A"), Some("b c")),
        ] {
            let mut encoder = Encoder::plain(64);
            cause.encode(&mut encoder);
            let mut decoder = Decoder::plain(encoder.as_bytes());
            assert_eq!(PaymentCause::decode(&mut decoder), Ok(cause));
            assert_eq!(decoder.finish(), Ok(()));
        }
        let mut encoder = Encoder::plain(64);
        encoder.bytes(b"lower");
        encoder.bytes(b"");
        assert!(PaymentCause::decode(&mut Decoder::plain(encoder.as_bytes())).is_err());
    }
}
