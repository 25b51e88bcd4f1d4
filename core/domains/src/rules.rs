//! Rules that decisions read, recorded when configuration changes them. What they mean, only their reader knows: the rules
//! of a table are read by the engine's tables.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    fields::{Field, Fields},
    rows::{Row, Rows, VALUE_BYTES_MAX},
};

/// Longest rules of one thing, bytes.
pub const RULES_BYTES_MAX: usize = VALUE_BYTES_MAX / 2;

/// The rules of one thing, in the encoding of that thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesRow(pub Box<[u8]>);

impl RulesRow {
    /// The recorded rules of a thing.
    #[must_use]
    pub fn of(rows: &Rows, of: &[u8]) -> Option<Self> {
        rows.get(of)
    }
}

impl Row for RulesRow {
    const KIND: u16 = 2;
    const NAME: &'static str = "rules";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.bytes(&self.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = decoder.bytes()?;
        if bytes.is_empty() || bytes.len() > RULES_BYTES_MAX {
            return Err(DecodeError::OutOfRange("rules"));
        }
        Ok(Self(bytes.into()))
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        vec![("rules", Field::Bytes(self.0.to_vec()))]
    }
}
