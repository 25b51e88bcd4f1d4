//! Rounds and bets: what a record changes at a table. Rounds change at once. Bets are many; those of the records since the last
//! commit are written at the next one, round by round.
//!
//! A step of a round that is not there changes nothing. A log may have such a record: a table whose state did not fit it was
//! taken out of play then, and the void of its round follows.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Ended, Error, GivenBets, TableStep, bulk,
    daily::Daily,
    error::sql,
    money::{StoredMoney, Unsigned},
    round_sums::RoundSums,
};

/// The bets of one request.
#[derive(Debug)]
struct Placed {
    round: (String, u64),
    lsn: u64,
    player: [u8; 16],
    bets: GivenBets,
}

/// Bets that are not in the table yet.
#[derive(Debug, Default)]
pub(crate) struct PlacedBets(Vec<Placed>);

impl PlacedBets {
    /// Writes all of them.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        // Within a round they stay in the order of the log.
        self.0.sort_by(|one, other| one.round.cmp(&other.round));
        let spots = |placed: &Placed| placed.bets.len();
        let mut rows = Vec::with_capacity(self.0.iter().map(spots).sum());
        for placed in &self.0 {
            rows.extend((0_i64..).zip(&placed.bets).map(|(n, bet)| (placed, n, *bet)));
        }
        let written = bulk::insert(connection, ("bets", 7), &rows, |(placed, n, (spot, stake)), to| {
            let Placed { round: (table, round), lsn, player, .. } = placed;
            to.row(params![table, Unsigned(*round), Unsigned(*lsn), n, player, spot, StoredMoney(*stake)])
        });
        self.0.clear();
        written.map_err(sql("write bets of"))
    }
}

impl TableStep {
    /// The round that the step ends, and how that ends its stakes.
    pub(crate) fn ends(&self) -> Option<(&str, u64, Ended)> {
        match self {
            Self::Settled { round: (table, round), .. } => Some((table, *round, Ended::Posted)),
            Self::Voided { round: (table, round), .. } => Some((table, *round, Ended::Voided)),
            Self::Opened { .. } | Self::Bets { .. } | Self::Locked { .. } => None,
        }
    }
}

/// Takes over a step. `requests` is the number of holds that the record posts, `stakes_open` that of the stakes that are left open
/// where it ends the round.
pub(crate) fn take(
    connection: &Connection,
    placed: &mut PlacedBets,
    daily: &mut Daily,
    (lsn, time_ms, day): (u64, u64, i64),
    (step, requests, stakes_open): (TableStep, u64, u64),
) -> Result<(), Error> {
    match step {
        TableStep::Opened { round: (table, round), game, rules, currency, commitment } => {
            let open = "INSERT OR REPLACE INTO rounds VALUES (?1, ?2, 'open', ?3, ?4, ?5, ?6, ?7, ?8, \
                        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0)";
            let row = params![
                table,
                Unsigned(round),
                game,
                rules,
                currency.as_str(),
                commitment,
                Unsigned(lsn),
                Unsigned(time_ms)
            ];
            connection.prepare_cached(open).and_then(|mut open| open.execute(row)).map(drop)
        }
        TableStep::Bets { round, player, bets } => {
            placed.0.push(Placed { round, lsn, player, bets });
            Ok(())
        }
        TableStep::Locked { round: (table, round), staked, mix } => {
            let lock = "UPDATE rounds SET state = 'locked', locked_lsn = ?3, staked = ?4, mix = ?5 \
                        WHERE table_id = ?1 AND round = ?2";
            let row = params![table, Unsigned(round), Unsigned(lsn), StoredMoney(staked), mix];
            connection.prepare_cached(lock).and_then(|mut lock| lock.execute(row)).map(drop)
        }
        TableStep::Settled { round: (table, round), drawn, seed, returned } => {
            let settle = "UPDATE rounds SET state = 'settled', ended_lsn = ?3, ended_ms = ?4, outcome = ?5, seed = ?6, \
                          requests = ?7, returned = ?8, stakes_open = ?9 WHERE table_id = ?1 AND round = ?2 \
                          RETURNING game, rules, currency, staked";
            let row = params![
                table,
                Unsigned(round),
                Unsigned(lsn),
                Unsigned(time_ms),
                drawn,
                seed,
                Unsigned(requests),
                StoredMoney(returned),
                Unsigned(stakes_open)
            ];
            let ended = connection.prepare_cached(settle).and_then(|mut settle| {
                settle
                    .query_row(row, |row| {
                        let game = (row.get(0)?, row.get(1)?, row.get(2)?);
                        Ok((game, row.get::<_, Option<StoredMoney>>(3)?.unwrap_or_default().0))
                    })
                    .optional()
            });
            ended.map(|ended| {
                if let Some((game, staked)) = ended {
                    let staked_squares = (staked as f64).powi(2);
                    let played =
                        RoundSums { settled: 1, voided: 0, requests, staked, returned, staked_squares };
                    daily.played(day, game, &played);
                }
            })
        }
        TableStep::Voided { round: (table, round), reason } => {
            let end = "UPDATE rounds SET state = 'voided', ended_lsn = ?3, ended_ms = ?4, reason = ?5, stakes_open = ?6 \
                       WHERE table_id = ?1 AND round = ?2 RETURNING game, rules, currency";
            let row = params![table, Unsigned(round), Unsigned(lsn), Unsigned(time_ms), reason, Unsigned(stakes_open)];
            let ended = connection.prepare_cached(end).and_then(|mut end| {
                end.query_row(row, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
            });
            ended.map(|ended| {
                if let Some(game) = ended {
                    daily.played(day, game, &RoundSums { voided: 1, ..RoundSums::default() });
                }
            })
        }
    }
    .map_err(sql("write a round of"))
}
