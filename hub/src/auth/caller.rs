//! Somebody who calls the API: a service or an operator, and what they may do.

use std::{fmt, sync::Arc};

use engine::{Principal, PrincipalKind};

use super::{Capabilities, Capability};

/// Longest name of a service or an operator, bytes.
const NAME_BYTES_MAX: usize = 64;

/// Whether a text names a service or an operator: 1 to 64 letters, digits, `_`, `-` and `.`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// Why somebody who is known may not call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// Without the capability.
    #[error("{who} has not the capability \"{needed}\"")]
    Lacks {
        /// Who.
        who: String,
        /// What is missing.
        needed: Capability,
    },
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

    /// Whether a capability is given, which a request needs.
    ///
    /// # Errors
    /// When it is not.
    pub fn has(&self, needed: &Capability) -> Result<(), CallerError> {
        if self.may.allow(needed) {
            return Ok(());
        }
        Err(CallerError::Lacks { who: self.to_string(), needed: needed.clone() })
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the {} \"{}\"", self.kind.name(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lacks_a_capability_is_told_which() {
        let may = Capabilities::parse(["balance:read"]).expect("a capability");
        let caller = Caller { kind: PrincipalKind::Service, issuer: "".into(), name: "cashier".into(), may };
        let has = |needed: &str| caller.has(&needed.parse().expect("a capability"));
        assert_eq!(has("balance:read"), Ok(()));
        let refused = has("balance:write").expect_err("not given").to_string();
        assert_eq!(refused, "the service \"cashier\" has not the capability \"balance:write\"");
    }
}
