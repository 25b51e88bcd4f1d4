//! The classes of accounts: domain, kind of account, kind of owner and currency, with the sums over all accounts of each. There
//! are few of them, so all are in memory.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    AccountKey, Error,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// The four sums of an account, or of a class of accounts. Minor units; the posted ones only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub debits: i128,
    pub credits: i128,
    pub debits_pending: i128,
    pub credits_pending: i128,
}

impl Sums {
    pub fn posted(&self) -> i128 {
        self.credits - self.debits
    }

    /// Reads four columns of a row.
    pub fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let sum = |place: usize| row.get::<_, StoredMoney>(first + place).map(|money| money.0);
        Ok(Self { debits: sum(0)?, credits: sum(1)?, debits_pending: sum(2)?, credits_pending: sum(3)? })
    }
}

/// The kind of owner that a player is.
pub(crate) const PLAYER: &str = "player";

/// A class of accounts.
#[derive(Debug)]
struct Class {
    id: i64,
    domain: String,
    kind: String,
    owner_kind: String,
    currency: String,
    accounts: u64,
    open_holds: i64,
    sums: Sums,
    changed: bool,
}

/// Every class. Sums do not overflow: money enters and leaves the accounts of a class over accounts of the operator, each of
/// which keeps at most 2^100.
#[derive(Debug, Default)]
pub(crate) struct Classes(Vec<Class>);

impl Classes {
    pub fn load(connection: &Connection) -> Result<Self, Error> {
        let mut found = connection
            .prepare(
                "SELECT class, domain, kind, owner_kind, currency, accounts, open_holds, debits, credits, debits_pending, \
                 credits_pending FROM classes ORDER BY class",
            )
            .map_err(sql("read the classes of"))?;
        let class = |row: &Row<'_>| {
            Ok(Class {
                id: row.get(0)?,
                domain: row.get(1)?,
                kind: row.get(2)?,
                owner_kind: row.get(3)?,
                currency: row.get(4)?,
                accounts: row.get::<_, Unsigned>(5)?.0,
                open_holds: row.get(6)?,
                sums: Sums::read(row, 7)?,
                changed: false,
            })
        };
        let classes = found.query_map([], class).and_then(Iterator::collect);
        classes.map(Self).map_err(sql("read the classes of"))
    }

    /// The class of an account, which is made when there is none yet.
    pub fn of(&mut self, key: &AccountKey) -> i64 {
        let AccountKey { domain, kind, owner_kind, currency, .. } = key;
        let is = |class: &&Class| {
            class.kind == *kind
                && class.domain == *domain
                && class.owner_kind == *owner_kind
                && class.currency == currency.as_str()
        };
        if let Some(class) = self.0.iter().find(is) {
            return class.id;
        }
        let id = self.0.last().map_or(0, |class| class.id) + 1;
        self.0.push(Class {
            id,
            domain: (*domain).to_owned(),
            kind: (*kind).to_owned(),
            owner_kind: (*owner_kind).to_owned(),
            currency: currency.as_str().to_owned(),
            accounts: 0,
            open_holds: 0,
            sums: Sums::default(),
            changed: true,
        });
        id
    }

    /// The numbers of those of players.
    pub fn of_players(&self) -> impl Iterator<Item = i64> {
        self.0.iter().filter(|class| class.owner_kind == PLAYER).map(|class| class.id)
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Class)) {
        // They are numbered from 1, in order.
        let place = usize::try_from(id - 1).unwrap_or(usize::MAX);
        if let Some(class) = self.0.get_mut(place) {
            change(class);
            class.changed = true;
        }
    }

    pub fn opened(&mut self, id: i64) {
        self.change(id, |class| class.accounts += 1);
    }

    pub fn held_more(&mut self, id: i64, more: i64) {
        self.change(id, |class| class.open_holds += more);
    }

    /// An account of the class has changed.
    pub fn moved(&mut self, id: i64, before: &Sums, after: &Sums) {
        self.change(id, |Class { sums, .. }| {
            sums.debits += after.debits - before.debits;
            sums.credits += after.credits - before.credits;
            sums.debits_pending += after.debits_pending - before.debits_pending;
            sums.credits_pending += after.credits_pending - before.credits_pending;
        });
    }

    /// Writes what has changed.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        let mut write = connection
            .prepare_cached(
                "INSERT INTO classes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                 ON CONFLICT (class) DO UPDATE SET accounts = ?6, open_holds = ?7, debits = ?8, credits = ?9, \
                 debits_pending = ?10, credits_pending = ?11",
            )
            .map_err(sql("write the classes of"))?;
        for class in self.0.iter_mut().filter(|class| class.changed) {
            let Sums { debits, credits, debits_pending, credits_pending } = class.sums;
            write
                .execute(params![
                    class.id,
                    class.domain,
                    class.kind,
                    class.owner_kind,
                    class.currency,
                    Unsigned(class.accounts),
                    class.open_holds,
                    StoredMoney(debits),
                    StoredMoney(credits),
                    StoredMoney(debits_pending),
                    StoredMoney(credits_pending)
                ])
                .map_err(sql("write the classes of"))?;
            class.changed = false;
        }
        Ok(())
    }
}

/// The number of an account, its class and its sums.
pub(crate) type FoundAccount = (i64, i64, Sums);

/// Finds an account by its owner and its class.
pub(crate) fn find(
    connection: &Connection,
    owner: &[u8; 16],
    class: i64,
) -> Result<Option<FoundAccount>, Error> {
    connection
        .prepare_cached(
            "SELECT account, class, debits, credits, debits_pending, credits_pending FROM accounts \
             WHERE owner = ?1 AND class = ?2",
        )
        .and_then(|mut find| {
            find.query_row(params![owner, class], |row| Ok((row.get(0)?, row.get(1)?, Sums::read(row, 2)?)))
                .optional()
        })
        .map_err(sql("read an account of"))
}
