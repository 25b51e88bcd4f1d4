//! Whether the figures of the business are what the accounts and rounds of the same tables say.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    BusinessFigure as F, CountedFor,
    classes::Sums,
    money::{StoredMoney, Unsigned},
    zone::DayZone,
};

/// What the operator's accounts of a kind have lost is the sum of these figures, each with its sign.
const FUNDED: [(&str, &[(F, i128)]); 6] = [
    ("stakes", &[(F::Bets, -1)]),
    ("winnings", &[(F::Payouts, 1)]),
    ("source", &[(F::Deposits, 1)]),
    ("results", &[(F::Winnings, 1)]),
    ("grants", &[(F::Bonuses, 1)]),
    (
        "corrections",
        &[
            (F::Credits, 1),
            (F::Debits, -1),
            (F::Captures, -1),
            (F::CorrectionsGiven, 1),
            (F::CorrectionsTaken, -1),
            (F::Chargebacks, -1),
        ],
    ),
];

/// What does not fit, in words.
pub(crate) fn wrong(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = wrong_sums(connection)?;
    let counted = "SELECT coalesce(sum(number), 0) FROM daily_business WHERE figure = ?1";
    let counted: i64 = connection.query_row(counted, [F::NewPlayers.name()], |row| row.get(0))?;
    let players =
        "SELECT count(DISTINCT owner) FROM accounts JOIN classes USING (class) WHERE owner_kind = 'player'";
    let players: i64 = connection.query_row(players, [], |row| row.get(0))?;
    if counted != players {
        found.push(format!("{counted} new players are counted by day, and {players} have accounts"));
    }
    let zones = Zones(DayZone::all(connection)?);
    let mut players = Players::default();
    players.by_day(connection)?;
    let by_day = std::mem::take(&mut players.counted);
    players.of_rounds(connection, &zones)?;
    players.of_deposits(connection, &zones)?;
    if players.counted != by_day {
        let words = "the players who are counted by day are not those of drawn rounds and of payments";
        found.push(words.to_owned());
    }
    Ok(found)
}

fn wrong_sums(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut figures: BTreeMap<(String, String), i128> = BTreeMap::new();
    let mut all = connection.prepare("SELECT currency, figure, amount FROM daily_business")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        *figures.entry((row.get(0)?, row.get(1)?)).or_default() += row.get::<_, StoredMoney>(2)?.0;
    }
    let mut given: BTreeMap<(String, String), i128> = BTreeMap::new();
    let query = "SELECT currency, kind, debits, credits, debits_pending, credits_pending FROM classes";
    let mut classes = connection.prepare(query)?;
    let mut rows = classes.query([])?;
    while let Some(row) = rows.next()? {
        *given.entry((row.get(0)?, row.get(1)?)).or_default() -= Sums::read(row, 2)?.posted();
    }
    let currencies: BTreeSet<&String> =
        figures.keys().chain(given.keys()).map(|(currency, _)| currency).collect();
    let mut found = Vec::new();
    for currency in currencies {
        let of = |sums: &BTreeMap<(String, String), i128>, name: &str| {
            sums.get(&(currency.clone(), name.to_owned())).copied().unwrap_or_default()
        };
        for (kind, funds) in FUNDED {
            let counted: i128 = funds.iter().map(|(figure, sign)| sign * of(&figures, figure.name())).sum();
            if counted != of(&given, kind) {
                found.push(format!(
                    "the figures of the business are not what the {kind} accounts have in {currency}"
                ));
            }
        }
    }
    Ok(found)
}

/// Who is counted for what, on a day, for a game and in a currency; each of these is named by a number.
#[derive(Debug, Default)]
struct Players {
    places: FxHashMap<(&'static str, i64, String, String), usize>,
    counted: FxHashSet<(usize, i64)>,
}

impl Players {
    fn count(&mut self, place: (&'static str, i64, String, String), account: i64) {
        let next = self.places.len();
        let place = *self.places.entry(place).or_insert(next);
        self.counted.insert((place, account));
    }

    /// Those of the table of days. One whose game is not known was counted for a round that is not there.
    fn by_day(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for why in [CountedFor::Bet, CountedFor::Deposit] {
            let query = "SELECT day, game, currency, account FROM daily_players \
                         WHERE counted_for = ?1 AND (game <> '' OR counted_for <> 'bet')";
            let mut players = connection.prepare(query)?;
            let mut rows = players.query([why.name()])?;
            while let Some(row) = rows.next()? {
                self.count((why.name(), row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?);
            }
        }
        Ok(())
    }

    /// Those of the entries of the records that settled a round.
    fn of_rounds(&mut self, connection: &Connection, zones: &Zones) -> rusqlite::Result<()> {
        let mut settled: FxHashMap<u64, (i64, String, String)> = FxHashMap::default();
        let mut rounds = connection
            .prepare("SELECT ended_lsn, ended_ms, game, currency FROM rounds WHERE state = 'settled'")?;
        let mut rows = rounds.query([])?;
        while let Some(row) = rows.next()? {
            let lsn = row.get::<_, Unsigned>(0)?.0;
            let day = zones.day(lsn, row.get::<_, Unsigned>(1)?.0);
            settled.insert(lsn, (day, row.get(2)?, row.get(3)?));
        }
        let query = "SELECT e.account, e.lsn FROM accounts a JOIN classes c USING (class) JOIN entries e USING (account) \
                     WHERE c.owner_kind = 'player' AND c.kind = 'cash'";
        let mut entries = connection.prepare(query)?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            if let Some((day, game, currency)) = settled.get(&row.get::<_, Unsigned>(1)?.0) {
                let place = (CountedFor::Bet.name(), *day, game.clone(), currency.clone());
                self.count(place, row.get(0)?);
            }
        }
        Ok(())
    }

    /// Those of the transactions by which payments came in.
    fn of_deposits(&mut self, connection: &Connection, zones: &Zones) -> rusqlite::Result<()> {
        let query = "SELECT t.lsn, t.time_ms, c.currency, a.account FROM transactions t \
                     JOIN accounts a ON a.owner = t.player JOIN classes c ON c.class = a.class \
                     WHERE t.recipe IN ('DEPOSIT', 'COLLECT') AND t.code IS NULL AND c.currency = t.currency \
                       AND c.owner_kind = 'player' AND c.kind = 'cash'";
        let mut payments = connection.prepare(query)?;
        let mut rows = payments.query([])?;
        while let Some(row) = rows.next()? {
            let day = zones.day(row.get::<_, Unsigned>(0)?.0, row.get::<_, Unsigned>(1)?.0);
            self.count((CountedFor::Deposit.name(), day, String::new(), row.get(2)?), row.get(3)?);
        }
        Ok(())
    }
}

/// Every zone, with the record from behind which it holds.
struct Zones(Vec<(u64, DayZone)>);

impl Zones {
    /// The day of a record.
    fn day(&self, lsn: u64, time_ms: u64) -> i64 {
        let before = self.0.partition_point(|(from, _)| *from < lsn);
        match before.checked_sub(1) {
            Some(place) => self.0[place].1.day(time_ms),
            None => DayZone::default().day(time_ms),
        }
    }
}
