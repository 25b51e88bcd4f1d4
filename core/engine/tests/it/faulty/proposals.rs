//! Proposals of corrections, for the rules that they break.

use domains::{
    Context, Intent,
    approval::ProposalId,
    approval_rules::{ApprovalBand, ApprovalRules, ApproverLimit, ProposalSubject},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    recipes::{ApproveAdjustment, ProposeAdjustment, RejectAdjustment, SetApprovalRules},
    reversal::Reversal,
};
use engine::{Body, Content, Envelope, Principal, PrincipalKind, Record, Tx, TxId, reversal_of};
use ledger::{AccountId, Domain, Transfer};

use super::recipe::PLAYER;
use crate::rig::{Rig, eur};

/// A proposal of anna's that carl has approved, and that needs another approval.
pub const LARGE: ProposalId = ProposalId(0x20);
/// One that has ended.
pub const ENDED: ProposalId = ProposalId(0x21);
pub const UNKNOWN: ProposalId = ProposalId(0x22);

fn operator(name: &str) -> Principal {
    Principal::named(PrincipalKind::Operator, "", name)
}

/// The same, asked by an operator.
pub fn by<'a>(name: &str, context: &Context<'a>) -> Context<'a> {
    Context { principal: operator(name), ..*context }
}

fn correction(of: CorrectionOf) -> Correction {
    Correction { of, reason: AdjustmentReason::Error, reference: "ticket 1".parse().unwrap() }
}

pub fn amount(amount: i128) -> Correction {
    correction(CorrectionOf::Amount { player: PLAYER, currency: eur(), amount, takes: false })
}

/// The reversal of a transaction of this recipe, which has moved 1.
pub fn reverse(of: u128, recipe: u16) -> Correction {
    let (debit, credit) = (AccountId::cash(PLAYER, eur()), AccountId::cash(super::recipe::OTHER, eur()));
    let posts = vec![(Domain::Balance, vec![Transfer { debit, credit, amount: 1 }])];
    correction(CorrectionOf::Transaction(Reversal { of, lsn: 1, hash: [0; 32], recipe, posts }.into()))
}

pub fn propose(correction: Correction) -> ProposeAdjustment {
    ProposeAdjustment { correction, break_glass: None }
}

pub fn approve(proposal: ProposalId, correction: Correction) -> ApproveAdjustment {
    ApproveAdjustment { proposal, correction }
}

pub fn reject(proposal: ProposalId) -> RejectAdjustment {
    RejectAdjustment { proposal }
}

/// Makes the proposals, and reverses a deposit of this key.
pub fn set_up(rig: &mut Rig, key: &str) {
    let band = |from, needed| ApprovalBand { currency: eur(), from, needed };
    let limit = ApproverLimit { approver: Some(operator("ben")), currency: eur(), most: 10 };
    let rules = ApprovalRules {
        bands: vec![band(0, 0), band(500, 2)],
        limits: vec![limit],
        ..ApprovalRules::STANDARD
    };
    let subject = ProposalSubject::Adjustment;
    rig.run(&Envelope::Run(Tx::new(TxId(0x23), Principal::HUB, None, SetApprovalRules { subject, rules })));
    let mut run = |id, name, intent: Intent| {
        let content = Content::of_intent(&intent);
        rig.run(&Envelope::Run(Tx::new(TxId(id), operator(name), Some(content), intent)));
    };
    run(LARGE.0, "anna", propose(amount(900)).into());
    run(0x24, "carl", approve(LARGE, amount(900)).into());
    rig.deposit_as(key, 1, 5);
    let deposited = Record::decode(rig.log.last().unwrap()).unwrap();
    let Body::Committed(committed) = deposited.body else { panic!("it is deposited") };
    let reversal = reversal_of(rig.log.len() as u64, [0; 32], &committed).unwrap();
    let intent = Intent::new(propose(correction(CorrectionOf::Transaction(reversal.into()))));
    let content = Content::of_intent(&intent);
    rig.run(&Envelope::Run(Tx::new(TxId(ENDED.0), operator("anna"), Some(content), intent)));
}
