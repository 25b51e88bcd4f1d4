//! Many rows of one table by few statements.
//!
//! A statement costs SQLite about as much as the row that it writes, so most rows are written some dozens by one. Which rows a
//! statement has does not matter to what is in the table: all of it is one transaction.

use std::fmt::Write as _;

use rusqlite::{Connection, Statement, ToSql};

/// Rows of one statement. The values of all of them are fewer than SQLite allows, 32,766.
const AT_ONCE: usize = 32;

/// Where the values of the rows go, one row after the other.
pub(crate) struct RowValues<'s, 'c> {
    statement: &'s mut Statement<'c>,
    bound: usize,
}

impl RowValues<'_, '_> {
    /// Takes over the values of the next row.
    pub fn row(&mut self, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
        for value in values {
            self.bound += 1;
            self.statement.raw_bind_parameter(self.bound, value)?;
        }
        Ok(())
    }
}

/// Inserts rows with so many columns into a table, in this order. `values` calls [`RowValues::row`] once for each.
pub(crate) fn insert<T>(
    connection: &Connection,
    (table, columns): (&str, usize),
    rows: &[T],
    values: impl Fn(&T, &mut RowValues<'_, '_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let (whole, rest) = rows.split_at(rows.len() - rows.len() % AT_ONCE);
    for (rows, at_once) in [(whole, AT_ONCE), (rest, 1)] {
        if rows.is_empty() {
            continue;
        }
        let mut statement = connection.prepare_cached(&spelled(table, columns, at_once))?;
        for rows in rows.chunks(at_once) {
            let mut bound = RowValues { statement: &mut statement, bound: 0 };
            rows.iter().try_for_each(|row| values(row, &mut bound))?;
            let (bound, expected) = (bound.bound, columns * at_once);
            if bound != expected {
                return Err(rusqlite::Error::InvalidParameterCount(bound, expected));
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}

/// `INSERT OR FAIL INTO table VALUES (?,?),(?,?)`. Without `OR FAIL` SQLite would keep a copy of each page that a statement of several
/// rows changes, so that it could undo the statement alone. Here the whole transaction is rolled back.
fn spelled(table: &str, columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    let mut text = format!("INSERT OR FAIL INTO {table} VALUES {row}");
    (1..rows).for_each(|_| write!(text, ",{row}").expect("a text takes everything"));
    text
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    #[test]
    fn any_number_of_rows_is_inserted_whole_and_in_order() {
        assert_eq!(spelled("kept", 2, 1), "INSERT OR FAIL INTO kept VALUES (?,?)");
        assert_eq!(spelled("kept", 1, 3), "INSERT OR FAIL INTO kept VALUES (?),(?),(?)");
        for count in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE + 7] {
            let sql = Connection::open_in_memory().expect("memory");
            sql.execute_batch("CREATE TABLE kept (number INTEGER, text TEXT)").expect("a table");
            let rows: Vec<_> = (0_i64..).take(count).map(|number| (number, number.to_string())).collect();
            insert(&sql, ("kept", 2), &rows, |(number, text), to| to.row(params![number, text]))
                .expect("rows");
            let mut kept = sql.prepare("SELECT number, text FROM kept ORDER BY rowid").expect("a query");
            let kept = kept.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
            assert_eq!(kept.collect::<rusqlite::Result<Vec<(i64, String)>>>().expect("rows"), rows);
        }
    }

    #[test]
    fn a_row_with_too_few_values_is_refused() {
        let sql = Connection::open_in_memory().expect("memory");
        sql.execute_batch("CREATE TABLE kept (number INTEGER, other INTEGER)").expect("a table");
        let inserted = insert(&sql, ("kept", 2), &[1], |number, to| to.row(params![number]));
        assert!(matches!(inserted, Err(rusqlite::Error::InvalidParameterCount(1, 2))), "{inserted:?}");
    }
}
