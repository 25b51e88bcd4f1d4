//! Access: players' tokens, demo players, publishing services. Secrets themselves are in `secrets`.

use serde::{Deserialize, Serialize};

use crate::auth::Algorithm;

/// How a player's token is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The only `iss` accepted.
    pub issuer: String,
    /// What `aud` must hold.
    pub audience: String,
    /// The only algorithm accepted, whatever a token's header says.
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
