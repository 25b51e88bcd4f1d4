//! The frames of a server: unmasked, with header and payload in one shared buffer.
//!
//! RFC 6455 §5.2. A frame is built once, and every socket sends it without another copy.

use bytes::{BufMut, Bytes, BytesMut};

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// Final-fragment bit of a frame's first byte.
pub(crate) const FIN: u8 = 0x80;
/// Longest payload of a control frame, RFC 6455 §5.5.
pub(crate) const CONTROL_BYTES_MAX: usize = 125;

/// Makes a frame with one whole text message. `payload` must be UTF-8; otherwise the client closes with 1007.
pub fn text_frame(payload: &[u8]) -> Bytes {
    frame(TEXT, payload)
}

/// Makes a frame with one whole binary message.
pub fn binary_frame(payload: &[u8]) -> Bytes {
    frame(BINARY, payload)
}

/// Joins frames into one buffer, so that each subscriber needs only one write.
pub fn join(frames: &[Bytes]) -> Bytes {
    match frames {
        [one] => one.clone(),
        many => many.concat().into(),
    }
}

pub(crate) fn ping_frame() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// Makes a pong frame. `payload` is that of the ping it answers, so at most [`CONTROL_BYTES_MAX`] bytes.
pub(crate) fn pong_frame(payload: &[u8]) -> Bytes {
    frame(PONG, payload)
}

/// Makes a close frame; an empty one for code 1005, which means "no code". A long reason is cut between two
/// characters.
pub(crate) fn close_frame(code: u16, reason: &str) -> Bytes {
    if code == NO_CODE {
        return Bytes::from_static(&[FIN | CLOSE, 0]);
    }
    let mut payload = BytesMut::with_capacity(2 + reason.len().min(CONTROL_BYTES_MAX));
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)]);
    frame(CLOSE, &payload)
}

/// Close code that means "no code"; it is never sent in a frame.
pub(crate) const NO_CODE: u16 = 1005;

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    out.put_u8(FIN | opcode);
    match payload.len() {
        len @ 0..=125 => out.put_u8(len as u8),
        len @ 126..=0xFFFF => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        len => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
    out.put_slice(payload);
    out.freeze()
}

/// Splits off the first frame of `frames`, which must be well-formed frames of a server. Returns its opcode, all its
/// bytes and its payload; `None` when no whole frame is left.
pub(crate) fn split_frame(frames: &mut Bytes) -> Option<(u8, Bytes, Bytes)> {
    let (&first, &second) = (frames.first()?, frames.get(1)?);
    let (header, len) = match second & 0x7F {
        126 => (4, u16::from_be_bytes(frames.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(frames.get(2..10)?.try_into().ok()?) as usize),
        len => (2, len as usize),
    };
    let end = header + len;
    if frames.len() < end {
        return None;
    }
    let whole = frames.split_to(end);
    let payload = whole.slice(header..);
    Some((first & 0x0F, whole, payload))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn each_length_has_its_shortest_header() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload = vec![7; len];
            let mut frames = binary_frame(&payload);
            assert_eq!(frames.len(), header + len);
            let (opcode, _, back) = split_frame(&mut frames).unwrap();
            assert_eq!((opcode, &back[..]), (BINARY, &payload[..]));
            assert!(frames.is_empty());
        }
    }

    #[test]
    fn a_long_close_reason_is_cut_at_a_character() {
        let frame = close_frame(4000, &"ä".repeat(100));
        assert_eq!(frame.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
        assert_eq!(&close_frame(NO_CODE, "unsaid")[..], &[0x88, 0]);
    }

    #[test]
    fn joined_frames_split_again_in_order() {
        let mut joined = join(&[text_frame(b"a"), text_frame(b"bc")]);
        assert_eq!(&split_frame(&mut joined).unwrap().2[..], b"a");
        assert_eq!(&split_frame(&mut joined).unwrap().2[..], b"bc");
        assert!(split_frame(&mut joined).is_none());
    }
}
