//! A player's statement: one line for each record that changed one of the player's accounts, with the money before and after it.
//!
//! Lines are in the order of the log: by record, and within a record by the order in which it touched the accounts. A page is
//! read from an index, in time that does not depend on how much there is before it.

use std::{cmp::Ordering, collections::BinaryHeap};

use rusqlite::{OptionalExtension, Row, ToSql, params};

use crate::{
    AmountRange, Error, ModelView, Moments,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// The place of a line: the record, and the line in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinePlace {
    /// The record.
    pub lsn: u64,
    /// The account within the record, from 0.
    pub n: u32,
}

/// An account of an owner, as people name it: `balance:cash:EUR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName {
    /// The domain.
    pub domain: String,
    /// What it is for.
    pub kind: String,
    /// Its currency.
    pub currency: String,
}

/// Which lines are wanted. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatementFilter {
    /// The recipe of the transaction, such as `DEPOSIT`.
    pub recipe: Option<String>,
    /// The account.
    pub account: Option<AccountName>,
    /// The table.
    pub table: Option<String>,
    /// The number of the round at its table.
    pub round: Option<u64>,
    /// When it was decided.
    pub when: Moments,
    /// By how much the available money has changed, up or down.
    pub amount: AmountRange,
    /// The operator's reference.
    pub reference: Option<String>,
}

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last line of the page before; `None` for the first page.
    pub after: Option<LinePlace>,
    /// Whether the newest lines come first.
    pub newest_first: bool,
    /// Most lines.
    pub limit: usize,
}

/// One line. Money in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// Its place.
    pub place: LinePlace,
    /// When it was decided, milliseconds since 1970.
    pub time_ms: u64,
    /// The transaction.
    pub tx: [u8; 16],
    /// Its recipe.
    pub recipe: String,
    /// The kind of who asked.
    pub principal_kind: String,
    /// The account.
    pub account: AccountName,
    /// Balance before it, held money included.
    pub before: i128,
    /// Balance after it.
    pub after: i128,
    /// Money set aside before it.
    pub held_before: i128,
    /// Money set aside after it.
    pub held_after: i128,
    /// The operator's reason code.
    pub reason: Option<String>,
    /// The operator's reference.
    pub reference: Option<String>,
    /// The table and the number of its round.
    pub round: Option<(String, Option<u64>)>,
}

impl StatementLine {
    /// By how much the available money has changed.
    #[must_use]
    pub fn amount(&self) -> i128 {
        (self.after - self.held_after) - (self.before - self.held_before)
    }
}

/// An account of the owner, with the decimals of its currency.
struct Own {
    number: i64,
    name: AccountName,
    scale: u32,
}

/// A line in the order of the page: the largest is given first.
struct Next {
    line: StatementLine,
    newest_first: bool,
    source: usize,
}

impl Next {
    fn place(&self) -> LinePlace {
        self.line.place
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.place().cmp(&other.place());
        if self.newest_first { order } else { order.reverse() }
    }
}

