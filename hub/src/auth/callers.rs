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

/// Verified tokens by their hash, with who calls and until when that is certain.
type Remembered = HashMap<[u8; 32], (Arc<Caller>, SystemTime)>;

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
        if let Some((caller, until)) = self.remembered.lock().get(&digest)
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

    use super::*;
    use crate::auth::{Capabilities, Minter, TokenFor, TokenKeys, TokenRules};

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
        assert_eq!(verifier.remembered.lock().len(), 2, "what is refused is not remembered");
    }

    #[test]
    fn so_many_tokens_are_remembered_and_no_more() {
        let (verifier, minter) = parts();
        for number in 0..=REMEMBERED_MAX {
            // All of them still hold.
            let token = token(&minter, &format!("s{number}"), 3_600);
            assert_eq!(*verifier.verify(&token, at(0)).unwrap().name, *format!("s{number}"));
            assert!(verifier.remembered.lock().len() <= REMEMBERED_MAX);
        }
    }
}
