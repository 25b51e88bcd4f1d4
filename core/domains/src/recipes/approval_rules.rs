//! `APPROVAL_RULES`: who has to approve what is proposed is changed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    approval_rules::{ApprovalRules, ProposalSubject},
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    rows::{Row, RowKind},
};

/// The rules of approval of one subject are replaced. A proposal that waits keeps the number of approvals and the time that it
/// was made with; the limits of approvers are those that hold when they approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetApprovalRules {
    /// Whose rules they are.
    pub subject: ProposalSubject,
    /// The rules.
    pub rules: ApprovalRules,
}

impl Recipe for SetApprovalRules {
    const KIND: u16 = 33;
    const NAME: &'static str = "APPROVAL_RULES";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<ApprovalRules>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(self.subject as u8);
        self.rules.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let subject = ProposalSubject::from_number(decoder.byte()?);
        let subject = subject.ok_or(DecodeError::Unknown("what is proposed"))?;
        Ok(Self { subject, rules: ApprovalRules::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let subject = ("subject", Field::Text(self.subject.name().into()));
        std::iter::once(subject).chain(self.rules.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.put(self.rules.image(self.subject));
        Ok(())
    }
}
