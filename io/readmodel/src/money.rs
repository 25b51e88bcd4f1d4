//! Money in SQL.
//!
//! A record may have amounts up to 2^100 minor units, and SQLite has integers of 64 bits. An amount that fits into 64 bits is
//! an `INTEGER`. A larger one is a `BLOB` of 16 bytes, two's complement, the highest byte first. So nothing is refused and nothing is
//! rounded. Columns of money have the type `ANY`, which keeps both as they are. In SQLite every blob sorts behind every integer,
//! and these blobs among themselves as their numbers do, so comparisons hold for amounts that are not negative.
//! SQL cannot add up the large ones: sums are made by the writer.

use rusqlite::{
    Result, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef},
};

/// An amount, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct StoredMoney(pub i128);

impl ToSql for StoredMoney {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(match i64::try_from(self.0) {
            Ok(small) => Value::Integer(small),
            Err(_) => Value::Blob(self.0.to_be_bytes().to_vec()),
        }))
    }
}

impl FromSql for StoredMoney {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(small) => Ok(Self(small.into())),
            ValueRef::Blob(bytes) => {
                let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok(Self(i128::from_be_bytes(bytes)))
            }
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) => Err(FromSqlError::InvalidType),
        }
    }
}

/// A number of 64 bits without a sign, such as a place in the log. Those above 2^63 - 1, which no log reaches, are negative in
/// SQL and read back as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unsigned(pub u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0.cast_signed())))
    }
}

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(|number| Self(number.cast_unsigned()))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn every_amount_of_a_record_reads_back_and_those_above_zero_sort_as_numbers() {
        let sql = Connection::open_in_memory().expect("memory");
        sql.execute_batch("CREATE TABLE kept (amount ANY NOT NULL) STRICT").expect("a table");
        let largest = 1_i128 << 100;
        let amounts = [0, 1, i128::from(i64::MAX), i128::from(i64::MAX) + 1, largest - 1, largest];
        for amount in amounts.iter().rev() {
            for signed in [*amount, -*amount] {
                let back: StoredMoney =
                    sql.query_row("SELECT ?1", [StoredMoney(signed)], |row| row.get(0)).expect("an amount");
                assert_eq!(back, StoredMoney(signed));
            }
            sql.execute("INSERT INTO kept VALUES (?1)", [StoredMoney(*amount)]).expect("a row");
        }
        let mut sorted = sql.prepare("SELECT amount FROM kept ORDER BY amount").expect("a query");
        let sorted: Vec<i128> = sorted
            .query_map([], |row| row.get::<_, StoredMoney>(0))
            .expect("rows")
            .map(|money| money.expect("an amount").0)
            .collect();
        assert_eq!(sorted, amounts);
    }

    #[test]
    fn a_number_above_the_integers_of_sql_reads_back() {
        let sql = Connection::open_in_memory().expect("memory");
        for number in [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX] {
            let back: Unsigned =
                sql.query_row("SELECT ?1", [Unsigned(number)], |row| row.get(0)).expect("a number");
            assert_eq!(back, Unsigned(number));
        }
    }
}
