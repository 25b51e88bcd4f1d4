//! `ACKNOWLEDGE`: an operator knows of an alert of the hub itself.

use ledger::{
    Domain, Rejection,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    acknowledged::{Acknowledged, AlertName},
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    rows::{Row, RowImage, RowKind},
};

/// An operator acknowledges an episode of an alert, as bad as it is then. The one before is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgeAlert {
    /// The alert.
    pub alert: AlertName,
    /// What is known of it.
    pub known: Acknowledged,
}

impl Recipe for AcknowledgeAlert {
    const KIND: u16 = 21;
    const NAME: &'static str = "ACKNOWLEDGE";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Acknowledged>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.bytes(self.alert.as_str().as_bytes());
        self.known.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let alert = decoder.text()?.parse().map_err(|_| DecodeError::OutOfRange("the name of an alert"))?;
        Ok(Self { alert, known: Acknowledged::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        std::iter::once(("alert", Field::Text(self.alert.to_string()))).chain(self.known.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        // Alerts belong to no domain; the balance domain answers for them, as for every row.
        let image = RowImage::of(self.alert.as_str().as_bytes(), Some(&self.known));
        decision.put(image.ok_or((Domain::Balance, Rejection::KeyTooLong))?);
        Ok(())
    }
}
