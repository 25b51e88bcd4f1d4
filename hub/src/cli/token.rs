//! `hub token`: a token for a player, a service or an operator, signed with the configured key.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use clap::Args;
use engine::PrincipalKind;

use crate::{
    auth::{
        Capabilities, CapabilityError, MintError, Minter, NotARoleName, ROLES_OF_TOKEN_MAX, RoleName,
        TokenFor, in_words,
    },
    config::Loaded,
};

/// No token was printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The keys at hand only check.
    #[error("there is no key to sign with: set auth.private_key_file, or ask the issuer for a token")]
    NoSigningKey,
    /// The arguments name nobody.
    #[error(
        "whom is the token for: --player NAME, or --service NAME with --can CAP,CAP, or --operator NAME with --role ROLE,ROLE or --can"
    )]
    NobodyNamed,
    /// A role is none of the configured ones.
    #[error("{} {} not configured; {known}", in_words(.unknown), if .unknown.len() == 1 { "is" } else { "are" })]
    UnknownRole {
        /// Those that are not.
        unknown: Vec<RoleName>,
        /// Those that are, in words.
        known: String,
    },
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
    #[arg(long, value_name = "NAME", conflicts_with_all = ["service", "operator", "can", "role"])]
    player: Option<String>,
    /// A service, by its name. Since 0.2
    #[arg(long, value_name = "NAME", conflicts_with_all = ["operator", "role"], requires = "can")]
    service: Option<String>,
    /// An operator, by name, with --role, --can or both. Since 0.2
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// The roles of an operator, separated by commas: what they may do, api.roles says where the token is used. Since 0.2
    #[arg(long, value_name = "ROLE,ROLE", value_parser = roles)]
    role: Option<Named>,
    /// What a service or an operator may do: capabilities such as balance:read,balance:write, separated by commas. Since 0.2
    #[arg(long, value_name = "CAP,CAP", value_parser = capabilities)]
    can: Option<Capabilities>,
}

fn capabilities(text: &str) -> Result<Capabilities, CapabilityError> {
    Capabilities::parse(text.split(',').map(str::trim))
}

/// The roles of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named(Vec<RoleName>);

fn roles(text: &str) -> Result<Named, String> {
    let names: Result<Vec<_>, NotARoleName> = text.split(',').map(|name| name.trim().parse()).collect();
    match names.map_err(|error| error.to_string())? {
        names if names.len() > ROLES_OF_TOKEN_MAX => Err(format!("at most {ROLES_OF_TOKEN_MAX} roles")),
        names => Ok(Named(names)),
    }
}

impl Whose {
    /// A player.
    #[must_use]
    pub fn player(name: &str) -> Self {
        Self { player: Some(name.into()), service: None, operator: None, role: None, can: None }
    }

    /// Whom the token is for, with these capabilities where none are given.
    fn named<'a>(&'a self, none: &'a Capabilities) -> Result<TokenFor<'a>, Error> {
        let Self { player, service, operator, role, can } = self;
        match (player, service, operator) {
            (Some(player), ..) => Some(TokenFor::Player(player)),
            (None, Some(service), _) => {
                can.as_ref().map(|can| TokenFor::Caller(PrincipalKind::Service, service, can))
            }
            (None, None, Some(operator)) => (role.is_some() || can.is_some()).then(|| {
                let roles = role.as_ref().map_or(&[][..], |Named(roles)| roles);
                TokenFor::Operator(operator, roles, can.as_ref().unwrap_or(none))
            }),
            (None, None, None) => None,
        }
        .ok_or(Error::NobodyNamed)
    }

    /// Refuses a role that the configuration at hand does not have.
    fn is_configured(&self, loaded: &Loaded) -> Result<(), Error> {
        let known: BTreeSet<_> = loaded.config.api.roles_in_use().map(|(name, _)| name.as_str()).collect();
        let asked = self.role.iter().flat_map(|Named(roles)| roles);
        let unknown: Vec<_> = asked.filter(|role| !known.contains(role.as_str())).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known = match known.is_empty() {
            true => "api.roles has none".to_owned(),
            false => format!("api.roles has {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        Err(Error::UnknownRole { unknown, known })
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
    whom.is_configured(loaded)?;
    writeln!(output, "{}", minter.mint(whom.named(&Capabilities::default())?, now, ttl)?)?;
    Ok(())
}
