//! How far a log may be shortened: what must hold before a segment is removed.

use journal::{Files, Lsn, storage::Storage};

/// What must be kept of a log. A segment may go only when every one of these lets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention<'a> {
    /// The first record whose archived copy is not verified.
    pub archived_before: Lsn,
    /// The record of a whole state that was verified, from which a start goes on. `None`: there is none.
    pub state: Option<Lsn>,
    /// Cursors of everybody who reads the log.
    pub cursors: &'a [Lsn],
    /// Length of the newest full segments that are kept in any case. Bytes.
    pub keep_bytes: u64,
}

/// Why no more is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The next segment is not in the archive, or its copy is not verified.
    NotArchived,
    /// No verified state is behind the next segment.
    NoState,
    /// A reader of the log has not read the next segment.
    Needed,
    /// The newest segments are kept by configuration.
    Recent,
}

impl Kept {
    /// In words.
    pub fn why(self) -> &'static str {
        match self {
            Kept::NotArchived => "the next segment has no verified copy in the archive",
            Kept::NoState => "no verified state is behind the next segment",
            Kept::Needed => "a follower has not read the next segment",
            Kept::Recent => "the newest full segments are kept by archive.keep_bytes",
        }
    }
}

impl Retention<'_> {
    /// The record before which segments may be removed, and why no more. `None` instead of a reason when only the last
    /// segment would be left, which is always kept.
    pub fn bound<S: Storage>(&self, files: &Files<S>) -> (Lsn, Option<Kept>) {
        let (mut recent, mut kept_bytes) = (Lsn::MAX, 0);
        for segment in files.sealed().collect::<Vec<_>>().into_iter().rev() {
            kept_bytes += segment.bytes;
            if kept_bytes > self.keep_bytes {
                break;
            }
            recent = segment.first;
        }
        let needed = self.cursors.iter().min().map_or(Lsn::MAX, |cursor| cursor.next());
        let stands = self.state.map_or(Lsn(0), Lsn::next);
        let bounds = [
            (self.archived_before, Kept::NotArchived),
            (stands, Kept::NoState),
            (needed, Kept::Needed),
            (recent, Kept::Recent),
        ];
        let (bound, why) = bounds.into_iter().min_by_key(|(bound, _)| *bound).expect("there are four");
        // The first segment that stays, unless it is the last one of the log.
        let stays = files.sealed().any(|segment| segment.end.lsn >= bound);
        (bound, stays.then_some(why))
    }
}
