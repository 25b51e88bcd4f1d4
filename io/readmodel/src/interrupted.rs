//! Rounds that did not come to a draw: those that are void, and those without an end.

use rusqlite::{Row, params};

use crate::{
    Error, ModelView, Moments,
    error::sql,
    listing::{ListPage, LsnPage},
    money::{StoredMoney, Unsigned},
};

/// Money that is still held for a round, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StakesHeld {
    /// Open holds.
    pub holds: u64,
    /// What they set aside.
    pub amount: i128,
}

/// A round that is void, or has no end yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedRound {
    /// The record that opened it.
    pub opened_lsn: u64,
    /// When it was opened, milliseconds since 1970.
    pub opened_ms: u64,
    /// The table.
    pub table: String,
    /// Its number there.
    pub round: u64,
    /// `open`, `locked` or `voided`.
    pub state: String,
    /// The game.
    pub game: String,
    /// Version of its rules.
    pub rules: u16,
    /// The currency of its stakes.
    pub currency: String,
    /// When it was declared void, milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// The record that did.
    pub ended_lsn: Option<u64>,
    /// Why it is void.
    pub reason: Option<String>,
    /// What is still held for it.
    pub held: StakesHeld,
}

impl ModelView<'_> {
    /// Rounds that were opened at these moments and are void or have no end, but those at tables in `played` without an end:
    /// these go on. A page of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn interrupted(
        &self,
        when: &Moments,
        played: &[String],
        page: LsnPage,
    ) -> Result<ListPage<InterruptedRound>, Error> {
        let span = self.span(when)?.and_then(|span| page.rest_of(span));
        let Some(span) = span else { return Ok(ListPage::empty()) };
        self.not_drawn(span, played, page).map_err(sql("read the rounds of"))
    }

    fn not_drawn(
        &self,
        (first, last): (u64, u64),
        played: &[String],
        page: LsnPage,
    ) -> rusqlite::Result<ListPage<InterruptedRound>> {
        let columns = "opened_lsn, opened_ms, table_id, round, state, game, rules, currency, ended_ms, ended_lsn, reason";
        let query = format!(
            "SELECT {columns} FROM rounds WHERE ended_lsn IS NULL AND opened_lsn BETWEEN ?1 AND ?2 \
             UNION ALL SELECT {columns} FROM rounds WHERE state = 'voided' AND opened_lsn BETWEEN ?1 AND ?2 \
             ORDER BY opened_lsn {}",
            page.order()
        );
        let mut found = self.connection.prepare(&query)?;
        let mut found = found.query([Unsigned(first), Unsigned(last)])?;
        let mut lines: Vec<InterruptedRound> = Vec::new();
        while let Some(row) = found.next()? {
            let mut line = line(row)?;
            if line.ended_lsn.is_none() && played.contains(&line.table) {
                continue;
            }
            if lines.len() == page.limit {
                let goes_on_after = lines.last().map(|line| line.opened_lsn);
                return Ok(ListPage { lines, goes_on_after });
            }
            if line.ended_lsn.is_none() {
                line.held = self.held_for(&line.table, line.round)?;
            }
            lines.push(line);
        }
        Ok(ListPage { lines, goes_on_after: None })
    }

    /// What is held for a round. Its bets name the records that made the holds.
    fn held_for(&self, table: &str, round: u64) -> rusqlite::Result<StakesHeld> {
        let query = "SELECT amount FROM holds \
                     WHERE lsn IN (SELECT lsn FROM bets WHERE table_id = ?1 AND round = ?2) AND ended_lsn IS NULL \
                     UNION ALL SELECT s.amount FROM holds h JOIN hold_sources s USING (lsn, n) \
                     WHERE lsn IN (SELECT lsn FROM bets WHERE table_id = ?1 AND round = ?2) AND ended_lsn IS NULL";
        let mut held = StakesHeld::default();
        let mut found = self.connection.prepare_cached(query)?;
        for amount in found.query_map(params![table, Unsigned(round)], |row| row.get::<_, StoredMoney>(0))? {
            held.amount += amount?.0;
        }
        let query = "SELECT count(*) FROM holds \
                     WHERE lsn IN (SELECT lsn FROM bets WHERE table_id = ?1 AND round = ?2) AND ended_lsn IS NULL";
        let mut count = self.connection.prepare_cached(query)?;
        held.holds = count.query_row(params![table, Unsigned(round)], |row| row.get::<_, Unsigned>(0))?.0;
        Ok(held)
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<InterruptedRound> {
    Ok(InterruptedRound {
        opened_lsn: row.get::<_, Unsigned>(0)?.0,
        opened_ms: row.get::<_, Unsigned>(1)?.0,
        table: row.get(2)?,
        round: row.get::<_, Unsigned>(3)?.0,
        state: row.get(4)?,
        game: row.get(5)?,
        rules: row.get(6)?,
        currency: row.get(7)?,
        ended_ms: row.get::<_, Option<Unsigned>>(8)?.map(|ms| ms.0),
        ended_lsn: row.get::<_, Option<Unsigned>>(9)?.map(|lsn| lsn.0),
        reason: row.get(10)?,
        held: StakesHeld::default(),
    })
}
