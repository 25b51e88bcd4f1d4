//! `RULES`: the rules that decisions read are changed.

use ledger::{
    Domain, Rejection,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    rows::{Row, RowImage, RowKind},
    rules::RulesRow,
};

/// The recorded rules of one thing, such as a table, are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRules {
    /// Whose rules they are.
    pub of: Box<[u8]>,
    /// The rules.
    pub rules: RulesRow,
}

impl Recipe for SetRules {
    const KIND: u16 = 12;
    const NAME: &'static str = "RULES";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<RulesRow>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.bytes(&self.of);
        self.rules.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { of: decoder.bytes()?.into(), rules: RulesRow::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        std::iter::once(("of", RulesRow::key(&self.of))).chain(self.rules.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        // Rules belong to no domain; the balance domain answers for them, as for every row.
        let image =
            RowImage::of(&self.of, Some(&self.rules)).ok_or((Domain::Balance, Rejection::KeyTooLong))?;
        decision.put(image);
        Ok(())
    }
}
