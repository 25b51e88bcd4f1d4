//! What every part of the API needs of the house.

use std::sync::Arc;

use actors::{
    admission::{Admission, Permit},
    currencies::Currencies,
    house::House,
    messages::output::Output,
    ports::{
        money::MoneyPort,
        service::{Protection, ReasonCode},
    },
};
use journal::Journal;
use ledger::Domain;
use people::{People, Person};
use protocol::Currency;
use tokio::sync::Semaphore;

use super::acts::RefusedActs;
use super::{asked::ApiCallers, domain_figures::Dashboards, rates::CallerRates, reads::Reads, stale::Stale};
use crate::{
    auth::{Caller, CallerVerifier},
    config::Loaded,
    edge::error::{Error, Kind},
};

/// Most records of the log that are read at once.
const READING_MAX: usize = 4;

/// The API of a running house.
pub struct ApiSurface {
    pub(super) callers: ApiCallers,
    pub(super) refused_acts: Arc<RefusedActs>,
    pub(super) money: MoneyPort,
    pub(super) people: People,
    pub(super) admission: Arc<Admission>,
    pub(super) currencies: Currencies,
    pub(super) default_currency: Currency,
    /// Whether the first payment opens the account of somebody new.
    pub(super) open_accounts: bool,
    pub(super) log: Journal<Output>,
    /// Places for those who read a record of the log.
    pub(super) reading: Semaphore,
    pub(super) reasons: Vec<ReasonCode>,
    /// What protects players.
    pub(super) protection: Protection,
    /// The read model, if it is kept.
    pub(super) reads: Option<Arc<Reads>>,
    pub(super) dashboards: Dashboards,
    /// The tables that are played.
    pub(super) tables: Vec<String>,
    /// The issuer of players that a shared token means.
    issuer: Arc<str>,
}

impl ApiSurface {
    /// As configured.
    #[must_use]
    pub fn new(
        loaded: &Loaded,
        (house, people): (&House, &People),
        currencies: Currencies,
        admission: Arc<Admission>,
        callers: Arc<CallerVerifier>,
    ) -> Self {
        let api = &loaded.config.api;
        let rates = Arc::new(CallerRates::new(&loaded.config.rate));
        let refused_acts = RefusedActs::new(house.money.clone(), admission.clone(), rates.clone());
        Self {
            callers: ApiCallers::new(callers, rates),
            refused_acts: Arc::new(refused_acts),
            money: house.money.clone(),
            people: people.clone(),
            admission,
            currencies,
            default_currency: api.default_currency,
            open_accounts: api.open_accounts,
            log: house.journal.clone(),
            reading: Semaphore::new(READING_MAX),
            reasons: api.reasons.iter().filter_map(|reason| reason.parse().ok()).collect(),
            protection: loaded.config.protection.protection(),
            reads: house.read_model.as_ref().map(|kept| Arc::new(Reads::of(kept, house.journal.clone()))),
            dashboards: Domain::ALL.into_iter().map(|domain| (domain, Stale::default())).collect(),
            tables: loaded.config.tables.iter().map(|table| table.id.to_string()).collect(),
            issuer: loaded.config.auth.issuer.as_str().into(),
        }
    }

    /// How much each caller may ask for.
    #[must_use]
    pub fn rates(&self) -> &Arc<CallerRates> {
        self.callers.rates()
    }

    /// What makes records of refused acts.
    #[must_use]
    pub fn refused_acts(&self) -> &Arc<RefusedActs> {
        &self.refused_acts
    }

    /// A place among the requests under way. A drain waits for it.
    pub(super) fn admit(&self) -> Result<Permit, Error> {
        if self.admission.draining() {
            return Err(Kind::Draining.into());
        }
        self.admission.admit(&Arc::default()).ok_or_else(|| Kind::Busy.into())
    }

    /// The person whom a caller calls so.
    pub(super) fn person(&self, caller: &Caller, name: &str) -> Result<Person, Error> {
        let wrong =
            |_| Error::new(Kind::Malformed, "the id of a player has 1 to 256 bytes").field("playerId");
        Person::new(self.issuer_of(caller).clone(), name).map_err(wrong)
    }

    /// The issuer of the players whom a caller means.
    pub(super) fn issuer_of<'a>(&'a self, caller: &'a Caller) -> &'a Arc<str> {
        if caller.issuer.is_empty() { &self.issuer } else { &caller.issuer }
    }
}
