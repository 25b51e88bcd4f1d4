//! Holds: money that is set aside, and how it ends. What the records since the last commit have made and ended is written at the
//! next one, in the order of the table; a hold that is made and ended between two commits is written once. Most stakes have no end
//! of their own: see the module `stakes`.

use rusqlite::{Connection, Row, ToSql, params};
use rustc_hash::FxHashMap;

use crate::{
    Ended, Error, HeldRow,
    books::{AccountBook, AccountNumber},
    bulk,
    error::sql,
    money::{StoredMoney, Unsigned},
    stakes::{OpenStakes, StakedRound},
};

/// Most open holds in memory after a commit; the others are read when they end. About 30 MiB.
const KEPT_MAX: usize = 200_000;

/// The purpose of a stake. Stakes are many, and have no index.
const STAKE: &str = "stake";

/// An open hold that is no stake, by its id.
pub(crate) const OTHER: &str = "SELECT hold, lsn, n, credit_account, account, amount, sources, purpose, table_id, round FROM holds \
     WHERE hold = ?1 AND domain = ?2 AND ended_lsn IS NULL AND purpose <> 'stake'";
/// The open stakes of a round; of one player, if one is given. Each record of a bet has one hold. There is no index of stakes: it
/// would cost each bet a change at two places that have nothing else in common.
pub(crate) const OF_ROUND: &str = "SELECT hold, lsn, h.n, credit_account, account, amount, sources, purpose, h.table_id, h.round \
     FROM bets b CROSS JOIN open_holds h USING (lsn) \
     WHERE b.table_id = ?1 AND b.round = ?2 AND b.n = 0 AND (?3 IS NULL OR b.player = ?3) AND domain = ?4";
/// An open hold, by its id, without an index.
pub(crate) const ANY: &str = "SELECT hold, lsn, n, credit_account, account, amount, sources, purpose, table_id, round FROM open_holds \
     WHERE hold = ?1 AND domain = ?2";

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
    /// The round of a stake.
    stake: Option<StakedRound>,
}

/// A hold that the record under way ends.
#[derive(Debug)]
struct End {
    /// The record that made it, and which of the record's holds it is.
    made: (u64, i64),
    stake: Option<StakedRound>,
    how: Ended,
}

/// A hold that is not in the table yet.
#[derive(Debug)]
struct Made {
    lsn: u64,
    n: i64,
    held: HeldRow,
    credit: AccountNumber,
    /// Never empty.
    sources: Vec<(AccountNumber, i128)>,
    ended: Option<(u64, Ended)>,
}

/// The holds.
#[derive(Debug, Default)]
pub(crate) struct HeldMoney {
    /// The open ones that were made lately.
    open: FxHashMap<(&'static str, [u8; 16]), Open>,
    /// Those that were made since the last commit, in the order of the log.
    made: Vec<Made>,
    /// Those that were made before it and have ended since, by the record that made them and the place in it.
    ended: FxHashMap<(u64, i64), (u64, Ended)>,
    /// Those that the record under way ends.
    ends: Vec<End>,
    stakes: OpenStakes,
}

impl HeldMoney {
    /// A hold is made, as the `n`th of its record.
    pub fn make(
        &mut self,
        connection: &Connection,
        accounts: &mut AccountBook,
        (lsn, n): (u64, i64),
        held: HeldRow,
    ) -> Result<(), Error> {
        let credit = accounts.number(connection, lsn, &held.credit)?;
        let mut sources = Vec::with_capacity(held.sources.len());
        for (key, amount) in &held.sources {
            sources.push((accounts.number(connection, lsn, key)?, *amount));
        }
        let Some((first, more)) = sources.split_first() else {
            return Err(Error::Unfit { what: "an account of a hold".into(), lsn });
        };
        // Found here and not at the commit, which many records have.
        if held.purpose != STAKE && self.is_open(connection, held.domain, &held.hold)? {
            let what = format!("room for the hold {:032x}, which is open", u128::from_be_bytes(held.hold));
            return Err(Error::Unfit { what, lsn });
        }
        for (source, amount) in &sources {
            accounts.change(*source, |sums| sums.debits_pending += amount);
            accounts.change(credit, |sums| sums.credits_pending += amount);
        }
        accounts.held_more(first.0, 1);
        let stake =
            self.stake_of(held.purpose, held.round.as_ref().map(|(table, round)| (&table[..], *round)));
        if let Some(round) = stake {
            self.stakes.change(connection, round, true)?;
        }
        let open = Open { lsn, n, credit, first: *first, more: more.to_vec(), stake };
        self.open.insert((held.domain, held.hold), open);
        self.made.push(Made { lsn, n, held, credit, sources, ended: None });
        Ok(())
    }

