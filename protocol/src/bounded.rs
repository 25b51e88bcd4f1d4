//! Values with a bound: a short text, an integer JavaScript can hold, a list with a limit.
//!
//! A bound is checked while decoding, before anything is allocated for the value.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Serialises through `Display` and deserialises through `FromStr`, from text only.
macro_rules! text_serde {
    ($type:ty, $expecting:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct FromText;
                impl serde::de::Visitor<'_> for FromText {
                    type Value = $type;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(FromText)
            }
        }
    };
}
pub(crate) use text_serde;

/// A text of at most `MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(Box<str>);

impl<const MAX: usize> Text<MAX> {
    /// The text, or `None` when it is longer than `MAX` bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.len() <= MAX).then(|| Self(text.into()))
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Short<const MAX: usize>;
        impl<const MAX: usize> de::Visitor<'_> for Short<MAX> {
            type Value = Text<MAX>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a text of at most {MAX} bytes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<MAX>, E> {
                Text::new(text).ok_or_else(|| E::invalid_length(text.len(), &self))
            }
        }
        deserializer.deserialize_str(Short::<MAX>)
    }
}

/// A non-negative integer of at most 2^53, which every client language holds exactly.
///
/// Accepts an integral float too: some JavaScript encoders send integers from 2^32 on as `float64`.
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
        struct Integral;
        impl de::Visitor<'_> for Integral {
            type Value = U53;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an integer from 0 to 2^53")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<U53, E> {
                U53::new(value).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<U53, E> {
                u64::try_from(value)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
                    .and_then(|value| self.visit_u64(value))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<U53, E> {
                if value.fract() == 0.0 && (0.0..=U53::MAX as f64).contains(&value) {
                    return Ok(U53(value as u64));
                }
                // The float itself can take three hundred digits to write down.
                Err(E::invalid_value(de::Unexpected::Other("a float that is not one"), &self))
            }
        }
        deserializer.deserialize_u64(Integral)
    }
}

/// A list of at most `MAX` items; an announced length above it is refused before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// The list, or the items back when there are more than `MAX`.
    pub fn new(items: Vec<T>) -> Result<Self, Vec<T>> {
        if items.len() <= MAX { Ok(Self(items)) } else { Err(items) }
    }

    /// The items.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Few<T, MAX> {
            type Value = List<T, MAX>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {MAX} items")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let announced = items.size_hint().unwrap_or(0);
                if announced > MAX {
                    return Err(de::Error::invalid_length(announced, &self));
                }
                let mut list = Vec::with_capacity(announced.min(16));
                loop {
                    let at = list.len();
                    let item = items
                        .next_element()
                        .map_err(|error| crate::fields::within(format_args!("[{at}]"), error))?;
                    let Some(item) = item else { break };
                    if list.len() == MAX {
                        return Err(de::Error::invalid_length(MAX + 1, &self));
                    }
                    list.push(item);
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_seq(Few(PhantomData))
    }
}
