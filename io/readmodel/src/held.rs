//! Holds: money that is set aside, and how it ends.

use rusqlite::{Connection, Row, ToSql, params};
use rustc_hash::FxHashMap;

use crate::{
    Ended, Error, HeldRow,
    books::{AccountBook, AccountNumber},
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// Most open holds in memory after a commit; the others are read when they end. About 30 MiB.
const KEPT_MAX: usize = 200_000;

/// An open hold that is no stake, by its id.
pub(crate) const OTHER: &str = "SELECT hold, lsn, n, credit_account, account, amount, sources FROM holds \
                     WHERE hold = ?1 AND domain = ?2 AND ended_lsn IS NULL AND purpose <> 'stake'";
/// The open stakes of a round; of one player, if one is given. Each record of a bet has one hold. There is no index of stakes: it
/// would cost each bet a change at two places that have nothing else in common.
pub(crate) const OF_ROUND: &str = "SELECT hold, lsn, h.n, credit_account, account, amount, sources \
                        FROM bets b CROSS JOIN holds h USING (lsn) \
                        WHERE b.table_id = ?1 AND b.round = ?2 AND b.n = 0 AND (?3 IS NULL OR b.player = ?3) \
                          AND ended_lsn IS NULL AND domain = ?4";
/// An open hold, by its id, without an index.
pub(crate) const ANY: &str = "SELECT hold, lsn, n, credit_account, account, amount, sources FROM holds \
                   WHERE hold = ?1 AND domain = ?2 AND ended_lsn IS NULL";

/// What a record says of the holds that it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending<'r> {
    pub lsn: u64,
    /// The round whose stakes they are, if they are stakes.
    pub round: Option<(&'r str, u64)>,
    /// The player whose holds they are, if they all are one player's.
    pub player: Option<&'r [u8; 16]>,
}

/// What an open hold reserves.
#[derive(Debug, Clone)]
struct Open {
    lsn: u64,
    n: i64,
    credit: AccountNumber,
    /// The first account and its amount.
    first: (AccountNumber, i128),
    /// The other ones.
    more: Vec<(AccountNumber, i128)>,
}

/// The open holds that were made lately.
#[derive(Debug, Default)]
pub(crate) struct HeldMoney(FxHashMap<(&'static str, [u8; 16]), Open>);

impl HeldMoney {
    /// A hold is made, as the `n`th of its record.
    pub fn make(
        &mut self,
        connection: &Connection,
        accounts: &mut AccountBook,
        (lsn, n): (u64, i64),
        held: &HeldRow,
    ) -> Result<(), Error> {
        let credit = accounts.number(connection, lsn, &held.credit)?;
        let mut sources = Vec::with_capacity(held.sources.len());
        for (key, amount) in &held.sources {
            sources.push((accounts.number(connection, lsn, key)?, *amount));
        }
        let Some((first, more)) = sources.split_first() else {
            return Err(Error::Unfit { what: "an account of a hold".into(), lsn });
        };
        for (source, amount) in &sources {
            accounts.change(*source, |sums| sums.debits_pending += amount);
            accounts.change(credit, |sums| sums.credits_pending += amount);
        }
        accounts.held_more(first.0, 1);
        let (table, round) = held.round.as_ref().map(|(table, round)| (table.as_str(), *round)).unzip();
        let write = connection
            .prepare_cached(
                "INSERT INTO holds VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, NULL, NULL)",
            )
            .and_then(|mut write| {
                write.execute(params![
                    Unsigned(lsn),
                    n,
                    held.hold,
                    held.domain,
                    held.purpose,
                    held.prover,
                    table,
                    round.map(Unsigned),
                    held.expires_ms.map(Unsigned),
                    first.0,
                    StoredMoney(first.1),
                    credit,
                    Unsigned(sources.len() as u64)
                ])
            });
        write.map_err(sql("write a hold of"))?;
        for (place, (account, amount)) in more.iter().enumerate() {
            connection
                .prepare_cached("INSERT INTO hold_sources VALUES (?1, ?2, ?3, ?4, ?5)")
                .and_then(|mut write| {
                    write.execute(params![
                        Unsigned(lsn),
                        n,
                        Unsigned(place as u64 + 1),
                        account,
                        StoredMoney(*amount)
                    ])
                })
                .map_err(sql("write a hold of"))?;
        }
        self.0.insert((held.domain, held.hold), Open { lsn, n, credit, first: *first, more: more.to_vec() });
        Ok(())
    }

    /// A hold ends in this record.
    pub fn end(
        &mut self,
        connection: &Connection,
        accounts: &mut AccountBook,
        record: &Ending<'_>,
        (domain, hold, how): (&'static str, &[u8; 16], Ended),
    ) -> Result<(), Error> {
        let lsn = record.lsn;
        let open = match self.0.remove(&(domain, *hold)) {
            Some(open) => open,
            None => self.find(connection, record, domain, hold)?.ok_or_else(|| {
                let what = format!("the open hold {:032x}", u128::from_be_bytes(*hold));
                Error::Unfit { what, lsn }
            })?,
        };
        accounts.fetch(connection, open.credit)?;
        for (source, amount) in std::iter::once(&open.first).chain(&open.more) {
            accounts.fetch(connection, *source)?;
            let posted = match how {
                Ended::Posted => *amount,
                Ended::Voided => 0,
            };
            accounts.change(*source, |sums| {
                sums.debits_pending -= amount;
                sums.debits += posted;
            });
            accounts.change(open.credit, |sums| {
                sums.credits_pending -= amount;
                sums.credits += posted;
            });
        }
        accounts.held_more(open.first.0, -1);
        connection
            .prepare_cached("UPDATE holds SET ended_lsn = ?3, ended = ?4 WHERE lsn = ?1 AND n = ?2")
            .and_then(|mut end| end.execute(params![Unsigned(open.lsn), open.n, Unsigned(lsn), how.name()]))
            .map(drop)
            .map_err(sql("end a hold of"))
    }

    /// Takes an open hold from the tables. Of a round it then has all that the record may end.
    fn find(
        &mut self,
        connection: &Connection,
        record: &Ending<'_>,
        domain: &'static str,
        hold: &[u8; 16],
    ) -> Result<Option<Open>, Error> {
        if let Some((_, open)) = read(connection, OTHER, params![hold, domain])?.pop() {
            return Ok(Some(open));
        }
        if let Some((table, round)) = record.round {
            let stakes = read(connection, OF_ROUND, params![table, Unsigned(round), record.player, domain])?;
            self.0.extend(stakes.into_iter().map(|(hold, open)| ((domain, hold), open)));
            if let Some(open) = self.0.remove(&(domain, *hold)) {
                return Ok(Some(open));
            }
        }
        // A stake ends in a record of its round. This is for records of other releases.
        Ok(read(connection, ANY, params![hold, domain])?.pop().map(|(_, open)| open))
    }

    /// After a commit: what is too much is read again when it is needed.
    pub fn bound(&mut self) {
        if self.0.len() > KEPT_MAX {
            self.0.clear();
        }
    }
}

/// Reads open holds.
fn read(connection: &Connection, query: &str, of: &[&dyn ToSql]) -> Result<Vec<([u8; 16], Open)>, Error> {
    let open = |row: &Row<'_>| {
        let open = Open {
            lsn: row.get::<_, Unsigned>(1)?.0,
            n: row.get(2)?,
            credit: row.get(3)?,
            first: (row.get(4)?, row.get::<_, StoredMoney>(5)?.0),
            more: Vec::new(),
        };
        Ok(((row.get(0)?, open), row.get::<_, i64>(6)?))
    };
    let found: rusqlite::Result<Vec<_>> =
        connection.prepare_cached(query).and_then(|mut find| find.query_map(of, open)?.collect());
    let mut holds = Vec::new();
    for ((hold, mut open), sources) in found.map_err(sql("read a hold of"))? {
        if sources > 1 {
            open.more = more_sources(connection, &open).map_err(sql("read a hold of"))?;
        }
        holds.push((hold, open));
    }
    Ok(holds)
}

fn more_sources(connection: &Connection, open: &Open) -> rusqlite::Result<Vec<(AccountNumber, i128)>> {
    connection
        .prepare_cached("SELECT account, amount FROM hold_sources WHERE lsn = ?1 AND n = ?2 ORDER BY place")?
        .query_map(params![Unsigned(open.lsn), open.n], |row| {
            Ok((row.get(0)?, row.get::<_, StoredMoney>(1)?.0))
        })?
        .collect()
}
