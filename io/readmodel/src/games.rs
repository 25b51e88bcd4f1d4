//! What was played of games, over days.

use rusqlite::Row;

use crate::{
    DayRange, Error, ModelView,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// What was played of a game under one version of its rules, in one currency. Minor units.
#[derive(Debug, Clone, PartialEq)]
pub struct GamePlayed {
    /// The game.
    pub game: String,
    /// Version of its rules.
    pub rules: u16,
    /// The currency.
    pub currency: String,
    /// Rounds that were drawn.
    pub settled: u64,
    /// Rounds that were void.
    pub voided: u64,
    /// Requests whose bets were settled.
    pub requests: u64,
    /// Sum of the stakes of the drawn rounds.
    pub staked: i128,
    /// Sum of their payouts, stakes included.
    pub returned: i128,
    /// Sum of the squares of the drawn rounds' stakes.
    pub staked_squares: f64,
}

impl ModelView<'_> {
    /// What was played on these days, by game, rules and currency.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn games_played(&self, days: DayRange) -> Result<Vec<GamePlayed>, Error> {
        let day = |row: &Row<'_>| {
            Ok(GamePlayed {
                game: row.get(0)?,
                rules: row.get(1)?,
                currency: row.get(2)?,
                settled: row.get::<_, Unsigned>(3)?.0,
                voided: row.get::<_, Unsigned>(4)?.0,
                requests: row.get::<_, Unsigned>(5)?.0,
                staked: row.get::<_, StoredMoney>(6)?.0,
                returned: row.get::<_, StoredMoney>(7)?.0,
                staked_squares: row.get(8)?,
            })
        };
        let query = "SELECT game, rules, currency, settled, voided, requests, staked, returned, staked_squares \
                     FROM daily_games WHERE day BETWEEN ?1 AND ?2 ORDER BY game, rules, currency, day";
        let mut found = self.connection.prepare_cached(query).map_err(sql("read the totals of"))?;
        let found = found.query_map([days.first, days.last], day).map_err(sql("read the totals of"))?;
        let mut sums: Vec<GamePlayed> = Vec::new();
        for day in found {
            let day = day.map_err(sql("read the totals of"))?;
            let is_same = |sum: &&mut GamePlayed| {
                sum.game == day.game && sum.rules == day.rules && sum.currency == day.currency
            };
            match sums.last_mut().filter(is_same) {
                None => sums.push(day),
                Some(sum) => {
                    sum.settled += day.settled;
                    sum.voided += day.voided;
                    sum.requests += day.requests;
                    sum.staked += day.staked;
                    sum.returned += day.returned;
                    sum.staked_squares += day.staked_squares;
                }
            }
        }
        Ok(sums)
    }
}
