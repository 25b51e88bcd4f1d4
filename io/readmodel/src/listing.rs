//! The list of transactions: those that were carried out, and the refusals that stand.
//!
//! Lines are in the order of the log. A page looks at a bounded number of transactions, so it may have fewer lines than were asked
//! for, or none, and be followed by more.

use rusqlite::{OptionalExtension, Row, ToSql};

use crate::{
    AmountRange, Error, ModelView, Moments,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// Most transactions that are looked at for a page.
const LOOKS_MAX: usize = if cfg!(test) { 20 } else { 5_000 };

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedAs {
    /// It was carried out.
    Committed,
    /// It was refused, and the refusal stands.
    Rejected,
}

/// Which transactions are wanted. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    /// The recipe, such as `DEPOSIT`.
    pub recipe: Option<String>,
    /// How it ended.
    pub decision: Option<ListedAs>,
    /// Why it was refused.
    pub code: Option<String>,
    /// The player whom it is about, or an account of whom it changed.
    pub player: Option<[u8; 16]>,
    /// The operator who asked.
    pub operator: Option<[u8; 16]>,
    /// The table.
    pub table: Option<String>,
    /// The number of the round at its table.
    pub round: Option<u64>,
    /// When it was decided.
    pub when: Moments,
    /// The amount that was asked for.
    pub amount: AmountRange,
    /// The operator's reference.
    pub reference: Option<String>,
}

/// A transaction. Money in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionLine {
    /// Its record.
    pub lsn: u64,
    /// When it was decided, milliseconds since 1970.
    pub time_ms: u64,
    /// Its id.
    pub tx: [u8; 16],
    /// The recipe; of a table's refusal, what was asked.
    pub recipe: String,
    /// The kind of who asked.
    pub principal_kind: String,
    /// Why it was refused; `None` when it was carried out.
    pub code: Option<String>,
    /// The player whom it is about, if it is one.
    pub player: Option<[u8; 16]>,
    /// The amount that was asked for, and its currency.
    pub amount: Option<(i128, String)>,
    /// The operator's reason code.
    pub reason: Option<String>,
    /// The operator's reference.
    pub reference: Option<String>,
    /// The table and the number of its round.
    pub round: Option<(String, Option<u64>)>,
    /// What an operator was refused: the act, and the capability that was missing.
    pub refused_act: Option<(String, String)>,
}

/// Lines of a list, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The lines.
    pub lines: Vec<T>,
    /// The last record that was looked at, when there may be more behind it.
    pub goes_on_after: Option<u64>,
}

impl<T> ListPage<T> {
    /// A page with nothing behind it.
    pub(crate) const fn empty() -> Self {
        Self { lines: Vec::new(), goes_on_after: None }
    }
}

/// Which page of a list with a line for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LsnPage {
    /// The last record of the page before; `None` for the first page.
    pub after: Option<u64>,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// Most lines.
    pub limit: usize,
}

impl LsnPage {
    /// What of a span is behind the page before; `None` when nothing is.
    pub(crate) fn rest_of(&self, (first, last): (u64, u64)) -> Option<(u64, u64)> {
        let (first, last) = match (self.after, self.newest_first) {
            (None, _) => (first, last),
            (Some(after), false) => (first.max(after.checked_add(1)?), last),
            (Some(after), true) => (first, last.min(after.checked_sub(1)?)),
        };
        (first <= last).then_some((first, last))
    }

    pub(crate) const fn order(&self) -> &'static str {
        if self.newest_first { "DESC" } else { "ASC" }
    }
}

