//! Whether the figures of the business are what the accounts and rounds of the same tables say.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use crate::{
    BusinessFigure as F,
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
    if players_by_day(connection)? != players_of_rounds(connection)? {
        found.push(
            "the players who are counted by day are not those of the rounds that were drawn".to_owned(),
        );
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

/// A day, a game, a currency, and the account of a player.
type CountedPlayer = (i64, String, String, i64);

fn players_by_day(connection: &Connection) -> rusqlite::Result<BTreeSet<CountedPlayer>> {
    let query =
        "SELECT day, game, currency, account FROM daily_players WHERE counted_for = 'bet' AND game <> ''";
    let player = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    connection.prepare(query)?.query_map([], player)?.collect()
}

/// The same, from the entries of the records that settled a round.
fn players_of_rounds(connection: &Connection) -> rusqlite::Result<BTreeSet<CountedPlayer>> {
    let zones = DayZone::all(connection)?;
    let utc = DayZone::default();
    let mut settled: FxHashMap<u64, (i64, String, String)> = FxHashMap::default();
    let mut rounds = connection
        .prepare("SELECT ended_lsn, ended_ms, game, currency FROM rounds WHERE state = 'settled'")?;
    let mut rows = rounds.query([])?;
    while let Some(row) = rows.next()? {
        let lsn = row.get::<_, Unsigned>(0)?.0;
        let before = zones.partition_point(|(from, _)| *from < lsn);
        let zone = before.checked_sub(1).map_or(&utc, |place| &zones[place].1);
        let day = zone.day(row.get::<_, Unsigned>(1)?.0);
        settled.insert(lsn, (day, row.get(2)?, row.get(3)?));
    }
    let query = "SELECT e.account, e.lsn FROM accounts a JOIN classes c USING (class) JOIN entries e USING (account) \
                 WHERE c.owner_kind = 'player' AND c.kind = 'cash'";
    let mut entries = connection.prepare(query)?;
    let mut rows = entries.query([])?;
    let mut players = BTreeSet::new();
    while let Some(row) = rows.next()? {
        if let Some((day, game, currency)) = settled.get(&row.get::<_, Unsigned>(1)?.0) {
            players.insert((*day, game.clone(), currency.clone(), row.get(0)?));
        }
    }
    Ok(players)
}
