//! What travels through Redis: the hub's own envelope, and what any other service publishes.
//!
//! The first byte decides, so a message has one reading only:
//!
//! | first byte | meaning |
//! |---|---|
//! | `0xC1` | an envelope of a hub; neither MessagePack nor JSON can begin so |
//! | `0x80`–`0xFF` otherwise | one MessagePack value |
//! | `0x00`–`0x7F` | one JSON text in UTF-8 |
//!
//! MessagePack's one-byte integers 0 to 127 fall under JSON: a service that wants to publish a bare small
//! integer publishes its decimal digits, or puts it into an array or a map.
//!
//! The envelope, after `0xC1`: version (1), kind (0 numbered by each mirror, 1 numbered by the log,
//! 2 ephemeral); for kind 1 the offset (8 bytes, big-endian), the epoch's length (1 byte) and the epoch; then
//! the payload in MessagePack to the end. A reader drops versions and kinds it does not know.

use bytes::{Buf, Bytes};
use protocol::{Payload, U53};

use crate::{At, EPOCH_BYTES_MAX, Epoch, Position};

const ENVELOPE: u8 = 0xC1;
const VERSION: u8 = 1;
const NEXT: u8 = 0;
const LOG: u8 = 1;
const EPHEMERAL: u8 = 2;
/// Longest envelope without its payload, bytes.
const ENVELOPE_BYTES_MAX: usize = 3 + 8 + 1 + EPOCH_BYTES_MAX;

/// A message that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) payload: Payload,
    pub(super) at: At,
    /// Published by a service, not by a hub.
    pub(super) plain: bool,
}

/// Why a message is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLarge { bytes: usize },
    Invalid(String),
}

/// Writes the hub's envelope.
pub(super) fn write(at: At, payload: &Payload) -> Vec<u8> {
    let mut message = Vec::with_capacity(ENVELOPE_BYTES_MAX + payload.bytes().len());
    message.extend_from_slice(&[ENVELOPE, VERSION]);
    match at {
        At::Next => message.push(NEXT),
        At::Ephemeral => message.push(EPHEMERAL),
        At::Log(Position { epoch, offset }) => {
            message.push(LOG);
            message.extend_from_slice(&offset.to_be_bytes());
            message.push(epoch.as_str().len() as u8);
            message.extend_from_slice(epoch.as_str().as_bytes());
        }
    }
    message.extend_from_slice(payload.bytes());
    message
}

/// Reads a message whose payload may have `bytes_max` bytes.
pub(super) fn read(message: Bytes, bytes_max: usize) -> Result<Message, Unreadable> {
    let first = *message.first().ok_or_else(|| Unreadable::Invalid("the message is empty".into()))?;
    let length = message.len();
    let allowed = if first == ENVELOPE { bytes_max.saturating_add(ENVELOPE_BYTES_MAX) } else { bytes_max };
    if length > allowed {
        return Err(Unreadable::TooLarge { bytes: length });
    }
    let (at, payload) = match first {
        ENVELOPE => {
            let (at, payload) = open(message)
                .ok_or_else(|| Unreadable::Invalid("the envelope is damaged or of another version".into()))?;
            (at, Payload::from_msgpack(payload))
        }
        0x80.. => (At::Next, Payload::from_msgpack(message)),
        0..=0x7F => (At::Next, Payload::from_json(&message)),
    };
    let payload = payload.map_err(|error| Unreadable::Invalid(error.to_string()))?;
    // A JSON text can be longer as MessagePack: "0.1" takes nine bytes there.
    if payload.bytes().len() > bytes_max {
        return Err(Unreadable::TooLarge { bytes: payload.bytes().len() });
    }
    Ok(Message { payload, at, plain: first != ENVELOPE })
}

