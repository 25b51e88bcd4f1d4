//! Past rounds: the rounds that have ended at each table. The state store keeps the last ones of each table; the money side
//! keeps those that the store does not have yet, as it does with players' results.

use domains::recent::Recent;
use ledger::Digest;
use protocol::TableId;

use crate::{
    item::{ItemId, StateItem},
    record::{Formats, Unknown},
    stored_state::{StoredState, Unreadable},
    table::{PAST_ROUNDS_MAX, PastRound},
};

/// The past rounds that the state store does not have yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct PastRounds {
    recent: Recent<TableId, PastRound, PAST_ROUNDS_MAX>,
    /// Of every past round that there ever was, also of those that are not kept any more.
    digest: Digest,
}

impl PastRounds {
    /// None is in memory, and the digest is that of all that there were.
    pub fn restored(digest: Digest) -> Self {
        Self { digest, ..Self::default() }
    }

    /// Adds a round that has ended by the record at `lsn`, instead of what was at its place: what there is in memory and in a
    /// store then follows from the log alone, and not from when the store was committed. That may also be the same round,
    /// which a quarantine has opened again, and numbers may have a gap at a table that failed.
    pub fn push(&mut self, lsn: u64, table: TableId, past: PastRound) {
        self.digest.add(past.print(table));
        let place = PastRound::place(past.number);
        self.recent.replace(table, |older| PastRound::place(older.number) == place);
        self.recent.push(lsn, table, past);
    }

    /// Those of a table, newest first.
    pub fn of(&self, table: TableId) -> impl Iterator<Item = &PastRound> {
        self.recent.of(table)
    }

    /// Number of them.
    pub fn count(&self) -> usize {
        self.recent.count()
    }

    /// Every one with its table.
    pub fn all(&self) -> impl Iterator<Item = (TableId, &PastRound)> {
        self.recent.all()
    }

    /// The one that has ended by the record at `lsn`, if that is the last record that has ended one.
    pub fn ended_at(&self, lsn: u64) -> Option<(TableId, &PastRound)> {
        let (_, table) = self.recent.newest().filter(|(newest, _)| *newest == lsn)?;
        self.recent.of(table).next().map(|past| (table, past))
    }

    /// Drops those that are recorded up to `lsn`, but no more than `most`. Returns whether all of them are dropped.
    pub fn forget(&mut self, lsn: u64, most: usize) -> bool {
        self.recent.forget(lsn, most)
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// The last rounds of a table up to `newest`, newest first: `recent` are those in memory, newest first, and may go on behind
/// `newest`; the older ones are read from the state store. May wait for a disk. `gaps`: rounds may be missing, because the
/// table did not take a record as the money did ([`TableState::failed`](crate::table::TableState::failed)).
///
/// # Errors
/// When the state store cannot be read.
pub fn last_rounds(
    store: &dyn StoredState,
    table: TableId,
    newest: u64,
    recent: &[PastRound],
    gaps: bool,
) -> Result<Vec<PastRound>, Unreadable> {
    let newest = recent.first().map_or(newest, |past| past.number.max(newest));
    let oldest = newest.saturating_sub(PAST_ROUNDS_MAX as u64);
    let mut found = Vec::with_capacity((newest - oldest) as usize);
    for number in (oldest + 1..=newest).rev() {
        match recent.iter().find(|past| past.number == number) {
            Some(past) => found.push(*past),
            None => match stored(store, table, number)? {
                Some(past) => found.push(past),
                None if gaps => {}
                None => {
                    return Err(Unreadable::damage(format!("round {number} of table {table} is missing")));
                }
            },
        }
    }
    Ok(found)
}

/// What the store has of a past round; `None` when there is none at its place, or one of another number that belongs there.
fn stored(store: &dyn StoredState, table: TableId, number: u64) -> Result<Option<PastRound>, Unreadable> {
    let id = ItemId::Round(table, PastRound::place(number));
    let Some(bytes) = store.item(id.place())? else { return Ok(None) };
    match StateItem::decode(&bytes, &Formats::STANDARD, Unknown::Kept) {
        Ok(item @ StateItem::Round(_, past)) if item.id() == id => {
            Ok((past.number == number).then_some(past))
        }
        Ok(_) => Err(Unreadable::damage(format!("{id:?} is another item"))),
        Err(error) => Err(Unreadable::damage(format!("{id:?}: {error}"))),
    }
}
