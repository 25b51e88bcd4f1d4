//! Encodes and decodes frames, in both encodings, within limits.
//!
//! Decoding expects hostile input: size, depth and list lengths are bounded, duplicate keys and bytes after the value
//! are refused, and no length field alone causes an allocation. A publication is encoded once per sub-protocol,
//! whatever the number of its receivers: MessagePack copies the payload's bytes, JSON transcodes them.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    DEPTH_MAX, FRAME_BYTES_MAX, Payload, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Text, U53,
    code::ErrorCode,
    depth::json_depth,
    error::FrameError,
    fault::{Cause, DETAIL_CHARS_MAX, Fault, beginning},
    fields::map_fields,
    msgpack::{self, Flaw},
    payload::PAYLOAD_DEPTH_MAX,
    push::Push,
    reply::{Reply, ReplyFrame},
    request::{ClientFrame, RawFrame, Request, unknown_request},
    typed,
};

/// Deepest nesting of a frame from the hub. The payload of a missed publication lies deepest, five levels inside.
const SERVER_DEPTH_MAX: usize = PAYLOAD_DEPTH_MAX + 5;

/// Reads MessagePack, with the ids and amounts inside as text.
type MsgpackSource<'de> = rmp_serde::Deserializer<
    rmp_serde::decode::ReadRefReader<'de, [u8]>,
    rmp_serde::config::HumanReadableConfig<rmp_serde::config::DefaultConfig>,
>;

