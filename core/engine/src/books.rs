//! The money side of the state: five domains, the keys, the facts, the open and the past rounds, and its reads.
//!
//! [`Books::turn`] decides on it; only [`Books::apply`] and [`Books::take`] change it.

use std::sync::Arc;

use domains::{Domains, results::Settled};
use ledger::Domain;
use protocol::{Currency, PlayerId, RoundId, TableId};

use crate::{
    components::{Component, StateDigest},
    facts::{Fact, Facts},
    item::{ItemId, StateItem},
    keys::{Found, KeyState, Keys, Outcome},
    past_rounds::PastRounds,
    record::{Body, Formats, Record, Unknown},
    rounds::Rounds,
    stored_state::{StoredState, Unreadable},
    table::PastRound,
    tx_id::TxId,
};

/// The money side of the state, with the place and time of the last record applied.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub(crate) domains: Domains,
    pub(crate) facts: Facts,
    pub(crate) keys: Keys,
    pub(crate) rounds: Rounds,
    pub(crate) past: PastRounds,
    pub(crate) lsn: u64,
    pub(crate) time: u64,
}

impl Books {
    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    /// The facts that the log has recorded about its hub.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The open round of a table, as the records say that were applied. A table applies a record later, when it is durable.
    #[must_use]
    pub fn open_round(&self, table: TableId) -> Option<RoundId> {
        self.rounds.open(table)
    }

    /// The past rounds of a table that the state store does not have yet, newest first. Those of records that are not durable
    /// are among them.
    pub fn recent_rounds(&self, table: TableId) -> impl Iterator<Item = &PastRound> {
        self.past.of(table)
    }

    /// Whether an account is kept in a currency.
    #[must_use]
    pub fn uses(&self, currency: Currency) -> bool {
        let uses = |domain| self.domains.ledger(domain).used().currencies.contains(&currency);
        Domain::ALL.into_iter().any(uses)
    }

    /// Place in the log of the last record applied; 0 before the first.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Time of the last record, milliseconds since 1970.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Number of keys that have an outcome.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys.count()
    }

    /// Number of the keys that are in memory.
    #[must_use]
    pub fn keys_in_memory(&self) -> usize {
        self.keys.in_memory()
    }

    /// The outcome of a transaction, when it has one. May wait for a disk: live, [`Books::key_state`] is asked.
    ///
    /// # Errors
    /// When the state store cannot be read.
    pub fn outcome(&self, id: TxId) -> Result<Option<Outcome>, Unreadable> {
        Ok(self.keys.look_up(id)?.map(|(_, outcome)| outcome))
    }

    /// What is known of a key without a wait. `found` is what was looked up for it, if anything was.
    #[must_use]
    pub fn key_state(&self, id: TxId, found: Option<&Found>) -> KeyState {
        self.keys.state(id, found)
    }

    /// The state store that has what is not in memory.
    #[must_use]
    pub fn store(&self) -> Arc<dyn StoredState> {
        self.keys.older().clone()
    }

    /// The state store has a new commit: from now on it is the current one. What it has leaves memory by [`Books::forget`].
    /// Returns the commit before: whoever drops it last closes files.
    pub fn turn_to(&mut self, store: Arc<dyn StoredState>) -> Arc<dyn StoredState> {
        self.keys.turn_to(store)
    }

    /// Drops from memory what the state store has, keys, results and past rounds, but no more than `most` of each. Returns
    /// whether all of it is dropped.
    pub fn forget(&mut self, most: usize) -> bool {
        let stored = self.keys.older().lsn();
        let dropped = [
            self.keys.forget(most),
            self.domains.balance.forget_results(stored, most),
            self.past.forget(stored, most),
        ];
        dropped.into_iter().all(|all| all)
    }

    /// The digest of the whole money state, component by component.
    #[must_use]
    pub fn digest(&self) -> StateDigest {
        let ledgers = Domain::ALL.into_iter().flat_map(|domain| {
            let digests = self.domains.ledger(domain).digests();
            [(Component::Accounts(domain), digests.accounts), (Component::Holds(domain), digests.holds)]
        });
        let rows = self.domains.rows.digests().map(|(kind, digest)| (Component::Rows(kind), digest));
        let others = [
            (Component::Players, self.domains.balance.digests().players),
            (Component::Results, self.domains.balance.digests().results),
            (Component::Keys, self.keys.digest()),
            (Component::Facts, self.facts.digest()),
            (Component::Rounds, self.rounds.digest()),
            (Component::PastRounds, self.past.digest()),
        ];
        StateDigest::new(ledgers.chain(rows).chain(others))
    }

    /// A record of the current digest.
    #[must_use]
    pub fn digest_record(&self, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Digest(self.digest()) }
    }

    /// A record of a fact.
    #[must_use]
    pub fn fact_record(&self, fact: Fact, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Fact(fact) }
    }
}

/// The last results of a player: `recent` are those in memory, newest first, of `results` in all; the older ones are read from
/// the state store. May wait for a disk.
///
/// # Errors
/// When the state store cannot be read.
pub fn last_results(
    store: &dyn StoredState,
    player: PlayerId,
    results: u64,
    recent: Vec<Settled>,
) -> Result<Vec<Settled>, Unreadable> {
    let mut found = recent;
    let oldest = results.saturating_sub(domains::results::RESULTS_MAX as u64);
    for number in (oldest + 1..=results).rev().skip(found.len()) {
        let id = ItemId::Result(player, Settled::place(number));
        let bytes =
            store.item(id.place())?.ok_or_else(|| Unreadable::damage(format!("{id:?} is missing")))?;
        match StateItem::decode(&bytes, &Formats::STANDARD, Unknown::Kept) {
            Ok(StateItem::Result(settled)) if settled.number == number => found.push(settled),
            Ok(_) => return Err(Unreadable::damage(format!("{id:?} is another item"))),
            Err(error) => return Err(Unreadable::damage(format!("{id:?}: {error}"))),
        }
    }
    Ok(found)
}
