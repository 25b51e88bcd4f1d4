//! Corrections that others approve, and reversals of whole transactions: through the turn, over replay, and decided again.

mod approvals;
mod reversals;

use domains::{
    Intent, Reference,
    approval::{EndedProposal, Proposal, ProposalId},
    approval_rules::{ApprovalRules, ProposalSubject},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    recipes::{ApproveAdjustment, ProposeAdjustment, RejectAdjustment, SetApprovalRules},
    reversal::Reversal,
};
use engine::{
    Body, Content, Envelope, Irreversible, LogVerifier, Outcome, Principal, PrincipalKind, Record, Tx, TxId,
    Verdict, reversal_of,
};
use protocol::{ErrorCode, PlayerId};

use crate::rig::{Rig, eur};

/// Operators by name, and a service.
fn who(name: &str) -> Principal {
    let kind = if name == "robot" { PrincipalKind::Service } else { PrincipalKind::Operator };
    Principal::named(kind, "", name)
}

fn evidence() -> Reference {
    "ticket 1".parse().unwrap()
}

fn amount(player: u128, amount: i128, takes: bool) -> Correction {
    let of = CorrectionOf::Amount { player: PlayerId(player), currency: eur(), amount, takes };
    Correction { of, reason: AdjustmentReason::Error, reference: evidence() }
}

fn reverse(reversal: Reversal) -> Correction {
    let of = CorrectionOf::Transaction(reversal.into());
    Correction { of, reason: AdjustmentReason::Error, reference: evidence() }
}

/// What reverses the record at a place of the log.
fn reversal(rig: &Rig, lsn: u64) -> Result<Reversal, Irreversible> {
    let record = Record::decode(&rig.log[lsn as usize - 1]).unwrap();
    let Body::Committed(committed) = record.body else { panic!("record {lsn} is no transaction") };
    reversal_of(lsn, [lsn as u8; 32], &committed)
}

/// Runs a request under a new key, and says what became of it: `done`, or the name of the code.
fn ask(rig: &mut Rig, name: &str, intent: impl Into<Intent>) -> (TxId, &'static str) {
    let intent = intent.into();
    let id = TxId(0x1_0000 + rig.log.len() as u128);
    (id, again(rig, id, name, intent))
}

fn again(rig: &mut Rig, id: TxId, name: &str, intent: impl Into<Intent>) -> &'static str {
    let intent = intent.into();
    let content = Content::of_intent(&intent);
    match rig.run(&Envelope::Run(Tx::new(id, who(name), Some(content), intent))) {
        Verdict::Recorded(Outcome::Done(_) | Outcome::Changed { .. }) => "done",
        Verdict::Recorded(Outcome::Refused { code, .. }) | Verdict::Answered(code) => code.name(),
        other => panic!("{other:?}"),
    }
}

fn propose(rig: &mut Rig, name: &str, correction: &Correction) -> (ProposalId, &'static str) {
    let (id, told) = ask(rig, name, ProposeAdjustment { correction: correction.clone(), break_glass: None });
    (ProposalId(id.0), told)
}

fn approve(rig: &mut Rig, name: &str, proposal: ProposalId, correction: &Correction) -> &'static str {
    ask(rig, name, ApproveAdjustment { proposal, correction: correction.clone() }).1
}

fn reject(rig: &mut Rig, name: &str, proposal: ProposalId) -> &'static str {
    ask(rig, name, RejectAdjustment { proposal }).1
}

fn rule(rig: &mut Rig, rules: ApprovalRules) {
    let set = SetApprovalRules { subject: ProposalSubject::Adjustment, rules };
    let id = TxId(0x1_0000 + rig.log.len() as u128);
    rig.run(&Envelope::Run(Tx::new(id, Principal::HUB, None, set)));
}

fn waits(rig: &Rig, id: ProposalId) -> Option<Proposal> {
    rig.books.domains().rows.get(&id.0.to_be_bytes())
}

fn ended(rig: &Rig, id: ProposalId) -> Option<EndedProposal> {
    rig.books.domains().rows.get(&id.0.to_be_bytes())
}

/// Every record is decided again, and replay comes to the live state.
fn audit(rig: &Rig) {
    let mut verifier = LogVerifier::default();
    for bytes in &rig.log {
        verifier.next(bytes).unwrap();
    }
    verifier.check().unwrap();
    assert_eq!(verifier.world().books.digest(), rig.books.digest());
}

const OWN: &str = "own_proposal";

/// Codes that a step of an approval is refused with.
fn code(code: ErrorCode) -> &'static str {
    code.name()
}
