//! Frames: a length of 4 bytes, big-endian, and so many bytes.

use std::io::{self, Read, Write};

/// Longest content of a frame. Bytes. A longer one is refused before it is read.
pub const FRAME_MAX: usize = 64 << 10;

/// Why no frame was read.
#[derive(Debug, thiserror::Error)]
pub enum NoFrame {
    /// The other side has sent nothing and closed.
    #[error("the connection was closed")]
    Closed,
    /// It has closed in the middle.
    #[error("the connection was closed in the middle of a frame")]
    CutShort,
    /// It is longer than any may be.
    #[error("it has {0} bytes, and {FRAME_MAX} are allowed")]
    TooLong(usize),
    /// It did not come in time, or cannot be read.
    #[error("failed to read from the socket")]
    Io(#[from] io::Error),
}

/// Reads one frame. Takes no byte behind it.
///
/// # Errors
/// Why there is none.
pub fn read(from: &mut impl Read) -> Result<Vec<u8>, NoFrame> {
    let mut length = [0; 4];
    match fill(from, &mut length)? {
        0 => return Err(NoFrame::Closed),
        4 => {}
        _ => return Err(NoFrame::CutShort),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_MAX {
        return Err(NoFrame::TooLong(length));
    }
    let mut content = vec![0; length];
    if fill(from, &mut content)? < length { Err(NoFrame::CutShort) } else { Ok(content) }
}

/// Reads until the bytes are full or the other side has closed. Returns how many were read.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match from.read(&mut bytes[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes one frame.
///
/// # Errors
/// When it is too long, or cannot be written.
pub fn write(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    if content.len() > FRAME_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame would be too long"));
    }
    // One call, so that a frame is not cut by the end of this process.
    let length = (content.len() as u32).to_be_bytes();
    to.write_all(&[&length[..], content].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes one by one.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            bytes[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_however_it_comes_in_and_what_is_behind_it_is_left(content: Vec<u8>, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            write(&mut bytes, &content).expect("memory");
            let whole = bytes.len();
            bytes.extend_from_slice(&behind);
            let mut slow = Slow(&bytes);
            prop_assert_eq!(read(&mut slow).expect("a frame"), content);
            prop_assert_eq!(slow.0, &behind[..]);
            for length in 0..whole {
                let cut = read(&mut Slow(&bytes[..length]));
                let expected = if length == 0 { matches!(cut, Err(NoFrame::Closed)) } else { matches!(cut, Err(NoFrame::CutShort)) };
                prop_assert!(expected, "{} bytes: {:?}", length, cut);
            }
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
            let _ = read(&mut &bytes[..]);
        }
    }

    #[test]
    fn the_longest_frame_is_read_and_a_longer_one_is_neither_read_nor_written() {
        let mut bytes = Vec::new();
        write(&mut bytes, &vec![7; FRAME_MAX]).expect("memory");
        assert_eq!(read(&mut &bytes[..]).expect("a frame").len(), FRAME_MAX);
        assert!(write(&mut Vec::new(), &vec![7; FRAME_MAX + 1]).is_err());
        for length in [FRAME_MAX as u32 + 1, u32::MAX] {
            let refused = read(&mut &length.to_be_bytes()[..]);
            assert!(
                matches!(refused, Err(NoFrame::TooLong(bytes)) if bytes == length as usize),
                "{refused:?}"
            );
        }
    }
}
