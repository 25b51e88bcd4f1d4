//! The data of a publication: one MessagePack value, checked once, carried as bytes.
//!
//! The MessagePack bytes are copied into frames as they are; JSON is transcoded on demand. Allowed are nil, booleans,
//! integers, finite floats, text, arrays and maps with text keys. Binary and extension types are refused: JSON cannot
//! represent them.
//!
//! An integer below -2^53 or above 2^53 is refused when it is published: a browser would round it in JSON and not in
//! MessagePack, so that two readers of one publication would disagree. Wider numbers can be published as text. A
//! client accepts 64-bit integers of an older hub as they are.

use std::fmt;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
    ser::{self, SerializeMap, SerializeSeq},
};

use crate::{
    U53,
    depth::json_depth,
    msgpack::{self, Flaw},
};

/// Largest payload, bytes of MessagePack.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Most arrays and maps inside each other in a payload.
pub const PAYLOAD_DEPTH_MAX: usize = 16;

/// One valid MessagePack value.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Bytes);

/// Why bytes are not a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Longer than [`PAYLOAD_BYTES_MAX`].
    #[error("the payload is longer than {PAYLOAD_BYTES_MAX} bytes")]
    TooLarge,
    /// Nested deeper than [`PAYLOAD_DEPTH_MAX`].
    #[error("the payload is nested deeper than {PAYLOAD_DEPTH_MAX}")]
    TooDeep,
    /// Ends before its value does.
    #[error("the payload ends in the middle of a value")]
    Truncated,
    /// Goes on after its value.
    #[error("the payload has bytes after its value")]
    TrailingBytes,
    /// An integer below -2^53 or above 2^53.
    #[error(
        "the payload holds an integer beyond 2^53 ({max}), which a browser would round: send it as text",
        max = U53::MAX
    )]
    IntegerTooLarge,
    /// A type that JSON cannot represent, a map key that is not text, a float that is not finite, or text that is
    /// not UTF-8.
    #[error("the payload holds {0}")]
    NotAllowed(&'static str),
    /// Not JSON.
    #[error("the payload is not valid JSON: {0}")]
    Json(String),
}

impl From<Flaw> for PayloadError {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Truncated => Self::Truncated,
            Flaw::TrailingBytes => Self::TrailingBytes,
            Flaw::TooDeep => Self::TooDeep,
            Flaw::Inexact => Self::IntegerTooLarge,
            Flaw::NotAllowed(what) => Self::NotAllowed(what),
        }
    }
}

impl Payload {
    /// Checks the MessagePack bytes of a new publication.
    pub fn from_msgpack(bytes: Bytes) -> Result<Self, PayloadError> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::TooLarge);
        }
        msgpack::check_exact(&bytes, PAYLOAD_DEPTH_MAX)?;
        Ok(Self(bytes))
    }

    /// Checks the MessagePack bytes of a frame from the hub: integers may have 64 bits.
    fn of_a_frame(bytes: Bytes) -> Result<Self, PayloadError> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::TooLarge);
        }
        msgpack::check(&bytes, PAYLOAD_DEPTH_MAX)?;
        Ok(Self(bytes))
    }

    /// Transcodes the JSON text of a new publication.
    pub fn from_json(json: &[u8]) -> Result<Self, PayloadError> {
        if json.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::TooLarge);
        }
        if json_depth(json) > PAYLOAD_DEPTH_MAX {
            return Err(PayloadError::TooDeep);
        }
        let mut packed = Vec::with_capacity(json.len());
        let mut source = serde_json::Deserializer::from_slice(json);
        let result = Transcoder(std::cell::RefCell::new(Some(&mut source)))
            .serialize(&mut rmp_serde::Serializer::new(&mut packed));
        result.map_err(|error| PayloadError::Json(error.to_string()))?;
        source.end().map_err(|error| PayloadError::Json(error.to_string()))?;
        // The decoder turns an integer beyond 64 bits into a rounded float, so the text itself is searched.
        if !json_integers_are_exact(json) {
            return Err(PayloadError::IntegerTooLarge);
        }
        // The JSON text may be much longer than its MessagePack, and a history keeps these bytes for long.
        packed.shrink_to_fit();
        Self::from_msgpack(packed.into())
    }

    /// Encodes one of the hub's own types, as a map with named fields.
    ///
    /// # Panics
    /// When the value cannot be encoded; in a debug build also when it is not a payload (too large, a map key that is
    /// not text). The hub's own types are payloads.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        let mut packed = rmp_serde::to_vec_named(value).expect("our own types encode");
        packed.shrink_to_fit();
        debug_assert!(Self::of_a_frame(packed.clone().into()).is_ok(), "our own types are payloads");
        Self(packed.into())
    }

    /// The MessagePack bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The value as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a payload has a JSON twin")
    }
}

