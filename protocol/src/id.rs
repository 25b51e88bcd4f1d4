//! Ids of players, tables and rounds, and idempotency keys.

use std::{fmt, str::FromStr};

/// A player's id: 128 random bits, written as 32 hexadecimal digits. It does not reveal the person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u128);

impl fmt::Display for PlayerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for PlayerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is not a valid id; says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct NotAnId(&'static str);

impl FromStr for PlayerId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        const EXPECTED: NotAnId = NotAnId("a player id of 32 hexadecimal digits");
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EXPECTED);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| EXPECTED)
    }
}

crate::bounded::text_serde!(PlayerId, "a player id of 32 hexadecimal digits");

/// A short name kept inline: at most `N` bytes of `a-z A-Z 0-9 _ - .`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

impl<const N: usize> Name<N> {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only ASCII is stored")
    }

    /// The name's ASCII bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty() || text.len() > N || !text.bytes().all(legal) {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }
}

impl<const N: usize> fmt::Display for Name<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Name<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Makes a newtype over [`Name`].
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $expecting:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Name<$bytes>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name's ASCII bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Name::parse(text).map(Self).ok_or(NotAnId($expecting))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
        crate::bounded::text_serde!($name, $expecting);
    };
}

name! {
    /// A table's name, from the operator's configuration. At most 23 bytes.
    TableId, 23, "a table id of at most 23 letters, digits, '_', '-' or '.'"
}
name! {
    /// An idempotency key, chosen by the client, unique for the player for ever. At most 47 bytes.
    Key, 47, "a key of at most 47 letters, digits, '_', '-' or '.'"
}

/// A round of a table, written `table:number`; numbers count from 1 for each table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoundId {
    /// The table.
    pub table: TableId,
    /// The round's number at this table, from 1.
    pub number: u64,
}

impl fmt::Display for RoundId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.table, self.number)
    }
}

impl FromStr for RoundId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        const EXPECTED: NotAnId = NotAnId("a round id such as \"roulette-1:42\"");
        let (table, number) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let table = table.parse().map_err(|_| EXPECTED)?;
        // One spelling for one round: no sign, no leading zero, and so no round 0.
        if !number.starts_with(|first: char| matches!(first, '1'..='9')) {
            return Err(EXPECTED);
        }
        Ok(Self { table, number: number.parse().map_err(|_| EXPECTED)? })
    }
}

crate::bounded::text_serde!(RoundId, "a round id such as \"roulette-1:42\"");
