//! Frames to bytes and back, in both encodings, within limits.
//!
//! Decoding is for hostile input: size, depth and list lengths are bounded, duplicate keys and bytes after the
//! value are refused, nothing is allocated on the word of a length field. Encoding of a publication splices
//! the payload's bytes, so that a broadcast costs one encoding per sub-protocol.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::{
    DEPTH_MAX, FRAME_BYTES_MAX, Payload, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Text, U53,
    code::ErrorCode,
    depth::json_depth,
    error::FrameError,
    fields::{map_fields, message, split_path},
    msgpack::{self, Flaw},
    payload::PAYLOAD_DEPTH_MAX,
    push::Push,
    reply::{Reply, ReplyFrame},
    request::{ClientFrame, RawFrame, Request, unknown_request},
};

/// Longest text of what is wrong with a frame, characters.
const DETAIL_CHARS_MAX: usize = 240;
/// Deepest nesting of the hub's own frames: a missed publication's payload, the deepest, is five levels inside.
const SERVER_DEPTH_MAX: usize = PAYLOAD_DEPTH_MAX + 5;

/// How a session's frames are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Binary frames of MessagePack.
    Msgpack = 0,
    /// Text frames of JSON.
    Json = 1,
}

impl Encoding {
    /// The encoding a sub-protocol's name stands for.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        match name {
            SUBPROTOCOL_MSGPACK => Some(Self::Msgpack),
            SUBPROTOCOL_JSON => Some(Self::Json),
            _ => None,
        }
    }

    /// The sub-protocol's name.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Msgpack => SUBPROTOCOL_MSGPACK,
            Self::Json => SUBPROTOCOL_JSON,
        }
    }
}

/// Decodes a client's frame.
pub fn decode_client(encoding: Encoding, bytes: &[u8]) -> Result<ClientFrame, FrameError> {
    if bytes.len() > FRAME_BYTES_MAX {
        let detail = format!("the frame has {} bytes, at most {FRAME_BYTES_MAX} are allowed", bytes.len());
        return Err(FrameError { code: ErrorCode::TooLarge, ..malformed(detail) });
    }
    let raw = decode::<RawFrame>(encoding, bytes, DEPTH_MAX).map_err(|error| {
        // Whatever else a later client's request holds, that it is not known here is what the client must hear.
        match verb(encoding, bytes) {
            Some(verb) if error.id.is_some() && !Request::KINDS.contains(&&*verb) => {
                unknown_request(&verb, error.id)
            }
            _ => error,
        }
    })?;
    ClientFrame::try_from(raw)
}

/// Encodes a client's frame.
///
/// # Panics
/// Never: a request has no value an encoding lacks.
#[must_use]
pub fn encode_client(encoding: Encoding, frame: ClientFrame) -> Vec<u8> {
    encode(encoding, &RawFrame::from(frame))
}

/// Encodes a reply.
#[must_use]
pub fn encode_reply(encoding: Encoding, reply: &ReplyFrame) -> Vec<u8> {
    encode(encoding, reply)
}

/// Encodes a push other than a publication; for those [`encode_publication`] is cheaper.
#[must_use]
pub fn encode_push(encoding: Encoding, push: &Push) -> Vec<u8> {
    encode(encoding, push)
}

/// Encodes a publication by splicing its payload.
#[must_use]
pub fn encode_publication(
    encoding: Encoding,
    channel: &str,
    position: Option<(&str, u64)>,
    payload: &Payload,
) -> Vec<u8> {
    match encoding {
        Encoding::Msgpack => {
            let mut frame = Vec::with_capacity(payload.bytes().len() + channel.len() + 48);
            let infallible = "writing to memory does not fail";
            rmp::encode::write_map_len(&mut frame, if position.is_some() { 5 } else { 3 }).expect(infallible);
            for text in ["t", "pub", "ch", channel] {
                rmp::encode::write_str(&mut frame, text).expect(infallible);
            }
            if let Some((epoch, offset)) = position {
                for text in ["e", epoch, "o"] {
                    rmp::encode::write_str(&mut frame, text).expect(infallible);
                }
                rmp::encode::write_uint(&mut frame, offset).expect(infallible);
            }
            rmp::encode::write_str(&mut frame, "d").expect(infallible);
            frame.extend_from_slice(payload.bytes());
            frame
        }
        Encoding::Json => {
            // Channel names and epochs have no character that JSON would escape.
            let position = position
                .map(|(epoch, offset)| format!(",\"e\":\"{epoch}\",\"o\":{offset}"))
                .unwrap_or_default();
            format!("{{\"t\":\"pub\",\"ch\":\"{channel}\"{position},\"d\":{}}}", payload.to_json())
                .into_bytes()
        }
    }
}

/// Anything the hub says, as a client decodes it.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "replies are what a busy client reads; a box each would cost more"
)]
pub enum ServerFrame {
    /// A reply.
    Reply(ReplyFrame),
    /// A push.
    Push(Push),
}

