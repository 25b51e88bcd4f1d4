//! What services and operators ask of the money, as an envelope.

pub use domains::{
    Intent, NotAnOwnerName, OwnerName, PaymentCause, REASON_BYTES_MAX, REFERENCE_BYTES_MAX, ReasonCode,
    Recipe, Reference,
    acknowledged::{Acknowledged, AlertName},
    freeze::{Freeze, FreezeReason},
    recipes::{
        AcknowledgeAlert, CaptureHold, Collect, Credit, Debit, FreezePlayer, HoldFunds, PaymentMethod,
        PlayerWinnings, ReleaseHold, Unfreeze,
    },
    rows::owner_name::NAME_BYTES_MAX,
};
use engine::{Content, Envelope, Principal, Tx, TxId};
use protocol::ErrorCode;

/// A request of a service or an operator. Idempotent by its id.
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

#[cfg(test)]
mod tests {
    use protocol::PlayerId;

    use super::*;

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
