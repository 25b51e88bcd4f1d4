//! Records that were removed from the log, where something else has them: the archive.

use journal::{Cursor, Files, LogRecords, Lsn, storage::Storage};

/// What has every record of the log, also those that were removed from it. It is asked for these alone.
pub type Whole<'a> = Option<&'a dyn LogRecords>;

/// The hash of the batch that ends with a record, also of one that was removed from the log.
pub(super) fn hash_at<S: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    lsn: Lsn,
) -> Result<Option<[u8; 32]>, journal::Error> {
    match whole.filter(|_| lsn < files.begins().lsn) {
        Some(whole) => {
            let end = batch_end(whole, lsn)?;
            Ok((end.lsn == lsn).then_some(end.hash))
        }
        None => files.hash_at(lsn),
    }
}

/// The end of the batch that has a record.
pub(super) fn batch_end(whole: &dyn LogRecords, lsn: Lsn) -> Result<Cursor, journal::Error> {
    let mut reader = whole.read(Lsn(lsn.0.saturating_sub(1)))?;
    reader.next(lsn)?;
    Ok(reader.cursor())
}
