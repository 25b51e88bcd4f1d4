//! Bounded integers, which every client language represents exactly.
//!
//! Both encodings accept and refuse the same: an integer of any width, and a float without a fraction, since some
//! JavaScript encoders send integers from 2^32 on as `float64` and JSON has one kind of number. A float of 2^53 is
//! refused: it may stand for an integer that a float cannot hold.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A non-negative integer of at most 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct U53(u64);

impl U53 {
    /// The largest value, 2^53.
    pub const MAX: u64 = 1 << 53;

    /// The value, or `None` above [`U53::MAX`].
    #[must_use]
    pub fn new(value: u64) -> Option<Self> {
        (value <= Self::MAX).then_some(Self(value))
    }

    /// The value as an integer.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for U53 {
    fn from(value: u32) -> Self {
        Self(u64::from(value))
    }
}

impl Serialize for U53 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for U53 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Whole { max: U53::MAX, expecting: "an integer from 0 to 2^53" };
        deserializer.deserialize_u64(whole).map(Self)
    }
}

/// A byte as an item of a list.
#[derive(Debug, Clone, Copy)]
pub struct Byte(u8);

impl From<Byte> for u8 {
    fn from(byte: Byte) -> Self {
        byte.0
    }
}

impl<'de> Deserialize<'de> for Byte {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Whole { max: u8::MAX.into(), expecting: "an integer from 0 to 255" };
        deserializer.deserialize_u8(whole).map(|value| Self(value as u8))
    }
}

/// Reads a number without a fraction from 0 to `max`, whether it is written as an integer or as a float.
struct Whole {
    max: u64,
    expecting: &'static str,
}

impl de::Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expecting)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        if value > self.max {
            return Err(E::invalid_value(de::Unexpected::Unsigned(value), &self));
        }
        Ok(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<u64, E> {
        let exact = self.max.min(U53::MAX - 1) as f64;
        if value.fract() == 0.0 && (0.0..=exact).contains(&value) {
            return Ok(value as u64);
        }
        Err(E::invalid_value(de::Unexpected::Float(value), &self))
    }
}
