//! A cut: the files of a log as of one moment, open, so that they can be copied while the log is written and shortened.
//!
//! A sealed segment never changes, and an open file can be read although it was removed. So it is enough to open all of
//! them at the moment of the cut, and to note how far the last one is whole. Copying may take as long as it likes. See
//! docs/adr/0030-a-backup-is-one-cut-of-log-store-and-people.md.

use crate::Error;
use crate::cursor::Cursor;
use crate::files::Files;
use crate::kept;
use crate::lsn::Lsn;
use crate::scan::{missing, segment_name};
use crate::storage::{File, Storage};

/// The name of the file that states where a log begins whose oldest segments were removed.
pub const FIRST_KEPT: &str = kept::NAME;

/// How often a cut is tried, when segments are begun or removed meanwhile. Each try is over in the time that the last
/// segment is read in.
const TRIES: usize = 100;

/// The files of a log as of one moment.
#[derive(Debug)]
pub struct LogCut<F> {
    /// The id of the log.
    pub id: [u8; 16],
    /// The end of the last batch that was removed; the beginning of the log when nothing was.
    pub begins: Cursor,
    /// The end of the cut: everything up to it is durable.
    pub end: Cursor,
    /// The bytes of the file [`FIRST_KEPT`], when the oldest segments were removed.
    pub first_kept: Option<Vec<u8>>,
    /// The segments, oldest first.
    pub segments: Vec<CutSegment<F>>,
}

/// A segment, open for reading.
#[derive(Debug)]
pub struct CutSegment<F> {
    /// The name of its file.
    pub name: String,
    /// Its file.
    pub file: F,
    /// How much of it is the cut's: what is behind belongs to later batches, and is zeros in a copy. Bytes.
    pub used: u64,
    /// Length of the file. Bytes.
    pub bytes: u64,
}

impl<F: File> LogCut<F> {
    /// Takes a cut. A writer may be at work; its lock is not needed, and it does not wait. Every record that was released
    /// before the call is in the cut. `None` when there is no log yet.
    ///
    /// Reads the headers of all segments and the whole last one, and syncs the last one, so that the cut has nothing that a
    /// loss of power could take from the log. Needs an open file for each segment.
    ///
    /// # Errors
    /// What [`Files::over`] and [`Files::finish`] find, and what the system refuses.
    pub fn take<S: Storage<File = F>>(storage: &S) -> Result<Option<Self>, Error> {
        let mut passed = None;
        for _ in 0..TRIES {
            let files = Files::over(storage.clone())?;
            let Some(last) = files.last_segment() else { return Ok(None) };
            match attempt(&files, last) {
                Ok(Some(cut)) => return Ok(Some(cut)),
                Ok(None) => {}
                // Segments may have been removed since the headers were read.
                Err(error) if kept::read(storage)? == files.first_kept().cloned() => return Err(error),
                Err(error) => passed = Some(error),
            }
        }
        Err(passed.unwrap_or_else(|| missing(storage, Lsn(1))))
    }
}

