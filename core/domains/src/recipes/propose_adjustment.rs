//! `PROPOSE_ADJUSTMENT`: a correction is proposed, or carried out at once where its author may act alone.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    approval::{self, Approved, EndedProposal, Proposal, ProposalId},
    cause::Reference,
    correction::Correction,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::PlayerLimits,
    reversal::Reversed,
    rows::RowKind,
};

/// A correction is proposed. Where the rules ask for no approval of so little, or in an emergency, it is carried out at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposeAdjustment {
    /// What is to be done.
    pub correction: Correction,
    /// Why it is done alone, in an emergency.
    pub break_glass: Option<Reference>,
}

impl Recipe for ProposeAdjustment {
    const KIND: u16 = 30;
    const NAME: &'static str = "PROPOSE_ADJUSTMENT";
    const DOMAINS: &'static [Domain] =
        &[Domain::Balance, Domain::Collections, Domain::Distributions, Domain::Adjustment];
    const ROWS: &'static [RowKind] = &[
        RowKind::of::<Proposal>(),
        RowKind::of::<EndedProposal>(),
        RowKind::of::<Reversed>(),
        RowKind::of::<PlayerLimits>(),
    ];

    fn encode(&self, encoder: &mut Encoder) {
        self.correction.encode(encoder);
        // It is never empty, so no text stands for none.
        encoder.bytes(self.break_glass.as_ref().map_or("", Reference::as_str).as_bytes());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let correction = Correction::decode(decoder)?;
        let text = decoder.text()?;
        let break_glass = (!text.is_empty()).then(|| text.parse()).transpose();
        let break_glass = break_glass.map_err(|_| DecodeError::OutOfRange("the reason of an emergency"))?;
        Ok(Self { correction, break_glass })
    }

    fn fields(&self) -> Fields {
        let why = self.break_glass.as_ref().map(|why| ("break_glass", Field::Text(why.to_string())));
        self.correction.fields().into_iter().chain(why).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { correction, break_glass } = self;
        let refused = |rejection| (Domain::Adjustment, rejection);
        correction.check(context).map_err(refused)?;
        let what = correction.proposed().map_err(refused)?;
        match approval::propose(context, decision, what, break_glass.as_ref()).map_err(refused)? {
            Approved::Waits => Ok(()),
            Approved::Applies => correction.decide(context, decision, ProposalId(context.id.0)),
        }
    }
}
