//! Sends a sealed segment: checked, hashed, compressed as a stream, put once, read back and compared. An anchor goes the same
//! way.

use std::io;

use journal::{Files, Sealed, storage::File, storage::Storage};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use sha2::{Digest, Sha256};

use crate::compress::Compressor;
use crate::name::Stated;
use crate::store::lost;
use crate::{Archive, Error, ObjectName};

/// Bytes of a segment that are read at a time.
const CHUNK: usize = 1 << 20;
/// Length from which an object is put in parts, and of each part but the last. Bytes; S3 wants 5 MiB at least.
const PART: usize = 8 << 20;

/// What is sent: bytes that do not change.
pub(crate) trait Plain {
    /// Reads at an offset until `bytes` is full or there is no more; returns how many were read.
    fn read_plain(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize>;
}

impl<F: File> Plain for F {
    fn read_plain(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        File::read_at(self, at, bytes)
    }
}

/// Tells how far something was read.
pub(crate) struct Observed<'a, P> {
    pub plain: &'a P,
    pub told: &'a dyn Fn(u64),
}

impl<P: Plain> Plain for Observed<'_, P> {
    fn read_plain(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read_plain(at, bytes)?;
        (self.told)(at + read as u64);
        Ok(read)
    }
}

/// A segment that is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its object.
    pub name: ObjectName,
    /// Whether the object was there before, and was only compared.
    pub was_there: bool,
    /// Length of the object, bytes; 0 when it was there.
    pub packed: u64,
}

impl Archive {
    /// Sends a sealed segment, unless its object is there; then that is compared. Returns once the object was read back
    /// whole and is what its name states. An object of that name with another content is never overwritten.
    pub fn send<S: Storage>(&self, files: &Files<S>, segment: &Sealed) -> Result<Sent, Error> {
        let file = files.open_sealed(segment)?;
        let name = self.name(files, segment, &file)?;
        let stated = name.stated();
        let done = self.runtime.block_on(self.retry.run(|| self.put_and_compare(&file, &stated, io::sink())));
        done.map(|(was_there, packed)| Sent { name, was_there, packed })
    }

    /// Makes sure that the archived copy of a segment is whole and is this segment: reads both now, whatever was read before.
    /// [`Error::Lost`] when there is no copy.
    pub fn verify_segment<S: Storage>(
        &self,
        files: &Files<S>,
        segment: &Sealed,
    ) -> Result<ObjectName, Error> {
        let file = files.open_sealed(segment)?;
        let name = self.name(files, segment, &file)?;
        self.verify(&name)?;
        Ok(name)
    }

    fn name<S: Storage>(
        &self,
        files: &Files<S>,
        segment: &Sealed,
        file: &S::File,
    ) -> Result<ObjectName, Error> {
        let mut hash = Sha256::new();
        read_all(file, segment.bytes, &segment.name(), |plain| {
            hash.update(plain);
            Ok(())
        })?;
        let log = files.id().unwrap_or_default();
        Ok(ObjectName::of(log, segment, hash.finalize().into()))
    }

    /// Puts an object, unless it is there, and reads it back, into `back`. Returns whether it was there, and the length of what was put.
    pub(crate) async fn put_and_compare(
        &self,
        plain: &impl Plain,
        stated: &Stated,
        back: impl io::Write,
    ) -> Result<(bool, u64), Error> {
        let (object, path) = (&stated.object, Path::from(stated.object.as_str()));
        let (was_there, packed) = match self.retry.call(("look at", object), self.store.head(&path)).await {
            Ok(_) => (true, 0),
            Err(Error::Store { source: object_store::Error::NotFound { .. }, .. }) => {
                match self.put(plain, stated).await {
                    Ok(packed) => (false, packed),
                    // Another process has put it, or an attempt whose answer was lost.
                    Err(Error::Store { source: object_store::Error::AlreadyExists { .. }, .. }) => (true, 0),
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        self.read_stated(stated, back).await.map_err(lost)?;
        Ok((was_there, packed))
    }

    /// Puts the object in one call when it is short, in parts otherwise. Returns its length, bytes.
    async fn put(&self, plain: &impl Plain, stated: &Stated) -> Result<u64, Error> {
        let mut upload = None;
        match self.put_parts(plain, stated, &mut upload).await {
            Ok(packed) => Ok(packed),
            Err(error) => {
                // What is unfinished would cost space for ever.
                if let Some(mut upload) = upload
                    && let Err(left) = self.retry.call(("abort", &stated.object), upload.abort()).await
                {
                    tracing::warn!(error = %left, "an unfinished upload was not removed from the archive");
                }
                Err(error)
            }
        }
    }

    async fn put_parts(
        &self,
        plain: &impl Plain,
        stated: &Stated,
        upload: &mut Option<Box<dyn MultipartUpload>>,
    ) -> Result<u64, Error> {
        let (object, path) = (&stated.object, Path::from(stated.object.as_str()));
        let system = |source| Error::System { action: "compress what is to be archived", source };
        let mut compressor = Compressor::new().map_err(system)?;
        let (mut at, mut packed, mut chunk) = (0, 0, vec![0; CHUNK]);
        while at < stated.bytes {
            at += read_chunk(plain, (at, stated.bytes), object, &mut chunk, |bytes| {
                compressor.push(bytes).map_err(system)
            })?;
            let Some(part) = compressor.take(PART) else { continue };
            packed += part.len() as u64;
            let begun = match upload {
                Some(begun) => begun,
                None => {
                    let call = self.store.put_multipart(&path);
                    upload.insert(self.retry.call(("begin", object), call).await?)
                }
            };
            self.retry.call(("put a part of", object), begun.put_part(PutPayload::from(part))).await?;
        }
        let (rest, sha256) = compressor.finish().map_err(system)?;
        if sha256 != stated.sha256 {
            return Err(Error::Unsteady { segment: object.clone() });
        }
        packed += rest.len() as u64;
        match upload {
            Some(begun) => {
                self.retry.call(("put a part of", object), begun.put_part(PutPayload::from(rest))).await?;
                self.retry.call(("complete", object), begun.complete()).await?;
            }
            None => {
                let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                let call = self.store.put_opts(&path, PutPayload::from(rest), create);
                self.retry.call(("put", object), call).await?;
            }
        }
        // It is complete: nothing is left to be aborted.
        *upload = None;
        Ok(packed)
    }
}

/// Hands all bytes to `take`.
pub(crate) fn read_all(
    plain: &impl Plain,
    bytes: u64,
    segment: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut at, mut chunk) = (0, vec![0; CHUNK]);
    while at < bytes {
        at += read_chunk(plain, (at, bytes), segment, &mut chunk, &mut take)?;
    }
    Ok(())
}

fn read_chunk(
    plain: &impl Plain,
    (at, bytes): (u64, u64),
    segment: &str,
    chunk: &mut [u8],
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let wanted = (bytes - at).min(chunk.len() as u64) as usize;
    let system = |source| Error::System { action: "read what is to be archived", source };
    let read = plain.read_plain(at, &mut chunk[..wanted]).map_err(system)?;
    if read < wanted {
        return Err(Error::Unsteady { segment: segment.to_owned() });
    }
    take(&chunk[..read])?;
    Ok(read as u64)
}
