//! Where the API is served, and what its options have to agree with.

use actors::ports::service::ReasonCode;

use super::{
    api::{Api, ApiServer},
    options::{Config, Mode},
};
use crate::auth::{ROLES_MAX, RoleName, ServiceTokens};

impl Config {
    /// Whether the public server and the admin server have the API.
    #[must_use]
    pub fn api_on(&self) -> (bool, bool) {
        match (self.api.on, self.mode) {
            (ApiServer::Public, _) | (ApiServer::Auto, Mode::Development) => (true, false),
            (ApiServer::Admin, _) | (ApiServer::Auto, Mode::Production) => (false, true),
            (ApiServer::Both, _) => (true, true),
            (ApiServer::None, _) => (false, false),
        }
    }
}

/// What is wrong with these options: the key, and why.
pub(super) fn problems(config: &Config) -> impl Iterator<Item = (String, String)> {
    let Api { default_currency, reasons, .. } = &config.api;
    let currencies = config.currencies.iter().map(|currency| currency.code);
    let served = config.api_on() != (false, false);
    // What is built in is no mistake of the operator's: a request that names no currency is told so.
    let given = *default_currency != Api::default().default_currency;
    let no_currency = served && given && !currencies.clone().any(|code| code == *default_currency);
    let currency = no_currency.then(|| {
        let codes: Vec<_> = currencies.map(|code| code.to_string()).collect();
        ("api.default_currency".to_owned(), format!("must be one of the currencies: {}", codes.join(", ")))
    });
    let codes = reasons.iter().enumerate().filter_map(|(index, reason)| {
        let wrong = reason.parse::<ReasonCode>().err()?;
        Some((format!("api.reasons[{index}]"), wrong.to_string()))
    });
    let roles = roles(&config.api);
    let admin = (config.api_on().1 && !config.admin.enabled && config.api.on != ApiServer::Auto)
        .then(|| ("api.on".to_owned(), "there is no admin server: admin.enabled is false".to_owned()));
    currency.into_iter().chain(codes).chain(roles).chain(admin)
}

/// What is wrong with the roles of operators.
fn roles(api: &Api) -> impl Iterator<Item = (String, String)> {
    let many =
        (api.roles.len() > ROLES_MAX).then(|| ("api.roles".to_owned(), format!("at most {ROLES_MAX} roles")));
    let each = api.roles.keys().filter_map(|name| {
        let wrong = name.parse::<RoleName>().err()?;
        Some((format!("api.roles.{name}"), wrong.to_string()))
    });
    many.into_iter().chain(each)
}

/// The services in `api.services` that have no token.
pub(super) fn without_token<'a>(
    config: &'a Config,
    tokens: &'a ServiceTokens,
) -> impl Iterator<Item = (String, String)> + 'a {
    config.api.services.keys().filter(|name| !tokens.has(name)).map(|name| {
        (format!("api.services.{name}"), "no service of this name is among the publish tokens".to_owned())
    })
}