impl ModelView<'_> {
    /// The transactions that a filter wants: a page of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transactions(
        &self,
        filter: &TransactionFilter,
        page: LsnPage,
    ) -> Result<ListPage<TransactionLine>, Error> {
        let span = self.span(&filter.when)?.and_then(|span| page.rest_of(span));
        let Some(span) = span else { return Ok(ListPage::empty()) };
        self.looked_at(filter, span, page).map_err(sql("read the transactions of"))
    }

    fn looked_at(
        &self,
        filter: &TransactionFilter,
        (first, last): (u64, u64),
        page: LsnPage,
    ) -> rusqlite::Result<ListPage<TransactionLine>> {
        let (query, given) = self.candidates(filter, page)?;
        let mut wanted: Vec<&dyn ToSql> = vec![&const { Unsigned(0) }; 2];
        let (first, last) = (Unsigned(first), Unsigned(last));
        wanted[0] = &first;
        wanted[1] = &last;
        wanted.extend(given.iter().map(AsRef::as_ref));
        let mut found = self.connection.prepare(&query)?;
        let mut found = found.query(&wanted[..])?;
        let mut fetch = self.connection.prepare_cached(
            "SELECT lsn, time_ms, tx, recipe, principal_kind, code, player, amount, currency, reason, reference, table_id, \
             round, coalesce(scale, 0), act, lacks FROM transactions LEFT JOIN currencies USING (currency) \
             LEFT JOIN refused_acts USING (lsn) WHERE lsn = ?1",
        )?;
        let (mut lines, mut looks, mut at) = (Vec::new(), 0, None);
        while let Some(row) = found.next()? {
            if lines.len() == page.limit || looks == LOOKS_MAX {
                return Ok(ListPage { lines, goes_on_after: at });
            }
            let lsn: Unsigned = row.get(0)?;
            let line = fetch.query_row([lsn], |row| Ok((line(row)?, row.get(13)?))).optional()?;
            lines.extend(line.filter(|(line, scale)| filter.wants(line, *scale)).map(|(line, _)| line));
            looks += 1;
            at = Some(lsn.0);
        }
        Ok(ListPage { lines, goes_on_after: None })
    }

    /// What finds the records to look at, in order, by the index that leaves the fewest; between `?1` and `?2`.
    fn candidates(
        &self,
        filter: &TransactionFilter,
        page: LsnPage,
    ) -> rusqlite::Result<(String, Vec<Box<dyn ToSql>>)> {
        let order = page.order();
        if let Some(operator) = filter.operator {
            let query = format!(
                "SELECT lsn FROM transactions WHERE principal_kind = 'operator' AND principal = ?3 \
                 AND lsn BETWEEN ?1 AND ?2 ORDER BY lsn {order}"
            );
            return Ok((query, vec![Box::new(operator)]));
        }
        if let Some(reference) = &filter.reference {
            let query = format!(
                "SELECT lsn FROM transactions WHERE reference = ?3 AND lsn BETWEEN ?1 AND ?2 ORDER BY lsn {order}"
            );
            return Ok((query, vec![Box::new(reference.clone())]));
        }
        let Some(player) = filter.player else {
            let query =
                format!("SELECT lsn FROM transactions WHERE lsn BETWEEN ?1 AND ?2 ORDER BY lsn {order}");
            return Ok((query, Vec::new()));
        };
        let mut query =
            "SELECT lsn FROM transactions WHERE player = ?3 AND entries = 0 AND lsn BETWEEN ?1 AND ?2"
                .to_owned();
        let mut given: Vec<Box<dyn ToSql>> = vec![Box::new(player)];
        // A refusal changes no account.
        if filter.decision != Some(ListedAs::Rejected) && filter.code.is_none() {
            let own = "SELECT account FROM accounts JOIN classes USING (class) WHERE owner = ?1 AND owner_kind = 'player'";
            let mut own = self.connection.prepare_cached(own)?;
            for account in own.query_map([player], |row| row.get::<_, i64>(0))? {
                given.push(Box::new(account?));
                let place = given.len() + 2;
                query += &format!(
                    " UNION SELECT lsn FROM entries WHERE account = ?{place} AND lsn BETWEEN ?1 AND ?2"
                );
            }
        }
        query += &format!(" ORDER BY lsn {order}");
        Ok((query, given))
    }
}

impl TransactionFilter {
    /// Whether a line is wanted. Times and player are those of the records that are looked at.
    fn wants(&self, line: &TransactionLine, scale: u32) -> bool {
        fn is<T: PartialEq + ?Sized>(wanted: Option<&T>, has: Option<&T>) -> bool {
            wanted.is_none() || wanted == has
        }
        let decided = if line.code.is_some() { ListedAs::Rejected } else { ListedAs::Committed };
        let (table, round) = line.round.as_ref().map(|(table, round)| (table, *round)).unzip();
        let any_amount = self.amount == AmountRange::default();
        self.decision.is_none_or(|wanted| wanted == decided)
            && is(self.recipe.as_ref(), Some(&line.recipe))
            && is(self.code.as_ref(), line.code.as_ref())
            && is(self.table.as_ref(), table)
            && is(self.round.as_ref(), round.flatten().as_ref())
            && is(self.reference.as_ref(), line.reference.as_ref())
            // By a reference or an operator the player was not looked for.
            && (self.reference.is_none() && self.operator.is_none() || is(self.player.as_ref(), line.player.as_ref()))
            && (any_amount || line.amount.as_ref().is_some_and(|(minor, _)| self.amount.has(*minor, scale)))
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<TransactionLine> {
    let round = row.get::<_, Option<Unsigned>>(12)?.map(|round| round.0);
    let amount = row.get::<_, Option<StoredMoney>>(7)?;
    Ok(TransactionLine {
        lsn: row.get::<_, Unsigned>(0)?.0,
        time_ms: row.get::<_, Unsigned>(1)?.0,
        tx: row.get(2)?,
        recipe: row.get(3)?,
        principal_kind: row.get(4)?,
        code: row.get(5)?,
        player: row.get(6)?,
        amount: amount.zip(row.get::<_, Option<String>>(8)?).map(|(minor, currency)| (minor.0, currency)),
        reason: row.get(9)?,
        reference: row.get(10)?,
        round: row.get::<_, Option<String>>(11)?.map(|table| (table, round)),
        refused_act: row.get::<_, Option<String>>(14)?.zip(row.get::<_, Option<String>>(15)?),
    })
}
