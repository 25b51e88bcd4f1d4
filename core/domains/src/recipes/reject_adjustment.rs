//! `REJECT_ADJUSTMENT`: a proposed correction is rejected, or its author takes it back.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    approval::{self, EndedProposal, Proposal, ProposalId},
    approval_rules::ProposalSubject,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    rows::RowKind,
};

/// A proposed correction is rejected, or taken back by its author. Nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectAdjustment {
    /// The proposal.
    pub proposal: ProposalId,
}

impl Recipe for RejectAdjustment {
    const KIND: u16 = 32;
    const NAME: &'static str = "REJECT_ADJUSTMENT";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Proposal>(), RowKind::of::<EndedProposal>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.proposal.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { proposal: ProposalId(decoder.id()?) })
    }

    fn fields(&self) -> Fields {
        vec![("proposal", Field::Bytes(self.proposal.0.to_be_bytes().to_vec()))]
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let rejected = approval::reject(context, decision, self.proposal, ProposalSubject::Adjustment);
        rejected.map_err(|rejection| (Domain::Adjustment, rejection))
    }
}
