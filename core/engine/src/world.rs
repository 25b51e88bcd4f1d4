//! The whole state, money and tables: rebuilt by replay, `hub verify`, the state store's follower and the simulation.

mod paging;

use std::collections::BTreeMap;

use protocol::TableId;

pub use self::paging::{Loading, Unloadable};
use crate::{
    apply::{Applied, ApplyError},
    books::Books,
    components::Component,
    facts::{Fact, SecretName},
    invariant::{self, Violation},
    record::{Body, Record},
    table::TableState,
};

/// The whole state that the records of a log make.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The money side.
    pub books: Books,
    /// Every table that has had a record.
    pub tables: BTreeMap<TableId, TableState>,
}

/// The result of applying a record to the whole state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorldApplied {
    /// The money side's part.
    pub money: Applied,
    /// Offset of the event on the table's channel.
    pub table_event: Option<u64>,
}

impl World {
    /// Applies the next record: money first, then the table.
    ///
    /// # Errors
    /// When the record does not fit the money side: the log is refused. A table that the record does not fit is no
    /// error: it becomes unfit, and only a record of the live hub quarantines it.
    pub fn apply(&mut self, record: &Record) -> Result<WorldApplied, ApplyError> {
        if let Body::Fact(fact) = &record.body {
            fact_stands_in(self, fact)?;
        }
        let money = self.books.apply(record)?;
        let table_event = match &record.body {
            Body::Committed(committed) => committed
                .table
                .as_ref()
                .and_then(|(table, leg)| self.tables.entry(*table).or_default().apply(leg, record.time)),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
        };
        Ok(WorldApplied { money, table_event })
    }

    /// Whether this is what every release makes of the log so far. What becomes of a table that a record did not fit, only
    /// the record of its quarantine says: before that nothing is written into the state store.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.tables.values().all(|table| !table.unfit)
    }

    /// Checks every invariant on the whole state (`L1`, `L2`, `L4`, `E2`, `E6`). Costs a pass over all accounts and bets.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        self.books.check()?;
        let tables = || self.tables.iter().map(|(table, state)| (*table, state));
        invariant::stakes_are_held(&self.books, tables())?;
        invariant::rounds_are_open(&self.books, tables())
    }
}

/// `E5` in full: what the money side depends on, and the seed secret while a round is open.
///
/// # Errors
/// When the log has recorded another value.
pub fn fact_stands_in(world: &World, fact: &Fact) -> Result<(), Violation> {
    let is_seed = matches!(fact, Fact::Check { secret: SecretName::Seed, .. });
    if is_seed && world.books.facts().denies(fact) && world.books.rounds.all().next().is_some() {
        return Err(Violation::FactChanged { fact: fact.clone() });
    }
    invariant::fact_stands(&world.books, fact)
}

/// `E3`: two copies of the state are the same in their place in the log, their money and their tables.
///
/// # Errors
/// The first difference.
pub fn same(one: &World, other: &World) -> Result<(), Violation> {
    let place = |world: &World| (world.books.lsn(), world.books.time());
    if place(one) != place(other) {
        return Err(Violation::Place { one: one.books.lsn(), other: other.books.lsn() });
    }
    if let Some(component) = one.books.digest().differing(&other.books.digest()) {
        return Err(Violation::Money(component));
    }
    // Their digest has the numbers alone.
    if one.books.rounds != other.books.rounds {
        return Err(Violation::Money(Component::Rounds));
    }
    same_tables(&one.tables, &other.tables)
}

fn same_tables(
    one: &BTreeMap<TableId, TableState>,
    other: &BTreeMap<TableId, TableState>,
) -> Result<(), Violation> {
    for (table, state) in one {
        if other.get(table) != Some(state) {
            return Err(Violation::Table(*table));
        }
    }
    match other.keys().find(|table| !one.contains_key(table)) {
        Some(table) => Err(Violation::Table(*table)),
        None => Ok(()),
    }
}
