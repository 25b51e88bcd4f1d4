//! Frames: a message encoded for a session's sub-protocol, ready for its socket.

use bytes::Bytes;
use protocol::{Encoding, Push, Reply, U53, codec, reply::ReplyFrame};
use socket::{Class, Out};

/// Frames a message for an encoding.
#[must_use]
pub fn frame(encoding: Encoding, message: &[u8]) -> Bytes {
    match encoding {
        Encoding::Msgpack => socket::binary_frame(message),
        Encoding::Json => socket::text_frame(message),
    }
}

/// The encoding of a session's tag.
#[must_use]
pub fn encoding(tag: u8) -> Encoding {
    if tag == Encoding::Json as u8 { Encoding::Json } else { Encoding::Msgpack }
}

/// Encodes a reply and hands it to the session's queue.
pub fn push_reply(out: &Out, id: Option<U53>, reply: Reply) {
    let encoding = encoding(out.encoding());
    let message = codec::encode_reply(encoding, &ReplyFrame { id, reply });
    out.push(frame(encoding, &message), Class::Reply);
}

/// A push as a frame, for a session's tag.
#[must_use]
pub fn push_frame(tag: u8, push: &Push) -> Bytes {
    let encoding = encoding(tag);
    frame(encoding, &codec::encode_push(encoding, push))
}