/// One try; `None` when the writer has begun another segment meanwhile.
fn attempt<S: Storage>(files: &Files<S>, last: Lsn) -> Result<Option<LogCut<S::File>>, Error> {
    let storage = files.storage();
    let mut segments = Vec::with_capacity(files.segments());
    for header in files.headers() {
        let name = segment_name(header.first);
        let file = storage.read(&name).map_err(Error::io("open", storage.path(&name)))?;
        segments.push(CutSegment { name, file, used: header.bytes, bytes: header.bytes });
    }
    // From the last segment on.
    let tail = files.finish(files.reader(Lsn(u64::MAX - 1))?)?;
    let (Some(end), Some(segment)) = (&tail.end, segments.last_mut()) else { return Ok(None) };
    let path = || storage.path(&segment.name);
    // A segment without records may be replaced by a longer one.
    let identity = segment.file.identity().map_err(Error::io("look at", path()))?;
    let now = storage.status(&segment.name).map_err(Error::io("look at", path()))?;
    if end.header.first != last || now.identity != identity || end.header.bytes != segment.bytes {
        return Ok(None);
    }
    segment.file.sync().map_err(Error::io("sync", path()))?;
    segment.used = end.at;
    Ok(Some(LogCut {
        id: end.header.id,
        begins: files.begins(),
        end: end.cursor,
        first_kept: files.first_kept().map(kept::FirstKept::encode),
        segments,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::{Options, SyncLog};

    /// A log of many short segments, each record in a batch of its own.
    fn written(storage: &Memory, records: u64) -> SyncLog<Memory> {
        let options = Options { segment_bytes: 4 << 10, ..Options::default() };
        let mut log = SyncLog::open(storage.clone(), options).expect("a disk");
        for _ in 0..records {
            log.append(&[7; 300]);
            log.sync().expect("a disk");
        }
        log
    }

    /// The cut, copied to another storage.
    fn copied(cut: &LogCut<<Memory as Storage>::File>) -> Memory {
        let to = Memory::new(9);
        let put =
            |name: &str, bytes: &[u8]| to.create(name).expect("a disk").write_at(0, bytes).expect("a disk");
        for segment in &cut.segments {
            let mut bytes = vec![0; segment.bytes as usize];
            segment.file.read_at(0, &mut bytes[..segment.used as usize]).expect("a disk");
            put(&segment.name, &bytes);
        }
        cut.first_kept.iter().for_each(|bytes| put(FIRST_KEPT, bytes));
        to
    }

    #[test]
    fn a_cut_is_copied_whole_although_the_log_is_written_and_shortened_meanwhile() {
        let storage = Memory::new(1);
        let mut log = written(&storage, 30);
        log.log().truncate_before(Lsn(12), &[]).expect("a disk");
        let cut = LogCut::take(&storage).expect("a log").expect("a log");
        assert_eq!(cut.end, log.log().end());
        assert!(cut.begins.lsn > Lsn(0) && cut.segments.len() > 2, "{cut:?}");

        for _ in 0..20 {
            log.append(&[8; 300]);
            log.sync().expect("a disk");
        }
        log.log().truncate_before(Lsn(40), &[]).expect("a disk");
        let names = storage.list().expect("a disk");
        assert!(!names.contains(&cut.segments[0].name), "the oldest segment of the cut was removed");

        let copy = Files::over(copied(&cut)).expect("a log");
        assert_eq!(copy.begins(), cut.begins);
        let tail = copy.finish(copy.reader(cut.begins.lsn).expect("a log")).expect("a log");
        assert_eq!((tail.cursor(), tail.torn()), (cut.end, None), "nothing of a later batch was copied");
    }

    #[test]
    fn no_log_has_no_cut_and_a_missing_segment_is_an_error() {
        let storage = Memory::new(1);
        assert!(LogCut::take(&storage).expect("an empty directory").is_none());
        drop(written(&storage, 30));
        let first = segment_name(Lsn(1));
        storage.remove(&first).expect("a disk");
        let error = LogCut::take(&storage).expect_err("a log without its beginning");
        assert!(error.to_string().contains(&first), "{error}");
    }

    #[test]
    fn whenever_segments_are_begun_and_removed_during_a_cut_it_is_whole_and_has_what_was_there_before() {
        let (mut removed, mut at) = (0, 0);
        loop {
            let storage = Memory::new(1);
            let mut log = written(&storage, 30);
            let before = log.log().end();
            storage.before_read(at, move || {
                for _ in 0..15 {
                    log.append(&[8; 300]);
                    log.sync().expect("a disk");
                }
                log.log().truncate_before(Lsn(20), &[]).expect("a disk");
            });
            let cut = LogCut::take(&storage).expect("a log").expect("a log");
            assert!(cut.end.lsn >= before.lsn, "read {at}: {:?}", cut.end);
            let copy = Files::over(copied(&cut)).unwrap_or_else(|error| panic!("read {at}: {error}"));
            let tail = copy.finish(copy.reader(cut.begins.lsn).expect("a log")).expect("a log");
            assert_eq!((tail.cursor(), tail.torn()), (cut.end, None), "read {at}");
            removed += u64::from(cut.begins.lsn > Lsn(0));
            if storage.withdraw_before_read() {
                break;
            }
            at += 1;
        }
        assert!(at > 10 && removed > 5 && removed < at, "{at} reads, {removed} cuts behind the removal");
    }
}
