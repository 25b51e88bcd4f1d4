//! The lineages of a log: what tells a restored copy from the log that it is a copy of.
//!
//! A log begins with one lineage. When a copy of it is restored, records after the copy are lost, although somebody may
//! know of them. So the restored log begins a new lineage, and abandons the one before at its last record: from there
//! on, the two are different logs with a common beginning. A [`Cursor`] names its lineage, so one of the lost future is
//! refused by name.
//!
//! Each segment's header names the lineage. A new lineage begins with a segment, and that header, whose link states the
//! last record before and its hash, is all that is written of it.

use crate::Lsn;
use crate::cursor::{Cursor, LineageId};
use crate::format::SegmentHeader;

/// A lineage of a log, and where it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lineage {
    /// Its id.
    pub id: LineageId,
    /// The last record before it, with its hash and its lineage, which was abandoned there. `None` for the first one.
    pub forked: Option<Cursor>,
}

/// The lineages of a log, from those of the segments that were removed and the headers of the others in order.
pub(crate) fn continued(removed: &[Lineage], headers: &[SegmentHeader]) -> Vec<Lineage> {
    let mut found: Vec<Lineage> = removed.to_vec();
    for header in headers {
        let forked = match found.last() {
            Some(current) if current.id == header.lineage => continue,
            Some(current) => Some(Cursor { lineage: current.id, ..header.follows() }),
            None => None,
        };
        found.push(Lineage { id: header.lineage, forked });
    }
    found
}

/// Where a lineage stands in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The log has its records up to this one, and may have later ones when this is [`Lsn::MAX`].
    Ours(Lsn),
    /// The log does not have it.
    Unknown,
}

/// Up to where a lineage is part of a log.
pub(crate) fn standing(lineages: &[Lineage], id: LineageId) -> Standing {
    // Where an id stands more than once, its last stretch counts.
    let Some(place) = lineages.iter().rposition(|lineage| lineage.id == id) else { return Standing::Unknown };
    let next = lineages.get(place + 1).and_then(|next| next.forked);
    Standing::Ours(next.map_or(Lsn::MAX, |forked| forked.lsn))
}