    /// The round of a hold, if it is a stake.
    fn stake_of(&mut self, purpose: &str, round: Option<(&str, u64)>) -> Option<StakedRound> {
        let (table, round) = round.filter(|_| purpose == STAKE)?;
        Some(self.stakes.round(table, round))
    }

    /// Whether a hold that is no stake is open.
    fn is_open(
        &mut self,
        connection: &Connection,
        domain: &'static str,
        hold: &[u8; 16],
    ) -> Result<bool, Error> {
        Ok(self.open.contains_key(&(domain, *hold))
            || !self.read(connection, OTHER, params![hold, domain])?.is_empty())
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
        let open = match self.open.remove(&(domain, *hold)) {
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
        if let Some(round) = open.stake {
            self.stakes.change(connection, round, false)?;
        }
        self.ends.push(End { made: (open.lsn, open.n), stake: open.stake, how });
        Ok(())
    }

    /// The record is over. A hold that it ends has an end of its own, but for the stakes of a round that the record ends in the
    /// same way and leaves without open stakes. Returns how many stakes of that round are open.
    pub fn over(
        &mut self,
        connection: &Connection,
        lsn: u64,
        round: Option<(&str, u64, Ended)>,
    ) -> Result<u64, Error> {
        let round = round.map(|(table, number, how)| (self.stakes.round(table, number), how));
        let open = match round {
            Some((round, _)) => self.stakes.open(connection, round)?,
            None => None,
        };
        let with_round = round.filter(|_| open == Some(0));
        for End { made, stake, how } in self.ends.drain(..) {
            if with_round.is_some() && stake.map(|stake| (stake, how)) == with_round {
                continue;
            }
            match self.made.binary_search_by_key(&made, |made| (made.lsn, made.n)) {
                Ok(place) => self.made[place].ended = Some((lsn, how)),
                Err(_) => drop(self.ended.insert(made, (lsn, how))),
            }
        }
        Ok(open.unwrap_or(0))
    }

    /// A round has a new row.
    pub fn opened(&mut self, table: &str, number: u64) {
        let round = self.stakes.round(table, number);
        self.stakes.forget(round);
    }

    /// Takes an open hold from the tables. Of a round it then has all that the record may end.
    fn find(
        &mut self,
        connection: &Connection,
        record: &Ending<'_>,
        domain: &'static str,
        hold: &[u8; 16],
    ) -> Result<Option<Open>, Error> {
        if let Some((_, open)) = self.read(connection, OTHER, params![hold, domain])?.pop() {
            return Ok(Some(open));
        }
        if let Some((table, round)) = record.round {
            let of = params![table, Unsigned(round), record.player, domain];
            let stakes = self.read(connection, OF_ROUND, of)?;
            self.open.extend(stakes.into_iter().map(|(hold, open)| ((domain, hold), open)));
            if let Some(open) = self.open.remove(&(domain, *hold)) {
                return Ok(Some(open));
            }
        }
        // A stake ends in a record of its round. This is for records of other releases.
        Ok(self.read(connection, ANY, params![hold, domain])?.pop().map(|(_, open)| open))
    }

    /// Reads holds that were open at the last commit and have not ended since.
    fn read(
        &mut self,
        connection: &Connection,
        query: &str,
        of: &[&dyn ToSql],
    ) -> Result<Vec<([u8; 16], Open)>, Error> {
        let mut holds = Vec::new();
        for found in read(connection, query, of).map_err(sql("read a hold of"))? {
            let Found { hold, mut open, purpose, round } = found;
            let at = (open.lsn, open.n);
            if !self.ended.contains_key(&at) && !self.ends.iter().any(|end| end.made == at) {
                open.stake =
                    self.stake_of(&purpose, round.as_ref().map(|(table, round)| (&table[..], *round)));
                holds.push((hold, open));
            }
        }
        Ok(holds)
    }

    /// Writes what has changed since the last commit.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        self.stakes.flush(connection)?;
        self.flush_made(connection).map_err(sql("write a hold of"))?;
        self.flush_ended(connection).map_err(sql("end a hold of"))
    }

