//! Accounts, as the records move money between them: their sums, and one entry for each account that a record changes.
//!
//! The sums are computed here from the moves, not taken over: `hub verify --read-model` compares them with those of the
//! money. Accounts that were used lately are in memory; what has changed in them is written at a commit.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use crate::{
    AccountKey, Error,
    classes::{Classes, Sums, find},
    daily::Daily,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// Most accounts in memory after a commit; about 20 MiB.
const KEPT_MAX: usize = 100_000;

/// The number of an account in the tables.
pub(crate) type AccountNumber = i64;

#[derive(Debug)]
struct Kept {
    class: i64,
    sums: Sums,
    /// Before the record under way.
    before: Sums,
    /// The record under way has touched it.
    touched: bool,
    changed: bool,
}

/// The accounts.
#[derive(Debug)]
pub(crate) struct AccountBook {
    classes: Classes,
    numbers: FxHashMap<([u8; 16], i64), AccountNumber>,
    kept: FxHashMap<AccountNumber, Kept>,
    /// What the record under way has touched, in order.
    touched: Vec<AccountNumber>,
    changed: Vec<AccountNumber>,
    next: AccountNumber,
}

impl AccountBook {
    pub fn load(connection: &Connection) -> Result<Self, Error> {
        let last: Option<i64> = connection
            .query_row("SELECT max(account) FROM accounts", [], |row| row.get(0))
            .map_err(sql("read"))?;
        Ok(Self {
            classes: Classes::load(connection)?,
            numbers: FxHashMap::default(),
            kept: FxHashMap::default(),
            touched: Vec::new(),
            changed: Vec::new(),
            next: last.unwrap_or(0) + 1,
        })
    }

    /// The number of an account. When there is none yet, it is opened by this record.
    pub fn number(
        &mut self,
        connection: &Connection,
        lsn: u64,
        key: &AccountKey,
    ) -> Result<AccountNumber, Error> {
        let class = self.classes.of(connection, key)?;
        if let Some(number) = self.numbers.get(&(key.owner, class)) {
            return Ok(*number);
        }
        let (number, sums) = match find(connection, &key.owner, class)? {
            Some((number, _, sums)) => (number, sums),
            None => {
                let number = self.next;
                connection
                    .prepare_cached("INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0)")
                    .and_then(|mut open| open.execute(params![number, class, key.owner, Unsigned(lsn)]))
                    .map_err(sql("write an account of"))?;
                self.next += 1;
                self.classes.opened(class);
                (number, Sums::default())
            }
        };
        self.numbers.insert((key.owner, class), number);
        self.keep(number, class, sums);
        Ok(number)
    }

    fn keep(&mut self, number: AccountNumber, class: i64, sums: Sums) {
        self.kept.entry(number).or_insert(Kept { class, sums, before: sums, touched: false, changed: false });
    }

    /// Makes an account present that is known by its number.
    pub fn fetch(&mut self, connection: &Connection, number: AccountNumber) -> Result<(), Error> {
        if self.kept.contains_key(&number) {
            return Ok(());
        }
        let (class, sums) = connection
            .prepare_cached(
                "SELECT class, debits, credits, debits_pending, credits_pending FROM accounts WHERE account = ?1",
            )
            .and_then(|mut fetch| fetch.query_row([number], |row| Ok((row.get(0)?, Sums::read(row, 1)?))))
            .map_err(sql("read an account of"))?;
        self.keep(number, class, sums);
        Ok(())
    }

    /// Changes the sums of an account that is present.
    pub fn change(&mut self, number: AccountNumber, change: impl FnOnce(&mut Sums)) {
        let Some(kept) = self.kept.get_mut(&number) else { return };
        if !kept.touched {
            kept.touched = true;
            kept.before = kept.sums;
            self.touched.push(number);
        }
        change(&mut kept.sums);
        if !kept.changed {
            kept.changed = true;
            self.changed.push(number);
        }
    }

    /// The class of an account has so many more open holds.
    pub fn held_more(&mut self, number: AccountNumber, more: i64) {
        if let Some(kept) = self.kept.get(&number) {
            self.classes.held_more(kept.class, more);
        }
    }

    /// The record is over: writes an entry for each account whose balance or held money it has changed. Returns how many.
    pub fn entries(
        &mut self,
        connection: &Connection,
        lsn: u64,
        day: i64,
        daily: &mut Daily,
    ) -> Result<u64, Error> {
        let mut write = connection
            .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .map_err(sql("write entries of"))?;
        let mut n = 0_u64;
        for number in self.touched.drain(..) {
            let Some(kept) = self.kept.get_mut(&number) else { continue };
            let (before, after) = (kept.before, kept.sums);
            kept.touched = false;
            self.classes.moved(kept.class, &before, &after);
            // Money that is only expected changes nothing that the owner has.
            let (debits, credits) = (after.debits - before.debits, after.credits - before.credits);
            let held = after.debits_pending - before.debits_pending;
            if debits == 0 && credits == 0 && held == 0 {
                continue;
            }
            write
                .execute(params![
                    number,
                    Unsigned(lsn),
                    Unsigned(n),
                    StoredMoney(credits - debits),
                    StoredMoney(after.posted()),
                    StoredMoney(held),
                    StoredMoney(after.debits_pending)
                ])
                .map_err(sql("write entries of"))?;
            n += 1;
            daily.moved(day, kept.class, debits, credits);
        }
        Ok(n)
    }

    /// Writes what has changed since the last commit.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        self.classes.flush(connection)?;
        let mut write = connection
            .prepare_cached(
                "UPDATE accounts SET debits = ?2, credits = ?3, debits_pending = ?4, credits_pending = ?5 \
                 WHERE account = ?1",
            )
            .map_err(sql("write accounts of"))?;
        // In the order of the file.
        self.changed.sort_unstable();
        for number in self.changed.drain(..) {
            let Some(kept) = self.kept.get_mut(&number) else { continue };
            kept.changed = false;
            let Sums { debits, credits, debits_pending, credits_pending } = kept.sums;
            write
                .execute(params![
                    number,
                    StoredMoney(debits),
                    StoredMoney(credits),
                    StoredMoney(debits_pending),
                    StoredMoney(credits_pending)
                ])
                .map_err(sql("write accounts of"))?;
        }
        if self.kept.len() > KEPT_MAX {
            self.kept.clear();
            self.numbers.clear();
        }
        Ok(())
    }
}
