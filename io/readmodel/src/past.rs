//! What a player had as of a record of the past.

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
}
