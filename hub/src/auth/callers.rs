//! Who calls the API: a service or an operator, by token. The token is a JSON Web Token of the players' issuer that names a
//! kind and capabilities, or one of the shared tokens of `publish.tokens_file`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{Caller, ServiceTokens, TokenError, TokenVerifier};

/// Most verified tokens that are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// Longest time that a verified token is remembered: then its claims are checked again.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Verified tokens.
#[derive(Debug, Default)]
struct Remembered {
    /// By their hash, with who calls and until when that is certain.
    tokens: HashMap<[u8; 32], (Arc<Caller>, SystemTime)>,
    /// The generation of keys that they were verified with.
    generation: u64,
}

impl Remembered {
    /// Those that were verified with the keys of a generation; older ones are forgotten.
    fn of(&mut self, generation: u64) -> &mut Self {
        if self.generation < generation {
            *self = Self { generation, ..Self::default() };
        }
        self
    }
}

/// Finds out who calls. Checking a remembered token takes a lock for a moment.
#[derive(Debug)]
pub struct CallerVerifier {
    shared: ServiceTokens,
    tokens: TokenVerifier,
    remembered: Mutex<Remembered>,
}

impl CallerVerifier {
    /// Over the shared tokens and the checks of JSON Web Tokens.
    #[must_use]
    pub fn new(shared: ServiceTokens, tokens: TokenVerifier) -> Self {
        Self { shared, tokens, remembered: Mutex::default() }
    }

    /// The caller whose token this is.
    ///
    /// # Errors
    /// Why the token is refused.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Arc<Caller>, TokenError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        // Before the keys are used: when they change meanwhile, the token is verified and not remembered.
        let generation = self.tokens.generation();
        if let Some((caller, until)) = self.remembered.lock().of(generation).tokens.get(&digest)
            && now < *until
        {
            return Ok(caller.clone());
        }
        let (caller, until) = match self.shared.identify(token) {
            Some(caller) => (caller.clone(), now + REMEMBERED_FOR),
            None => {
                let (caller, until) = self.tokens.verify_caller(token, now)?;
                (caller, until.min(now + REMEMBERED_FOR))
            }
        };
        let caller = Arc::new(caller);
        let mut remembered = self.remembered.lock();
        if remembered.generation != generation {
            return Ok(caller);
        }
        let remembered = &mut remembered.tokens;
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (_, until)| now < *until);
        }
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(digest, (caller.clone(), until));
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use std::time::UNIX_EPOCH;

    use engine::PrincipalKind;
    use serde_json::json;

    use super::*;
    use crate::auth::{
        Capabilities, Issuers, KeyIssuer, KeySource, Minter, TokenFor, TokenKeys, TokenRules,
        test_keys::{Pair, keys_of},
    };

    const SHARED: &str = "0123456789abcdef0123456789abcdef";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn parts() -> (CallerVerifier, Minter) {
        let rules = TokenRules {
            issuer: "the-issuer".into(),
            audience: "hub".into(),
            leeway: Duration::ZERO,
            lifetime_max: Duration::from_secs(3_600),
        };
        let keys = TokenKeys::shared(b"a secret of at least thirty-two bytes").unwrap();
        let tokens = TokenVerifier::new(keys.clone(), rules.clone());
        let shared = ServiceTokens::parse(&format!("scores:{SHARED}")).unwrap();
        (CallerVerifier::new(shared, tokens), Minter::new(keys, rules).unwrap())
    }

    fn token(minter: &Minter, name: &str, seconds: u64) -> String {
        let may = Capabilities::parse(["balance:read"]).unwrap();
        let whom = TokenFor::Caller(PrincipalKind::Service, name, &may);
        minter.mint(whom, at(0), Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_remembered_token_ends_when_it_expires() {
        let (verifier, minter) = parts();
        let token = token(&minter, "cashier", 30);
        for second in [0, 29] {
            assert_eq!(&*verifier.verify(&token, at(second)).unwrap().name, "cashier");
        }
        assert_eq!(verifier.verify(&token, at(30)), Err(TokenError::Expired));
        assert_eq!(verifier.verify(SHARED, at(0)).unwrap().kind, PrincipalKind::Service);
        assert_eq!(verifier.verify("another", at(0)), Err(TokenError::Malformed));
        assert_eq!(verifier.remembered.lock().tokens.len(), 2, "what is refused is not remembered");
    }

    #[test]
    fn a_remembered_token_is_forgotten_when_a_key_changes() {
        let issuer = KeyIssuer { issuer: "login".into(), source: KeySource::File("none".into()) };
        let keys = keys_of(&[("a", Pair::Ed)]);
        let issuers = Arc::new(Issuers::new(vec![(issuer, Some(keys.clone()))], at(0)));
        let rules = TokenRules {
            issuer: "the-issuer".into(),
            audience: "hub".into(),
            leeway: Duration::ZERO,
            lifetime_max: Duration::from_secs(3_600),
        };
        let tokens = TokenVerifier::new(None, rules).with_issuers(issuers.clone());
        let shared = ServiceTokens::parse(&format!("scores:{SHARED}")).unwrap();
        let verifier = CallerVerifier::new(shared, tokens);
        let claims = json!({"iss": "login", "aud": "hub", "sub": "cashier", "exp": 1_800_000_060, "hub:kind": "service",
            "hub:can": ["balance:read"]});
        let token = Pair::Ed.token(Some("a"), &claims);
        assert!(verifier.verify(&token, at(0)).is_ok() && verifier.verify(SHARED, at(0)).is_ok());
        assert_eq!(verifier.remembered.lock().tokens.len(), 2);
        issuers.note(0, Ok::<_, ()>(keys), at(1)).unwrap();
        assert!(verifier.verify(&token, at(1)).is_ok());
        assert_eq!(verifier.remembered.lock().tokens.len(), 2, "the same keys");
        issuers.note(0, Ok::<_, ()>(keys_of(&[("b", Pair::Ed)])), at(2)).unwrap();
        assert_eq!(verifier.verify(&token, at(2)), Err(TokenError::UnknownKey));
        assert_eq!(verifier.remembered.lock().tokens.len(), 0, "whatever was verified before");
    }

    #[test]
    fn so_many_tokens_are_remembered_and_no_more() {
        let (verifier, minter) = parts();
        for number in 0..=REMEMBERED_MAX {
            // All of them still hold.
            let token = token(&minter, &format!("s{number}"), 3_600);
            assert_eq!(*verifier.verify(&token, at(0)).unwrap().name, *format!("s{number}"));
            assert!(verifier.remembered.lock().tokens.len() <= REMEMBERED_MAX);
        }
    }
}
