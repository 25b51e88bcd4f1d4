//! The name of a merchant or a game: a row, so that an account can be told by the name that the operator knows.

use std::{fmt, str::FromStr};

use ledger::{
    Owner, OwnerKind,
    codec::{DecodeError, Decoder, Encoder},
};

use super::{Row, RowImage};
use crate::fields::{Field, Fields};

/// Longest name, bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The name under which the operator knows a merchant or a game: 1 to [`NAME_BYTES_MAX`] letters, digits, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Box<str>);

/// The text is not the name of a merchant or a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the id of a merchant or a game is 1 to 64 letters, digits, \"_\", \"-\" and \".\", such as \"SLOTS_777\""
)]
pub struct NotAnOwnerName;

impl OwnerName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner of this kind who has the name.
    #[must_use]
    pub fn owner(&self, kind: OwnerKind) -> Owner {
        Owner::named(kind, &self.0)
    }

    /// The image of the row that says which owner has the name.
    ///
    /// # Panics
    /// Never: the key is shorter than the longest.
    #[must_use]
    pub fn image(&self, owner: Owner) -> RowImage {
        RowImage::of(&key(owner), Some(self)).expect("an owner is a short key")
    }
}

/// The key of the row of an owner: the kind, and the id.
#[must_use]
pub fn key(owner: Owner) -> [u8; 17] {
    let mut key = [owner.kind() as u8; 17];
    key[1..].copy_from_slice(&owner.id().to_be_bytes());
    key
}

impl FromStr for OwnerName {
    type Err = NotAnOwnerName;

    fn from_str(text: &str) -> Result<Self, NotAnOwnerName> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(NotAnOwnerName) }
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Row for OwnerName {
    const KIND: u16 = 3;
    const NAME: &'static str = "owner_name";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.bytes(self.0.as_bytes());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.text()?.parse().map_err(|_| DecodeError::OutOfRange("the name of an owner"))
    }

    fn key(bytes: &[u8]) -> Field {
        let owner = bytes.split_first().and_then(|(kind, id)| {
            Some((OwnerKind::from_number(*kind)?, u128::from_be_bytes(id.try_into().ok()?)))
        });
        match owner {
            Some((kind, id)) => Field::Text(format!("{} {id:032x}", kind.name())),
            None => Field::Bytes(bytes.to_vec()),
        }
    }

    fn fields(&self) -> Fields {
        vec![("name", Field::Text(self.to_string()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_identifier_and_each_kind_has_names_of_its_own() {
        for good in ["A", "MERCHANT_123", "a.b-c", &"x".repeat(64)] {
            assert_eq!(good.parse().as_ref().map(OwnerName::as_str), Ok(good));
        }
        for bad in ["", " a", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<OwnerName>(), Err(NotAnOwnerName), "{bad:?}");
        }
        let name: OwnerName = "SLOTS_777".parse().expect("a name");
        let (game, merchant) = (name.owner(OwnerKind::Game), name.owner(OwnerKind::Merchant));
        assert_ne!(game.id(), merchant.id());
        // It is in accounts of logs.
        assert_eq!(game.id(), 0x17d1_63d8_4fc7_80be_e668_d0b6_f40c_e18b);
    }
}
