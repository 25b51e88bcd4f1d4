//! The tables as the players see them: which round is open, and until when.

use std::time::Instant;

use protocol::TableId;

/// One table in play.
#[derive(Debug)]
pub struct Table {
    /// Its id.
    pub id: TableId,
    /// Number of the newest round known.
    pub round: u64,
    /// When betting ends on the local clock, while it goes on.
    closes: Option<Instant>,
    /// Players at it: every `step`-th from `first` on.
    first: usize,
    count: usize,
}

/// All tables in play.
#[derive(Debug)]
pub struct Tables {
    all: Vec<Table>,
    open: Vec<usize>,
}

impl Tables {
    /// Tables for players who were given to them in turn.
    #[must_use]
    pub fn new(ids: &[TableId], players: usize) -> Self {
        let table = |(first, id): (usize, &TableId)| Table {
            id: *id,
            round: 0,
            closes: None,
            first,
            count: (players + ids.len() - 1 - first) / ids.len(),
        };
        Self { all: ids.iter().enumerate().map(table).collect(), open: Vec::new() }
    }

    /// A table.
    #[must_use]
    pub fn get(&self, table: usize) -> &Table {
        &self.all[table]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Tables that take bets.
    #[must_use]
    pub fn open(&self) -> &[usize] {
        &self.open
    }

    /// A round takes bets. An older round than the known one is no news: several players hear the same.
    pub fn opened(&mut self, table: usize, round: u64, closes: Instant) {
        let entry = &mut self.all[table];
        if round <= entry.round || entry.count == 0 {
            return;
        }
        entry.round = round;
        entry.closes = Some(closes);
        if !self.open.contains(&table) {
            self.open.push(table);
        }
    }

    /// A round takes no more bets.
    pub fn locked(&mut self, table: usize, round: u64) {
        let entry = &mut self.all[table];
        if round >= entry.round {
            entry.round = round;
            entry.closes = None;
            self.open.retain(|open| *open != table);
        }
    }

    /// Closes every table whose betting ends before `limit`.
    pub fn close_before(&mut self, limit: Instant) {
        let all = &self.all;
        self.open.retain(|table| all[*table].closes.is_some_and(|closes| closes > limit));
    }

    /// The `nth` player of a table, counted around.
    #[must_use]
    pub fn player(&self, table: usize, nth: usize) -> usize {
        let entry = &self.all[table];
        entry.first + (nth % entry.count) * self.all.len()
    }

    /// How many players a table has.
    #[must_use]
    pub fn players(&self, table: usize) -> usize {
        self.all[table].count
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::{collections::BTreeSet, time::Duration};

    use super::*;

    fn tables(count: usize, players: usize) -> Tables {
        let ids: Vec<TableId> = (0..count).map(|number| format!("t{number}").parse().unwrap()).collect();
        Tables::new(&ids, players)
    }

    #[test]
    fn every_player_sits_at_exactly_one_table() {
        let tables = tables(3, 8);
        let seats = (0..3).flat_map(|table| (0..tables.players(table)).map(move |nth| (table, nth)));
        let seated: BTreeSet<usize> = seats
            .map(|(table, nth)| {
                let player = tables.player(table, nth);
                assert_eq!(player % 3, table);
                player
            })
            .collect();
        assert_eq!(seated, (0..8).collect());
    }

    #[test]
    fn a_table_is_open_from_its_round_to_its_lock_or_its_time() {
        let mut tables = tables(2, 4);
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        tables.opened(0, 7, later);
        tables.opened(0, 7, later);
        tables.opened(1, 3, later + Duration::from_secs(5));
        assert_eq!(tables.open(), [0, 1]);
        tables.close_before(later);
        assert_eq!(tables.open(), [1]);
        tables.locked(1, 2);
        assert_eq!(tables.open(), [1], "an old lock is no news");
        tables.locked(1, 3);
        tables.opened(1, 3, later);
        assert_eq!(tables.open(), [0; 0], "a locked round does not open again");
        tables.opened(1, 4, later);
        assert_eq!(tables.open(), [1]);
    }

    #[test]
    fn a_table_without_players_never_opens() {
        let mut tables = tables(3, 2);
        tables.opened(2, 1, Instant::now());
        assert!(tables.open().is_empty());
    }
}
