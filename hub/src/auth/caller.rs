//! Somebody who calls the API: a service or an operator, and what they may do.

use std::{fmt, sync::Arc};

use engine::{Principal, PrincipalKind};

use super::Capabilities;

/// Longest name of a service or an operator, bytes.
const NAME_BYTES_MAX: usize = 64;

/// Whether a text names a service or an operator: 1 to 64 letters, digits, `_`, `-` and `.`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// Somebody who calls the API, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// A service or an operator.
    pub kind: PrincipalKind,
    /// Who vouches for the name: the issuer of the token; empty for a shared token.
    pub issuer: Arc<str>,
    /// The name, unique for kind and issuer.
    pub name: Box<str>,
    /// What is allowed.
    pub may: Capabilities,
}

impl Caller {
    /// The principal of what the caller has done.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::named(self.kind, &self.issuer, &self.name)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the {} \"{}\"", self.kind.name(), self.name)
    }
}