impl ModelView<'_> {
    /// The lines of a player's statement that a filter wants: a page of them, and whether there are more.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn statement(
        &self,
        player: [u8; 16],
        filter: &StatementFilter,
        page: Page,
    ) -> Result<(Vec<StatementLine>, bool), Error> {
        let mut accounts = self.own(player)?;
        if let Some(wanted) = &filter.account {
            accounts.retain(|own| own.name == *wanted);
        }
        let Some(bounds) = self.span(&filter.when)? else { return Ok((Vec::new(), false)) };
        self.merged(&accounts, filter, bounds, page).map_err(sql("read the entries of"))
    }

    /// The accounts of a player.
    fn own(&self, player: [u8; 16]) -> Result<Vec<Own>, Error> {
        let query = "SELECT account, domain, kind, currency, coalesce(scale, 0) FROM accounts JOIN classes USING (class) \
                     LEFT JOIN currencies USING (currency) WHERE owner = ?1 AND owner_kind = 'player'";
        let own = |row: &Row<'_>| {
            let name = AccountName { domain: row.get(1)?, kind: row.get(2)?, currency: row.get(3)? };
            Ok(Own { number: row.get(0)?, name, scale: row.get(4)? })
        };
        let found = self.connection.prepare_cached(query);
        found.and_then(|mut found| found.query_map([player], own)?.collect()).map_err(sql("read accounts of"))
    }

    /// Reads each account in order, and gives the lines of all of them in order.
    fn merged(
        &self,
        accounts: &[Own],
        filter: &StatementFilter,
        (first, last): (u64, u64),
        page: Page,
    ) -> rusqlite::Result<(Vec<StatementLine>, bool)> {
        let (first, last) = match (page.after, page.newest_first) {
            (None, _) => (first, last),
            (Some(after), false) => (first.max(after.lsn), last),
            (Some(after), true) => (first, last.min(after.lsn)),
        };
        let order = if page.newest_first { "DESC" } else { "ASC" };
        let query = format!(
            "SELECT e.lsn, e.n, e.delta, e.after, e.held_delta, e.held_after, \
                    t.time_ms, t.tx, t.recipe, t.principal_kind, t.reason, t.reference, t.table_id, t.round \
             FROM entries e CROSS JOIN transactions t ON t.lsn = e.lsn \
             WHERE e.account = ?1 AND e.lsn BETWEEN ?2 AND ?3 \
               AND (?4 IS NULL OR t.recipe = ?4) AND (?5 IS NULL OR t.table_id = ?5) \
               AND (?6 IS NULL OR t.round = ?6) AND (?7 IS NULL OR t.reference = ?7) \
             ORDER BY e.lsn {order}"
        );
        let mut statements = Vec::with_capacity(accounts.len());
        for _ in accounts {
            // Each account needs its own: they are read side by side.
            statements.push(self.connection.prepare(&query)?);
        }
        let mut reads = Vec::with_capacity(accounts.len());
        for (statement, own) in statements.iter_mut().zip(accounts) {
            let wanted: [&dyn ToSql; 7] = [
                &own.number,
                &Unsigned(first),
                &Unsigned(last),
                &filter.recipe,
                &filter.table,
                &filter.round.map(Unsigned),
                &filter.reference,
            ];
            reads.push((statement.query(&wanted[..])?, own));
        }
        let is_behind = |place: LinePlace| match page.after {
            None => true,
            Some(after) if page.newest_first => place < after,
            Some(after) => place > after,
        };
        let mut next = |source: usize| -> rusqlite::Result<Option<Next>> {
            let Some((rows, own)) = reads.get_mut(source) else { return Ok(None) };
            while let Some(row) = rows.next()? {
                let line = line(row, own)?;
                if is_behind(line.place) && filter.amount.has(line.amount(), own.scale) {
                    return Ok(Some(Next { line, newest_first: page.newest_first, source }));
                }
            }
            Ok(None)
        };
        let mut heap = BinaryHeap::new();
        for source in 0..accounts.len() {
            heap.extend(next(source)?);
        }
        let mut lines = Vec::new();
        while let Some(Next { line, source, .. }) = heap.pop() {
            if lines.len() == page.limit {
                return Ok((lines, true));
            }
            lines.push(line);
            heap.extend(next(source)?);
        }
        Ok((lines, false))
    }

    /// The transaction of a record, if it has one: recipe and code of the refusal.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transaction(&self, lsn: u64) -> Result<Option<(String, Option<String>)>, Error> {
        self.connection
            .prepare_cached("SELECT recipe, code FROM transactions WHERE lsn = ?1")
            .and_then(|mut find| {
                find.query_row(params![Unsigned(lsn)], |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(sql("read a transaction of"))
    }
}

fn line(row: &Row<'_>, own: &Own) -> rusqlite::Result<StatementLine> {
    let money = |place: usize| row.get::<_, StoredMoney>(place).map(|money| money.0);
    let (delta, after, held_delta, held_after) = (money(2)?, money(3)?, money(4)?, money(5)?);
    let round = row.get::<_, Option<Unsigned>>(13)?.map(|round| round.0);
    Ok(StatementLine {
        place: LinePlace { lsn: row.get::<_, Unsigned>(0)?.0, n: row.get(1)? },
        time_ms: row.get::<_, Unsigned>(6)?.0,
        tx: row.get(7)?,
        recipe: row.get(8)?,
        principal_kind: row.get(9)?,
        account: own.name.clone(),
        before: after - delta,
        after,
        held_before: held_after - held_delta,
        held_after,
        reason: row.get(10)?,
        reference: row.get(11)?,
        round: row.get::<_, Option<String>>(12)?.map(|table| (table, round)),
    })
}
