//! Low-level reading of segments: their names, a window over a file, and the searches that distinguish a torn tail
//! from damage.

use std::io;

use crate::format::{BLOCK, FRAME_HEADER, FrameHeader, HeaderFlaw, SegmentHeader};
use crate::storage::{File, Storage};
use crate::{Error, Lsn};

/// Bytes read at a time.
const CHUNK: usize = 128 << 10;

/// The file name of the segment whose first record is `first`.
pub(crate) fn segment_name(first: Lsn) -> String {
    format!("{:020}.log", first.0)
}

/// The lsn in a file name such as `00000000000000000001.log`.
pub(crate) fn named_lsn(name: &str, suffix: &str) -> Option<Lsn> {
    let digits = name.strip_suffix(suffix)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Lsn)).flatten()
}

/// The segments of a log, by their first lsn, in order.
pub(crate) fn segments<S: Storage>(storage: &S) -> Result<Vec<Lsn>, Error> {
    let names = storage.list().map_err(Error::io("list", storage.path("")))?;
    let mut found: Vec<Lsn> = names.iter().filter_map(|name| named_lsn(name, ".log")).collect();
    found.sort();
    Ok(found)
}

/// The error for a segment that must be there and is not.
pub(crate) fn missing<S: Storage>(storage: &S, lsn: Lsn) -> Error {
    let what = "the file is not there, and a later one or the file first_kept is";
    Error::Missing { place: storage.path(&segment_name(lsn)), lsn, what }
}

/// Reads a segment's header, and compares it with the file name.
pub(crate) fn segment_header<S: Storage>(
    storage: &S,
    file: &S::File,
    first: Lsn,
) -> Result<SegmentHeader, Error> {
    let path = || storage.path(&segment_name(first));
    let mut block = [0; BLOCK];
    file.read_at(0, &mut block).map_err(Error::io("read", path()))?;
    match SegmentHeader::decode(&block) {
        Ok(header) if header.first == first => Ok(header),
        Ok(_) => {
            Err(Error::Damaged { file: path(), offset: 0, what: "the header names another first record" })
        }
        Err(HeaderFlaw::Bad) => {
            Err(Error::Damaged { file: path(), offset: 0, what: "the header does not check" })
        }
        Err(HeaderFlaw::Version(version)) => Err(Error::Version { file: path(), version }),
    }
}

/// A buffer over a file that is read in chunks.
pub(crate) struct Window<F> {
    pub file: F,
    start: u64,
    data: Vec<u8>,
}

impl<F: File> Window<F> {
    pub fn new(file: F) -> Window<F> {
        Window { file, start: 0, data: Vec::new() }
    }

    /// The `len` bytes from `offset`; fewer at the end of the file.
    pub fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let held = self.start..self.start + self.data.len() as u64;
        if offset < held.start || offset + len as u64 > held.end {
            // Bounded by the file's length: a damaged length field must not cause a large allocation.
            let left = usize::try_from(self.file.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
            self.data.resize(len.max(CHUNK).min(left), 0);
            self.start = offset;
            let read = self.file.read_at(offset, &mut self.data)?;
            self.data.truncate(read);
        }
        let from = (offset - self.start) as usize;
        Ok(&self.data[from..self.data.len().min(from + len)])
    }

    /// Drops the buffer, because the file may have been written since.
    pub fn forget(&mut self) {
        self.data.clear();
    }

    /// The frame at `offset` with all its bytes, or what is wrong there.
    pub fn frame(
        &mut self,
        offset: u64,
        salt: &[u8; 16],
    ) -> io::Result<Result<(FrameHeader, &[u8]), &'static str>> {
        let Some(header) = FrameHeader::decode(salt, self.get(offset, FRAME_HEADER)?) else {
            return Ok(Err("the header of a batch does not check"));
        };
        Ok(Ok((header, self.get(offset, header.len())?)))
    }
}

/// The end of the last byte at or after `from` that is not zero; `None` when all are zero.
pub(crate) fn last_nonzero(file: &impl File, from: u64) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; CHUNK];
    let zeros = vec![0; CHUNK];
    let (mut at, mut found) = (from, None);
    loop {
        let read = file.read_at(at, &mut chunk)?;
        if read == 0 {
            return Ok(found);
        }
        if chunk[..read] != zeros[..read] {
            found = chunk[..read].iter().rposition(|byte| *byte != 0).map(|last| at + last as u64 + 1);
        }
        at += read as u64;
    }
}

/// The offset of the first frame header after `offset` whose records are `next` or later; `None` when there is none.
///
/// The header alone proves that everything before it was synced: a batch is written only after the sync of the one
/// before it has returned.
pub(crate) fn later_frame(
    file: &impl File,
    offset: u64,
    salt: &[u8; 16],
    next: Lsn,
) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; CHUNK];
    let mut at = offset + BLOCK as u64;
    loop {
        let read = file.read_at(at, &mut chunk)?;
        for (n, block) in chunk[..read].chunks(BLOCK).enumerate() {
            if FrameHeader::decode(salt, block).is_some_and(|frame| frame.first >= next) {
                return Ok(Some(at + (n * BLOCK) as u64));
            }
        }
        if read < chunk.len() {
            return Ok(None);
        }
        at += read as u64;
    }
}
