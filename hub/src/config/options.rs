//! Every option there is, by section, and what is built in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    access::{Auth, Demo, Publish},
    adjustment::AdjustmentOptions,
    api::Api,
    balance::BalanceOptions,
    channels::{Channels, Redis},
    limits::LimitOptions,
    monitoring::Monitoring,
    play_sessions::PlaySessionOptions,
    protection::ProtectionOptions,
    rate::Rate,
    server::{Admin, Server, Socket},
    storage::{Archiving, Journal, PeopleKeys, ReadModelOptions},
    tables::{self, CurrencyOptions, TableOptions},
    tree::{Node, Origin},
};

/// Play money or real money.
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
    /// The operator's own server.
    pub admin: Admin,
    /// Bounds of one session.
    pub socket: Socket,
    /// How much clients may ask for.
    pub rate: Rate,
    /// How tokens are checked.
    pub auth: Auth,
    /// Play money for anyone.
    pub demo: Demo,
    /// The API of services and operators.
    pub api: Api,
    /// Services that publish over HTTP.
    pub publish: Publish,
    /// Channels and their namespaces.
    pub channels: Channels,
    /// The backplane between hubs.
    pub redis: Redis,
    /// The log.
    pub journal: Journal,
    /// The archive of the log.
    pub archive: Archiving,
    /// The tables of SQL beside the log.
    pub read_model: ReadModelOptions,
    /// What the hub finds out about itself.
    pub monitoring: Monitoring,
    /// The keys of the people store.
    pub people: PeopleKeys,
    /// What protects players.
    pub protection: ProtectionOptions,
    /// Who has to approve corrections.
    pub adjustment: AdjustmentOptions,
    /// What the balances of players may be.
    pub balance: BalanceOptions,
    /// Play sessions of players.
    pub play_sessions: PlaySessionOptions,
    /// How limits of players are counted and loosened.
    pub limits: LimitOptions,
    /// What the hub logs.
    pub telemetry: crate::telemetry::Options,
    /// Currencies accounts may hold.
    pub currencies: Vec<CurrencyOptions>,
    /// Tables, as written; [`Loaded::tables`](super::Loaded::tables) are the ones to open.
    pub tables: Vec<TableOptions>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            server: Server::default(),
            admin: Admin::default(),
            socket: Socket::default(),
            rate: Rate::default(),
            auth: Auth::default(),
            demo: Demo::default(),
            api: Api::default(),
            publish: Publish::default(),
            channels: Channels::default(),
            redis: Redis::default(),
            journal: Journal::default(),
            archive: Archiving::default(),
            read_model: ReadModelOptions::default(),
            monitoring: Monitoring::default(),
            people: PeopleKeys::default(),
            protection: ProtectionOptions::default(),
            adjustment: AdjustmentOptions::default(),
            balance: BalanceOptions::default(),
            play_sessions: PlaySessionOptions::default(),
            limits: LimitOptions::default(),
            telemetry: crate::telemetry::Options::default(),
            currencies: tables::default_currencies(),
            tables: tables::default_tables(),
        }
    }
}

/// The tree of the built-in values.
pub(super) fn defaults() -> Node {
    let value = toml::Value::try_from(Config::default()).expect("the defaults can be written as TOML");
    Node::of(&value, &Origin::Default)
}
