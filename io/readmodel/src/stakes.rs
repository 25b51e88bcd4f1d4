//! How many stakes of each round are open.
//!
//! A round that ends gives back or posts all of its stakes in the record that ends it. To write an end for each would change a row
//! for each bet a second time, in pages that have nothing else in common. So a stake has an end of its own only when it ended
//! otherwise: it was taken back, or its round ended and left stakes open. The view `open_holds` knows this.
//! The numbers are kept in the table of rounds, so that this does not depend on when the process was started.

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use crate::{Error, error::sql, money::Unsigned};

/// Most rounds in memory after a commit; the others are read when they are needed.
const KEPT_MAX: usize = 10_000;

/// A round: the place of its table among those that were met, and its number.
pub(crate) type StakedRound = (usize, u64);

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    /// `None` when there is no such round in the tables. Then each stake has an end of its own.
    open: Option<u64>,
    changed: bool,
}

/// The open stakes of the rounds that are played.
#[derive(Debug, Default)]
pub(crate) struct OpenStakes {
    places: FxHashMap<String, usize>,
    tables: Vec<String>,
    rounds: FxHashMap<StakedRound, Counted>,
}

impl OpenStakes {
    /// A round by its table and its number.
    pub fn round(&mut self, table: &str, number: u64) -> StakedRound {
        if let Some(place) = self.places.get(table) {
            return (*place, number);
        }
        let place = self.tables.len();
        self.places.insert(table.to_owned(), place);
        self.tables.push(table.to_owned());
        (place, number)
    }

    fn counted(&mut self, connection: &Connection, round: StakedRound) -> Result<&mut Counted, Error> {
        use std::collections::hash_map::Entry;
        match self.rounds.entry(round) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let query = "SELECT stakes_open FROM rounds WHERE table_id = ?1 AND round = ?2";
                let of = params![self.tables[round.0], Unsigned(round.1)];
                let open = connection
                    .prepare_cached(query)
                    .and_then(|mut read| read.query_row(of, |row| row.get::<_, Unsigned>(0)).optional())
                    .map_err(sql("read a round of"))?;
                Ok(new.insert(Counted { open: open.map(|open| open.0), changed: false }))
            }
        }
    }

    /// A stake of the round is made, or was one of those that ended.
    pub fn change(
        &mut self,
        connection: &Connection,
        round: StakedRound,
        is_made: bool,
    ) -> Result<(), Error> {
        let counted = self.counted(connection, round)?;
        counted.open = counted.open.map(|open| if is_made { open + 1 } else { open.saturating_sub(1) });
        counted.changed = true;
        Ok(())
    }

    /// How many stakes of a round are open; `None` when there is no such round.
    pub fn open(&mut self, connection: &Connection, round: StakedRound) -> Result<Option<u64>, Error> {
        self.counted(connection, round).map(|counted| counted.open)
    }

    /// What was known of a round is not: its row is another one.
    pub fn forget(&mut self, round: StakedRound) {
        self.rounds.remove(&round);
    }

    /// Writes what has changed since the last commit.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        let Self { tables, rounds, .. } = self;
        let mut write = connection
            .prepare_cached("UPDATE rounds SET stakes_open = ?3 WHERE table_id = ?1 AND round = ?2")
            .map_err(sql("write a round of"))?;
        for ((place, number), counted) in rounds.iter_mut().filter(|(_, counted)| counted.changed) {
            counted.changed = false;
            if let Some(open) = counted.open {
                let row = params![tables[*place], Unsigned(*number), Unsigned(open)];
                write.execute(row).map_err(sql("write a round of"))?;
            }
        }
        if rounds.len() > KEPT_MAX {
            rounds.clear();
        }
        Ok(())
    }
}
