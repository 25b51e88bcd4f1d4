//! Access: players' tokens, demo players, publishing services. Secrets themselves are in `secrets`.

use serde::{Deserialize, Serialize};

use crate::auth::Algorithm;

/// How a player's token is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The `iss` of tokens that are checked with the key configured here.
    pub issuer: String,
    /// What `aud` must hold.
    pub audience: String,
    /// The only algorithm accepted with this key, whatever a token's header says.
    pub algorithm: Algorithm,
    /// Tolerated difference between the issuer's clock and ours. Seconds; 0..=30.
    pub leeway_seconds: u32,
    /// How far ahead `exp` may lie; a token that holds longer is refused. Seconds; 60..=31_536_000.
    pub token_lifetime_max_seconds: u32,
    /// File with the shared secret of HS256; empty: `HUB_AUTH_SECRET`.
    pub secret_file: String,
    /// PEM file with the issuer's public key, for EdDSA and RS256; empty: `HUB_AUTH_PUBLIC_KEY`.
    pub public_key_file: String,
    /// PEM file with the private key (PKCS#8), only where `hub token` shall work with EdDSA or RS256.
    pub private_key_file: String,
    /// Issuers that publish their keys as a JSON Web Key Set. Their tokens follow the same rules, each with its own issuer.
    pub jwks: Vec<JwksOptions>,
    /// How often a set of keys is read again, also if nothing shows that it was changed. Seconds; 10..=86_400.
    pub jwks_refresh_seconds: u32,
}

/// An issuer that publishes its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwksOptions {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// File with the set. It is read again when it is changed.
    #[serde(default)]
    pub file: String,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            issuer: "hub".into(),
            audience: "hub".into(),
            algorithm: Algorithm::Hs256,
            leeway_seconds: 5,
            token_lifetime_max_seconds: 2_592_000,
            secret_file: String::new(),
            public_key_file: String::new(),
            private_key_file: String::new(),
            jwks: Vec::new(),
            jwks_refresh_seconds: 300,
        }
    }
}

/// Play money for anyone who opens the page. Development mode only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demo {
    /// Whether the page hands out tokens. Production mode refuses to start when it is set.
    pub enabled: bool,
    /// What a new demo player is given.
    pub deposit: protocol::Amount,
    /// The deposit's currency, one of `currencies`.
    pub currency: protocol::Currency,
    /// Most demo players this process makes. 1..=10_000_000.
    pub players_max: u32,
    /// How long a demo token holds. Seconds; 60..=2_592_000.
    pub token_seconds: u32,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            enabled: true,
            deposit: protocol::Amount::from_minor(100_000, 2).expect("a small amount"),
            currency: "EUR".parse().expect("a currency"),
            players_max: 100_000,
            token_seconds: 86_400,
        }
    }
}

/// Services that publish into channels over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// File with one `name:token` a line; empty: `HUB_PUBLISH_TOKENS`; neither: nobody may publish over HTTP.
    pub tokens_file: String,
}
