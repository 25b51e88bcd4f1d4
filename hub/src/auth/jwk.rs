//! The keys that an issuer publishes: a JSON Web Key Set (RFC 7517), of which the hub takes the public keys that it can use.
//!
//! Only asymmetric keys for signatures count: ES256 (EC, P-256), EdDSA (OKP, Ed25519) and RS256 (RSA, 2,048 to 8,192 bits). A key
//! has one algorithm, and a token is checked with the algorithm of its key. Whatever else is in the set is ignored, so that an
//! issuer may publish it; what would be dangerous (a private key, two keys of one name) refuses the whole set.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Longest text of a set, bytes.
pub const SET_BYTES_MAX: usize = 256 * 1024;
/// Most keys of a set, those that are ignored too.
const KEYS_MAX: usize = 256;
/// Longest name of a key, bytes.
const KID_BYTES_MAX: usize = 256;

/// Why a text is no set of keys that tokens can be checked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Above [`SET_BYTES_MAX`].
    #[error("it is longer than {SET_BYTES_MAX} bytes")]
    TooLong,
    /// No JSON.
    #[error("it is no JSON at line {line}, column {column}")]
    NoJson {
        /// Where it ends to be.
        line: usize,
        /// The character there.
        column: usize,
    },
    /// No object with a list of keys.
    #[error("it is no JSON Web Key Set: an object with a list \"keys\"")]
    NoKeys,
    /// Too many.
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    /// A part that nobody but the issuer may have.
    #[error("it has a private key (\"kid\" {0:?}): publish the public one, and replace it at once")]
    Private(String),
    /// Two keys that a token cannot tell apart.
    #[error("it has two keys of one name (\"kid\" {0:?})")]
    Twice(String),
    /// Nothing to check a token with.
    #[error(
        "none of its {0} keys can be used: the hub takes those with a \"kid\" for ES256, EdDSA (Ed25519) or RS256 (2048 bits)"
    )]
    NoneUsable(usize),
}

/// The keys of an issuer that tokens are checked with, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: BTreeMap<Box<str>, SetKey>,
    ignored: usize,
}

/// A public key, and how it is used.
#[derive(Clone)]
pub struct SetKey {
    /// Checks a signature.
    pub(super) check: DecodingKey,
    /// Allows the algorithm of the key, and no other.
    pub(super) signature: Validation,
    algorithm: Algorithm,
    /// The numbers of the key as they were published.
    parts: [String; 2],
}

impl PartialEq for SetKey {
    fn eq(&self, other: &Self) -> bool {
        (self.algorithm, &self.parts) == (other.algorithm, &other.parts)
    }
}

impl Eq for SetKey {}

impl std::fmt::Debug for SetKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SetKey({:?})", self.algorithm)
    }
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// Why it is none, or why none of its keys can be used.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        if text.len() > SET_BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        let set: Value = serde_json::from_slice(text)
            .map_err(|error| KeySetError::NoJson { line: error.line(), column: error.column() })?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::NoKeys)?;
        if listed.len() > KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let mut keys = BTreeMap::new();
        for key in listed.iter().filter_map(Value::as_object) {
            let kid = text_of(key, "kid");
            if ["d", "p", "q", "dp", "dq", "qi"].iter().any(|part| key.contains_key(*part)) {
                return Err(KeySetError::Private(
                    kid.unwrap_or_default().chars().take(KID_BYTES_MAX).collect(),
                ));
            }
            let Some((kid, key)) = kid.zip(SetKey::read(key)) else { continue };
            if kid.is_empty() || kid.len() > KID_BYTES_MAX {
                continue;
            }
            if keys.insert(kid.into(), key).is_some() {
                return Err(KeySetError::Twice(kid.into()));
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoneUsable(listed.len()));
        }
        Ok(Self { ignored: listed.len() - keys.len(), keys })
    }

    /// The key of this name.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&SetKey> {
        self.keys.get(kid)
    }

    /// The names of its keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(|kid| &**kid)
    }

    /// How many keys the issuer publishes that tokens are not checked with.
    #[must_use]
    pub fn ignored(&self) -> usize {
        self.ignored
    }
}

impl SetKey {
    /// A key, if tokens can be checked with it.
    fn read(key: &Map<String, Value>) -> Option<Self> {
        let part = |name| text_of(key, name);
        if part("use").is_some_and(|purpose| purpose != "sig") || !may_verify(key) {
            return None;
        }
        let (algorithm, parts, check) = match (part("kty")?, part("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (of_32_bytes(part("x")?)?, of_32_bytes(part("y")?)?);
                (Algorithm::ES256, [x, y], DecodingKey::from_ec_components(x, y).ok()?)
            }
            ("OKP", Some("Ed25519")) => {
                let x = of_32_bytes(part("x")?)?;
                (Algorithm::EdDSA, [x, ""], DecodingKey::from_ed_components(x).ok()?)
            }
            ("RSA", _) => {
                let (n, e) = (part("n")?, part("e")?);
                // Leading zeros would make a short number look long; RFC 7518 does not allow them.
                let bytes = n.len() * 6 / 8;
                if !(256..=1_024).contains(&bytes) || n.starts_with('A') || e.len() > 11 {
                    return None;
                }
                (Algorithm::RS256, [n, e], DecodingKey::from_rsa_components(n, e).ok()?)
            }
            // Symmetric keys too: whoever reads the set could sign with them.
            _ => return None,
        };
        let named = part("alg").is_none_or(|name| name == format!("{algorithm:?}"));
        let parts = parts.map(str::to_owned);
        named.then(|| Self { check, signature: signature_alone(algorithm), algorithm, parts })
    }
}

/// A check of signatures alone, with one algorithm: the hub checks claims by itself, with its own time.
pub(super) fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut signature = Validation::new(algorithm);
    signature.required_spec_claims.clear();
    signature.validate_exp = false;
    signature.validate_nbf = false;
    signature.validate_aud = false;
    signature
}

fn text_of<'a>(key: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    key.get(name).and_then(Value::as_str)
}

/// Whether the uses of a key, where it lists them, have the check of signatures.
fn may_verify(key: &Map<String, Value>) -> bool {
    key.get("key_ops")
        .is_none_or(|uses| uses.as_array().is_some_and(|uses| uses.iter().any(|one| one == "verify")))
}

/// The text of 32 bytes in base64url.
fn of_32_bytes(text: &str) -> Option<&str> {
    (text.len() == 43).then_some(text)
}

#[cfg(test)]
mod tests;
