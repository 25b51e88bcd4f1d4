//! Writes the files of an anchor as its plain bytes come in. Memory is bounded by what stands before the contents.

use std::collections::VecDeque;
use std::io::{self, Write};

use journal::storage::{File, Storage};

use crate::anchor_files::{FILES_MAX, MAGIC, VERSION, is_plain};

/// Length of what stands before the names. Bytes.
const FIXED: usize = 16;
/// Length of what stands before a name. Bytes.
const LISTED: usize = 10;
/// Bytes after which a file is synced.
const SYNC_EVERY: u64 = 8 << 20;

/// Takes the plain bytes of an anchor, and makes its files in a storage. They are not checked before all bytes are there.
pub(crate) struct Unpacking<T: Storage> {
    to: T,
    /// What came before the contents and is not read yet.
    head: Vec<u8>,
    /// Number of files that are still to be named; `None` before it is known.
    unnamed: Option<u32>,
    /// The files that are still to be written, with their lengths.
    files: VecDeque<(String, u64)>,
    /// The file that is being written, and how much of it is there.
    open: Option<(T::File, u64)>,
}

impl<T: Storage> Unpacking<T> {
    pub fn new(to: T) -> Self {
        Self { to, head: Vec::new(), unnamed: None, files: VecDeque::new(), open: None }
    }

    /// Whether all files that are named were written.
    pub fn is_whole(&self) -> bool {
        self.unnamed == Some(0) && self.files.is_empty() && self.head.is_empty()
    }

    /// Reads what stands before the contents, as far as it is there. Returns what comes behind it.
    fn read_head(&mut self) -> io::Result<Vec<u8>> {
        let mut at = 0;
        if self.unnamed.is_none() {
            let Some(fixed) = self.head.first_chunk::<FIXED>() else { return Ok(Vec::new()) };
            let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| fixed[at + byte]));
            if fixed[..8] != MAGIC {
                return Err(other("it is not an anchor"));
            }
            if number(8) != VERSION {
                return Err(other("it is an anchor of another version"));
            }
            if number(12) > FILES_MAX {
                return Err(other("it names too many files"));
            }
            self.unnamed = Some(number(12));
            at = FIXED;
        }
        while self.unnamed > Some(0) {
            let rest = &self.head[at..];
            let Some(listed) = rest.first_chunk::<LISTED>() else { break };
            let [a, b, c, d, e, f, g, h, low, high] = *listed;
            let length = usize::from(u16::from_le_bytes([low, high]));
            let Some(name) = rest.get(LISTED..LISTED + length) else { break };
            if !is_plain(name) {
                return Err(other("it names a file as no anchor does"));
            }
            let name = String::from_utf8_lossy(name).into_owned();
            self.files.push_back((name, u64::from_le_bytes([a, b, c, d, e, f, g, h])));
            self.unnamed = self.unnamed.map(|count| count - 1);
            at += LISTED + length;
        }
        let rest = self.head.split_off(at);
        if self.unnamed == Some(0) {
            self.head = Vec::new();
            return Ok(rest);
        }
        self.head = rest;
        Ok(Vec::new())
    }

    /// Writes what belongs to the file that is being written, and ends it when it is whole. Returns how much that was.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((name, length)) = self.files.front() else {
            return Err(other("there is more behind its files"));
        };
        let (file, at) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert((self.to.create(name)?, 0)),
        };
        let part = bytes.len().min(usize::try_from(*length - *at).unwrap_or(usize::MAX));
        file.write_at(*at, &bytes[..part])?;
        let before = *at;
        *at += part as u64;
        if at == length || *at / SYNC_EVERY > before / SYNC_EVERY {
            file.sync()?;
        }
        if at == length {
            self.files.pop_front();
            self.open = None;
        }
        Ok(part)
    }
}

impl<T: Storage> Write for Unpacking<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let content;
        let mut rest = bytes;
        if self.unnamed != Some(0) {
            self.head.extend_from_slice(bytes);
            content = self.read_head()?;
            rest = &content;
        }
        while !rest.is_empty() {
            let written = self.write_some(rest)?;
            rest = &rest[written..];
        }
        Ok(bytes.len())
    }

    /// Makes the files that have no bytes, which come to nothing else.
    fn flush(&mut self) -> io::Result<()> {
        while self.unnamed == Some(0) && self.files.front().is_some_and(|(_, length)| *length == 0) {
            self.write_some(&[])?;
        }
        Ok(())
    }
}

/// Marks an error that the content of an object causes, not the storage.
fn other(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use journal::memory::Memory;

    use super::*;
    use crate::send::Plain;
    use crate::{AnchorContent, AnchorFiles};

    fn plain(files: &[(&str, &[u8])]) -> Vec<u8> {
        let files =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), AnchorContent::Bytes(bytes.to_vec())));
        let files: AnchorFiles<<Memory as Storage>::File> = AnchorFiles::new(files).expect("plain names");
        let mut bytes = vec![0; files.bytes() as usize];
        // In small reads, as across the edges of files.
        for (place, chunk) in bytes.chunks_mut(7).enumerate() {
            assert_eq!(files.read_plain(place as u64 * 7, chunk).expect("memory"), chunk.len());
        }
        bytes
    }

    #[test]
    fn files_come_back_as_they_were_however_the_bytes_come_in() {
        let files: [(&str, &[u8]); 4] = [
            ("000000000001.run", &[7; 1000]),
            ("empty", &[]),
            ("000000000002.run", &[8; 3]),
            ("manifest", b"m"),
        ];
        let bytes = plain(&files);
        for step in [1, 2, 13, bytes.len()] {
            let to = Memory::new(1);
            let mut unpacking = Unpacking::new(to.clone());
            for chunk in bytes.chunks(step) {
                unpacking.write_all(chunk).expect("it is an anchor");
            }
            unpacking.flush().expect("memory");
            assert!(unpacking.is_whole());
            for (name, content) in files {
                let file = to.read(name).expect("it was made");
                let mut found = vec![0; file.len().expect("memory") as usize];
                file.read_at(0, &mut found).expect("memory");
                assert_eq!(found, content, "{name} in steps of {step}");
            }
        }
    }

    #[test]
    fn what_is_no_anchor_is_refused_and_one_that_was_cut_is_not_whole() {
        let bytes = plain(&[("manifest", b"content")]);
        let unpack = |bytes: &[u8]| {
            let mut unpacking = Unpacking::new(Memory::new(1));
            unpacking.write_all(bytes).and_then(|()| unpacking.flush()).map(|()| unpacking.is_whole())
        };
        for length in 0..bytes.len() {
            assert!(!unpack(&bytes[..length]).expect("it may go on"), "{length} bytes");
        }
        assert!(unpack(&bytes).expect("it is one"));
        assert!(unpack(&[&bytes[..], b"x"].concat()).is_err(), "more behind it");
        for (at, byte) in [(0, b'x'), (8, 2), (15, 1), (24, 255), (26, b'/')] {
            let mut altered = bytes.clone();
            altered[at] = byte;
            assert!(!unpack(&altered).unwrap_or(false), "byte {at}");
        }
    }
}