    fn flush_made(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        bulk::insert(connection, ("holds", 15), &self.made, |made, to| {
            let Made { lsn, n, held, credit, sources, ended } = made;
            let (table, round) = held.round.as_ref().map(|(table, round)| (table.as_str(), *round)).unzip();
            let (ended_lsn, how) = ended.unzip();
            let (first, amount) = sources.first().copied().unzip();
            to.row(params![
                Unsigned(*lsn),
                n,
                held.hold,
                held.domain,
                held.purpose,
                held.prover,
                table,
                round.map(Unsigned),
                held.expires_ms.map(Unsigned),
                first,
                amount.map(StoredMoney),
                credit,
                Unsigned(sources.len() as u64),
                ended_lsn.map(Unsigned),
                how.map(Ended::name)
            ])
        })?;
        let more = |made: &Made| {
            let Made { lsn, n, sources, .. } = made;
            let at = (Unsigned(*lsn), *n);
            let places = sources.iter().copied().zip(0_u64..).skip(1);
            places.map(|(source, place)| (at, Unsigned(place), source)).collect::<Vec<_>>()
        };
        let more: Vec<_> = self.made.drain(..).flat_map(|made| more(&made)).collect();
        bulk::insert(connection, ("hold_sources", 5), &more, |((lsn, n), place, (account, amount)), to| {
            to.row(params![lsn, n, place, account, StoredMoney(*amount)])
        })
    }

    fn flush_ended(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut ended: Vec<_> = self.ended.drain().collect();
        ended.sort_unstable_by_key(|(made, _)| *made);
        let mut end = connection
            .prepare_cached("UPDATE holds SET ended_lsn = ?3, ended = ?4 WHERE lsn = ?1 AND n = ?2")?;
        for ((made, n), (lsn, how)) in ended {
            end.execute(params![Unsigned(made), n, Unsigned(lsn), how.name()])?;
        }
        Ok(())
    }

    /// After a commit: what is too much is read again when it is needed.
    pub fn bound(&mut self) {
        if self.open.len() > KEPT_MAX {
            self.open.clear();
        }
    }
}

/// An open hold of the tables.
struct Found {
    hold: [u8; 16],
    open: Open,
    purpose: String,
    round: Option<(String, u64)>,
}

/// Reads holds that are open in the tables.
fn read(connection: &Connection, query: &str, of: &[&dyn ToSql]) -> rusqlite::Result<Vec<Found>> {
    let found = |row: &Row<'_>| {
        let open = Open {
            lsn: row.get::<_, Unsigned>(1)?.0,
            n: row.get(2)?,
            credit: row.get(3)?,
            first: (row.get(4)?, row.get::<_, StoredMoney>(5)?.0),
            more: Vec::new(),
            stake: None,
        };
        let (table, round) = (row.get::<_, Option<String>>(8)?, row.get::<_, Option<Unsigned>>(9)?);
        let round = table.zip(round.map(|round| round.0));
        Ok((Found { hold: row.get(0)?, open, purpose: row.get(7)?, round }, row.get::<_, i64>(6)?))
    };
    let mut holds = Vec::new();
    for found in connection.prepare_cached(query)?.query_map(of, found)? {
        let (mut found, sources) = found?;
        if sources > 1 {
            found.open.more = more_sources(connection, &found.open)?;
        }
        holds.push(found);
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
