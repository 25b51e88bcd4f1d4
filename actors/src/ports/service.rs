//! What services, operators and players ask of the money, as an envelope.

pub use domains::{
    Intent, NotAnOwnerName, OwnerName, PaymentCause, REASON_BYTES_MAX, REFERENCE_BYTES_MAX, ReasonCode,
    Recipe, Reference,
    acknowledged::{Acknowledged, AlertName},
    approval::{EndedProposal, Proposal, ProposalEnd, ProposalId},
    approval_rules::{
        APPROVAL_PARTS_MAX, APPROVALS_MAX, ApprovalBand, ApprovalRules, ApproverLimit, ProposalSubject,
    },
    balance_rule::{BalanceRule, Contradicts},
    calendar::{CHANGES_MAX, DAY, OffsetChange, Period, Zone},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    exclusion::{Exclusion, ExclusionKind},
    freeze::{Freeze, FreezeReason},
    limit_rules::LimitRules,
    limits::{LimitId, LimitKind, LimitReached, LimitSetter, Loosening, PlayerLimit},
    operator_act::{LackedCapability, OperatorAct},
    play_session::{PlayFacts, PlaySum},
    protection::Protection,
    recipes::{
        AcknowledgeAlert, AcknowledgeCheck, ApproveAdjustment, CaptureHold, Collect, ConfirmLimit, Credit,
        Debit, ExcludePlayer, FreezePlayer, HoldFunds, OperatorRefused, PaymentMethod, PlayerWinnings,
        ProposeAdjustment, Reinstate, RejectAdjustment, ReleaseHold, SetPlayerLimit, Unfreeze,
    },
    reversal::Reversal,
    rows::owner_name::NAME_BYTES_MAX,
    session_rules::SessionRules,
};
use engine::{Content, Envelope, Principal, Tx, TxId};
use protocol::ErrorCode;

/// A request of a service, an operator or a player. Idempotent by its id.
#[derive(Debug, Clone)]
pub struct ServiceRequest {
    /// The id: of who asks, and of the key.
    pub id: TxId,
    /// Who asks.
    pub principal: Principal,
    /// What is asked for.
    pub intent: Intent,
}

impl ServiceRequest {
    /// The envelope that carries it out.
    #[must_use]
    pub fn run(self) -> Envelope {
        let Self { id, principal, intent } = self;
        Envelope::Run(Tx::new(id, principal, Some(Content::of_intent(&intent)), intent))
    }

    /// The envelope that refuses it, unless its id has an outcome: a repeated request is told what it was told. Nothing is
    /// recorded.
    #[must_use]
    pub fn refuse(self, code: ErrorCode) -> Envelope {
        let content = Content::of_intent(&self.intent);
        Envelope::Refuse { id: self.id, principal: self.principal, content, code, request: None }
    }
}

/// Most days that an exclusion lasts that ends: a hundred years.
pub const DAYS_MAX: u64 = 36_500;

/// An exclusion lasts a number of whole days, or is for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an exclusion lasts 1 to 36500 days")]
pub struct NotADuration;

/// How long an exclusion of so many days lasts, milliseconds; `None` for good.
///
/// # Errors
/// When it is no day, or more than [`DAYS_MAX`].
pub fn lasting(days: Option<u64>) -> Result<Option<u64>, NotADuration> {
    let in_ms = |days: u64| (1..=DAYS_MAX).contains(&days).then(|| days * DAY).ok_or(NotADuration);
    days.map(in_ms).transpose()
}

#[cfg(test)]
mod tests {
    use protocol::PlayerId;

    use super::*;

    #[test]
    fn an_exclusion_lasts_whole_days_within_bounds() {
        assert_eq!(lasting(None), Ok(None));
        assert_eq!(lasting(Some(1)), Ok(Some(DAY)));
        assert_eq!(lasting(Some(DAYS_MAX)), Ok(Some(DAYS_MAX * DAY)));
        for wrong in [0, DAYS_MAX + 1, u64::MAX] {
            assert_eq!(lasting(Some(wrong)), Err(NotADuration));
        }
    }

    #[test]
    fn a_refusal_finds_the_outcome_of_the_run() {
        let (id, principal) = (TxId(1), Principal::HUB);
        let request = ServiceRequest { id, principal, intent: Unfreeze { player: PlayerId(7) }.into() };
        let Envelope::Run(tx) = request.clone().run() else { panic!("it is run") };
        let Envelope::Refuse { content, request: None, .. } = request.refuse(ErrorCode::Malformed) else {
            panic!("it is refused")
        };
        assert_eq!(tx.key, Some(content));
    }
}
