//! The figures of the business by day, game and currency, and who is counted on a day. They are gathered in memory and added to the
//! tables at a commit: a bet by itself adds nothing, and a round adds to a few sums whatever it had of bets.
//!
//! A player who is counted on a day is one row, whatever they do on it. Those of the last day are in memory, so that nearly no
//! round writes one.

use std::collections::BTreeMap;

use protocol::Currency;
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashSet;

use crate::{
    AccountKey, BusinessFigure, BusinessRows, CountedFor, Error, FigureOf, FigureRow,
    books::{AccountBook, AccountNumber},
    error::sql,
    money::{StoredMoney, Unsigned},
    transactions::Transactions,
    zone::DayZone,
};

/// Most players of a day in memory after a commit; about 10 MiB.
const KEPT_MAX: usize = 200_000;

/// A day, a game or nothing, and a currency.
type Cell = (i64, String, Currency);

/// A game of a round, and the requests whose bets were settled in it.
type RoundPlayed = (String, u64);

/// What the records since the last commit add.
#[derive(Debug)]
pub(crate) struct Business {
    /// The zone in force.
    zone: DayZone,
    sums: BTreeMap<(Cell, BusinessFigure), (i64, i128)>,
    /// For which game, in which currency and why players are counted; others name it by its place.
    counts: Vec<(CountedFor, String, Currency)>,
    /// The day whose players are known.
    day: i64,
    known: FxHashSet<(usize, AccountNumber)>,
    /// Those that are not in the table yet.
    fresh: Vec<(i64, usize, AccountNumber)>,
}

impl Business {
    pub fn load(connection: &Connection) -> Result<Self, Error> {
        Ok(Self {
            zone: DayZone::load(connection)?,
            sums: BTreeMap::new(),
            counts: Vec::new(),
            day: 0,
            known: FxHashSet::default(),
            fresh: Vec::new(),
        })
    }

    /// Takes what a record adds. Its round, and the accounts that it opens, are there already.
    pub fn take(
        &mut self,
        connection: &Connection,
        accounts: &mut AccountBook,
        transactions: &Transactions,
        (lsn, time_ms): (u64, u64),
        rows: BusinessRows,
    ) -> Result<(), Error> {
        let BusinessRows { figures, players, outside_games, zone } = rows;
        let day = self.zone.day(time_ms);
        for (owner, game) in outside_games {
            connection
                .prepare_cached("INSERT OR REPLACE INTO outside_games VALUES (?1, ?2)")
                .and_then(|mut write| write.execute(params![owner, game]))
                .map_err(sql("write the name of a game of"))?;
        }
        let mut played = None;
        for FigureRow { figure, currency, number, amount, of } in figures {
            let (game, number) = match of {
                FigureOf::NoGame => (String::new(), number),
                FigureOf::Outside(owner) => (outside_game(connection, owner)?, number),
                FigureOf::Round(table, round) => {
                    let (game, _) = known_round(&mut played, || round_played(connection, &table, round))?;
                    (game, number)
                }
                FigureOf::TakenBack(settled) => {
                    let (game, bets) =
                        known_round(&mut played, || settled_by(connection, transactions, settled))?;
                    let bets = i64::try_from(bets).unwrap_or(i64::MAX);
                    (game, if figure == BusinessFigure::Bets { -bets } else { number })
                }
            };
            self.add((day, game, currency), figure, (number, amount));
        }
        for (why, player, currency) in players {
            let game = match why {
                CountedFor::Bet => {
                    played.as_ref().map(|(game, _): &RoundPlayed| game.as_str()).unwrap_or_default()
                }
                CountedFor::Deposit => "",
            };
            let key =
                AccountKey { domain: "balance", kind: "cash", owner_kind: "player", owner: player, currency };
            let account = accounts.number(connection, lsn, &key)?;
            self.count(day, (why, game, currency), account);
        }
        if let Some(changes) = zone {
            let zone = DayZone::new(changes);
            zone.write(connection, lsn)?;
            self.zone = zone;
        }
        Ok(())
    }

    /// Players have got their first accounts, in these currencies.
    pub fn newcomers(&mut self, time_ms: u64, currencies: impl Iterator<Item = Currency>) {
        for currency in currencies {
            let day = self.zone.day(time_ms);
            self.add((day, String::new(), currency), BusinessFigure::NewPlayers, (1, 0));
        }
    }

