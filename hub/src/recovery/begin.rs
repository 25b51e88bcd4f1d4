//! The beginning of a log. In production it is a command of its own (`hub init`): a log that is begun at a mistyped
//! path has no balances, and a hub that serves from it looks healthy.

use std::path::Path;

use actors::clock::now_ms;
use journal::{Files, Lsn};
use people::Master;

use super::{Error, Expectations, Recovered, facts, recover};

/// Whether a log was begun in a directory: it has a record. What cannot be read was begun too; recovery says what is
/// wrong with it.
#[must_use]
pub fn begun(directory: &Path) -> bool {
    if !directory.exists() {
        return false;
    }
    let has_record = || -> Result<bool, journal::Error> {
        match Files::open(directory)?.reader(Lsn(0))? {
            Some(mut reader) => Ok(reader.next(Lsn::MAX)?.is_some()),
            None => Ok(false),
        }
    };
    has_record().unwrap_or(true)
}

/// Begins a log whose first records are the facts of this hub, and its people store. Returns its last record.
///
/// # Errors
/// When there is a log already, which is left as it is, or none can be written.
pub fn begin(
    directory: &Path,
    segment_bytes: u64,
    expectations: &Expectations,
    people_key: &Master,
) -> Result<u64, Error> {
    if begun(directory) {
        return Err(Error::Begun);
    }
    let Recovered { log, mut world, people, .. } =
        recover(directory, "", segment_bytes, expectations, people_key)?;
    let mut log = log.into_sync();
    for fact in facts::missing(&expectations.facts, &people, &world.books) {
        let record = world.books.fact_record(fact, now_ms());
        let unfit = |source| Error::Refused { source: Box::new(source) };
        world.apply(&record).map_err(unfit)?;
        log.append(&record.encode());
    }
    log.sync()?;
    log.close()?;
    Ok(world.books.lsn())
}
