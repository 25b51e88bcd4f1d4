//! Rounds and bets: what a record changes at a table.
//!
//! A step of a round that is not there changes nothing. A log may have such a record: a table whose state did not fit it was
//! taken out of play then, and the void of its round follows.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Error, TableStep,
    daily::Daily,
    error::sql,
    money::{StoredMoney, Unsigned},
    round_sums::RoundSums,
};

/// Takes over a step. `requests` is the number of holds that the record posts.
pub(crate) fn take(
    connection: &Connection,
    daily: &mut Daily,
    (lsn, time_ms, day): (u64, u64, i64),
    step: &TableStep,
    requests: u64,
) -> Result<(), Error> {
    match step {
        TableStep::Opened { round: (table, round), game, rules, currency, commitment } => {
            let open = "INSERT OR REPLACE INTO rounds VALUES (?1, ?2, 'open', ?3, ?4, ?5, ?6, ?7, ?8, \
                        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
            let row = params![
                table,
                Unsigned(*round),
                game,
                rules,
                currency.as_str(),
                commitment,
                Unsigned(lsn),
                Unsigned(time_ms)
            ];
            connection.prepare_cached(open).and_then(|mut open| open.execute(row)).map(drop)
        }
        TableStep::Bets { round: (table, round), player, bets } => {
            connection.prepare_cached("INSERT INTO bets VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").and_then(|mut write| {
                bets.iter().zip(0_i64..).try_for_each(|((spot, stake), n)| {
                    let row =
                        params![table, Unsigned(*round), Unsigned(lsn), n, player, spot, StoredMoney(*stake)];
                    write.execute(row).map(drop)
                })
            })
        }
        TableStep::Locked { round: (table, round), staked, mix } => {
            let lock = "UPDATE rounds SET state = 'locked', locked_lsn = ?3, staked = ?4, mix = ?5 \
                        WHERE table_id = ?1 AND round = ?2";
            let row = params![table, Unsigned(*round), Unsigned(lsn), StoredMoney(*staked), mix];
            connection.prepare_cached(lock).and_then(|mut lock| lock.execute(row)).map(drop)
        }
        TableStep::Settled { round: (table, round), drawn, seed, returned } => {
            let settle = "UPDATE rounds SET state = 'settled', ended_lsn = ?3, ended_ms = ?4, outcome = ?5, seed = ?6, \
                          requests = ?7, returned = ?8 WHERE table_id = ?1 AND round = ?2 \
                          RETURNING game, rules, currency, staked";
            let row = params![
                table,
                Unsigned(*round),
                Unsigned(lsn),
                Unsigned(time_ms),
                drawn,
                seed,
                Unsigned(requests),
                StoredMoney(*returned)
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
                        RoundSums { settled: 1, voided: 0, requests, staked, returned: *returned, staked_squares };
                    daily.played(day, game, &played);
                }
            })
        }
        TableStep::Voided { round: (table, round), reason } => {
            let end = "UPDATE rounds SET state = 'voided', ended_lsn = ?3, ended_ms = ?4, reason = ?5 \
                       WHERE table_id = ?1 AND round = ?2 RETURNING game, rules, currency";
            let row = params![table, Unsigned(*round), Unsigned(lsn), Unsigned(time_ms), reason];
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
