//! Configuration: what an operator may choose, checked before anything starts.
//!
//! Layers, later ones win: what is built in, `config/hub.toml`, `config/dev.toml` or `config/production.toml` by
//! mode, the file of `--config`, variables named `HUB__SECTION__KEY`, flags. A wrong key or value is refused with
//! its place, the value and what is allowed, all problems at once ([`Problems`]). Secrets come from variables and
//! files of their own and never from these layers ([`Secrets`]).
//!
//! `config/hub.toml` documents every option; a test keeps it equal to the `Default`s here.

mod access;
mod channels;
mod development;
mod layers;
mod print;
mod problem;
mod read;
mod secrets;
mod server;
mod storage;
mod tables;
mod tree;
mod validate;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use access::{Auth, Demo, Publish};
pub use channels::{Channels, HUB_NAMESPACES, Namespace, Publisher, Redis, Subscribe};
pub use development::FILE as DEVELOPMENT_FILE;
pub use layers::{Environment, Sources};
pub use problem::{Problem, Problems};
pub use secrets::{Secret, SecretPolicy, Secrets};
pub use server::{Rate, Server, Socket};
pub use storage::Journal;
pub use tables::{ANY_KIND, Catalogue, CurrencyOptions, KindLimit, Limit, Table, TableOptions};
pub use tree::Origin;

/// What the hub is for today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Play money, secrets made on the spot, nothing to set up.
    #[default]
    Development,
    /// Real money: refuses to start with anything a stranger could guess or abuse.
    Production,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}

impl FromStr for Mode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            _ => Err(()),
        }
    }
}

/// Every option. `config/hub.toml` says the same with units, bounds and reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Development or production.
    pub mode: Mode,
    /// The listener.
    pub server: Server,
    /// Bounds of one session.
    pub socket: Socket,
    /// How much clients may ask for.
    pub rate: Rate,
    /// How tokens are checked.
    pub auth: Auth,
    /// Play money for anyone.
    pub demo: Demo,
    /// Services that publish over HTTP.
    pub publish: Publish,
    /// Channels and their namespaces.
    pub channels: Channels,
    /// The backplane between hubs.
    pub redis: Redis,
    /// The log.
    pub journal: Journal,
    /// What the hub says about itself.
    pub telemetry: crate::telemetry::Options,
    /// Currencies accounts may hold.
    pub currencies: Vec<CurrencyOptions>,
    /// Tables, as written; [`Loaded::tables`] are the ones to open.
    pub tables: Vec<TableOptions>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            server: Server::default(),
            socket: Socket::default(),
            rate: Rate::default(),
            auth: Auth::default(),
            demo: Demo::default(),
            publish: Publish::default(),
            channels: Channels::default(),
            redis: Redis::default(),
            journal: Journal::default(),
            telemetry: crate::telemetry::Options::default(),
            currencies: tables::default_currencies(),
            tables: tables::default_tables(),
        }
    }
}

/// A configuration that was checked, and what belongs to it.
#[derive(Debug)]
pub struct Loaded {
    /// The options in force.
    pub config: Config,
    /// The tables to open, copies included, in minor units.
    pub tables: Vec<Table>,
    /// Keys, tokens and other secrets.
    pub secrets: Secrets,
    /// What the operator should read in the log once at the start.
    pub notes: Vec<String>,
    layers: tree::Node,
}

impl Loaded {
    /// The configuration in force as TOML; behind each value that is not the built-in one stands who set it. Where
    /// secrets come from is told in comments, never what they are.
    #[must_use]
    pub fn effective(&self) -> String {
        print::effective(&self.config, &self.layers, &self.secrets)
    }
}

/// Reads and checks the whole configuration. `catalogue` names the games there are and their bet kinds.
pub fn load(sources: &Sources, catalogue: Catalogue<'_>, policy: SecretPolicy) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let layers = layers::merged(sources, &mut problems);
    let Some(config) = read::read::<Config>(&mut layers.clone(), &mut problems) else {
        return Err(Problems(problems));
    };
    let tables = validate::validate(&config, &layers, catalogue, &mut problems, &mut notes);
    // Secrets are made only for a configuration that is right otherwise.
    let policy = if problems.is_empty() { policy } else { SecretPolicy::Peek };
    let found = secrets::load(&config, &layers, &sources.environment, policy, &mut problems, &mut notes);
    match found {
        Some(secrets) if problems.is_empty() => Ok(Loaded { config, tables, secrets, notes, layers }),
        Some(_) | None => Err(Problems(problems)),
    }
}

/// The tree of the built-in values.
fn defaults() -> tree::Node {
    let value = toml::Value::try_from(Config::default()).expect("the defaults can be written as TOML");
    tree::Node::of(&value, &Origin::Default)
}

#[cfg(test)]
mod tests;
