//! Accounts, as the records move money between them: their sums, and one entry for each account that a record changes.
//!
//! The sums are computed here from the moves, not taken over: `hub verify --read-model` compares them with those of the
//! money. Accounts that were used lately are in memory. Entries and what has changed in accounts are written at a commit, in the
//! order of their tables, so that each page is touched once.

use protocol::Currency;
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use crate::{
    AccountKey, Error, bulk,
    classes::{Classes, PLAYER, Sums, find},
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
    /// The record that opened it, and its owner, when that is not committed yet.
    opened: Option<(u64, [u8; 16])>,
}

impl Kept {
    fn of(class: i64, sums: Sums) -> Self {
        Self { class, sums, before: sums, touched: false, changed: false, opened: None }
    }
}

/// What a record did to an account.
#[derive(Debug)]
struct Entry {
    account: AccountNumber,
    lsn: u64,
    /// Its place in the record.
    n: u64,
    delta: i128,
    after: i128,
    held_delta: i128,
    held_after: i128,
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
    /// Those of the records since the last commit.
    entries: Vec<Entry>,
    next: AccountNumber,
    /// The currencies of the accounts that the record under way opens to players who had none.
    newcomers: Vec<Currency>,
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
            entries: Vec::new(),
            next: last.unwrap_or(0) + 1,
            newcomers: Vec::new(),
        })
    }

    /// The number of an account. When there is none yet, it is opened by this record.
    pub fn number(
        &mut self,
        connection: &Connection,
        lsn: u64,
        key: &AccountKey,
    ) -> Result<AccountNumber, Error> {
        let class = self.classes.of(key);
        if let Some(number) = self.numbers.get(&(key.owner, class)) {
            return Ok(*number);
        }
        let number = match find(connection, &key.owner, class)? {
            Some((number, _, sums)) => {
                self.kept.entry(number).or_insert(Kept::of(class, sums));
                number
            }
            None => {
                if key.owner_kind == PLAYER && !self.has_any(connection, &key.owner)? {
                    self.newcomers.push(key.currency);
                }
                self.open(lsn, key.owner, class)
            }
        };
        self.numbers.insert((key.owner, class), number);
        Ok(number)
    }

    /// Whether a player has an account of any class.
    fn has_any(&self, connection: &Connection, player: &[u8; 16]) -> Result<bool, Error> {
        for class in self.classes.of_players() {
            if self.numbers.contains_key(&(*player, class)) || find(connection, player, class)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The currencies in which players got their first accounts since this was asked last.
    pub fn newcomers(&mut self) -> impl Iterator<Item = Currency> {
        self.newcomers.drain(..)
    }

    fn open(&mut self, lsn: u64, owner: [u8; 16], class: i64) -> AccountNumber {
        let number = self.next;
        self.next += 1;
        self.classes.opened(class);
        self.changed.push(number);
        let kept = Kept { changed: true, opened: Some((lsn, owner)), ..Kept::of(class, Sums::default()) };
        self.kept.insert(number, kept);
        number
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
        self.kept.insert(number, Kept::of(class, sums));
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

    /// The record is over: there is an entry for each account whose balance or held money it has changed. Returns how many.
    pub fn entries(&mut self, lsn: u64, day: i64, daily: &mut Daily) -> u64 {
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
            self.entries.push(Entry {
                account: number,
                lsn,
                n,
                delta: credits - debits,
                after: after.posted(),
                held_delta: held,
                held_after: after.debits_pending,
            });
            n += 1;
            daily.moved(day, kept.class, debits, credits);
        }
        n
    }

    /// Writes what has changed since the last commit.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        self.classes.flush(connection)?;
        self.changed.sort_unstable();
        let opened: Vec<_> = self
            .changed
            .iter()
            .filter_map(|number| {
                let kept = self.kept.get_mut(number)?;
                let (lsn, owner) = kept.opened.take()?;
                kept.changed = false;
                Some((*number, kept.class, owner, lsn, kept.sums))
            })
            .collect();
        bulk::insert(connection, ("accounts", 8), &opened, |(number, class, owner, lsn, sums), to| {
            let Sums { debits, credits, debits_pending, credits_pending } = *sums;
            to.row(params![
                number,
                class,
                owner,
                Unsigned(*lsn),
                StoredMoney(debits),
                StoredMoney(credits),
                StoredMoney(debits_pending),
                StoredMoney(credits_pending)
            ])
        })
        .map_err(sql("write accounts of"))?;
        let mut write = connection
            .prepare_cached(
                "UPDATE accounts SET debits = ?2, credits = ?3, debits_pending = ?4, credits_pending = ?5 \
                 WHERE account = ?1",
            )
            .map_err(sql("write accounts of"))?;
        for number in self.changed.drain(..) {
            let Some(kept) = self.kept.get_mut(&number).filter(|kept| kept.changed) else { continue };
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
        self.flush_entries(connection).map_err(sql("write entries of"))?;
        if self.kept.len() > KEPT_MAX {
            self.kept.clear();
            self.numbers.clear();
        }
        Ok(())
    }

    fn flush_entries(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.entries.sort_unstable_by_key(|entry| (entry.account, entry.lsn));
        bulk::insert(connection, ("entries", 7), &self.entries, |entry, to| {
            to.row(params![
                entry.account,
                Unsigned(entry.lsn),
                Unsigned(entry.n),
                StoredMoney(entry.delta),
                StoredMoney(entry.after),
                StoredMoney(entry.held_delta),
                StoredMoney(entry.held_after)
            ])
        })?;
        self.entries.clear();
        Ok(())
    }
}
