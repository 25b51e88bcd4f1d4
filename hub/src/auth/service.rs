//! Services with a shared token each. What they may do, the configuration says; by default, publish.

use std::collections::BTreeMap;

use engine::PrincipalKind;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Caller, Capabilities, is_name};

/// Shortest accepted service token, bytes.
const SERVICE_TOKEN_BYTES_MIN: usize = 32;

/// A list of service tokens is not usable. Never shows a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Not of the form `name:token`.
    #[error("entry {0} is not \"name:token\" with a name of letters, digits, '_', '-' and '.'")]
    Malformed(usize),
    /// Below 32 bytes.
    #[error("the token of \"{0}\" has less than 32 bytes")]
    TooShort(String),
    /// Two entries share a token: the services could not be told apart.
    #[error("\"{0}\" has the token of another service")]
    SharedToken(String),
}

/// The services' tokens, kept as keyed digests.
#[derive(Clone, Default)]
pub struct ServiceTokens {
    services: Vec<(Caller, Digest)>,
}

type Digest = hmac::digest::CtOutput<Hmac<Sha256>>;

fn digest(token: &[u8]) -> Digest {
    // The key only gives the digest its own purpose; a token of 32 random bytes needs no salt.
    Hmac::<Sha256>::new_from_slice(b"hub service token")
        .expect("HMAC takes keys of any length")
        .chain_update(token)
        .finalize()
}

impl ServiceTokens {
    /// Reads `name:token` entries, separated by commas or line ends; lines that begin with `#` are comments. Two
    /// entries of one name are a token and its successor: both are accepted.
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        let mut services = Vec::new();
        for (index, entry) in Self::entries(text).enumerate() {
            let (name, token) = entry.ok_or(ServiceError::Malformed(index + 1))?;
            if !is_name(name) {
                return Err(ServiceError::Malformed(index + 1));
            }
            if token.len() < SERVICE_TOKEN_BYTES_MIN {
                return Err(ServiceError::TooShort(name.into()));
            }
            let digest = digest(token.as_bytes());
            if services.iter().any(|(_, known)| *known == digest) {
                return Err(ServiceError::SharedToken(name.into()));
            }
            let (kind, may) = (PrincipalKind::Service, Capabilities::to_publish());
            let caller =
                Caller { kind, issuer: "".into(), name: name.into(), may, unconfigured: Box::default() };
            services.push((caller, digest));
        }
        Ok(Self { services })
    }

    /// The same services, with the capabilities that are given by name. The others may publish, and nothing else.
    #[must_use]
    pub fn allowing(mut self, given: &BTreeMap<String, Capabilities>) -> Self {
        for (service, _) in &mut self.services {
            if let Some(may) = given.get(&*service.name) {
                service.may = may.clone();
            }
        }
        self
    }

    /// Whether a service of this name has a token.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.services.iter().any(|(service, _)| &*service.name == name)
    }

    /// The names and tokens of a list, as they stand there; `None` for an entry that has no name.
    pub(crate) fn entries(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let entries = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| entry.split_once(':'))
    }

    /// The service whose token this is. Takes the same time whichever it is, and however much of it is right.
    #[must_use]
    pub fn identify(&self, token: &str) -> Option<&Caller> {
        let presented = digest(token.as_bytes());
        let mut found = None;
        for (service, known) in &self.services {
            // `CtOutput` compares in constant time; no early way out.
            if *known == presented {
                found = Some(service);
            }
        }
        found
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Whether nobody may publish over HTTP.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }
}

impl std::fmt::Debug for ServiceTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.services.iter().map(|(service, _)| &service.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_service_is_known_by_its_token_and_nothing_less() {
        let tokens = ServiceTokens::parse(&format!("# ours\nscores:{ONE}\nnews:{TWO}\n")).unwrap();
        assert_eq!(&*tokens.identify(ONE).unwrap().name, "scores");
        assert_eq!(&*tokens.identify(TWO).unwrap().name, "news");
        for wrong in ["", "scores", &ONE[..31], &format!("{ONE} "), &format!("scores:{ONE}")] {
            assert_eq!(tokens.identify(wrong), None, "{wrong:?}");
        }
        assert_eq!(ServiceTokens::default().identify(""), None);
    }

    #[test]
    fn a_service_may_publish_unless_it_is_given_something_else() {
        let given = BTreeMap::from([("scores".to_owned(), Capabilities::parse(["balance:read"]).unwrap())]);
        let tokens = ServiceTokens::parse(&format!("scores:{ONE},news:{TWO}")).unwrap().allowing(&given);
        let (publish, read) = ("publish:x".parse().unwrap(), "balance:read".parse().unwrap());
        let may = |token, capability| tokens.identify(token).unwrap().may.allow(capability);
        assert_eq!([may(ONE, &publish), may(ONE, &read)], [false, true]);
        assert_eq!([may(TWO, &publish), may(TWO, &read)], [true, false]);
        assert!(tokens.has("news") && !tokens.has("new"));
    }

    #[test]
    fn a_token_and_its_successor_are_both_accepted() {
        let tokens = ServiceTokens::parse(&format!("scores:{ONE}, scores:{TWO}")).unwrap();
        assert_eq!(tokens.identify(ONE), tokens.identify(TWO));
        assert!(tokens.identify(ONE).is_some());
    }

    #[test]
    fn an_unusable_list_is_refused_without_showing_a_token() {
        let refused = |text: &str| ServiceTokens::parse(text).unwrap_err();
        assert_eq!(refused("a-token-without-a-name-in-front-of-it"), ServiceError::Malformed(1));
        assert_eq!(refused(&format!("a:{ONE},:{TWO}")), ServiceError::Malformed(2));
        assert_eq!(refused("scores:short"), ServiceError::TooShort("scores".into()));
        assert_eq!(refused(&format!("a:{ONE},b:{ONE}")), ServiceError::SharedToken("b".into()));
        assert!(!refused("scores:short").to_string().contains(":short"));
    }
}
