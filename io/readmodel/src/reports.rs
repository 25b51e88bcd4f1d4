//! Reports: domains by day, games and what they returned, what is owed.

use rusqlite::{Row, params};

use crate::{
    DayTotals, Error, ModelView,
    classes::Sums,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// Days, as days since 1970-01-01 (UTC), both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// What was posted to a class of accounts on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassDay {
    /// The day: days since 1970-01-01, UTC.
    pub day: i64,
    /// The domain.
    pub domain: String,
    /// The kind of account.
    pub kind: String,
    /// The kind of owner.
    pub owner_kind: String,
    /// The currency.
    pub currency: String,
    /// What was posted.
    pub posted: DayTotals,
}

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

/// What the operator owes to the owners of one kind, in one kind of account and one currency. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The domain.
    pub domain: String,
    /// The kind of account.
    pub kind: String,
    /// The kind of owner.
    pub owner_kind: String,
    /// The currency.
    pub currency: String,
    /// Number of accounts.
    pub accounts: u64,
    /// Open holds on them.
    pub open_holds: u64,
    /// Sum of their balances, held money included.
    pub balance: i128,
    /// Sum of the money that is set aside.
    pub held: i128,
}

impl ModelView<'_> {
    /// What was posted, by day and class; of one domain, or of all of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn class_days(&self, days: DayRange, domain: Option<&str>) -> Result<Vec<ClassDay>, Error> {
        let line = |row: &Row<'_>| {
            Ok(ClassDay {
                day: row.get(0)?,
                domain: row.get(1)?,
                kind: row.get(2)?,
                owner_kind: row.get(3)?,
                currency: row.get(4)?,
                posted: DayTotals {
                    entries: row.get::<_, Unsigned>(5)?.0,
                    debits: row.get::<_, StoredMoney>(6)?.0,
                    credits: row.get::<_, StoredMoney>(7)?.0,
                },
            })
        };
        let query = "SELECT day, domain, kind, owner_kind, currency, entries, d.debits, d.credits \
                     FROM daily_totals d JOIN classes USING (class) \
                     WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR domain = ?3) \
                     ORDER BY day, domain, currency, kind, owner_kind";
        self.connection
            .prepare_cached(query)
            .and_then(|mut found| found.query_map(params![days.first, days.last, domain], line)?.collect())
            .map_err(sql("read the totals of"))
    }

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

    /// What is owed to players and others: every class of accounts with their cash or bonus money.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn owed(&self) -> Result<Vec<Owed>, Error> {
        let line = |row: &Row<'_>| {
            let sums = Sums::read(row, 6)?;
            Ok(Owed {
                domain: row.get(0)?,
                kind: row.get(1)?,
                owner_kind: row.get(2)?,
                currency: row.get(3)?,
                accounts: row.get::<_, Unsigned>(4)?.0,
                open_holds: row.get::<_, Unsigned>(5)?.0,
                balance: sums.posted(),
                held: sums.debits_pending,
            })
        };
        let query = "SELECT domain, kind, owner_kind, currency, accounts, open_holds, debits, credits, debits_pending, \
                     credits_pending FROM classes WHERE kind IN ('cash', 'bonus') \
                     ORDER BY currency, owner_kind, domain, kind";
        self.connection
            .prepare_cached(query)
            .and_then(|mut found| found.query_map([], line)?.collect())
            .map_err(sql("read the totals of"))
    }
}
