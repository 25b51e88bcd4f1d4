//! Metrics of the actors, in one place: each event is counted by a method with its name.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
};

use engine::{TxId, invariant::Violation};
use ledger::Domain;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::{CloseCode, ErrorCode, level::BalanceLevel};
use rustc_hash::FxHashMap;

/// Figures of the actors. Clones share them.
///
/// Counters with a label are made once: what counts takes no lock and allocates nothing, above all on the money thread.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Figures>);

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;
/// A figure's label and its value.
type Label = [(&'static str, &'static str); 1];

#[derive(Debug)]
struct Figures {
    sessions: Level,
    sessions_opened: Count,
    sessions_ended: Family<[(&'static str, String); 1], Count>,
    malformed: Count,
    tokens_refused: Count,
    refused: Labelled<ErrorCode, Count>,
    rounds_settled: Count,
    rounds_voided: Count,
    tables_unfit: Level,
    domain_accepted: Labelled<Domain, Count>,
    domain_refused: Labelled<Domain, Count>,
    domain_accounts: Labelled<Domain, Level>,
    domain_holds: Labelled<Domain, Level>,
    keys_known: Count,
    keys_looked_up: Count,
    keys_reused: Count,
    refusals_over_budget: Count,
    bets_over_budget: Count,
    commands_impossible: Count,
    break_glass: Count,
    balances_warned: Count,
    balances_critical: Count,
}

/// One figure by label, each value made at the start.
#[derive(Debug)]
struct Labelled<K, M> {
    family: Family<Label, M>,
    by: FxHashMap<K, M>,
}

impl<K: Copy + Eq + Hash, M: Clone + Default> Labelled<K, M> {
    fn of(label: &'static str, values: &[K], name: impl Fn(K) -> &'static str) -> Self {
        let family = Family::<Label, M>::default();
        let made = |value: &K| (*value, family.get_or_create(&[(label, name(*value))]).clone());
        let by = values.iter().map(made).collect();
        Self { family, by }
    }

    /// The figure of a label; `None` for one it was not made with.
    fn get(&self, value: K) -> Option<&M> {
        self.by.get(&value)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        fn by_domain<M: Clone + Default>() -> Labelled<Domain, M> {
            Labelled::of("domain", &Domain::ALL, Domain::name)
        }
        let sessions_ended = Family::<[(&'static str, String); 1], Count>::default();
        for code in CloseCode::ALL {
            // Made at zero, so that an alert sees the first one as a rise.
            drop(sessions_ended.get_or_create(&[("code", code.number().to_string())]));
        }
        Self(Arc::new(Figures {
            sessions: Gauge::default(),
            sessions_opened: Count::default(),
            sessions_ended,
            malformed: Count::default(),
            tokens_refused: Count::default(),
            refused: Labelled::of("code", ErrorCode::ALL, ErrorCode::name),
            rounds_settled: Count::default(),
            rounds_voided: Count::default(),
            tables_unfit: Level::default(),
            domain_accepted: by_domain(),
            domain_refused: by_domain(),
            domain_accounts: by_domain(),
            domain_holds: by_domain(),
            keys_known: Count::default(),
            keys_looked_up: Count::default(),
            keys_reused: Count::default(),
            refusals_over_budget: Count::default(),
            bets_over_budget: Count::default(),
            commands_impossible: Count::default(),
            break_glass: Count::default(),
            balances_warned: Count::default(),
            balances_critical: Count::default(),
        }))
    }
}

impl Metrics {
    /// Registers every figure.
    pub fn register(&self, registry: &mut Registry) {
        let figures = &*self.0;
        registry.register("hub_sessions", "Sessions open now", figures.sessions.clone());
        registry.register("hub_sessions_opened", "Sessions opened", figures.sessions_opened.clone());
        registry.register(
            "hub_sessions_closed",
            "Sessions that the hub closed because of their client, by close code",
            figures.sessions_ended.clone(),
        );
        registry.register(
            "hub_frames_malformed",
            "Client frames that were no valid request",
            figures.malformed.clone(),
        );
        registry.register(
            "hub_tokens_refused",
            "Tokens that were not accepted",
            figures.tokens_refused.clone(),
        );
        registry.register(
            "hub_requests_refused",
            "Requests refused by a table or a money domain, by code",
            figures.refused.family.clone(),
        );
        registry.register(
            "hub_refusals_over_budget",
            "Refusals not recorded because the budget of their player was used up",
            figures.refusals_over_budget.clone(),
        );
        registry.register(
            "hub_bets_over_budget",
            "Bets not taken, because their player had taken back as many as may be",
            figures.bets_over_budget.clone(),
        );
        registry.register("hub_rounds_settled", "Rounds drawn and settled", figures.rounds_settled.clone());
        registry.register("hub_rounds_voided", "Rounds voided", figures.rounds_voided.clone());
        registry.register(
            "hub_tables_unfit",
            "Tables that a record did not fit and that are not quarantined yet: until then the state store is not committed",
            figures.tables_unfit.clone(),
        );
        self.register_money(registry);
    }

    fn register_money(&self, registry: &mut Registry) {
        let figures = &*self.0;
        registry.register(
            "hub_domain_accepted",
            "Transactions a money domain took part in",
            figures.domain_accepted.family.clone(),
        );
        registry.register(
            "hub_domain_refused",
            "Transactions a money domain refused",
            figures.domain_refused.family.clone(),
        );
        registry.register(
            "hub_domain_accounts",
            "Accounts of a money domain",
            figures.domain_accounts.family.clone(),
        );
        registry.register(
            "hub_domain_holds",
            "Open holds of a money domain",
            figures.domain_holds.family.clone(),
        );
        registry.register(
            "hub_keys_known",
            "Requests whose key had an outcome already",
            figures.keys_known.clone(),
        );
        registry.register(
            "hub_keys_looked_up",
            "Keys that were looked up in the state store: old ones, and a new one of some thousands",
            figures.keys_looked_up.clone(),
        );
        registry.register(
            "hub_keys_reused",
            "Requests under a key that was used for other content",
            figures.keys_reused.clone(),
        );
        registry.register(
            "hub_commands_impossible",
            "Transactions that could not be decided; nothing was recorded",
            figures.commands_impossible.clone(),
        );
        registry.register(
            "hub_break_glass",
            "Corrections that an operator has carried out alone in an emergency",
            figures.break_glass.clone(),
        );
        registry.register(
            "hub_balances_warned",
            "Balances that have crossed a threshold of the operator's warning",
            figures.balances_warned.clone(),
        );
        registry.register(
            "hub_balances_critical",
            "Balances that have crossed a critical threshold of the operator",
            figures.balances_critical.clone(),
        );
    }

    /// Sessions connected now.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        u64::try_from(self.0.sessions.get()).unwrap_or(0)
    }

    pub(crate) fn session_opened(&self) {
        self.0.sessions.inc();
        self.0.sessions_opened.inc();
    }

    pub(crate) fn session_closed(&self) {
        self.0.sessions.dec();
    }

    /// The hub closes a session with this close code.
    pub(crate) fn session_ended(&self, code: u16) {
        self.0.sessions_ended.get_or_create(&[("code", code.to_string())]).inc();
    }

    pub(crate) fn malformed(&self) {
        self.0.malformed.inc();
    }

    pub(crate) fn token_refused(&self) {
        self.0.tokens_refused.inc();
    }

    pub(crate) fn refused(&self, code: ErrorCode) {
        self.0.refused.get(code).map(Counter::inc);
    }

    /// A transaction was carried out that moves money of this domain.
    pub(crate) fn accepted_by(&self, domain: Domain) {
        self.0.domain_accepted.get(domain).map(Counter::inc);
    }

    /// A transaction was refused, by this domain if any was asked.
    pub(crate) fn refused_by(&self, domain: Option<Domain>) {
        domain.and_then(|domain| self.0.domain_refused.get(domain)).map(Counter::inc);
    }

    /// Sets how many accounts and open holds a domain has.
    pub(crate) fn domain_keeps(&self, domain: Domain, accounts: usize, holds: usize) {
        self.0.domain_accounts.get(domain).map(|level| level.set(accounts as i64));
        self.0.domain_holds.get(domain).map(|level| level.set(holds as i64));
    }

    pub(crate) fn key_known(&self) {
        self.0.keys_known.inc();
    }

    pub(crate) fn key_looked_up(&self) {
        self.0.keys_looked_up.inc();
    }

    pub(crate) fn refusal_over_budget(&self) {
        self.0.refusals_over_budget.inc();
    }

    pub(crate) fn bet_over_budget(&self) {
        self.0.bets_over_budget.inc();
    }

    pub(crate) fn key_reused(&self) {
        self.0.keys_reused.inc();
    }

    pub(crate) fn impossible(&self) {
        self.0.commands_impossible.inc();
    }

    /// An operator has acted alone in an emergency.
    pub(crate) fn break_glass(&self) {
        self.0.break_glass.inc();
    }

    /// A balance has crossed a threshold, and is now at this level.
    pub(crate) fn crossed(&self, level: BalanceLevel) {
        match level {
            BalanceLevel::Normal => {}
            BalanceLevel::Low | BalanceLevel::High => {
                self.0.balances_warned.inc();
            }
            BalanceLevel::CriticalLow | BalanceLevel::CriticalHigh => {
                self.0.balances_critical.inc();
            }
        }
    }

    /// What is due cannot be done.
    pub(crate) fn due_failed(&self, id: TxId) {
        tracing::error!(
            ?id,
            "what is due cannot be carried out; nothing more that is due is, until the next start"
        );
    }

    /// What was decided would break an invariant: the recipe is wrong, and its envelope is refused.
    pub(crate) fn unproven(&self, id: TxId, violation: &Violation) {
        tracing::error!(?id, %violation, "a transaction was refused: an invariant would not hold after it");
        self.impossible();
    }

    /// So many tables wait for their quarantine at the start.
    pub(crate) fn tables_unfit(&self, tables: usize) {
        self.0.tables_unfit.set(i64::try_from(tables).unwrap_or(i64::MAX));
    }

    /// A record does not fit its table.
    pub(crate) fn table_unfit(&self) {
        self.0.tables_unfit.inc();
    }

    /// The quarantine of a table is recorded.
    pub(crate) fn table_quarantined(&self) {
        self.0.tables_unfit.dec();
    }

    pub(crate) fn round_settled(&self) {
        self.0.rounds_settled.inc();
    }

    pub(crate) fn round_voided(&self) {
        self.0.rounds_voided.inc();
    }
}
