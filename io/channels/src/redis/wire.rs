//! The format of messages in Redis: the hub's own envelope, and plain messages of other services.
//!
//! The first byte decides, so a message is never ambiguous:
//!
//! | first byte | meaning |
//! |---|---|
//! | `0xC1` | an envelope of a hub; neither MessagePack nor JSON can begin with it |
//! | `0x80`–`0xFF` otherwise | one MessagePack value |
//! | `0x00`–`0x7F`, with more bytes after it | one JSON text in UTF-8 |
//! | `0x00`–`0x7F`, alone | refused: `0x35` is 5 in JSON and 53 in MessagePack |
//!
//! All of the last row are refused, not only the ten digits: otherwise a counter in MessagePack would be accepted up to
//! 47 and refused from 48 to 57. A service can publish a small integer inside an array or a map.
//!
//! The envelope, after `0xC1`: version (1), kind (0: numbered by each mirror, 2: ephemeral), then the payload in
//! MessagePack to the end. A reader drops versions and kinds that it does not know. Kind 1 carried an event of a log
//! with its position. It is not written any more, and is dropped: no message may set the position of a channel.

use bytes::Bytes;
use protocol::Payload;

/// Prefix of a channel's name in Redis: `PUBLISH hub:lottery:draws '{"n":7}'` is for the channel `lottery:draws`.
pub const REDIS_PREFIX: &str = "hub:";

const ENVELOPE: u8 = 0xC1;
const VERSION: u8 = 1;
const NEXT: u8 = 0;
const LOG: u8 = 1;
const EPHEMERAL: u8 = 2;
/// Length of the envelope without its payload, bytes.
const ENVELOPE_BYTES: usize = 3;

/// A decoded message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) payload: Payload,
    /// Not numbered and not kept.
    pub(super) ephemeral: bool,
}

/// Why a message is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLarge {
        bytes: usize,
    },
    Invalid(String),
    /// A single byte that is an integer in MessagePack and may be a digit in JSON.
    Ambiguous,
    /// An envelope with a position of a log.
    OfALog,
}

/// Writes the hub's envelope.
pub(super) fn write(ephemeral: bool, payload: &Payload) -> Vec<u8> {
    let mut message = Vec::with_capacity(ENVELOPE_BYTES + payload.bytes().len());
    message.extend_from_slice(&[ENVELOPE, VERSION, if ephemeral { EPHEMERAL } else { NEXT }]);
    message.extend_from_slice(payload.bytes());
    message
}

/// Longest message that can hold a payload of `payload_bytes_max` bytes.
pub(super) fn message_bytes_max(payload_bytes_max: usize) -> usize {
    payload_bytes_max.saturating_add(ENVELOPE_BYTES)
}

/// Reads a message whose payload may have `bytes_max` bytes.
pub(super) fn read(message: Bytes, bytes_max: usize) -> Result<Message, Unreadable> {
    let first = *message.first().ok_or_else(|| Unreadable::Invalid("the message is empty".into()))?;
    let length = message.len();
    let allowed = if first == ENVELOPE { message_bytes_max(bytes_max) } else { bytes_max };
    if length > allowed {
        return Err(Unreadable::TooLarge { bytes: length });
    }
    let (ephemeral, payload) = match first {
        ENVELOPE => {
            let (ephemeral, payload) = open(&message)?;
            (ephemeral, Payload::from_msgpack(payload))
        }
        0x80.. => (false, Payload::from_msgpack(message)),
        0..=0x7F if length == 1 => return Err(Unreadable::Ambiguous),
        0..=0x7F => (false, Payload::from_json(&message)),
    };
    let payload = payload.map_err(|error| Unreadable::Invalid(error.to_string()))?;
    // A JSON text can be longer in MessagePack: "0.1" takes nine bytes.
    if payload.bytes().len() > bytes_max {
        return Err(Unreadable::TooLarge { bytes: payload.bytes().len() });
    }
    Ok(Message { payload, ephemeral })
}

