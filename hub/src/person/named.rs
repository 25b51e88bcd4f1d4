//! The records of the log that name a player id.

use std::path::Path;

use journal::{Files, Lsn};
use protocol::PlayerId;

/// Where a log names an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Named {
    /// How many records do.
    pub records: u64,
    /// The first and the last of them.
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// The first record that the log has: older ones may have been removed.
    pub begins: u64,
}

/// Reads the whole log and counts the records that name an id.
///
/// A record has an id as its 16 bytes in one of both orders, or as its text within a key. 128 random bits occur by
/// chance in no log.
pub(super) fn count(directory: &Path, player: PlayerId) -> Result<Named, journal::Error> {
    let files = Files::open(directory)?;
    let begins = files.begins().lsn;
    let mut named = Named { begins: begins.0 + 1, ..Named::default() };
    let (little, big, text) = (player.0.to_le_bytes(), player.0.to_be_bytes(), player.to_string());
    let spelled: [&[u8]; 3] = [&little, &big, text.as_bytes()];
    let mut reader = files.reader(begins)?;
    while let Some(reader) = &mut reader
        && let Some(entry) = reader.next(Lsn::MAX)?
    {
        if spelled.iter().any(|id| entry.bytes.windows(id.len()).any(|window| window == *id)) {
            named.records += 1;
            named.first = named.first.or(Some(entry.lsn.0));
            named.last = Some(entry.lsn.0);
        }
    }
    Ok(named)
}
