//! The keys that sign and check tokens: one algorithm, chosen by configuration and never by the token.

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC-SHA256: issuer and hub share a secret.
    #[serde(rename = "HS256")]
    Hs256,
    /// Ed25519: the hub holds the issuer's public key.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSA PKCS#1 v1.5 with SHA-256: the hub holds the issuer's public key.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    pub(super) fn jwt(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// The bytes of a key are not what the algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A shared secret of no bytes: anyone could sign with it.
    #[error("an empty secret")]
    NoSecret,
    /// Not a public key of this algorithm.
    #[error("not a PEM public key (\"BEGIN PUBLIC KEY\") of the configured algorithm")]
    NotPublic,
    /// A private key was given where the public one belongs.
    #[error("a private key where the public key belongs")]
    PrivateForPublic,
    /// Less than 2,048 bits.
    #[error("an RSA key of less than 2048 bits")]
    TooShort,
    /// Not a private key of this algorithm.
    #[error("not a PEM private key in PKCS#8 (\"BEGIN PRIVATE KEY\") of the configured algorithm")]
    NotPrivate,
    /// The two keys are not a pair.
    #[error("not the private half of the configured public key")]
    NotAPair,
}

/// The key that checks tokens and, where the hub may issue tokens itself, the key that signs them.
#[derive(Clone)]
pub struct TokenKeys {
    pub(super) algorithm: Algorithm,
    pub(super) check: DecodingKey,
    pub(super) sign: Option<EncodingKey>,
}

impl TokenKeys {
    /// The keys of HS256. An empty secret is refused here; one below 32 bytes is left to the caller.
    pub fn shared(secret: &[u8]) -> Result<Self, KeyError> {
        let check = DecodingKey::from_secret(secret).map_err(|_| KeyError::NoSecret)?;
        let sign = EncodingKey::from_secret(secret).map_err(|_| KeyError::NoSecret)?;
        Ok(Self { algorithm: Algorithm::Hs256, check, sign: Some(sign) })
    }

    /// The keys of EdDSA, from PEM.
    pub fn ed_dsa(public: &[u8], private: Option<&[u8]>) -> Result<Self, KeyError> {
        refuse_private(public)?;
        let check = DecodingKey::from_ed_pem(public).map_err(|_| KeyError::NotPublic)?;
        let sign = private.map(EncodingKey::from_ed_pem).transpose().map_err(|_| KeyError::NotPrivate)?;
        Self { algorithm: Algorithm::EdDsa, check, sign }.paired()
    }

    /// The keys of RS256, from PEM.
    pub fn rs256(public: &[u8], private: Option<&[u8]>) -> Result<Self, KeyError> {
        refuse_private(public)?;
        let check = DecodingKey::from_rsa_pem(public).map_err(|_| KeyError::NotPublic)?;
        // The DER holds the modulus and little else, so its length tells the key's.
        if check.try_get_as_bytes().map_err(|_| KeyError::NotPublic)?.len() < 2048 / 8 {
            return Err(KeyError::TooShort);
        }
        let sign = private.map(EncodingKey::from_rsa_pem).transpose().map_err(|_| KeyError::NotPrivate)?;
        Self { algorithm: Algorithm::Rs256, check, sign }.paired()
    }

    /// The algorithm of these keys.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether these keys can make tokens and not only check them.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.sign.is_some()
    }

    /// Signs and checks once, so that a wrong pair shows at the start and not at the first player.
    fn paired(self) -> Result<Self, KeyError> {
        if let Some(sign) = &self.sign {
            let algorithm = self.algorithm.jwt();
            let signature =
                jsonwebtoken::crypto::sign(b"pair", sign, algorithm).map_err(|_| KeyError::NotPrivate)?;
            let pair = jsonwebtoken::crypto::verify(&signature, b"pair", &self.check, algorithm);
            if !pair.map_err(|_| KeyError::NotPublic)? {
                return Err(KeyError::NotAPair);
            }
        }
        Ok(self)
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TokenKeys({:?}, redacted)", self.algorithm)
    }
}

/// Refuses a private key in the place of the public one. The PEM reader would take the public half out of an RSA
/// private key without an error.
fn refuse_private(pem: &[u8]) -> Result<(), KeyError> {
    let marker = b"PRIVATE KEY";
    let private = pem.windows(marker.len()).any(|window| window == marker);
    if private { Err(KeyError::PrivateForPublic) } else { Ok(()) }
}