/// The encoding of a session's frames.
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
///
/// # Errors
/// When the bytes are not one valid request within the limits. The error has the request's id where it can be read.
pub fn decode_client(encoding: Encoding, bytes: &[u8]) -> Result<ClientFrame, FrameError> {
    if bytes.len() > FRAME_BYTES_MAX {
        let detail = format!("the frame has {} bytes, at most {FRAME_BYTES_MAX} are allowed", bytes.len());
        return Err(FrameError { code: ErrorCode::TooLarge, ..malformed(detail) });
    }
    let raw = decode_strictly::<RawFrame>(encoding, bytes).map_err(|error| {
        // A request of a later release may have fields that are unknown here too: the client gets "unknown request".
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
/// Never: both encodings can write every value of a request.
#[must_use]
pub fn encode_client(encoding: Encoding, frame: ClientFrame) -> Vec<u8> {
    encode(encoding, &RawFrame::from(frame))
}

/// Encodes a reply.
#[must_use]
pub fn encode_reply(encoding: Encoding, reply: &ReplyFrame) -> Vec<u8> {
    encode(encoding, reply)
}

/// Encodes a push. For a publication, [`encode_publication`] is cheaper.
#[must_use]
pub fn encode_push(encoding: Encoding, push: &Push) -> Vec<u8> {
    encode(encoding, push)
}

/// Encodes a publication without decoding its payload into values. `position` is epoch and offset; `None` for an
/// ephemeral publication.
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

/// A frame from the hub, as a client decodes it.
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

/// Decodes a frame from the hub.
///
/// # Errors
/// [`ErrorCode::UnknownRequest`] for a `t` that this release does not know, so that a client can skip frames of a
/// later hub; otherwise the frame is broken.
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
        // The most frequent replies are decoded directly: a tagged enum would buffer their fields first.
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

/// Decodes a client's frame: checks the shape of the bytes, then reads the value. Only a frame that cannot be read is
/// read a second time, to find what is wrong and where; a valid frame does not pay for that.
fn decode_strictly<'de, T: Deserialize<'de>>(encoding: Encoding, bytes: &'de [u8]) -> Result<T, FrameError> {
    check_shape(encoding, bytes, DEPTH_MAX)?;
    let read = match encoding {
        Encoding::Msgpack => T::deserialize(&mut msgpack_source(bytes, DEPTH_MAX)).ok(),
        Encoding::Json => serde_json::from_slice(bytes).ok(),
    };
    read.map_or_else(|| explain(encoding, bytes), Ok)
}

/// Decodes a frame that could not be read, with an error that has a kind and a place.
fn explain<'de, T: Deserialize<'de>>(encoding: Encoding, bytes: &'de [u8]) -> Result<T, FrameError> {
    let value = match encoding {
        Encoding::Msgpack => typed::read(&mut msgpack_source(bytes, DEPTH_MAX)),
        Encoding::Json => {
            let mut source = serde_json::Deserializer::from_slice(bytes);
            typed::read(&mut source)
                .and_then(|value| source.end().map(|()| value).map_err(|error| Fault::syntax(&error)))
        }
    };
    value.map_err(|fault| match (encoding, fault.cause()) {
        (Encoding::Json, Cause::Syntax(_)) if ends_early(bytes) => shapeless(Flaw::Truncated),
        (Encoding::Json, Cause::Syntax(_)) if bytes.starts_with(b"\xef\xbb\xbf") => {
            malformed("the frame begins with a byte order mark, which is not JSON")
        }
        _ => FrameError { id: id(encoding, bytes), code: fault.code(), detail: fault.detail() },
    })
}

/// Decodes a frame from the hub. Its error is the decoder's message: a client needs no kind and no place.
fn decode<'de, T: Deserialize<'de>>(
    encoding: Encoding,
    bytes: &'de [u8],
    depth_max: usize,
) -> Result<T, FrameError> {
    check_shape(encoding, bytes, depth_max)?;
    read(encoding, bytes, depth_max).map_err(|detail| match encoding {
        Encoding::Json if ends_early(bytes) => shapeless(Flaw::Truncated),
        _ => FrameError { id: id(encoding, bytes), ..malformed(detail) },
    })
}

/// Checks the bytes before they are decoded: MessagePack for its whole shape, JSON for its depth.
fn check_shape(encoding: Encoding, bytes: &[u8], depth_max: usize) -> Result<(), FrameError> {
    match encoding {
        Encoding::Msgpack => msgpack::check(bytes, depth_max).map_err(shapeless),
        Encoding::Json if json_depth(bytes) > depth_max => Err(shapeless(Flaw::TooDeep)),
        Encoding::Json => Ok(()),
    }
}

/// Whether the bytes are JSON text that ends too early.
fn ends_early(json: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(json).is_err_and(|error| error.is_eof())
}

/// Reads a value. The error is the decoder's message, shortened.
fn read<'de, T: Deserialize<'de>>(
    encoding: Encoding,
    bytes: &'de [u8],
    depth_max: usize,
) -> Result<T, String> {
    let words = |error: &dyn std::fmt::Display| beginning(&error).chars().take(DETAIL_CHARS_MAX).collect();
    match encoding {
        Encoding::Msgpack => {
            T::deserialize(&mut msgpack_source(bytes, depth_max)).map_err(|error| words(&error))
        }
        Encoding::Json => serde_json::from_slice(bytes).map_err(|error| words(&error)),
    }
}

/// A MessagePack decoder with a bound on nesting.
fn msgpack_source(bytes: &[u8], depth_max: usize) -> MsgpackSource<'_> {
    let mut source = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    source.set_max_depth(depth_max + 1);
    source
}

fn malformed(detail: impl Into<String>) -> FrameError {
    FrameError { id: None, code: ErrorCode::Malformed, detail: detail.into() }
}

/// The error for bytes that are not one value within the limits. It has no id: none can be read from such bytes.
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

/// The request's name, when it can be read although other fields cannot.
fn verb(encoding: Encoding, bytes: &[u8]) -> Option<Text<24>> {
    struct OnlyVerb {
        t: Option<Text<24>>,
    }
    map_fields!(OnlyVerb, "a frame: a map with text keys", required [], optional [t], others ignored);
    read::<OnlyVerb>(encoding, bytes, DEPTH_MAX).ok().and_then(|only| only.t)
}

/// The request's id, when it can be read although other fields cannot.
fn id(encoding: Encoding, bytes: &[u8]) -> Option<U53> {
    struct OnlyId {
        id: Option<U53>,
    }
    map_fields!(OnlyId, "a frame: a map with text keys", required [], optional [id], others ignored);
    read::<OnlyId>(encoding, bytes, DEPTH_MAX).ok().and_then(|only| only.id)
}
