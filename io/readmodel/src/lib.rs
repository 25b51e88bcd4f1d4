//! The read model: the log as tables of SQL, for lists, reports and dashboards. The money never reads it.
//!
//! ```text
//!  record ──(actors: projection)──▶ LogRows ──▶ ModelWriter ──commit──▶ read-model.db ──▶ ReadModel ──▶ answers
//! ```
//! It is derived: the log is all it needs. A file that is missing, damaged, of another log or of another version of the
//! schema is built aside and takes the place of the old one ([`ModelWriter`]). The cursor in the log is a row of the same
//! commit as the rows, so every record is in it once. Readers have threads of their own, a bounded queue and a deadline
//! ([`ReadModel`]); none of them can hold back the writer.
//!
//! SQLite stands in this crate only. Rows are plain values: ids of 16 bytes, times in milliseconds since 1970, money in minor
//! units with its currency. What the tables mean is in `docs/read-model.md`.

mod ask;
mod before;
mod books;
mod bulk;
mod business;
mod business_check;
mod business_report;
mod check;
mod classes;
mod daily;
mod error;
mod figures;
mod files;
mod filters;
mod games;
mod held;
mod images;
mod interrupted;
mod listing;
mod money;
mod open_file;
mod past;
mod round_sums;
mod rounds;
mod rows;
mod schema;
mod shared;
mod stakes;
mod statement;
mod totals;
mod transactions;
mod unsynced;
mod view;
mod write_behind;
mod writer;
mod zone;

pub use ask::{NotAnswered, ReadModel};
pub use business_report::{BusinessFilter, BusinessLine, BusinessReport, BusinessSums, CountedSum};
pub use check::{AccountSums, ModelContents, OpenRoundRow};
pub use error::Error;
pub use figures::{BusinessFigure, BusinessRows, CountedFor, FigureOf, FigureRow};
pub use files::{DIRECTORY, WhichFile};
pub use filters::{AmountRange, Moments};
pub use games::GamePlayed;
pub use interrupted::{InterruptedRound, StakesHeld};
pub use listing::{ListPage, ListedAs, LsnPage, TransactionFilter, TransactionLine};
pub use past::PastFunds;
pub use round_sums::RoundSums;
pub use rows::{
    AccountKey, Ended, GivenBets, HeldRow, ImageRow, LogRows, ModelCursor, MoveRow, RefusedAct, TableStep,
    TransactionRow,
};
pub use schema::VERSION;
pub use statement::{AccountName, LinePlace, Page, StatementFilter, StatementLine};
pub use totals::{ClassDay, ClassTotals, Dashboard, DayRange, DayTotals};
pub use view::{AsOf, ModelView};
pub use writer::ModelWriter;

#[cfg(test)]
mod tests;
