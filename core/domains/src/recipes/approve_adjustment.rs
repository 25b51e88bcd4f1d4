//! `APPROVE_ADJUSTMENT`: a correction is approved; the last approval carries it out.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    approval::{self, Approved, ProposalId},
    approval_rules::ProposalSubject,
    correction::Correction,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    recipes::ProposeAdjustment,
    rows::RowKind,
};

/// An operator approves a correction. The approval that completes the number carries it out in the same record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveAdjustment {
    /// The proposal.
    pub proposal: ProposalId,
    /// What was proposed: the proposal has its digest.
    pub correction: Correction,
}

impl Recipe for ApproveAdjustment {
    const KIND: u16 = 31;
    const NAME: &'static str = "APPROVE_ADJUSTMENT";
    const DOMAINS: &'static [Domain] = ProposeAdjustment::DOMAINS;
    const ROWS: &'static [RowKind] = ProposeAdjustment::ROWS;

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.proposal.0);
        self.correction.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { proposal: ProposalId(decoder.id()?), correction: Correction::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let proposal = ("proposal", Field::Bytes(self.proposal.0.to_be_bytes().to_vec()));
        std::iter::once(proposal).chain(self.correction.fields()).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { proposal, correction } = self;
        let what = (ProposalSubject::Adjustment, correction.digest());
        let approved = approval::approve(context, decision, *proposal, what);
        match approved.map_err(|rejection| (Domain::Adjustment, rejection))? {
            Approved::Waits => Ok(()),
            Approved::Applies => correction.decide(context, decision, *proposal),
        }
    }
}
