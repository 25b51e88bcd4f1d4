//! Somebody who calls the API: a service or an operator, and what they may do.

use std::{fmt, sync::Arc};

use engine::{Principal, PrincipalKind};

use super::{Capabilities, Capability, RoleName, in_words};

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
    #[error("{who} has not the capability \"{needed}\"{}", told(unconfigured))]
    Lacks {
        /// Who.
        who: String,
        /// What is missing.
        needed: Capability,
        /// The roles of the token that the configuration does not have.
        unconfigured: Box<[RoleName]>,
    },
}

/// What is told of roles that allow nothing because nobody has configured them.
fn told(unconfigured: &[RoleName]) -> String {
    match unconfigured {
        [] => String::new(),
        [_] => format!("; {} is not configured", in_words(unconfigured)),
        [_, _, ..] => format!("; {} are not configured", in_words(unconfigured)),
    }
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
    /// What is allowed, by the token itself and by its roles.
    pub may: Capabilities,
    /// The roles of the token that the configuration does not have: they allow nothing.
    pub unconfigured: Box<[RoleName]>,
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
        Err(self.lacks(needed.clone()))
    }

    /// That a capability is missing.
    #[must_use]
    pub fn lacks(&self, needed: Capability) -> CallerError {
        CallerError::Lacks { who: self.to_string(), needed, unconfigured: self.unconfigured.clone() }
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
        let (kind, issuer, name) = (PrincipalKind::Service, "".into(), "cashier".into());
        let mut caller = Caller { kind, issuer, name, may, unconfigured: Box::default() };
        let has = |caller: &Caller, needed: &str| caller.has(&needed.parse().expect("a capability"));
        assert_eq!(has(&caller, "balance:read"), Ok(()));
        let refused = |caller: &Caller| has(caller, "balance:write").expect_err("not given").to_string();
        let words = "the service \"cashier\" has not the capability \"balance:write\"";
        assert_eq!(refused(&caller), words);
        let role = |name: &str| name.parse().expect("a name");
        caller.unconfigured = [role("x")].into();
        assert_eq!(refused(&caller), format!("{words}; the role \"x\" is not configured"));
        caller.unconfigured = [role("x"), role("y")].into();
        assert_eq!(refused(&caller), format!("{words}; the roles \"x\", \"y\" are not configured"));
    }
}
