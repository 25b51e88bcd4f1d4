//! Configuration: what an operator may choose, checked before anything starts.
//!
//! Layers, later ones win: what is built in, `config/hub.toml`, `config/dev.toml` or `config/production.toml` by
//! mode, the file of `--config`, variables named `HUB__SECTION__KEY`, flags. A wrong key or value is refused with
//! its place, the value and what is allowed, all problems at once ([`Problems`]). Secrets come from variables and
//! files of their own and never from these layers ([`Secrets`]).
//!
//! `config/hub.toml` documents every option; a test keeps it equal to the `Default`s here.

mod access;
mod addresses;
mod adjustment;
mod alerts;
mod api;
mod approvals;
mod balance;
mod channels;
mod development;
mod given;
mod key_sets;
mod layers;
mod limits;
pub mod manual;
mod monitoring;
mod options;
mod pace;
mod play_sessions;
mod print;
mod problem;
mod protection;
mod rate;
mod read;
mod secrets;
mod served;
mod server;
mod storage;
mod strength;
mod tables;
mod tree;
mod validate;

pub use access::{Auth, Demo, JwksOptions, Publish};
pub use adjustment::{AdjustmentOptions, ApproverOptions, BandOptions};
pub use api::{Api, ApiServer};
pub use approvals::approval_rules;
pub use balance::{BalanceOptions, BalanceRuleOptions};
pub use channels::{Channels, Namespace, Publisher, Redis, Subscribe};
pub use development::{FILE as DEVELOPMENT_FILE, SecretPolicy};
pub use layers::{Environment, Sources};
pub use limits::LimitOptions;
pub use monitoring::{AlertOptions, AlertWhen, Monitoring, Weights};
pub use options::{Config, Mode};
pub use problem::{Problem, Problems};
pub use protection::ProtectionOptions;
pub use rate::{LIST_READS, Rate};
pub use secrets::{Secret, SecretCheck, Secrets};
pub use server::{Admin, Server, Socket};
pub use storage::{Archiving, Journal, PeopleKeys, ReadModelOptions};
pub use tables::{ANY_KIND, Catalogue, CurrencyOptions, KindLimit, Limit, Table, TableOptions};
pub use tree::Origin;

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
    /// The configuration in force as TOML. A comment behind each value that is not built in names who set it; other
    /// comments name where the secrets come from, and never show one.
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
    alerts::check(&config, &mut validate::Check { layers: &layers, problems: &mut problems });
    // Secrets are made only for a configuration that is right otherwise.
    let policy = if problems.is_empty() { policy } else { SecretPolicy::Peek };
    let found = secrets::load(&config, &layers, &sources.environment, policy, &mut problems, &mut notes);
    if let Some(secrets) = &found {
        let mut check = validate::Check { layers: &layers, problems: &mut problems };
        served::without_token(&config, &secrets.services)
            .for_each(|(key, what)| check.refuse_unseen(&key, what));
    }
    match found {
        Some(secrets) if problems.is_empty() => Ok(Loaded { config, tables, secrets, notes, layers }),
        Some(_) | None => Err(Problems(problems)),
    }
}

#[cfg(test)]
mod tests;
