//! Keys as an issuer publishes them, and tokens that it signs with them, for tests.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::KeySet;

/// A key pair of an issuer.
#[derive(Debug, Clone, Copy)]
pub enum Pair {
    Ed,
    OtherEd,
    Ec,
    Rsa,
}

impl Pair {
    pub fn sign(self) -> EncodingKey {
        match self {
            Self::Ed => EncodingKey::from_ed_pem(include_bytes!("../../tests/keys/ed25519.private.pem")),
            Self::OtherEd => {
                EncodingKey::from_ed_pem(include_bytes!("../../tests/keys/other-ed25519.private.pem"))
            }
            Self::Ec => EncodingKey::from_ec_pem(include_bytes!("../../tests/keys/p256.private.pem")),
            Self::Rsa => EncodingKey::from_rsa_pem(include_bytes!("../../tests/keys/rsa2048.private.pem")),
        }
        .unwrap()
    }

    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Ed | Self::OtherEd => Algorithm::EdDSA,
            Self::Ec => Algorithm::ES256,
            Self::Rsa => Algorithm::RS256,
        }
    }

    /// The public key under a name, as it stands in a set.
    pub fn published(self, kid: &str) -> Value {
        let mut key =
            serde_json::to_value(Jwk::from_encoding_key(&self.sign(), self.algorithm()).unwrap()).unwrap();
        key["kid"] = json!(kid);
        key
    }

    /// A token that names a key.
    pub fn token(self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm()) };
        encode(&header, claims, &self.sign()).unwrap()
    }
}

/// The text of a set of keys.
pub fn set_of(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A set of pairs by name.
pub fn keys_of(pairs: &[(&str, Pair)]) -> KeySet {
    let keys: Vec<_> = pairs.iter().map(|(kid, pair)| pair.published(kid)).collect();
    KeySet::parse(set_of(&keys).as_bytes()).unwrap()
}
