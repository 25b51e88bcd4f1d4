//! A person, as an issuer of tokens names them.

use std::{fmt, sync::Arc};

/// Longest name of an issuer. Bytes; the configuration has the same bound.
pub const ISSUER_BYTES_MAX: usize = 256;
/// Longest subject. Bytes; a token with a longer one is refused.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// An issuer, and a subject there. Neither is empty nor longer than its bound. `Debug` does not show the subject.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Person {
    issuer: Arc<str>,
    subject: Box<str>,
}

/// An issuer or a subject is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer and a subject have 1 to 256 bytes each")]
pub struct OutOfBounds;

impl Person {
    /// The person that `issuer` calls `subject`.
    ///
    /// # Errors
    /// When one of the two is empty or longer than its bound.
    pub fn new(issuer: Arc<str>, subject: &str) -> Result<Self, OutOfBounds> {
        let fits = |text: &str, bytes_max| !text.is_empty() && text.len() <= bytes_max;
        if fits(&issuer, ISSUER_BYTES_MAX) && fits(subject, SUBJECT_BYTES_MAX) {
            return Ok(Self { issuer, subject: subject.into() });
        }
        Err(OutOfBounds)
    }

    /// Who issues the tokens.
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// The name there. It is nobody's business but the issuer's: not for logs, records or answers.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Person").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
