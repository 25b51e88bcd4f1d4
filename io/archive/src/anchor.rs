//! Anchors in the archive: the files of a full state as of one record, in one object whose name states what it is. It is sent
//! and compared as a segment is.

use std::cell::RefCell;
use std::io::{self, Write};

use journal::Cursor;
use journal::storage::{File, Storage};
use sha2::{Digest, Sha256};

use crate::send::{Observed, read_all};
use crate::store::lost;
use crate::unpack::Unpacking;
use crate::{AnchorFiles, AnchorName, Archive, ArchivedAnchor, Error};

/// What the plain bytes of an anchor are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorStep {
    /// For the name of the object.
    Hashed,
    /// To be sent: not when the object is there, and once more when the sending is repeated.
    Sent,
    /// Out of the object, to be compared with its name.
    ReadBack,
}

impl Archive {
    /// Sends the files of a full state of a log as of a record. Returns once the object was read back whole and is what its name
    /// states. When a whole anchor of that record is there, that one is read back and returned, and nothing is sent: its files may
    /// be others, because a store is merged, and the state is the same. `told` is told of each step how many plain bytes
    /// were read, and how many there are.
    /// What a killed process has left of anchors in a directory is removed first; the upload of another process at the same time
    /// fails then, and is repeated.
    ///
    /// # Errors
    /// When a file cannot be read, or the archive cannot be used. An object that is another one is never overwritten.
    pub fn send_anchor<F: File>(
        &self,
        (log, at): ([u8; 16], Cursor),
        files: &AnchorFiles<F>,
        told: &mut dyn FnMut(AnchorStep, u64, u64),
    ) -> Result<ArchivedAnchor, Error> {
        self.remove_uploads(".anchor.zst#")?;
        if let Some(name) = self.whole_anchor((log, at), told)? {
            return Ok(ArchivedAnchor { name, packed: 0 });
        }
        let told = RefCell::new(told);
        let tell = |step, bytes| (told.borrow_mut())(step, bytes, files.bytes());
        let mut hash = Sha256::new();
        let mut read = 0;
        read_all(files, files.bytes(), "anchor", |plain| {
            hash.update(plain);
            read += plain.len() as u64;
            tell(AnchorStep::Hashed, read);
            Ok(())
        })?;
        let name = AnchorName { log, at, bytes: files.bytes(), sha256: hash.finalize().into() };
        let stated = name.stated();
        let (sent, back) = (|bytes| tell(AnchorStep::Sent, bytes), |bytes| tell(AnchorStep::ReadBack, bytes));
        let plain = Observed { plain: files, told: &sent };
        let put = || self.put_and_compare(&plain, &stated, Counted { bytes: 0, told: &back });
        let (_, packed) = self.runtime.block_on(self.retry.run(put))?;
        Ok(ArchivedAnchor { name, packed })
    }

    /// An anchor of a record that is there, and was now read back whole. One that is damaged or cut is passed over.
    fn whole_anchor(
        &self,
        (log, at): ([u8; 16], Cursor),
        told: &mut dyn FnMut(AnchorStep, u64, u64),
    ) -> Result<Option<AnchorName>, Error> {
        let told = RefCell::new(told);
        let listed = self.runtime.block_on(self.retry.run(|| self.list(log)))?;
        let names = listed.iter().filter_map(|(path, _)| AnchorName::parse(path));
        for name in names.filter(|name| (name.log, name.at) == (log, at)) {
            let tell = |bytes| (told.borrow_mut())(AnchorStep::ReadBack, bytes, name.bytes);
            let stated = name.stated();
            let read = || self.read_stated(&stated, Counted { bytes: 0, told: &tell });
            match self.runtime.block_on(self.retry.run(read)).map_err(lost) {
                Ok(_) => return Ok(Some(name)),
                Err(error @ (Error::Altered { .. } | Error::Lost { .. })) => {
                    tracing::warn!(%error, "an anchor of this record is there, and is not whole; another one is sent");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Reads an anchor back whole, and checks that it is what its name states.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn verify_anchor(&self, name: &AnchorName) -> Result<(), Error> {
        let stated = name.stated();
        let read = self.runtime.block_on(self.retry.run(|| self.read_stated(&stated, io::sink())));
        read.map(drop).map_err(lost)
    }

    /// Writes the files of an anchor to an empty storage, each synced. They are what was sent only when this has returned
    /// without an error.
    ///
    /// # Errors
    /// When the object is not what its name states, or a file cannot be written. What was written is left.
    pub fn fetch_anchor<T: Storage>(&self, name: &AnchorName, to: &T) -> Result<(), Error> {
        let stated = name.stated();
        let unpacked = self.runtime.block_on(self.retry.run(|| async {
            let unpacking = Unpacking::new(to.clone());
            self.read_stated(&stated, unpacking).await
        }));
        let system = |source| Error::System { action: "write the files of an anchor", source };
        let mut unpacked = unpacked.map_err(lost)?;
        unpacked.flush().map_err(system)?;
        if !unpacked.is_whole() {
            let what = "it has fewer files than it states".to_owned();
            return Err(Error::Altered { object: stated.object, what });
        }
        to.sync_names().map_err(system)
    }
}

/// Tells how many bytes came.
struct Counted<'a> {
    bytes: u64,
    told: &'a dyn Fn(u64),
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        (self.told)(self.bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