/// Decodes a frame of the hub. A `t` this release does not know is [`ErrorCode::UnknownRequest`], so that a
/// client can skip what a later hub says.
pub fn decode_server(encoding: Encoding, bytes: &[u8]) -> Result<ServerFrame, FrameError> {
    struct Head {
        t: Option<Text<24>>,
        id: Option<U53>,
    }
    map_fields!(Head, "a frame: a map with the key \"t\"", required [], optional [t, id],
        others ignored);
    let head: Head = decode(encoding, bytes, SERVER_DEPTH_MAX)?;
    let kind = head.t.as_deref().unwrap_or_default();
    let reply = |reply| ServerFrame::Reply(ReplyFrame { id: head.id, reply });
    match kind {
        "pub" | "reset" | "drain" => decode(encoding, bytes, SERVER_DEPTH_MAX).map(ServerFrame::Push),
        // The answers a client under load waits for, without the detour of a tagged enum.
        "bet_accepted" => {
            decode(encoding, bytes, SERVER_DEPTH_MAX).map(|body| reply(Reply::BetAccepted(body)))
        }
        "bets_cleared" => {
            decode(encoding, bytes, SERVER_DEPTH_MAX).map(|body| reply(Reply::BetsCleared(body)))
        }
        "error" => decode(encoding, bytes, SERVER_DEPTH_MAX).map(|body| reply(Reply::Error(body))),
        kind if Reply::KINDS.contains(&kind) => {
            decode(encoding, bytes, SERVER_DEPTH_MAX).map(ServerFrame::Reply)
        }
        unknown => Err(FrameError {
            id: head.id,
            code: ErrorCode::UnknownRequest,
            detail: format!("no frame of the hub is called \"{unknown}\""),
        }),
    }
}

fn encode(encoding: Encoding, value: &impl Serialize) -> Vec<u8> {
    match encoding {
        Encoding::Msgpack => {
            let mut bytes = Vec::with_capacity(128);
            let mut serializer =
                rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable();
            value.serialize(&mut serializer).expect("a frame has only values MessagePack can spell");
            bytes
        }
        Encoding::Json => serde_json::to_vec(value).expect("a frame has only values JSON can spell"),
    }
}

/// Decodes one value: first the shape of the bytes, then their meaning.
fn decode<'de, T: Deserialize<'de>>(
    encoding: Encoding,
    bytes: &'de [u8],
    depth_max: usize,
) -> Result<T, FrameError> {
    match encoding {
        Encoding::Msgpack => {
            msgpack::check(bytes, depth_max).map_err(shapeless)?;
            from_msgpack(bytes, depth_max).map_err(|error| wrong(encoding, bytes, &message(&error)))
        }
        Encoding::Json => {
            if json_depth(bytes) > depth_max {
                return Err(shapeless(Flaw::TooDeep));
            }
            serde_json::from_slice(bytes).map_err(|error| match error.classify() {
                Category::Eof => shapeless(Flaw::Truncated),
                Category::Syntax if bytes.starts_with(b"\xef\xbb\xbf") => {
                    malformed("the frame begins with a byte order mark, which is not JSON")
                }
                Category::Io | Category::Syntax | Category::Data => wrong(encoding, bytes, &message(&error)),
            })
        }
    }
}

/// Decodes MessagePack whose shape was checked.
fn from_msgpack<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    depth_max: usize,
) -> Result<T, rmp_serde::decode::Error> {
    let mut source = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    source.set_max_depth(depth_max + 1);
    T::deserialize(&mut source)
}

fn malformed(detail: impl Into<String>) -> FrameError {
    FrameError { id: None, code: ErrorCode::Malformed, detail: detail.into() }
}

/// The error for bytes that are not one value; no id can be read from such.
fn shapeless(flaw: Flaw) -> FrameError {
    match flaw {
        Flaw::Truncated => malformed("the frame ends in the middle of a value"),
        Flaw::TrailingBytes => malformed("there are bytes after the frame's value"),
        Flaw::Inexact => malformed("an integer of the frame is beyond 2^53"),
        Flaw::NotAllowed(what) => malformed(format!("the frame holds {what}")),
        Flaw::TooDeep => {
            FrameError { code: ErrorCode::TooLarge, ..malformed("the frame is nested too deep") }
        }
    }
}

/// The request's name, as far as a frame whose other fields cannot be read has one.
fn verb(encoding: Encoding, bytes: &[u8]) -> Option<Text<24>> {
    struct OnlyVerb {
        t: Option<Text<24>>,
    }
    map_fields!(OnlyVerb, "a frame: a map with text keys", required [], optional [t], others ignored);
    decode::<OnlyVerb>(encoding, bytes, DEPTH_MAX).ok().and_then(|only| only.t)
}

/// The error for a value that is not a request: says which field, and reads the id when that is possible.
fn wrong(encoding: Encoding, bytes: &[u8], message: &str) -> FrameError {
    struct OnlyId {
        id: Option<U53>,
    }
    map_fields!(OnlyId, "a frame: a map with text keys", required [], optional [id], others ignored);
    let id = match encoding {
        Encoding::Msgpack => from_msgpack::<OnlyId>(bytes, DEPTH_MAX).ok(),
        Encoding::Json => serde_json::from_slice::<OnlyId>(bytes).ok(),
    };
    let (path, cause) = split_path(message);
    // Where a field's value is cut short, the path hides the category from the caller.
    if cause.starts_with("EOF while parsing") {
        return shapeless(Flaw::Truncated);
    }
    let too_long = cause.starts_with("invalid length");
    let is_amount = path.ends_with("].a") && (too_long || cause.starts_with("invalid type"));
    let code = match cause {
        _ if is_amount => ErrorCode::BadAmount,
        // Only the bounds of `bounded` speak of a length: structs are never read from arrays.
        _ if too_long => ErrorCode::TooLarge,
        _ if cause.starts_with("the field is missing") => ErrorCode::MissingField,
        _ => ErrorCode::Malformed,
    };
    let hint = if is_amount { "an amount is a decimal text such as \"12.50\": " } else { "" };
    let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
    let detail = format!("{place}{hint}{cause}").chars().take(DETAIL_CHARS_MAX).collect();
    FrameError { id: id.and_then(|only| only.id), code, detail }
}
