//! A database that is written, with what is in memory of it: what the records since the last commit add.
//!
//! A record is taken in memory. What it needs from before is looked up in memory first and then in the tables. A commit writes the
//! tables one after the other, each in its order, and the cursor. So what several records change, such as an account, is written
//! once, and many rows are written by one statement.

use rusqlite::{Connection, params};

use crate::{
    Ended, Error, LogRows, ModelCursor, MoveRow, RefusedAct, TableStep,
    books::AccountBook,
    business::Business,
    daily::{Daily, day_of},
    error::sql,
    held::{Ending, HeldMoney},
    images,
    money::Unsigned,
    rounds::{self, PlacedBets},
    transactions::Transactions,
};

/// An open database.
#[derive(Debug)]
pub(crate) struct OpenFile {
    connection: Connection,
    accounts: AccountBook,
    holds: HeldMoney,
    bets: PlacedBets,
    transactions: Transactions,
    daily: Daily,
    business: Business,
    cursor: ModelCursor,
    /// Time of the last record that was taken, milliseconds since 1970.
    time_ms: u64,
    begun: bool,
}

impl OpenFile {
    /// Goes on with what a database has.
    pub fn over(connection: Connection) -> Result<Self, Error> {
        let (cursor, time_ms) = read_cursor(&connection).map_err(sql("read the cursor of"))?;
        let accounts = AccountBook::load(&connection)?;
        let (holds, bets) = (HeldMoney::default(), PlacedBets::default());
        let (transactions, daily) = (Transactions::default(), Daily::default());
        let business = Business::load(&connection)?;
        Ok(Self {
            connection,
            accounts,
            holds,
            bets,
            transactions,
            daily,
            business,
            cursor,
            time_ms,
            begun: false,
        })
    }

    /// Up to where it is committed.
    pub fn cursor(&self) -> ModelCursor {
        self.cursor
    }

    /// Its connection; what was taken since the last commit is not in it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Its connection, with a transaction rolled back that was begun.
    pub fn close(self) -> Result<Connection, Error> {
        if self.begun {
            self.connection.execute_batch("ROLLBACK").map_err(sql("close"))?;
        }
        Ok(self.connection)
    }

    fn begin(&mut self) -> Result<(), Error> {
        if !self.begun {
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(sql("write"))?;
            self.begun = true;
        }
        Ok(())
    }

    /// Takes the next record.
    pub fn take(&mut self, rows: LogRows) -> Result<(), Error> {
        self.begin()?;
        let Self { connection, accounts, holds, bets, transactions, daily, business, .. } = self;
        let LogRows { lsn, time_ms, transaction, moves, images, step, refused_act, scale, business: figures } =
            rows;
        self.time_ms = time_ms;
        let day = day_of(time_ms);
        if let Some((currency, scale)) = scale {
            connection
                .prepare_cached("INSERT OR REPLACE INTO currencies VALUES (?1, ?2)")
                .and_then(|mut write| write.execute(params![currency.as_str(), scale]))
                .map_err(sql("write the currencies of"))?;
        }
        if let Some(RefusedAct { act, lacks }) = refused_act {
            connection
                .prepare_cached("INSERT INTO refused_acts VALUES (?1, ?2, ?3)")
                .and_then(|mut write| write.execute(params![Unsigned(lsn), act, lacks]))
                .map_err(sql("write a refused act of"))?;
        }
        let about = transaction.as_ref();
        let ending = Ending {
            lsn,
            round: about.and_then(|row| Some((row.round.as_ref()?.0.as_str(), row.round.as_ref()?.1))),
            player: about.and_then(|row| row.player.as_ref()),
        };
        let (mut made, mut posted) = (0, 0);
        for step in moves {
            match step {
                MoveRow::Open(key) => {
                    accounts.number(connection, lsn, &key)?;
                }
                MoveRow::Post { debit, credit, amount } => {
                    let debit = accounts.number(connection, lsn, &debit)?;
                    let credit = accounts.number(connection, lsn, &credit)?;
                    accounts.change(debit, |sums| sums.debits += amount);
                    accounts.change(credit, |sums| sums.credits += amount);
                }
                MoveRow::Hold(held) => {
                    holds.make(connection, accounts, (lsn, made), *held)?;
                    made += 1;
                }
                MoveRow::End { domain, hold, how } => {
                    holds.end(connection, accounts, &ending, (domain, &hold, how))?;
                    posted += u64::from(how == Ended::Posted);
                }
            }
        }
        images::write(connection, lsn, &images)?;
        let entries = accounts.entries(lsn, day, daily);
        let stakes_open = holds.over(connection, lsn, step.as_ref().and_then(TableStep::ends))?;
        if let Some(step) = step {
            if let TableStep::Opened { round: (table, round), .. } = &step {
                holds.opened(table, *round);
            }
            rounds::take(connection, bets, daily, (lsn, time_ms, day), (step, posted, stakes_open))?;
        }
        business.newcomers(time_ms, accounts.newcomers());
        if let Some(figures) = figures {
            business.take(connection, accounts, transactions, (lsn, time_ms), *figures)?;
        }
        if let Some(transaction) = transaction {
            let (amount, currency) = transaction
                .amount
                .as_ref()
                .map_or((0, String::new()), |(amount, currency)| (*amount, currency.as_str().to_owned()));
            let key = (transaction.recipe, transaction.code.unwrap_or_default(), currency);
            daily.asked(day, key, amount);
            transactions.take((lsn, time_ms, entries), transaction);
        }
        Ok(())
    }

    /// Writes what was taken, as of a cursor.
    pub fn commit(&mut self, at: ModelCursor) -> Result<(), Error> {
        if !self.begun && at == self.cursor {
            return Ok(());
        }
        self.begin()?;
        let connection = &self.connection;
        self.transactions.flush(connection)?;
        self.accounts.flush(connection)?;
        self.holds.flush(connection)?;
        self.bets.flush(connection)?;
        self.daily.flush(connection)?;
        self.business.flush(connection)?;
        let row = params![at.lineage, Unsigned(at.lsn), at.hash, Unsigned(self.time_ms)];
        connection
            .prepare_cached("UPDATE cursor SET lineage = ?1, lsn = ?2, hash = ?3, time_ms = ?4")
            .and_then(|mut write| write.execute(row))
            .map_err(sql("write the cursor of"))?;
        connection.execute_batch("COMMIT").map_err(sql("commit"))?;
        self.begun = false;
        self.cursor = at;
        self.holds.bound();
        Ok(())
    }
}

/// The cursor, and the time of its record.
pub(crate) fn read_cursor(connection: &Connection) -> rusqlite::Result<(ModelCursor, u64)> {
    let query = "SELECT lineage, lsn, hash, time_ms FROM cursor";
    connection.prepare_cached(query)?.query_row([], |row| {
        let cursor =
            ModelCursor { lineage: row.get(0)?, lsn: row.get::<_, Unsigned>(1)?.0, hash: row.get(2)? };
        Ok((cursor, row.get::<_, Unsigned>(3)?.0))
    })
}
