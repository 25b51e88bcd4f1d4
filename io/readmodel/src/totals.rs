//! What a dashboard of a domain shows: its accounts by class, and what moved on the last days.

use rusqlite::{Row, params};

use crate::{
    Error, ModelView,
    classes::Sums,
    daily::day_of,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// A domain's accounts of one kind of account and owner, in one currency. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainTotals {
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
    /// Sum of the money that is set aside on them.
    pub held: i128,
}

/// Money that was posted. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayTotals {
    /// Records and accounts that they changed: a record that changes two accounts counts twice.
    pub entries: u64,
    /// Sum of the debits.
    pub debits: i128,
    /// Sum of the credits.
    pub credits: i128,
}

/// What was posted to a domain's accounts of one kind of account and owner, in one currency, on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDay {
    /// Days before the one that was asked for; 0: that day.
    pub days_before: u64,
    /// The kind of account.
    pub kind: String,
    /// The kind of owner.
    pub owner_kind: String,
    /// The currency.
    pub currency: String,
    /// What was posted.
    pub posted: DayTotals,
}

/// A domain's figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dashboard {
    /// Every class of accounts that it has.
    pub totals: Vec<DomainTotals>,
    /// What was posted, by class and day.
    pub days: Vec<DomainDay>,
}

impl ModelView<'_> {
    /// A domain's accounts, and what moved in it on the day of a time (milliseconds since 1970, UTC) and the days before it,
    /// so many in all.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dashboard(&self, domain: &str, now_ms: u64, days: u32) -> Result<Dashboard, Error> {
        self.domain(domain, day_of(now_ms), days).map_err(sql("read the totals of"))
    }

    fn domain(&self, domain: &str, today: i64, days: u32) -> rusqlite::Result<Dashboard> {
        let totals = |row: &Row<'_>| {
            let sums = Sums::read(row, 5)?;
            Ok(DomainTotals {
                kind: row.get(0)?,
                owner_kind: row.get(1)?,
                currency: row.get(2)?,
                accounts: row.get::<_, Unsigned>(3)?.0,
                open_holds: row.get::<_, Unsigned>(4)?.0,
                balance: sums.posted(),
                held: sums.debits_pending,
            })
        };
        let query = "SELECT kind, owner_kind, currency, accounts, open_holds, debits, credits, debits_pending, \
                     credits_pending FROM classes WHERE domain = ?1 ORDER BY currency, kind, owner_kind";
        let totals =
            self.connection.prepare_cached(query)?.query_map([domain], totals)?.collect::<Result<_, _>>()?;
        let day = |row: &Row<'_>| {
            Ok(DomainDay {
                days_before: row.get::<_, Unsigned>(0)?.0,
                kind: row.get(1)?,
                owner_kind: row.get(2)?,
                currency: row.get(3)?,
                posted: DayTotals {
                    entries: row.get::<_, Unsigned>(4)?.0,
                    debits: row.get::<_, StoredMoney>(5)?.0,
                    credits: row.get::<_, StoredMoney>(6)?.0,
                },
            })
        };
        let query = "SELECT ?2 - day, kind, owner_kind, currency, entries, d.debits, d.credits \
                     FROM daily_totals d JOIN classes USING (class) \
                     WHERE day > ?2 - ?3 AND day <= ?2 AND domain = ?1 ORDER BY day DESC, currency, kind, owner_kind";
        let found = self
            .connection
            .prepare_cached(query)?
            .query_map(params![domain, today, days], day)?
            .collect::<Result<_, _>>()?;
        Ok(Dashboard { totals, days: found })
    }
}