/// Takes an envelope off its payload. `None` when it is damaged or of a version this release does not know.
fn open(mut message: Bytes) -> Option<(At, Bytes)> {
    message.try_get_u8().ok().filter(|byte| *byte == ENVELOPE)?;
    message.try_get_u8().ok().filter(|version| *version == VERSION)?;
    let at = match message.try_get_u8().ok()? {
        NEXT => At::Next,
        EPHEMERAL => At::Ephemeral,
        LOG => {
            let offset = message.try_get_u64().ok().filter(|offset| (1..=U53::MAX).contains(offset))?;
            let length = usize::from(message.try_get_u8().ok()?);
            if length > message.remaining() {
                return None;
            }
            let epoch: Epoch = str::from_utf8(&message.split_to(length)).ok()?.parse().ok()?;
            At::Log(Position { epoch, offset })
        }
        _ => return None,
    };
    Some((at, message))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1_000;

    fn payload(json: &str) -> Payload {
        Payload::from_json(json.as_bytes()).unwrap()
    }

    fn log(epoch: &str, offset: u64) -> At {
        At::Log(Position { epoch: epoch.parse().unwrap(), offset })
    }

    #[test]
    fn an_envelope_gives_back_what_was_put_in() {
        for at in [At::Next, At::Ephemeral, log("L1", 1), log(&"x".repeat(24), U53::MAX)] {
            let written = write(at, &payload("{\"a\":[1,null]}"));
            let expected = Message { payload: payload("{\"a\":[1,null]}"), at, plain: false };
            assert_eq!(read(written.into(), MAX), Ok(expected));
        }
    }

    #[test]
    fn the_envelope_of_version_1_stands_byte_for_byte() {
        let written = write(log("L7", 258), &payload("\"hi\""));
        assert_eq!(written, b"\xC1\x01\x01\0\0\0\0\0\0\x01\x02\x02L7\xA2hi");
        assert_eq!(write(At::Next, &payload("true")), b"\xC1\x01\x00\xC3");
        assert_eq!(write(At::Ephemeral, &payload("true")), b"\xC1\x01\x02\xC3");
    }

    #[test]
    fn json_and_messagepack_are_told_apart_by_the_first_byte() {
        for (message, json) in [
            (&b" {\"goal\": 1}"[..], "{\"goal\":1}"),
            (b"7", "7"), // 0x37 would be 55 in MessagePack
            (b"\"text\"", "\"text\""),
            (b"\x81\xA4goal\x01", "{\"goal\":1}"),
            (b"\x91\x07", "[7]"),
            (b"\xA2hi", "\"hi\""),
            (b"\xFF", "-1"),
        ] {
            let read = read(Bytes::from_static(message), MAX).unwrap();
            assert_eq!(read.payload.to_json(), json);
            assert!(read.plain && read.at == At::Next);
        }
    }

    #[test]
    fn what_is_neither_is_invalid() {
        for message in [
            &b""[..],
            b"{\"a\":",
            b"{} {}",
            b"hello",
            b"\x07",
            b"\xEF\xBB\xBF{}",
            b"\x92\x01",
            b"\x91\x01\x01",
            b"\xC4\x01\x00",
            b"\xC1",
            b"\xC1\x02\x00\xC0",
            b"\xC1\x01\x03\xC0",
            b"\xC1\x01\x00",
            b"\xC1\x01\x00{}",
            b"\xC1\x01\x01\0\0\0\0\0\0\0\x00\x02L7\xC0", // offset 0
            b"\xC1\x01\x01\xFF\0\0\0\0\0\0\x00\x02L7\xC0", // offset above 2^53
            b"\xC1\x01\x01\0\0\0\0\0\0\0\x01\xFFL7\xC0", // epoch longer than the message
            b"\xC1\x01\x01\0\0\0\0\0\0\0\x01\x02L \xC0", // not an epoch
        ] {
            let read = read(Bytes::from_static(message), MAX);
            assert!(matches!(read, Err(Unreadable::Invalid(_))), "{message:?} was read as {read:?}");
        }
    }

    #[test]
    fn the_payload_is_bounded_in_either_form_and_the_envelope_does_not_count() {
        let text = |length: usize| format!("\"{}\"", "x".repeat(length));
        let full = payload(&text(MAX - 3)); // str16: three bytes of head
        assert_eq!(full.bytes().len(), MAX);
        assert!(read(write(log(&"x".repeat(24), 1), &full).into(), MAX).is_ok());
        assert!(read(full.bytes().clone(), MAX).is_ok());

        let over = payload(&text(MAX - 2));
        let too_large = |read| matches!(read, Err(Unreadable::TooLarge { .. }));
        assert!(too_large(read(write(At::Next, &over).into(), MAX)));
        assert!(too_large(read(over.bytes().clone(), MAX)));
        assert!(too_large(read(text(MAX).into(), MAX)));
        // 400 bytes of JSON, 900 bytes of MessagePack.
        let floats = format!("[{}0.5]", "0.5,".repeat(99));
        assert!(read(floats.clone().into(), MAX).is_ok());
        assert!(too_large(read(floats.into(), 500)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(message in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(message.clone().into(), 32);
            let _ = read([&[ENVELOPE, VERSION][..], &message].concat().into(), 32);
            let _ = read([&[ENVELOPE, VERSION, LOG][..], &message].concat().into(), 32);
        }
    }
}
