//! Sums over the classes of accounts: what they have now, and what was posted to them by day. Dashboards and reports are made of them.

use rusqlite::{Row, params};

use crate::{
    Error, ModelView,
    classes::Sums,
    daily::day_of,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// The accounts of one domain, kind of account, kind of owner and currency. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassTotals {
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
    /// Sum of the money that is set aside on them.
    pub held: i128,
}

impl ClassTotals {
    /// Whether the operator owes it to the owners: it is their cash or bonus money.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        ["cash", "bonus"].contains(&self.kind.as_str())
    }
}

/// Days, as days since 1970-01-01 (UTC), both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
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

/// A domain's figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dashboard {
    /// The day of the question: days since 1970-01-01, UTC.
    pub today: i64,
    /// Every class of accounts that it has.
    pub totals: Vec<ClassTotals>,
    /// What was posted, by class and day, up to today.
    pub days: Vec<ClassDay>,
}

impl ModelView<'_> {
    /// A domain's accounts, and what moved in it on the day of a time (milliseconds since 1970, UTC) and the days before it,
    /// so many in all.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dashboard(&self, domain: &str, now_ms: u64, days: u32) -> Result<Dashboard, Error> {
        let today = day_of(now_ms);
        let days = DayRange { first: today - i64::from(days) + 1, last: today };
        let totals = self.class_totals(Some(domain))?;
        Ok(Dashboard { today, totals, days: self.class_days(days, Some(domain))? })
    }

    /// What the accounts have, by class; of one domain, or of all of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn class_totals(&self, domain: Option<&str>) -> Result<Vec<ClassTotals>, Error> {
        let class = |row: &Row<'_>| {
            let sums = Sums::read(row, 6)?;
            Ok(ClassTotals {
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
                     credits_pending FROM classes WHERE ?1 IS NULL OR domain = ?1 \
                     ORDER BY currency, domain, kind, owner_kind";
        self.connection
            .prepare_cached(query)
            .and_then(|mut found| found.query_map([domain], class)?.collect())
            .map_err(sql("read the totals of"))
    }

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
}
