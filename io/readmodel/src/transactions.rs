//! Transactions and refusals of the records since the last commit, written together.

use rusqlite::{Connection, params};

use crate::{
    Error, TransactionRow, bulk,
    error::sql,
    money::{StoredMoney, Unsigned},
};

/// Those that are not in the table yet, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Transactions(Vec<Decided>);

#[derive(Debug)]
struct Decided {
    lsn: u64,
    time_ms: u64,
    entries: u64,
    row: TransactionRow,
}

impl Transactions {
    /// Takes that of a record, which was decided at this time and has so many entries.
    pub fn take(&mut self, (lsn, time_ms, entries): (u64, u64, u64), row: TransactionRow) {
        self.0.push(Decided { lsn, time_ms, entries, row });
    }

    /// The table and the round of the transaction of a record, when it is among these and has one.
    pub fn round_of(&self, lsn: u64) -> Option<&(String, u64)> {
        let place = self.0.binary_search_by_key(&lsn, |decided| decided.lsn).ok()?;
        self.0[place].row.round.as_ref()
    }

    /// Writes all of them.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), Error> {
        let written = bulk::insert(connection, ("transactions", 16), &self.0, |decided, to| {
            let Decided { lsn, time_ms, entries, row } = decided;
            let (amount, currency) =
                row.amount.as_ref().map(|(amount, currency)| (*amount, currency)).unzip();
            let (table, round) = row.round.as_ref().map(|(table, round)| (table.as_str(), *round)).unzip();
            to.row(params![
                Unsigned(*lsn),
                Unsigned(*time_ms),
                row.tx,
                row.recipe,
                row.revision,
                row.principal_kind,
                row.principal,
                row.code,
                row.player,
                amount.map(StoredMoney),
                currency.map(|currency| currency.as_str()),
                row.reason,
                row.reference,
                table,
                round.map(Unsigned),
                Unsigned(*entries)
            ])
        });
        self.0.clear();
        written.map_err(sql("write a transaction of"))
    }
}
