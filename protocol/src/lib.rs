//! The wire: the messages between clients and the hub, and their encodings.
//!
//! One model, two encodings: `hub.v1.msgpack` (binary frames) and `hub.v1.json` (text frames). A frame is a flat map
//! with short keys. In a request, unknown and duplicate keys are refused; in what the hub sends, unknown keys and
//! words come from a later hub and are accepted (ADR-0011). Money and ids are text, counters are integers of at most
//! 2^53.
//!
//! This crate does no I/O and uses no actor. The clients use it too: a change of a type here is a change of the
//! protocol (`docs/protocol.md`).

pub mod amount;
pub mod bounded;
pub mod channel;
pub mod code;
pub mod codec;
mod depth;
pub mod error;
mod fault;
mod fields;
pub mod id;
mod integer;
mod lasts;
pub mod level;
pub mod limits;
mod msgpack;
pub mod open;
pub mod payload;
pub mod play;
pub mod push;
pub mod reply;
pub mod request;
mod typed;

pub use amount::{Amount, Currency};
pub use bounded::Text;
pub use channel::Channel;
pub use code::{CloseCode, Code, ErrorCode, Retry};
pub use codec::Encoding;
pub use error::FrameError;
pub use id::{Key, PlayerId, RoundId, TableId};
pub use integer::U53;
pub use open::Open;
pub use payload::Payload;
pub use push::Push;
pub use reply::Reply;
pub use request::{ClientFrame, Request};

/// Sub-protocol name of the MessagePack encoding, the default.
pub const SUBPROTOCOL_MSGPACK: &str = "hub.v1.msgpack";
/// Sub-protocol name of the JSON encoding: the same model for people and scripts.
pub const SUBPROTOCOL_JSON: &str = "hub.v1.json";
/// Largest client frame, bytes. A larger one is refused at its header with close code 1009.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of arrays and maps a client frame may have.
pub const DEPTH_MAX: usize = 16;
/// Most bets one `place_bet` may carry. A whole roulette layout (157) fits.
pub const BETS_MAX: usize = 160;
