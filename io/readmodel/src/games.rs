//! What was played of games, over days.

use rusqlite::Row;

use crate::{DayRange, Error, ModelView, error::sql, round_sums::RoundSums};

/// What was played of a game under one version of its rules, in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct GamePlayed {
    /// The game.
    pub game: String,
    /// Version of its rules.
    pub rules: u16,
    /// The currency.
    pub currency: String,
    /// The sums over its rounds.
    pub sums: RoundSums,
}

impl ModelView<'_> {
    /// What was played on these days, by game, rules and currency.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn games_played(&self, days: DayRange) -> Result<Vec<GamePlayed>, Error> {
        let day = |row: &Row<'_>| {
            let (game, rules, currency) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(GamePlayed { game, rules, currency, sums: RoundSums::read(row, 3)? })
        };
        let query = "SELECT game, rules, currency, settled, voided, requests, staked, returned, staked_squares \
                     FROM daily_games WHERE day BETWEEN ?1 AND ?2 ORDER BY game, rules, currency, day";
        let mut found = self.connection.prepare_cached(query).map_err(sql("read the totals of"))?;
        let found = found.query_map([days.first, days.last], day).map_err(sql("read the totals of"))?;
        let mut games: Vec<GamePlayed> = Vec::new();
        for day in found {
            let day = day.map_err(sql("read the totals of"))?;
            let is_same = |game: &&mut GamePlayed| {
                game.game == day.game && game.rules == day.rules && game.currency == day.currency
            };
            match games.last_mut().filter(is_same) {
                None => games.push(day),
                Some(game) => game.sums += &day.sums,
            }
        }
        Ok(games)
    }
}
