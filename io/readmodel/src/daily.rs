//! Sums by day, in UTC: what accounts, recipes and games did. They are gathered in memory and added to the tables at a commit.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use crate::{
    Error,
    error::sql,
    money::{StoredMoney, Unsigned},
    round_sums::RoundSums,
};

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// The day of a time: days since 1970-01-01, UTC.
pub(crate) fn day_of(time_ms: u64) -> i64 {
    i64::try_from(time_ms / DAY_MS).unwrap_or(i64::MAX)
}

#[derive(Debug, Default)]
struct Moved {
    entries: u64,
    debits: i128,
    credits: i128,
}

#[derive(Debug, Default)]
struct Asked {
    transactions: u64,
    amount: i128,
}

/// A recipe, the code of a refusal or nothing, and a currency or nothing.
type AskedKey = (&'static str, &'static str, String);

/// What the records since the last commit add.
#[derive(Debug, Default)]
pub(crate) struct Daily {
    moved: BTreeMap<(i64, i64), Moved>,
    asked: BTreeMap<(i64, AskedKey), Asked>,
    played: BTreeMap<(i64, (String, u16, String)), RoundSums>,
}

impl Daily {
    /// An account of a class was changed by a record.
    pub fn moved(&mut self, day: i64, class: i64, debits: i128, credits: i128) {
        let moved = self.moved.entry((day, class)).or_default();
        moved.entries += 1;
        moved.debits += debits;
        moved.credits += credits;
    }

    /// A transaction was carried out or refused.
    pub fn asked(&mut self, day: i64, key: AskedKey, amount: i128) {
        let asked = self.asked.entry((day, key)).or_default();
        asked.transactions += 1;
        // What was only asked for has no bound in the books.
        asked.amount = asked.amount.saturating_add(amount);
    }

    /// A round of a game, with a version of its rules and a currency, is over.
    pub fn played(&mut self, day: i64, game: (String, u16, String), round: &RoundSums) {
        *self.played.entry((day, game)).or_default() += round;
    }

    /// Adds everything to the tables.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        let Self { moved, asked, played } = std::mem::take(self);
        for ((day, class), mut sum) in moved {
            let key: [&dyn ToSql; 2] = [&day, &class];
            let query = "SELECT entries, debits, credits FROM daily_totals WHERE day = ?1 AND class = ?2";
            if let Some((entries, debits, credits)) = known(connection, query, &key, |row| {
                Ok((row.get::<_, Unsigned>(0)?, row.get::<_, StoredMoney>(1)?, row.get::<_, StoredMoney>(2)?))
            })? {
                sum.entries += entries.0;
                sum.debits += debits.0;
                sum.credits += credits.0;
            }
            let row =
                params![day, class, Unsigned(sum.entries), StoredMoney(sum.debits), StoredMoney(sum.credits)];
            put(connection, "INSERT OR REPLACE INTO daily_totals VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
        }
        for ((day, (recipe, code, currency)), mut sum) in asked {
            let key: [&dyn ToSql; 4] = [&day, &recipe, &code, &currency];
            let query = "SELECT transactions, amount FROM daily_transactions \
                         WHERE day = ?1 AND recipe = ?2 AND code = ?3 AND currency = ?4";
            if let Some((transactions, amount)) = known(connection, query, &key, |row| {
                Ok((row.get::<_, Unsigned>(0)?, row.get::<_, StoredMoney>(1)?))
            })? {
                sum.transactions += transactions.0;
                sum.amount = sum.amount.saturating_add(amount.0);
            }
            let row =
                params![day, recipe, code, currency, Unsigned(sum.transactions), StoredMoney(sum.amount)];
            let write = "INSERT OR REPLACE INTO daily_transactions VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            put(connection, write, row)?;
        }
        for ((day, (game, rules, currency)), sum) in played {
            add_game(connection, (day, &game, rules, &currency), sum)?;
        }
        Ok(())
    }
}

fn add_game(
    connection: &Connection,
    (day, game, rules, currency): (i64, &str, u16, &str),
    mut sum: RoundSums,
) -> Result<(), Error> {
    let key: [&dyn ToSql; 4] = [&day, &game, &rules, &currency];
    let query = "SELECT settled, voided, requests, staked, returned, staked_squares FROM daily_games \
                 WHERE day = ?1 AND game = ?2 AND rules = ?3 AND currency = ?4";
    if let Some(before) = known(connection, query, &key, |row| RoundSums::read(row, 0))? {
        sum += &before;
    }
    let row = params![
        day,
        game,
        rules,
        currency,
        Unsigned(sum.settled),
        Unsigned(sum.voided),
        Unsigned(sum.requests),
        StoredMoney(sum.staked),
        StoredMoney(sum.returned),
        sum.staked_squares
    ];
    put(
        connection,
        "INSERT OR REPLACE INTO daily_games VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        row,
    )
}

fn known<T>(
    connection: &Connection,
    query: &str,
    key: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Error> {
    let found = connection.prepare_cached(query).and_then(|mut find| find.query_row(key, read).optional());
    found.map_err(sql("read the sums of days of"))
}

fn put(connection: &Connection, write: &str, row: &[&dyn ToSql]) -> Result<(), Error> {
    let written = connection.prepare_cached(write).and_then(|mut write| write.execute(row));
    written.map(drop).map_err(sql("write the sums of days of"))
}
