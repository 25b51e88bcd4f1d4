//! The way to tables: the directory of tables, and what the lobby shows of each without a message to it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use actix::prelude::*;
use engine::{
    TxResult,
    table::{PastRound, live::TableConfig},
};
use protocol::{
    Amount, TableId,
    reply::{Failure, Phase, TableSummary},
};
use rustc_hash::FxHashMap;

use super::money::MoneyPort;
use crate::messages::{
    money::GetOutcome,
    reply::{BetContext, ReplyTo, SessionRef},
    table::{AskOutcome, Bet, Clear, Finished, GetRounds, Join, Leave, PastRoundsRead, Wake},
};

/// The way to the tables, by their ids. Filled once at the start; clones share it.
#[derive(Debug, Clone, Default)]
pub struct TablePort(Arc<OnceLock<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    tables: Vec<Table>,
    places: FxHashMap<TableId, usize>,
}

/// One table: what the operator set, what the lobby shows, and the way to its actor.
#[derive(Debug)]
pub struct Table {
    id: TableId,
    config: Arc<TableConfig>,
    status: Arc<Status>,
    join: Recipient<Join>,
    leave: Recipient<Leave>,
    bet: Recipient<Bet>,
    clear: Recipient<Clear>,
    rounds: Recipient<GetRounds>,
    past_rounds: Recipient<PastRoundsRead>,
    outcome: Recipient<AskOutcome>,
    finished: Recipient<Finished>,
    wake: Recipient<Wake>,
}

/// What the lobby shows of a table; written by its actor.
#[derive(Debug, Default)]
pub struct Status {
    /// Sessions at the table.
    pub players: AtomicU32,
    /// Offset of the newest event of the table's channel.
    pub events: AtomicU64,
    phase: AtomicU8,
}

impl Status {
    /// Shows a phase.
    pub fn show(&self, phase: Phase) {
        let number = match phase {
            Phase::Idle => 0,
            Phase::Betting => 1,
            Phase::Locked => 2,
            Phase::Settled => 3,
            Phase::Closed => 4,
        };
        self.phase.store(number, Relaxed);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            1 => Phase::Betting,
            2 => Phase::Locked,
            3 => Phase::Settled,
            4 => Phase::Closed,
            _ => Phase::Idle,
        }
    }
}

impl Table {
    /// The way to a table's actor.
    #[must_use]
    pub fn new<T>(id: TableId, actor: &Addr<T>, config: Arc<TableConfig>, status: Arc<Status>) -> Self
    where
        T: Actor<Context = Context<T>>
            + Handler<Join>
            + Handler<Leave>
            + Handler<Bet>
            + Handler<Clear>
            + Handler<GetRounds>
            + Handler<PastRoundsRead>
            + Handler<AskOutcome>
            + Handler<Finished>
            + Handler<Wake>,
    {
        Self {
            id,
            config,
            status,
            join: actor.clone().recipient(),
            leave: actor.clone().recipient(),
            bet: actor.clone().recipient(),
            clear: actor.clone().recipient(),
            rounds: actor.clone().recipient(),
            past_rounds: actor.clone().recipient(),
            outcome: actor.clone().recipient(),
            finished: actor.clone().recipient(),
            wake: actor.clone().recipient(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// What the operator set.
    #[must_use]
    pub fn config(&self) -> &TableConfig {
        &self.config
    }

    /// Offset of the newest event of its channel.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.status.events.load(Relaxed)
    }

    /// A session comes to the table. Joins and leaves of a session arrive in the order in which it sends them.
    pub fn join(&self, join: Join) {
        self.join.do_send(join);
    }

    /// A session leaves the table.
    pub fn leave(&self, session: SessionRef) {
        self.leave.do_send(Leave { session });
    }

    /// A player bets; the answer goes to the session in the request's context.
    pub fn bet(&self, bet: Bet) {
        self.bet.do_send(bet);
    }

    /// A player takes back all bets of the open round.
    pub fn clear(&self, clear: Clear) {
        self.clear.do_send(clear);
    }

    /// Asks for the last rounds.
    pub fn rounds(&self, to: ReplyTo) {
        self.rounds.do_send(GetRounds { to });
    }

    /// Tells the table to look at the clock.
    pub fn wake(&self) {
        self.wake.do_send(Wake);
    }

    /// Whether the table's thread answers. A table that is woken looks at the clock, and finds nothing to do.
    pub async fn answers(&self) -> bool {
        self.wake.send(Wake).await.is_ok()
    }

    /// As the lobby shows it; `None` when its limits cannot be spelled.
    fn summary(&self) -> Option<TableSummary> {
        let (config, rules) = (&self.config, &self.config.rules);
        let smallest = rules.limits.iter().map(|limits| limits.stake_min).min()?;
        Some(TableSummary {
            table: self.id,
            name: config.name.clone(),
            game: rules.game.to_string(),
            currency: rules.currency,
            min: Amount::from_minor(smallest, rules.scale).ok()?,
            max: Amount::from_minor(rules.round_max, rules.scale).ok()?,
            players: self.status.players.load(Relaxed),
            phase: self.status.phase().into(),
        })
    }
}

impl TablePort {
    /// Fills the port. The second call is ignored.
    pub fn fill(&self, tables: Vec<Table>) {
        let places = tables.iter().enumerate().map(|(place, table)| (table.id, place)).collect();
        let _ = self.0.set(Tables { tables, places });
    }

    /// The table with this id; `None` when there is none.
    #[must_use]
    pub fn get(&self, id: TableId) -> Option<&Table> {
        let tables = self.0.get()?;
        tables.places.get(&id).map(|place| &tables.tables[*place])
    }

    /// At most `most` tables, in the order of the configuration, as the lobby shows them.
    #[must_use]
    pub fn summaries(&self, most: usize) -> Vec<TableSummary> {
        let tables = self.0.get().into_iter().flat_map(|tables| &tables.tables);
        tables.take(most).filter_map(Table::summary).collect()
    }

    /// Hands a result to its table.
    pub fn finished(&self, table: TableId, result: TxResult, request: Option<BetContext>) {
        match self.get(table) {
            Some(table) => table.finished.do_send(Finished { result, request }),
            None => tracing::error!(%table, "a result came back for a table that is not known"),
        }
    }

    /// Hands a table the last rounds that it has asked for.
    pub fn past_rounds_read(&self, table: TableId, rounds: Result<Vec<PastRound>, Failure>) {
        match self.get(table) {
            Some(table) => table.past_rounds.do_send(PastRoundsRead { rounds }),
            None => tracing::error!(%table, "past rounds were read for a table that is not known"),
        }
    }

    /// Asks for the outcome of a player's key, behind the bets that are on their way: the question passes each of
    /// `tables`, then goes to the coordinator.
    pub fn ask_outcome(&self, mut tables: Vec<TableId>, ask: GetOutcome, money: &MoneyPort) {
        while let Some(table) = tables.pop() {
            if let Some(table) = self.get(table) {
                return table.outcome.do_send(AskOutcome { tables, ask });
            }
        }
        money.outcome(ask);
    }
}