    fn add(&mut self, cell: Cell, figure: BusinessFigure, (number, amount): (i64, i128)) {
        let sum = self.sums.entry((cell, figure)).or_default();
        *sum = (sum.0.saturating_add(number), sum.1.saturating_add(amount));
    }

    fn count(
        &mut self,
        day: i64,
        (why, game, currency): (CountedFor, &str, Currency),
        account: AccountNumber,
    ) {
        if day != self.day {
            self.day = day;
            self.known.clear();
        }
        let is = |(other, of, money): &(CountedFor, String, Currency)| {
            (*other, of.as_str(), *money) == (why, game, currency)
        };
        let place = self.counts.iter().position(is).unwrap_or_else(|| {
            self.counts.push((why, game.to_owned(), currency));
            self.counts.len() - 1
        });
        if self.known.insert((place, account)) {
            self.fresh.push((day, place, account));
        }
    }

    /// Adds everything to the tables.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        for (((day, game, currency), figure), (mut number, mut amount)) in std::mem::take(&mut self.sums) {
            let key = params![day, game, currency.as_str(), figure.name()];
            let query = "SELECT number, amount FROM daily_business \
                         WHERE day = ?1 AND game = ?2 AND currency = ?3 AND figure = ?4";
            let before = connection
                .prepare_cached(query)
                .and_then(|mut find| {
                    find.query_row(key, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, StoredMoney>(1)?)))
                        .optional()
                })
                .map_err(sql("read the figures of the business of"))?;
            if let Some((known, sum)) = before {
                number = number.saturating_add(known);
                amount = amount.saturating_add(sum.0);
            }
            let row = params![day, game, currency.as_str(), figure.name(), number, StoredMoney(amount)];
            connection
                .prepare_cached("INSERT OR REPLACE INTO daily_business VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
                .and_then(|mut write| write.execute(row))
                .map_err(sql("write the figures of the business of"))?;
        }
        self.flush_players(connection).map_err(sql("write the players of a day of"))?;
        if self.known.len() > KEPT_MAX {
            self.known.clear();
        }
        Ok(())
    }

    fn flush_players(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { counts, fresh, .. } = self;
        fresh.sort_unstable();
        // One who was counted before a start, or was forgotten here, is in the table.
        let mut write =
            connection.prepare_cached("INSERT OR IGNORE INTO daily_players VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (day, place, account) in fresh.drain(..) {
            let (why, game, currency) = &counts[place];
            write.execute(params![day, game, currency.as_str(), why.name(), account])?;
        }
        Ok(())
    }
}

/// What is known of the round of a record: looked up once.
fn known_round(
    known: &mut Option<RoundPlayed>,
    find: impl FnOnce() -> rusqlite::Result<RoundPlayed>,
) -> Result<RoundPlayed, Error> {
    if known.is_none() {
        *known = Some(find().map_err(sql("read a round of"))?);
    }
    Ok(known.clone().unwrap_or_default())
}

/// The game of a round, and its requests. Nothing of a round that is not there: see the module `rounds`.
fn round_played(connection: &Connection, table: &str, round: u64) -> rusqlite::Result<RoundPlayed> {
    let query = "SELECT game, coalesce(requests, 0) FROM rounds WHERE table_id = ?1 AND round = ?2";
    let found = connection
        .prepare_cached(query)?
        .query_row(params![table, Unsigned(round)], |row| Ok((row.get(0)?, row.get::<_, Unsigned>(1)?.0)))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// The same of the round that a record has settled.
fn settled_by(
    connection: &Connection,
    transactions: &Transactions,
    lsn: u64,
) -> rusqlite::Result<RoundPlayed> {
    if let Some((table, round)) = transactions.round_of(lsn) {
        return round_played(connection, table, *round);
    }
    let query = "SELECT table_id, round FROM transactions WHERE lsn = ?1 AND table_id IS NOT NULL";
    let found = connection
        .prepare_cached(query)?
        .query_row([Unsigned(lsn)], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Unsigned>(1)?.0)))
        .optional()?;
    found.map_or_else(|| Ok(RoundPlayed::default()), |(table, round)| round_played(connection, &table, round))
}

/// The name of a game that is played elsewhere.
fn outside_game(connection: &Connection, owner: [u8; 16]) -> Result<String, Error> {
    connection
        .prepare_cached("SELECT game FROM outside_games WHERE owner = ?1")
        .and_then(|mut find| find.query_row([owner], |row| row.get(0)).optional())
        .map(Option::unwrap_or_default)
        .map_err(sql("read the name of a game of"))
}
