//! An enum on the wire that a later hub may extend.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::StrDeserializer},
};

/// A word of the enum `T`, or a word that this release does not know, kept as text and written back unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open<T> {
    /// A word of this release.
    Known(T),
    /// A word of a later release.
    Other(Box<str>),
}

impl<T: Copy> Open<T> {
    /// The word, when this release knows it.
    #[must_use]
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Other(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

impl<T: PartialEq> PartialEq<T> for Open<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(word) if word == other)
    }
}

impl<T: Serialize> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(word) => word.serialize(serializer),
            Self::Other(word) => serializer.serialize_str(word),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Word<T> {
            type Value = Open<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a word")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Open<T>, E> {
                let word = StrDeserializer::<de::value::Error>::new(text);
                Ok(T::deserialize(word).map_or_else(|_| Open::Other(text.into()), Open::Known))
            }
        }
        deserializer.deserialize_str(Word(PhantomData))
    }
}
