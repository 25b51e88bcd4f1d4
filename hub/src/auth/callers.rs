//! Who calls the API: a service or an operator, by token. The token is a JSON Web Token of the players' issuer that names a
//! kind and capabilities, or one of the shared tokens of `publish.tokens_file`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{Caller, Capability, ServiceTokens, TokenError, TokenVerifier};

/// Most verified tokens that are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// Longest time that a verified token is remembered: then its claims are checked again.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Why somebody may not call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Known, but without the capability.
    #[error("{who} has not the capability \"{needed}\"")]
    Lacks {
        /// Who.
        who: String,
        /// What is missing.
        needed: Capability,
    },
}

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

    /// The same of somebody who needs a capability.
    ///
    /// # Errors
    /// When the token is refused, or does not give the capability.
    pub fn allow(
        &self,
        token: &str,
        needed: &Capability,
        now: SystemTime,
    ) -> Result<Arc<Caller>, CallerError> {
        let caller = self.verify(token, now)?;
        if caller.may.allow(needed) {
            Ok(caller)
        } else {
            Err(CallerError::Lacks { who: caller.to_string(), needed: needed.clone() })
        }
    }
}
