//! `hub token`: a token for a player, a service or an operator, signed with the configured key.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use clap::Args;
use engine::PrincipalKind;

use crate::{
    auth::{Capabilities, CapabilityError, MintError, Minter, TokenFor},
    config::Loaded,
};

/// No token was printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The keys at hand only check.
    #[error("there is no key to sign with: set auth.private_key_file, or ask the issuer for a token")]
    NoSigningKey,
    /// The arguments name nobody.
    #[error("whom is the token for: --player NAME, or --service NAME or --operator NAME with --can CAP,CAP")]
    NobodyNamed,
    /// No token could be made.
    #[error("failed to make a token")]
    Mint(#[from] MintError),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

/// Whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(required = true, multiple = true)]
pub struct Whose {
    /// A player, by the name at the issuer: the token's subject
    #[arg(long, value_name = "NAME", conflicts_with_all = ["service", "operator", "can"])]
    player: Option<String>,
    /// A service, by its name. Since 0.2
    #[arg(long, value_name = "NAME", conflicts_with = "operator", requires = "can")]
    service: Option<String>,
    /// An operator, by name. Since 0.2
    #[arg(long, value_name = "NAME", requires = "can")]
    operator: Option<String>,
    /// What a service or an operator may do: capabilities such as balance:read,balance:write, separated by commas. Since 0.2
    #[arg(long, value_name = "CAP,CAP", value_parser = capabilities)]
    can: Option<Capabilities>,
}

fn capabilities(text: &str) -> Result<Capabilities, CapabilityError> {
    Capabilities::parse(text.split(',').map(str::trim))
}

impl Whose {
    /// A player.
    #[must_use]
    pub fn player(name: &str) -> Self {
        Self { player: Some(name.into()), service: None, operator: None, can: None }
    }

    fn named(&self) -> Result<TokenFor<'_>, Error> {
        let Self { player, service, operator, can } = self;
        let caller = |kind, name| can.as_ref().map(|can| TokenFor::Caller(kind, name, can));
        match (player, service, operator) {
            (Some(player), ..) => Some(TokenFor::Player(player)),
            (None, Some(service), _) => caller(PrincipalKind::Service, service),
            (None, None, Some(operator)) => caller(PrincipalKind::Operator, operator),
            (None, None, None) => None,
        }
        .ok_or(Error::NobodyNamed)
    }
}

/// `hub token`: one line with the token on `output`.
///
/// # Errors
/// Why there is no token.
pub fn token(
    loaded: &Loaded,
    whom: &Whose,
    ttl: Duration,
    now: SystemTime,
    output: &mut impl Write,
) -> Result<(), Error> {
    let keys = loaded.secrets.keys.clone();
    let minter = Minter::new(keys, loaded.config.token_rules()).ok_or(Error::NoSigningKey)?;
    writeln!(output, "{}", minter.mint(whom.named()?, now, ttl)?)?;
    Ok(())
}
