//! The API of services and operators.

use std::{collections::BTreeMap, fmt};

use protocol::Currency;
use serde::{Deserialize, Serialize};

use crate::auth::Capabilities;

/// Where the API is served, and what its requests may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The server.
    pub on: ApiServer,
    /// The currency of a request that names none, one of `currencies`.
    pub default_currency: Currency,
    /// The codes that `reason` of a credit or a debit may be: at most 32 upper-case letters, digits and `_` each.
    pub reasons: Vec<String>,
    /// Whether the first credit or deposit opens the account of somebody whom the hub has not met. Otherwise players meet the
    /// hub by their own token first.
    pub open_accounts: bool,
    /// Capabilities of services with a shared token, by name; those that are not listed may publish.
    pub services: BTreeMap<String, Capabilities>,
    /// What the roles of operators allow, by name: at most 64. A token names its roles; a role that is not here, or has no
    /// capabilities, allows nothing.
    pub roles: BTreeMap<String, Capabilities>,
}

/// The roles that are built in.
const ROLES: [(&str, &[&str]); 5] = [
    (
        "viewer",
        &[
            "balance:read",
            "collections:read",
            "distributions:read",
            "free-play:read",
            "adjustment:read",
            "coordinator:read",
            "monitoring:read",
        ],
    ),
    (
        "support",
        &["balance:read", "collections:read", "coordinator:read", "adjustment:read", "adjustment:propose"],
    ),
    (
        "payments",
        &["balance:read", "collections:*", "distributions:*", "coordinator:read", "payouts:propose"],
    ),
    (
        "compliance",
        &[
            "balance:*",
            "collections:read",
            "distributions:read",
            "free-play:read",
            "adjustment:read",
            "adjustment:approve",
            "payouts:approve",
            "coordinator:read",
            "monitoring:read",
        ],
    ),
    ("admin", &["*"]),
];

impl Default for Api {
    fn default() -> Self {
        let reasons = ["CORRECTION", "GOODWILL", "MIGRATION", "PROMOTION", "OTHER"];
        Self {
            on: ApiServer::Auto,
            default_currency: "USD".parse().expect("a currency"),
            reasons: reasons.map(str::to_owned).into(),
            open_accounts: true,
            services: BTreeMap::new(),
            roles: ROLES.into_iter().map(|(name, texts)| (name.to_owned(), capabilities(texts))).collect(),
        }
    }
}

fn capabilities(texts: &[&str]) -> Capabilities {
    Capabilities::parse(texts.iter().copied()).expect("what is built in are capabilities")
}

impl Api {
    /// The roles that allow something, by name.
    pub fn roles_in_use(&self) -> impl Iterator<Item = (&String, &Capabilities)> {
        self.roles.iter().filter(|(_, may)| !may.is_empty())
    }
}

/// A server, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiServer {
    /// The public server in development, the admin server in production.
    Auto,
    /// The public server, which clients reach.
    Public,
    /// The admin server.
    Admin,
    /// Both.
    Both,
    /// Neither: there is no API.
    None,
}

impl fmt::Display for ApiServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Both => "both",
            Self::None => "none",
        })
    }
}
