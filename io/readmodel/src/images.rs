//! The images of rows: state that is no sum of moves, such as a freeze or the rules of a table. What a value means is not known here.

use rusqlite::{Connection, Row, params};

use crate::{Error, ImageRow, error::sql, money::Unsigned};

/// Writes the images that a record has.
pub(crate) fn write(connection: &Connection, lsn: u64, images: &[ImageRow]) -> Result<(), Error> {
    for ImageRow { kind, key, value } in images {
        connection
            .prepare_cached("INSERT OR REPLACE INTO row_images VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut write| write.execute(params![kind, key, Unsigned(lsn), value]))
            .map_err(sql("write a row of"))?;
    }
    Ok(())
}

/// The newest image of each row, without those that are removed, sorted.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Vec<ImageRow>> {
    // Of a group that has a maximum, SQLite takes the other columns from the row with it.
    let query = "SELECT kind, key, value, max(lsn) FROM row_images GROUP BY kind, key";
    let image = |row: &Row<'_>| Ok(ImageRow { kind: row.get(0)?, key: row.get(1)?, value: row.get(2)? });
    let mut newest = connection.prepare(query)?;
    let mut newest: Vec<_> = newest.query_map([], image)?.collect::<Result<_, _>>()?;
    newest.retain(|image| image.value.is_some());
    newest.sort_unstable();
    Ok(newest)
}
