//! The state as of a record of the past, as far as a decision reads it: accounts by themselves, and rows.
//!
//! Who wants the state on which a record was decided asks as of the record before it.

use rusqlite::{OptionalExtension, params};

use crate::{
    AccountKey, Error, ModelView,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// The greatest number that SQLite has.
const LSN_MAX: u64 = i64::MAX.cast_unsigned();

impl ModelView<'_> {
    /// The balance, held money included, and the money that was set aside of an account once a record was carried out. Minor
    /// units. `None` when the account was not open then; zeros when no entry had changed it yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn account_as_of(&self, account: &AccountKey, lsn: u64) -> Result<Option<(i128, i128)>, Error> {
        self.sums_as_of(account, Unsigned(lsn.min(LSN_MAX))).map_err(sql("read the entries of"))
    }

    fn sums_as_of(&self, account: &AccountKey, lsn: Unsigned) -> rusqlite::Result<Option<(i128, i128)>> {
        let AccountKey { domain, kind, owner_kind, owner, currency } = account;
        let query = "SELECT account FROM classes JOIN accounts USING (class) \
                     WHERE domain = ?1 AND kind = ?2 AND owner_kind = ?3 AND currency = ?4 AND owner = ?5 \
                       AND opened_lsn <= ?6";
        let number: Option<i64> = self
            .connection
            .prepare_cached(query)?
            .query_row(params![domain, kind, owner_kind, currency.as_str(), owner, lsn], |row| row.get(0))
            .optional()?;
        let Some(number) = number else { return Ok(None) };
        let query = "SELECT after, held_after FROM entries WHERE account = ?1 AND lsn <= ?2 ORDER BY lsn DESC LIMIT 1";
        let found = self.connection.prepare_cached(query)?.query_row(params![number, lsn], |row| {
            Ok((row.get::<_, StoredMoney>(0)?.0, row.get::<_, StoredMoney>(1)?.0))
        });
        found.optional().map(|found| Some(found.unwrap_or_default()))
    }

    /// The record of a transaction, by its id; `None` when there is none. There is no index of ids: it reads what it has of every
    /// transaction, at most for the time of a question.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transaction_at(&self, tx: [u8; 16]) -> Result<Option<u64>, Error> {
        self.connection
            .prepare_cached("SELECT lsn FROM transactions WHERE tx = ?1 LIMIT 1")
            .and_then(|mut find| find.query_row(params![tx], |row| row.get::<_, Unsigned>(0)).optional())
            .map(|found| found.map(|lsn| lsn.0))
            .map_err(sql("read the transactions of"))
    }

    /// The value of a row of the state once a record was carried out, by the number of its kind and its key; `None` when there was
    /// none then.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn row_as_of(&self, kind: u16, key: &[u8], lsn: u64) -> Result<Option<Vec<u8>>, Error> {
        let query = "SELECT value FROM row_images WHERE kind = ?1 AND key = ?2 AND lsn <= ?3 ORDER BY lsn DESC LIMIT 1";
        self.connection
            .prepare_cached(query)
            .and_then(|mut find| {
                find.query_row(params![kind, key, Unsigned(lsn.min(LSN_MAX))], |row| row.get(0)).optional()
            })
            .map(Option::flatten)
            .map_err(sql("read a row of"))
    }
}
