//! Opening: finds where the log ends, and tells a torn tail from damage. Reads only; `log.rs` repairs.
//!
//! Two facts decide every case, because a batch is one write and one sync, in order:
//! * anything of a *later* batch or segment on disk proves that everything before it had been synced, so a
//!   flaw before it is damage: refuse, name file and offset, change nothing;
//! * a flaw with nothing after it is a write that no sync confirmed: cut it.

use std::ops::Range;

use crate::format::{BLOCK, SegmentHeader};
use crate::log::TornTail;
use crate::scan::{self, Window, named_lsn, segment_header, segment_name};
use crate::storage::{File as _, Storage};
use crate::{Error, Lsn};

/// What the segments hold.
pub(crate) struct Found {
    pub id: [u8; 16],
    pub salt: [u8; 16],
    /// The highest epoch seen.
    pub epoch: u32,
    pub last: Lsn,
    pub hash: [u8; 32],
    /// The last segment, by its first lsn.
    pub segment: Lsn,
    /// Where the next batch goes in it. Bytes.
    pub end: u64,
    /// The last thing written before `end`: nothing proves yet that it was synced. Bytes.
    pub unproven: Range<u64>,
    pub cut: Option<TornTail>,
    /// A segment whose making was interrupted; it holds nothing.
    pub unfinished: Option<Lsn>,
}

/// Checks every segment. `None`: there is no log yet (an empty first file counts as none). Segments that end
/// at or before `trusted` are checked by their headers only.
pub(crate) fn recover<S: Storage>(storage: &S, trusted: Lsn) -> Result<Option<Found>, Error> {
    let mut segments = scan::segments(storage)?;
    let unfinished = drop_unfinished(storage, &mut segments)?;
    let missing = |lsn, what| Error::Missing { dir: storage.path(""), lsn, what };
    let checkpoint = newest_checkpoint(storage)?;
    let mut found: Option<Found> = None;
    for (n, &first) in segments.iter().enumerate() {
        let name = segment_name(first);
        let path = storage.path(&name);
        let following = segments.get(n + 1).copied();
        let file = storage.read(&name).map_err(Error::io("open", &path))?;
        let header = segment_header(storage, &file, first)?;
        if let Some(before) = &found {
            if header.id != before.id {
                return Err(Error::Foreign { file: path });
            }
            if first > before.last.next() {
                return Err(missing(before.last.next(), "a segment is missing or cut short"));
            }
            let links = first == before.last.next() && header.previous == before.hash;
            if !links || header.salt != before.salt || header.epoch < before.epoch {
                return Err(Error::Damaged {
                    file: path,
                    offset: 0,
                    what: "the header does not follow the segment before",
                });
            }
        }
        let mut segment = Segment::new(storage, Window::new(file), header);
        match following {
            // The next header states the hash that this segment must end with; its own check follows.
            Some(next) if next.0 <= trusted.0.saturating_add(1) => segment.skip(next)?,
            Some(_) => segment.check(true)?,
            None => segment.check(false)?,
        }
        found = Some(segment.found);
    }
    let last = found.as_ref().map_or(Lsn(0), |found| found.last);
    if checkpoint > last {
        return Err(missing(last.next(), "a checkpoint tells of later records"));
    }
    // An unfinished segment is the one after the end, or the first of a log that never came to be.
    if let Some(lsn) = unfinished.filter(|lsn| *lsn != last.next()) {
        return Err(missing(last.next().min(lsn), "an empty segment does not follow the one before"));
    }
    Ok(found.map(|found| Found { unfinished, ..found }))
}

/// Takes the last segment off the list where it holds nothing at all.
fn drop_unfinished<S: Storage>(storage: &S, segments: &mut Vec<Lsn>) -> Result<Option<Lsn>, Error> {
    let Some(&last) = segments.last() else { return Ok(None) };
    let name = segment_name(last);
    let blank = || {
        let file = storage.read(&name)?;
        let mut header = [0; BLOCK];
        file.read_at(0, &mut header)?;
        // Only a file without a header is worth reading to its end.
        Ok(header.iter().all(|byte| *byte == 0) && scan::last_nonzero(&file, 0)?.is_none())
    };
    if !blank().map_err(Error::io("read", storage.path(&name)))? {
        return Ok(None);
    }
    segments.pop();
    Ok(Some(last))
}

fn newest_checkpoint<S: Storage>(storage: &S) -> Result<Lsn, Error> {
    let names = storage.list().map_err(Error::io("list", storage.path("")))?;
    Ok(names.iter().filter_map(|name| named_lsn(name, ".checkpoint")).max().unwrap_or_default())
}

/// One segment being checked.
struct Segment<'a, S: Storage> {
    storage: &'a S,
    window: Window<S::File>,
    header: SegmentHeader,
    found: Found,
}

impl<'a, S: Storage> Segment<'a, S> {
    fn new(storage: &'a S, window: Window<S::File>, header: SegmentHeader) -> Self {
        let found = Found {
            id: header.id,
            salt: header.salt,
            epoch: header.epoch,
            last: Lsn(header.first.0 - 1),
            hash: header.previous,
            segment: header.first,
            end: BLOCK as u64,
            unproven: 0..BLOCK as u64,
            cut: None,
            unfinished: None,
        };
        Segment { storage, window, header, found }
    }

    /// Believes the next segment's header about this one.
    fn skip(&mut self, next: Lsn) -> Result<(), Error> {
        let name = segment_name(next);
        let file = self.storage.read(&name).map_err(Error::io("open", self.storage.path(&name)))?;
        self.found.last = Lsn(next.0 - 1);
        self.found.hash = segment_header(self.storage, &file, next)?.previous;
        Ok(())
    }

    /// Reads batch by batch up to the first that is none. `followed`: a later segment exists.
    fn check(&mut self, followed: bool) -> Result<(), Error> {
        let path = self.storage.path(&segment_name(self.header.first));
        let failed = |source| Error::io("read", &path)(source);
        let flaw = loop {
            let found = &mut self.found;
            let (frame, bytes) = match self.window.frame(found.end, &found.salt).map_err(failed)? {
                Ok(frame) => frame,
                Err(flaw) => break flaw,
            };
            if frame.first != found.last.next() || frame.epoch < found.epoch {
                break "a batch does not follow the one before";
            }
            match frame.check(&found.salt, bytes) {
                Ok(hash) => found.hash = hash.unwrap_or(found.hash),
                Err(flaw) => break flaw,
            }
            found.epoch = frame.epoch;
            found.last = Lsn(frame.next().0 - 1);
            found.unproven = found.end..found.end + frame.len() as u64;
            found.end = found.unproven.end;
        };
        let found = &mut self.found;
        let file = &self.window.file;
        let Some(used) = scan::last_nonzero(file, found.end).map_err(failed)? else {
            return Ok(());
        };
        let next = found.last.next();
        if followed || scan::later_frame(file, found.end, &found.salt, next).map_err(failed)?.is_some() {
            return Err(Error::Damaged { file: path, offset: found.end, what: flaw });
        }
        found.cut = Some(TornTail { file: path, offset: found.end, bytes: used - found.end });
        Ok(())
    }
}
