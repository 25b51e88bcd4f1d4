//! What there was as of a record of the past: the money of a player, the last round of a table, a hold.

use rusqlite::{OptionalExtension, params};

use crate::{
    AccountName, Error, ModelView,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// What was on an account of a player. Minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFunds {
    /// The account.
    pub account: AccountName,
    /// The balance, held money included.
    pub balance: i128,
    /// The money that was set aside.
    pub held: i128,
}

impl PastFunds {
    /// Whether it is the cash that a domain owes.
    #[must_use]
    pub fn is_cash_of(&self, domain: &str) -> bool {
        self.account.domain == domain && self.account.kind == "cash"
    }
}

impl ModelView<'_> {
    /// What was on each account of a player once a record was carried out; accounts that had no money moved until then are left
    /// out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn funds_as_of(&self, player: [u8; 16], lsn: u64) -> Result<Vec<PastFunds>, Error> {
        self.accounts_as_of(player, lsn).map_err(sql("read the entries of"))
    }

    fn accounts_as_of(&self, player: [u8; 16], lsn: u64) -> rusqlite::Result<Vec<PastFunds>> {
        let own = "SELECT account, domain, kind, currency FROM accounts JOIN classes USING (class) \
                   WHERE owner = ?1 AND owner_kind = 'player' ORDER BY domain, kind, currency";
        let mut own = self.connection.prepare_cached(own)?;
        let own = own.query_map([player], |row| {
            let name = AccountName { domain: row.get(1)?, kind: row.get(2)?, currency: row.get(3)? };
            Ok((row.get::<_, i64>(0)?, name))
        })?;
        let mut last = self.connection.prepare_cached(
            "SELECT after, held_after FROM entries WHERE account = ?1 AND lsn <= ?2 ORDER BY lsn DESC LIMIT 1",
        )?;
        let mut funds = Vec::new();
        for account in own {
            let (number, account) = account?;
            let lsn = Unsigned(lsn.min(i64::MAX.cast_unsigned()));
            let found = last.query_row(params![number, lsn], |row| {
                Ok((row.get::<_, StoredMoney>(0)?.0, row.get::<_, StoredMoney>(1)?.0))
            });
            if let Some((balance, held)) = found.optional()? {
                funds.push(PastFunds { account, balance, held });
            }
        }
        Ok(funds)
    }

    /// The last round that a table had opened as of a record: its number, and the record that opened it. Rounds of a table are
    /// numbered from 1 without a gap, so it is looked for by halves.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_round(&self, table: &str, lsn: u64) -> Result<Option<(u64, u64)>, Error> {
        self.round_before(table, lsn).map_err(sql("read the rounds of"))
    }

    fn round_before(&self, table: &str, lsn: u64) -> rusqlite::Result<Option<(u64, u64)>> {
        let newest = "SELECT max(round) FROM rounds WHERE table_id = ?1";
        let newest: Option<Unsigned> =
            self.connection.prepare_cached(newest)?.query_row([table], |row| row.get(0))?;
        let mut opened = self
            .connection
            .prepare_cached("SELECT opened_lsn FROM rounds WHERE table_id = ?1 AND round = ?2")?;
        let (mut found, mut low, mut high) = (None, 1, newest.map_or(0, |newest| newest.0));
        while low <= high {
            let middle = low.midpoint(high);
            let at: Option<Unsigned> =
                opened.query_row(params![table, Unsigned(middle)], |row| row.get(0)).optional()?;
            match at {
                Some(Unsigned(at)) if at <= lsn => {
                    found = Some((middle, at));
                    low = middle + 1;
                }
                _ => high = middle - 1,
            }
        }
        Ok(found)
    }

    /// The record that ended a hold which this record has made; `None` while it is open, or when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hold_ended(&self, made: u64, hold: [u8; 16]) -> Result<Option<u64>, Error> {
        let query = "SELECT ended_lsn FROM hold_ends WHERE lsn = ?1 AND hold = ?2";
        let found = self.connection.prepare_cached(query).and_then(|mut find| {
            let ended = |row: &rusqlite::Row<'_>| row.get::<_, Option<Unsigned>>(0);
            find.query_row(params![Unsigned(made), hold], ended).optional()
        });
        Ok(found.map_err(sql("read a hold of"))?.flatten().map(|ended| ended.0))
    }
}