/// Whether every integer of a valid JSON text lies between -2^53 and 2^53. What has a point or an exponent is a float.
fn json_integers_are_exact(json: &[u8]) -> bool {
    let mut rest = json.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => {
                while let Some(byte) = rest.next().filter(|byte| **byte != b'"') {
                    if *byte == b'\\' {
                        rest.next();
                    }
                }
            }
            b'0'..=b'9' => {
                let (mut size, mut is_float) = (u64::from(byte - b'0'), false);
                while let Some(byte) = rest.as_slice().first() {
                    match byte {
                        b'0'..=b'9' => size = size.saturating_mul(10).saturating_add(u64::from(byte - b'0')),
                        b'.' | b'e' | b'E' | b'+' | b'-' => is_float = true,
                        _ => break,
                    }
                    rest.next();
                }
                if size > U53::MAX && !is_float {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut source = rmp_serde::Deserializer::from_read_ref(&self.0);
        Transcoder(std::cell::RefCell::new(Some(&mut source))).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut packed = Vec::new();
        Transcoder(std::cell::RefCell::new(Some(deserializer)))
            .serialize(&mut rmp_serde::Serializer::new(&mut packed))
            .map_err(de::Error::custom)?;
        Payload::of_a_frame(packed.into()).map_err(de::Error::custom)
    }
}

/// Copies a value from any self-describing deserializer to any serializer, without building it in memory.
struct Transcoder<D>(std::cell::RefCell<Option<D>>);

impl<'de, D: Deserializer<'de>> Serialize for Transcoder<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.0.borrow_mut().take().expect("a transcoder is used once");
        source.deserialize_any(Pour(serializer)).map_err(ser::Error::custom)
    }
}

struct Pour<S>(S);

macro_rules! pour {
    ($($visit:ident($type:ty) => $serialize:ident;)*) => {
        $(fn $visit<E: de::Error>(self, value: $type) -> Result<S::Ok, E> {
            self.0.$serialize(value).map_err(E::custom)
        })*
    };
}

impl<'de, S: Serializer> Visitor<'de> for Pour<S> {
    type Value = S::Ok;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nil, a boolean, a number, text, an array or a map")
    }

    pour! {
        visit_bool(bool) => serialize_bool;
        visit_i64(i64) => serialize_i64;
        visit_u64(u64) => serialize_u64;
        visit_f64(f64) => serialize_f64;
        visit_str(&str) => serialize_str;
    }

    fn visit_unit<E: de::Error>(self) -> Result<S::Ok, E> {
        self.0.serialize_unit().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<S::Ok, A::Error> {
        let mut items = self.0.serialize_seq(source.size_hint()).map_err(de::Error::custom)?;
        while source.next_element_seed(Item(&mut items))?.is_some() {}
        items.end().map_err(de::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<S::Ok, A::Error> {
        let mut map = self.0.serialize_map(source.size_hint()).map_err(de::Error::custom)?;
        while source.next_key_seed(MapKey(&mut map))?.is_some() {
            source.next_value_seed(MapValue(&mut map))?;
        }
        map.end().map_err(de::Error::custom)
    }
}

macro_rules! seed {
    ($name:ident, $trait:ident, $method:ident) => {
        struct $name<'a, S>(&'a mut S);
        impl<'de, S: $trait> DeserializeSeed<'de> for $name<'_, S> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
                let value = Transcoder(std::cell::RefCell::new(Some(source)));
                self.0.$method(&value).map_err(de::Error::custom)
            }
        }
    };
}
seed!(Item, SerializeSeq, serialize_element);
seed!(MapKey, SerializeMap, serialize_key);
seed!(MapValue, SerializeMap, serialize_value);
