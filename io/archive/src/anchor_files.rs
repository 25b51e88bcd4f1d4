//! The files of an anchor as one stretch of bytes, little-endian:
//!
//! ```text
//! anchor = magic 8, version 4, files 4, file{files}, the contents of the files, one behind the other
//! file   = length 8, length of the name 2, name
//! ```

use std::io;

use journal::storage::File;

use crate::Error;
use crate::send::Plain;

pub(crate) const MAGIC: [u8; 8] = *b"hub\0anc\n";
pub(crate) const VERSION: u32 = 1;
/// Longest name of a file in an anchor. Bytes.
const NAME_MAX: usize = 64;
/// Most files of an anchor.
pub(crate) const FILES_MAX: u32 = 1 << 22;

/// The files of a full state, in the order in which they are written again: the one without which the others are no state
/// stands last.
pub struct AnchorFiles<F> {
    /// What stands before the contents.
    head: Vec<u8>,
    /// Each file with the place of its content in the plain bytes.
    files: Vec<(u64, AnchorContent<F>)>,
    bytes: u64,
}

/// The content of a file.
pub enum AnchorContent<F> {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file that does not change.
    Open(F),
}

impl<F: File> AnchorFiles<F> {
    /// Files with their names: at most 64 lower-case letters, digits and full stops each, which do not begin with a full
    /// stop.
    ///
    /// # Errors
    /// When the length of a file is not known, or a name is another one.
    pub fn new(files: impl IntoIterator<Item = (String, AnchorContent<F>)>) -> Result<Self, Error> {
        let system = |source| Error::System { action: "read what is to be archived", source };
        let (mut named, mut open): (Vec<u8>, Vec<(u64, AnchorContent<F>)>) = Default::default();
        for (name, content) in files {
            if !is_plain(name.as_bytes()) {
                let what = format!("{name} is no name of a file in an anchor");
                return Err(system(io::Error::new(io::ErrorKind::InvalidInput, what)));
            }
            let bytes = match &content {
                AnchorContent::Bytes(bytes) => bytes.len() as u64,
                AnchorContent::Open(file) => file.len().map_err(system)?,
            };
            named.extend_from_slice(&bytes.to_le_bytes());
            named.extend_from_slice(&(name.len() as u16).to_le_bytes());
            named.extend_from_slice(name.as_bytes());
            open.push((bytes, content));
        }
        let counts = [VERSION.to_le_bytes(), (open.len() as u32).to_le_bytes()].concat();
        let head = [&MAGIC[..], &counts, &named].concat();
        let mut at = head.len() as u64;
        for (place, _) in &mut open {
            at += std::mem::replace(place, at);
        }
        Ok(Self { head, files: open, bytes: at })
    }

    /// Length of the plain bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<F: File> Plain for AnchorFiles<F> {
    fn read_plain(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let (here, rest) = (at + done as u64, &mut bytes[done..]);
            let read = match here.checked_sub(self.head.len() as u64) {
                None => copy(&self.head, here, rest),
                Some(_) => {
                    // The last file that begins here or before: those without a byte before it are passed over.
                    let next = self.files.partition_point(|(place, _)| *place <= here);
                    let Some((place, content)) = next.checked_sub(1).map(|file| &self.files[file]) else {
                        break;
                    };
                    let end = self.files.get(next).map_or(self.bytes, |(place, _)| *place);
                    let wanted = rest.len().min((end - here) as usize);
                    match content {
                        AnchorContent::Bytes(content) => copy(content, here - place, &mut rest[..wanted]),
                        AnchorContent::Open(file) => file.read_at(here - place, &mut rest[..wanted])?,
                    }
                }
            };
            if read == 0 {
                break;
            }
            done += read;
        }
        Ok(done)
    }
}

fn copy(from: &[u8], at: u64, to: &mut [u8]) -> usize {
    let from = from.get(at as usize..).unwrap_or_default();
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
    length
}

/// Whether a name is one that a file of an anchor may have: it cannot leave its directory.
pub(crate) fn is_plain(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'.';
    (1..=NAME_MAX).contains(&name.len()) && name[0] != b'.' && name.iter().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_file_cannot_leave_its_directory() {
        for name in ["manifest", "000000000001.run", "a"] {
            assert!(is_plain(name.as_bytes()), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a/b", "../a", "A", "a\0", &"a".repeat(65)] {
            assert!(!is_plain(name.as_bytes()), "{name:?}");
        }
    }
}
