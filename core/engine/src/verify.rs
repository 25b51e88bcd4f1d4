//! The auditor of `hub verify`: replays records with the engine's own code, in one of two levels.
//!
//! * *re-apply*: every record is applied with the proofs that a start makes, and what a record must end has ended. It needs
//!   to know neither the recipes nor the kinds of rows, so it works for a log of any release.
//! * *re-decide*: each transaction and each refusal is also decided again, on the state before it, from what its record says
//!   was asked ([`decide`]). Every effect must be the recorded one, and a refusal must be refused for its reason.
//!
//! [`Tally`] says what was done, and what could not be decided again.

mod before;
mod decide;
mod explain;
mod tally;

use std::sync::Arc;

use domains::StateMachine;
use ledger::{HoldId, invariant};
use protocol::TableId;

use self::decide::Decider;
pub use self::{
    before::TableBefore,
    decide::FindGame,
    explain::{Explaining, Explanation, ReDecided, RefusedWhy},
    tally::{Decisions, Occurrences, Tally, Undecided},
};
use crate::{
    item::StateItem,
    record::{Body, Committed, Formats, Record},
    replica::keys_since,
    stored_state::{ItemPlace, StoredState},
    table::{PlayerBets, TableLeg, TableState},
    tx_id::TxId,
    world::World,
};

/// What is wrong with a log, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Place of the record in the log.
    pub lsn: u64,
    /// What is wrong.
    pub what: String,
}

/// How much is proven of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Its effects are applied, and the invariants hold.
    ReApply,
    /// The same, and it is decided again.
    #[default]
    ReDecide,
}

/// Replays and checks a log from its first record.
#[derive(Debug)]
pub struct LogVerifier {
    rules: FindGame,
    formats: Formats,
    level: Level,
    world: World,
    tally: Tally,
    rounds: u64,
    draws: u64,
    closed: Vec<(TableId, u64)>,
}

impl Default for LogVerifier {
    fn default() -> Self {
        Self::with(games::rules)
    }
}

impl LogVerifier {
    /// A verifier with these rules of play, which decides each record again.
    #[must_use]
    pub fn with(rules: FindGame) -> Self {
        Self {
            rules,
            formats: Formats::STANDARD,
            level: Level::default(),
            world: World::default(),
            tally: Tally::default(),
            rounds: 0,
            draws: 0,
            closed: Vec::new(),
        }
    }

    /// The same, for records with these recipes and kinds of rows and facts.
    #[must_use]
    pub fn reading(self, formats: Formats) -> Self {
        Self { formats, ..self }
    }

    /// The same, at this level.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// The same, for the records after those that are in this state, which is trusted.
    #[must_use]
    pub fn on(self, world: World) -> Self {
        let lsn = world.books.lsn();
        let failed = world.tables.iter().filter(|(_, state)| state.failed());
        let closed = failed.map(|(table, _)| (*table, lsn)).collect();
        Self { world, closed, ..self }
    }

    /// The state so far.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Number of keys, of results of players and of past rounds that are in memory: what grows with the log. The rest of the
    /// state grows with accounts, open rounds and tables.
    #[must_use]
    pub fn in_memory(&self) -> usize {
        let books = &self.world.books;
        books.keys_in_memory() + books.domains().balance.results_in_memory() + books.past.count()
    }

    /// The keys that are in memory, each with its outcome, for a state store of their own.
    #[must_use]
    pub fn new_keys(&self) -> Vec<(TxId, Vec<u8>)> {
        keys_since(&self.world, self.world.books.store().lsn())
    }

    /// The last results of players and the past rounds that are in memory, for the same store.
    #[must_use]
    pub fn new_items(&self) -> Vec<(ItemPlace, Vec<u8>)> {
        let books = &self.world.books;
        let results = books.domains().balance.all_recent().cloned().map(StateItem::Result);
        let rounds = books.past.all().map(|(table, past)| StateItem::Round(table, *past));
        results.chain(rounds).map(|item| (item.id().place(), item.encode())).collect()
    }

    /// A state store has every key, result and past round so far: they leave memory.
    pub fn stored(&mut self, store: Arc<dyn StoredState>) {
        self.world.books.turn_to(store);
        self.world.books.forget(usize::MAX);
    }

    /// What the records may have and name.
    #[must_use]
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// What was done so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Number of rounds that ended, and how many of them were drawn. At the level re-decide each was drawn again from its
    /// seed, unless its rules are not known.
    #[must_use]
    pub fn rounds(&self) -> (u64, u64) {
        (self.rounds, self.draws)
    }

    /// Tables that are out of play, each with the place of the first record that did not fit it or that quarantined it.
    /// Their money is proven like that of other tables, but a hub has written a record that it must not write.
    #[must_use]
    pub fn closed(&self) -> &[(TableId, u64)] {
        &self.closed
    }

    /// Checks and applies the next record.
    ///
    /// # Errors
    /// The first thing that is wrong. The state must not be used after that.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Record, Finding> {
        let lsn = self.world.books.lsn() + 1;
        let finding = |what: String| Finding { lsn, what };
        let record =
            Record::decode_effects(bytes, &self.formats).map_err(|error| finding(error.to_string()))?;
        if self.level == Level::ReDecide {
            let decider = Decider { rules: self.rules, rows: self.formats.rows, world: &self.world };
            match decider.decide(&record).map_err(finding)? {
                Ok((name, revision)) => self.tally.decided(name, revision, &record.body),
                Err(Some(why)) => self.tally.undecided(why, lsn),
                Err(None) => {}
            }
        }
        let ending = match &record.body {
            Body::Committed(committed) => self.ending(committed),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => Vec::new(),
        };
        self.world.apply(&record).map_err(|error| finding(error.to_string()))?;
        self.tally.applied(&record.body);
        for hold in ending {
            let balance = self.world.books.domains().balance.ledger();
            invariant::has_ended(balance, hold).map_err(|violation| finding(violation.to_string()))?; // L3
        }
        if let Body::Committed(Committed { table: Some((table, leg)), .. }) = &record.body {
            self.rounds += u64::from(matches!(leg, TableLeg::Settled { .. } | TableLeg::Voided { .. }));
            self.draws += u64::from(matches!(leg, TableLeg::Settled { .. }));
            let failed = self.world.tables.get(table).is_some_and(TableState::failed);
            if failed && self.closed.iter().all(|(known, _)| known != table) {
                self.closed.push((*table, lsn));
            }
        }
        Ok(record)
    }

    /// The holds that a record must end: those that it clears, or those of the round that it ends.
    fn ending(&self, committed: &Committed) -> Vec<HoldId> {
        match &committed.table {
            Some((_, TableLeg::BetsCleared { holds, .. })) => holds.clone(),
            Some((table, TableLeg::Settled { .. } | TableLeg::Voided { .. })) => {
                let open = self.world.tables.get(table).and_then(|state| state.open.as_deref());
                open.into_iter()
                    .flat_map(|open| open.bets.players().values())
                    .flat_map(PlayerBets::holds)
                    .collect()
            }
            Some((
                _,
                TableLeg::Opened { .. }
                | TableLeg::BetPlaced { .. }
                | TableLeg::Locked { .. }
                | TableLeg::Ruled { .. }
                | TableLeg::Quarantined { .. },
            ))
            | None => Vec::new(),
        }
    }

    /// Checks every invariant on the state so far.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Finding> {
        let lsn = self.world.books.lsn();
        self.world.check().map_err(|violation| Finding { lsn, what: violation.to_string() })
    }
}
