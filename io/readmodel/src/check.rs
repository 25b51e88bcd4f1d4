//! Everything of the read model that the state has as well, for whoever compares the two.

use std::path::Path;

use rusqlite::Row;

use crate::{
    Error, ImageRow, ModelCursor, ModelView, business_check,
    classes::Sums,
    error::sql,
    images,
    money::{StoredMoney, Unsigned},
    view::beside,
};

/// An account with its sums. Minor units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountSums {
    /// The domain.
    pub domain: String,
    /// What it is for.
    pub kind: String,
    /// The kind of its owner.
    pub owner_kind: String,
    /// Its owner's id.
    pub owner: [u8; 16],
    /// Its currency.
    pub currency: String,
    /// Posted debits.
    pub debits: i128,
    /// Posted credits.
    pub credits: i128,
    /// Open holds that will debit it.
    pub debits_pending: i128,
    /// Open holds that will credit it.
    pub credits_pending: i128,
}

/// An open round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenRoundRow {
    /// The table.
    pub table: String,
    /// The number of the round.
    pub round: u64,
    /// The game.
    pub game: String,
    /// Whether its bets are closed.
    pub locked: bool,
}

/// What the tables say, as of a cursor. Each list is as long as what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelContents {
    /// Up to where in the log.
    pub cursor: ModelCursor,
    /// Every account, sorted.
    pub accounts: Vec<AccountSums>,
    /// Every open hold with its amount over all accounts that it draws on, sorted.
    pub open_holds: Vec<([u8; 16], i128)>,
    /// The newest image of every row that is not removed, sorted.
    pub rows: Vec<ImageRow>,
    /// Every open round, sorted.
    pub open_rounds: Vec<OpenRoundRow>,
    /// Transactions that were carried out, and refusals.
    pub transactions: (u64, u64),
    /// Rounds that were drawn.
    pub settled: u64,
    /// What is wrong within the tables: entries, classes and sums of days that do not fit the accounts. Empty when nothing is.
    pub wrong: Vec<String>,
}

impl ModelContents {
    /// Reads the read model beside a log. `None` when there is none of this version of the schema.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(log: &Path) -> Result<Option<Self>, Error> {
        beside(log, |view| {
            let cursor = view.cursor()?;
            let mut contents = view.contents().map_err(sql("read"))?;
            contents.cursor = cursor;
            Ok(contents)
        })
    }
}