/// Opens an envelope. Returns whether it is ephemeral, and the payload.
fn open(message: &Bytes) -> Result<(bool, Bytes), Unreadable> {
    let payload = || message.slice(ENVELOPE_BYTES..);
    match message[..] {
        [ENVELOPE, VERSION, NEXT, ..] => Ok((false, payload())),
        [ENVELOPE, VERSION, EPHEMERAL, ..] => Ok((true, payload())),
        [ENVELOPE, VERSION, LOG, ..] => Err(Unreadable::OfALog),
        _ => Err(Unreadable::Invalid("the envelope is damaged or of another version".into())),
    }
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

    #[test]
    fn an_envelope_gives_back_what_was_put_in() {
        for ephemeral in [false, true] {
            let written = write(ephemeral, &payload("{\"a\":[1,null]}"));
            let expected = Message { payload: payload("{\"a\":[1,null]}"), ephemeral };
            assert_eq!(read(written.into(), MAX), Ok(expected));
        }
    }

    #[test]
    fn the_envelope_of_version_1_stands_byte_for_byte() {
        assert_eq!(write(false, &payload("\"hi\"")), b"\xC1\x01\x00\xA2hi");
        assert_eq!(write(true, &payload("true")), b"\xC1\x01\x02\xC3");
    }

    #[test]
    fn an_envelope_with_a_position_of_a_log_is_dropped_whatever_it_contains() {
        for message in [
            &b"\xC1\x01\x01\0\0\0\0\0\0\x01\x02\x02L7\xA2hi"[..],
            b"\xC1\x01\x01\0\x1F\xFF\xFF\xFF\xFF\xFF\xFF\x02L7\xC0", // offset 2^53 - 1
            b"\xC1\x01\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02L7\xC0", // offset -1
            b"\xC1\x01\x01\0\0\0\0\0\0\0\x00\x02L7\xC0",             // offset 0
            b"\xC1\x01\x01\0\0\0\0\0\0\0\x01\xFFL7\xC0",             // epoch longer than the message
            b"\xC1\x01\x01",
        ] {
            assert_eq!(read(Bytes::from_static(message), MAX), Err(Unreadable::OfALog), "{message:?}");
        }
    }

    #[test]
    fn json_and_messagepack_are_told_apart_by_the_first_byte() {
        for (message, json) in [
            (&b" {\"goal\": 1}"[..], "{\"goal\":1}"),
            (b"77", "77"),
            (b" 7", "7"),
            (b"7\n", "7"),
            (b"-7", "-7"),
            (b"\"text\"", "\"text\""),
            (b"\x81\xA4goal\x01", "{\"goal\":1}"),
            (b"\x91\x07", "[7]"),
            (b"\xA2hi", "\"hi\""),
            (b"\xFF", "-1"),
        ] {
            let read = read(Bytes::from_static(message), MAX).unwrap();
            assert_eq!(read.payload.to_json(), json);
            assert!(!read.ephemeral);
        }
    }

    #[test]
    fn every_single_byte_below_0x80_is_refused() {
        for byte in 0..=0x7F {
            assert_eq!(read(Bytes::copy_from_slice(&[byte]), MAX), Err(Unreadable::Ambiguous), "{byte:#x}");
        }
        for byte in 0xE0..=0xFF {
            assert!(read(Bytes::copy_from_slice(&[byte]), MAX).is_ok(), "{byte:#x} is MessagePack alone");
        }
    }

    #[test]
    fn a_message_that_is_neither_json_nor_messagepack_is_invalid() {
        for message in [
            &b""[..],
            b"{\"a\":",
            b"{} {}",
            b"hello",
            b"\xEF\xBB\xBF{}",
            b"\x92\x01",
            b"\x91\x01\x01",
            b"\xC4\x01\x00",
            b"\xC1",
            b"\xC1\x02\x00\xC0",
            b"\xC1\x01\x03\xC0",
            b"\xC1\x01\x00",
            b"\xC1\x01\x00{}",
            b"\xC1\x01",
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
        assert!(read(write(true, &full).into(), MAX).is_ok());
        assert!(read(full.bytes().clone(), MAX).is_ok());

        let over = payload(&text(MAX - 2));
        let too_large = |read| matches!(read, Err(Unreadable::TooLarge { .. }));
        assert!(too_large(read(write(false, &over).into(), MAX)));
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
