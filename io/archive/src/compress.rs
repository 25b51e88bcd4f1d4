//! Compression of an object as a stream, and the check of what was read back. Memory does not grow with the object.

use std::io::{self, Write};

use sha2::{Digest, Sha256};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
use zstd::stream::write::Encoder;

use crate::name::Stated;

/// Compression level: the usual one, at several hundred MB a second.
const LEVEL: i32 = 3;
/// Largest window that is read, as a power of two: 8 MiB. Level 3 uses 2 MiB at most.
const WINDOW_LOG_MAX: u32 = 23;
/// Plain bytes unpacked at a time.
const PLAIN: usize = 128 << 10;

/// Compresses what is to be archived, and hashes it on the way.
pub(crate) struct Compressor {
    encoder: Encoder<'static, Vec<u8>>,
    hash: Sha256,
}

impl Compressor {
    pub fn new() -> io::Result<Compressor> {
        let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Compressor { encoder, hash: Sha256::new() })
    }

    pub fn push(&mut self, plain: &[u8]) -> io::Result<()> {
        self.hash.update(plain);
        self.encoder.write_all(plain)
    }

    /// Takes what is compressed so far, once it has this length.
    pub fn take(&mut self, at_least: usize) -> Option<Vec<u8>> {
        let made = self.encoder.get_mut();
        (made.len() >= at_least).then(|| std::mem::take(made))
    }

    /// The rest, and the SHA-256 of all plain bytes.
    pub fn finish(self) -> io::Result<(Vec<u8>, [u8; 32])> {
        Ok((self.encoder.finish()?, self.hash.finalize().into()))
    }
}

/// Unpacks an object as it comes in, and checks that it is what its name states.
pub(crate) struct Unpacked<W: Write> {
    decoder: Decoder<'static>,
    into: Checked<W>,
    plain: Vec<u8>,
    /// Whether the end of the object was found, with its checksum.
    ended: bool,
    stated: Stated,
}

impl<W: Write> Unpacked<W> {
    /// `into` gets the plain bytes, which are not checked before [`Unpacked::finish`].
    pub fn new(stated: &Stated, into: W) -> io::Result<Unpacked<W>> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        let into = Checked { into, hash: Sha256::new(), bytes: 0, limit: stated.bytes };
        Ok(Unpacked { decoder, into, plain: vec![0; PLAIN], ended: false, stated: stated.clone() })
    }

    /// Takes the next bytes of the object. The error says what is wrong with it, or is one of `into`.
    pub fn push(&mut self, packed: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(packed);
        loop {
            if self.ended && input.pos() < packed.len() {
                return Err(other("there is more behind its end".to_owned()));
            }
            let mut output = OutBuffer::around(&mut self.plain);
            let before = input.pos();
            let missing = if self.ended { 0 } else { self.decoder.run(&mut input, &mut output)? };
            let made = output.pos();
            self.ended |= missing == 0 && (made > 0 || input.pos() > before);
            self.into.write_all(&self.plain[..made])?;
            // All input is taken, and the output had room for all that it gives.
            if input.pos() == packed.len() && made < PLAIN {
                return Ok(());
            }
        }
    }

    /// The sink with all of it, or what is wrong with the object.
    pub fn finish(self) -> io::Result<W> {
        let Checked { into, hash, bytes, .. } = self.into;
        if !self.ended {
            return Err(other("it was cut short".to_owned()));
        }
        if bytes != self.stated.bytes {
            return Err(other(format!("it has {bytes} bytes, and {} are stated", self.stated.bytes)));
        }
        if <[u8; 32]>::from(hash.finalize()) != self.stated.sha256 {
            return Err(other("its SHA-256 is another one".to_owned()));
        }
        Ok(into)
    }
}

/// Marks an error that the content of an object causes, not the sink.
fn other(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Counts and hashes what it passes on, and refuses more than was stated.
struct Checked<W> {
    into: W,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        self.bytes += plain.len() as u64;
        if self.bytes > self.limit {
            return Err(other(format!("it has more than the {} bytes that are stated", self.limit)));
        }
        self.hash.update(plain);
        self.into.write_all(plain)?;
        Ok(plain.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(plain: &[u8]) -> (Stated, Vec<u8>) {
        let mut compressor = Compressor::new().expect("memory");
        let mut packed = Vec::new();
        for chunk in plain.chunks(1 << 16) {
            compressor.push(chunk).expect("memory");
            packed.extend(compressor.take(1).unwrap_or_default());
        }
        let (rest, sha256) = compressor.finish().expect("memory");
        packed.extend(rest);
        (Stated { object: "an object".to_owned(), bytes: plain.len() as u64, sha256 }, packed)
    }

    fn unpacked(name: &Stated, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut unpacked = Unpacked::new(name, Vec::new())?;
        for chunk in packed.chunks(1_000) {
            unpacked.push(chunk)?;
        }
        unpacked.finish()
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(1);
        (0..bytes).map(|_| random.u8(..)).collect()
    }

    #[test]
    fn what_was_compressed_in_parts_is_what_is_unpacked() {
        for plain in [Vec::new(), vec![0; 4 << 20], noise(3 << 20)] {
            let (name, packed) = packed(&plain);
            assert_eq!(unpacked(&name, &packed).expect("it is whole"), plain);
        }
    }

    #[test]
    fn an_object_that_was_cut_extended_altered_or_is_another_one_is_found() {
        let (name, whole) = packed(&noise(100_000));
        for length in [0, 1, 10, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            assert!(unpacked(&name, &whole[..length]).is_err(), "{length} bytes of {}", whole.len());
        }
        let longer = [&whole[..], &whole[..]].concat();
        assert!(unpacked(&name, &longer).is_err());
        for byte in (0..whole.len()).step_by(97) {
            let mut altered = whole.clone();
            altered[byte] ^= 0x10;
            assert!(unpacked(&name, &altered).is_err(), "byte {byte}");
        }
        let (_, another) = packed(&noise(100_001)[1..]);
        assert!(unpacked(&name, &another).is_err());
        let (stated, small) = packed(&vec![0; 1 << 20]);
        // A small object that would unpack to far more than its name states.
        assert!(unpacked(&Stated { bytes: 1_000, ..stated }, &small).is_err());
    }
}