impl ModelView<'_> {
    fn contents(&self) -> rusqlite::Result<ModelContents> {
        let account = |row: &Row<'_>| {
            let Sums { debits, credits, debits_pending, credits_pending } = Sums::read(row, 5)?;
            Ok(AccountSums {
                domain: row.get(0)?,
                kind: row.get(1)?,
                owner_kind: row.get(2)?,
                owner: row.get(3)?,
                currency: row.get(4)?,
                debits,
                credits,
                debits_pending,
                credits_pending,
            })
        };
        let query = "SELECT domain, kind, owner_kind, owner, currency, a.debits, a.credits, a.debits_pending, \
                     a.credits_pending FROM accounts a JOIN classes USING (class)";
        let mut accounts: Vec<AccountSums> = self.all(query, account)?;
        accounts.sort_unstable();
        let query = "SELECT hold, amount, lsn, n, sources FROM open_holds";
        let mut open_holds = self.all(query, |row| {
            let (hold, first) = (row.get(0)?, row.get::<_, StoredMoney>(1)?.0);
            let (lsn, n, sources): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let more: Vec<StoredMoney> = match sources {
                ..=1 => Vec::new(),
                _ => self
                    .connection
                    .prepare_cached("SELECT amount FROM hold_sources WHERE lsn = ?1 AND n = ?2")?
                    .query_map([lsn, n], |row| row.get(0))?
                    .collect::<Result<_, _>>()?,
            };
            Ok((hold, more.iter().fold(first, |sum, more| sum.saturating_add(more.0))))
        })?;
        open_holds.sort_unstable();
        let query = "SELECT table_id, round, game, state = 'locked' FROM rounds WHERE ended_lsn IS NULL";
        let mut open_rounds = self.all(query, |row| {
            Ok(OpenRoundRow {
                table: row.get(0)?,
                round: row.get::<_, Unsigned>(1)?.0,
                game: row.get(2)?,
                locked: row.get(3)?,
            })
        })?;
        open_rounds.sort_unstable();
        let count = |query: &str| -> rusqlite::Result<u64> {
            self.connection.query_row(query, [], |row| row.get::<_, Unsigned>(0)).map(|count| count.0)
        };
        Ok(ModelContents {
            cursor: ModelCursor::default(),
            accounts,
            open_holds,
            rows: images::newest(self.connection)?,
            open_rounds,
            transactions: (
                count("SELECT count(*) FROM transactions WHERE code IS NULL")?,
                count("SELECT count(*) FROM transactions WHERE code IS NOT NULL")?,
            ),
            settled: count("SELECT count(*) FROM rounds WHERE state = 'settled'")?,
            wrong: self.wrong()?,
        })
    }

    /// What does not fit within the tables.
    fn wrong(&self) -> rusqlite::Result<Vec<String>> {
        let mut found: Vec<String> = self.all("PRAGMA integrity_check(10)", |row| row.get(0))?;
        found.retain(|line| line != "ok");
        // The newest entry of an account is its balance.
        let query = "SELECT account, a.debits, a.credits, a.debits_pending, a.credits_pending, e.after, e.held_after \
                     FROM accounts a JOIN entries e USING (account) \
                     WHERE e.lsn = (SELECT max(lsn) FROM entries WHERE account = a.account)";
        let newest = self.all(query, |row| {
            let money = |place| row.get::<_, StoredMoney>(place).map(|money| money.0);
            Ok((row.get::<_, i64>(0)?, Sums::read(row, 1)?, money(5)?, money(6)?))
        })?;
        found.extend(
            newest
                .iter()
                .filter(|(_, sums, after, held)| sums.posted() != *after || sums.debits_pending != *held)
                .map(|(account, ..)| format!("the newest entry of account {account} is not its balance")),
        );
        let query = "SELECT account FROM accounts a \
                     WHERE opened_lsn > (SELECT min(lsn) FROM entries WHERE account = a.account)";
        found.extend(
            self.all(query, |row| row.get::<_, i64>(0))?
                .iter()
                .map(|account| format!("account {account} has an entry from before it was opened")),
        );
        // Each entry begins where the one before it ended.
        let query = "SELECT account, delta, after, held_delta, held_after FROM entries ORDER BY account, lsn";
        let mut last: Option<(i64, i128, i128)> = None;
        let mut entries = self.connection.prepare(query)?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            let money = |place| row.get::<_, StoredMoney>(place).map(|money| money.0);
            let account = row.get::<_, i64>(0)?;
            let (after, held) = (money(2)?, money(4)?);
            let before = (after - money(1)?, held - money(3)?);
            let expected =
                last.filter(|(of, ..)| *of == account).map_or((0, 0), |(_, after, held)| (after, held));
            if before != expected && found.len() < 20 {
                found.push(format!(
                    "an entry of account {account} does not begin where the one before it ended"
                ));
            }
            last = Some((account, after, held));
        }
        found.extend(self.wrong_classes()?);
        found.extend(self.wrong_rounds()?);
        found.extend(business_check::wrong(self.connection)?);
        Ok(found)
    }

    /// Rounds without an end whose number of open stakes is not that of their holds.
    fn wrong_rounds(&self) -> rusqlite::Result<Vec<String>> {
        let query = "SELECT table_id, round FROM rounds r WHERE ended_lsn IS NULL AND stakes_open <> (\
                     SELECT count(*) FROM bets b JOIN holds h USING (lsn) \
                     WHERE b.table_id = r.table_id AND b.round = r.round AND b.n = 0 \
                       AND purpose = 'stake' AND h.ended_lsn IS NULL)";
        self.all(query, |row| {
            let (table, round) = (row.get::<_, String>(0)?, row.get::<_, Unsigned>(1)?.0);
            Ok(format!("the open stakes of {table}:{round} are not as many as its row says"))
        })
    }

    /// Classes whose sums are not those of their accounts, and sums of days that are not those of the classes.
    fn wrong_classes(&self) -> rusqlite::Result<Vec<String>> {
        let mut sums: Vec<(i64, u64, Sums)> = Vec::new();
        let query =
            "SELECT class, debits, credits, debits_pending, credits_pending FROM accounts ORDER BY class";
        let mut accounts = self.connection.prepare(query)?;
        let mut rows = accounts.query([])?;
        while let Some(row) = rows.next()? {
            let (class, own) = (row.get::<_, i64>(0)?, Sums::read(row, 1)?);
            match sums.last_mut().filter(|(last, ..)| *last == class) {
                Some((_, accounts, sum)) => {
                    *accounts += 1;
                    sum.debits += own.debits;
                    sum.credits += own.credits;
                    sum.debits_pending += own.debits_pending;
                    sum.credits_pending += own.credits_pending;
                }
                None => sums.push((class, 1, own)),
            }
        }
        let mut found = Vec::new();
        let query = "SELECT class, accounts, debits, credits, debits_pending, credits_pending FROM classes ORDER BY class";
        let classes = self.all(query, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Unsigned>(1)?.0, Sums::read(row, 2)?))
        })?;
        if classes != sums {
            found.push("the sums of a class are not those of its accounts".to_owned());
        }
        for (class, _, own) in &classes {
            let query = "SELECT debits, credits FROM daily_totals WHERE class = ?1";
            let mut days = self.connection.prepare_cached(query)?;
            let days = days.query_map([class], |row| {
                Ok((row.get::<_, StoredMoney>(0)?.0, row.get::<_, StoredMoney>(1)?.0))
            })?;
            let (mut debits, mut credits) = (0, 0);
            for day in days {
                let (more_debits, more_credits) = day?;
                (debits, credits) = (debits + more_debits, credits + more_credits);
            }
            if (debits, credits) != (own.debits, own.credits) {
                found.push(format!("the days of class {class} are not the sum of what was posted"));
            }
        }
        Ok(found)
    }

    fn all<T>(
        &self,
        query: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.connection.prepare(query)?.query_map([], read)?.collect()
    }
}
