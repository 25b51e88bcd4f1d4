//! Who approves what: never the author, so many others, in time, within limits.

use domains::{
    approval::ProposalEnd,
    approval_rules::{ApprovalBand, ApproverLimit},
    recipes::ProposeAdjustment,
};
use engine::TxId;

use super::*;

// clause: gli19.b.2.3.two_people
#[test]
fn a_correction_is_carried_out_by_the_approval_of_another_operator_and_once() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let correction = amount(1, 40, false);
    let (id, told) = propose(&mut rig, "anna", &correction);
    assert_eq!((told, rig.funds(1)), ("done", (100, 0)), "nothing moves yet");
    assert_eq!(waits(&rig, id).map(|waiting| (waiting.needed, waiting.approvals)), Some((1, Vec::new())));
    let before = rig.log.len();
    // The same subject is the same person, whatever token they show.
    assert_eq!(approve(&mut rig, "anna", id, &correction), OWN);
    assert_eq!(approve(&mut rig, "robot", id, &correction), code(ErrorCode::NotAnApprover));
    assert_eq!(approve(&mut rig, "ben", ProposalId(9), &correction), code(ErrorCode::UnknownProposal));
    assert_eq!(rig.log.len(), before + 3, "each refusal is recorded");
    assert_eq!(approve(&mut rig, "ben", id, &correction), "done");
    assert_eq!((rig.funds(1), rig.log.len()), ((140, 0), before + 4), "approval and effect are one record");
    let end = ended(&rig, id).unwrap();
    assert_eq!((end.end, end.by, end.proposal.author), (ProposalEnd::Applied, who("ben"), who("anna")));
    // Two at once: the second is told that it is done.
    assert_eq!(approve(&mut rig, "carl", id, &correction), code(ErrorCode::ProposalEnded));
    assert_eq!(reject(&mut rig, "carl", id), code(ErrorCode::ProposalEnded));
    assert_eq!((rig.funds(1), waits(&rig, id)), ((140, 0), None));
    audit(&rig);
}

#[test]
fn what_is_approved_is_what_was_proposed() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let (id, _) = propose(&mut rig, "anna", &amount(1, 40, false));
    for other in [amount(1, 41, false), amount(2, 40, false), amount(1, 40, true)] {
        let proposal = ApproveAdjustment { proposal: id, correction: other };
        assert_eq!(ask(&mut rig, "ben", proposal).1, code(ErrorCode::Internal));
    }
    assert_eq!(rig.funds(1), (100, 0));
    assert!(waits(&rig, id).is_some());
    audit(&rig);
}

#[test]
fn each_of_several_approvals_is_of_another_operator() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    rule(&mut rig, ApprovalRules { needed: 3, ..ApprovalRules::STANDARD });
    let correction = amount(1, 40, true);
    let (id, _) = propose(&mut rig, "anna", &correction);
    // Fewer are asked for by now: the proposal keeps its number.
    rule(&mut rig, ApprovalRules::STANDARD);
    let (first, told) =
        ask(&mut rig, "ben", ApproveAdjustment { proposal: id, correction: correction.clone() });
    assert_eq!(told, "done");
    let repeated = ApproveAdjustment { proposal: id, correction: correction.clone() };
    assert_eq!(again(&mut rig, first, "ben", repeated), "done", "the same request again");
    assert_eq!(waits(&rig, id).unwrap().approvals, [who("ben")], "counts once");
    assert_eq!(approve(&mut rig, "ben", id, &correction), code(ErrorCode::ApprovedBefore));
    assert_eq!(approve(&mut rig, "carl", id, &correction), "done");
    assert_eq!(rig.funds(1), (100, 0));
    rig.restart();
    assert_eq!(approve(&mut rig, "dora", id, &correction), "done");
    assert_eq!((rig.funds(1), ended(&rig, id).unwrap().proposal.approvals.len()), ((60, 0), 3));
    audit(&rig);
}

#[test]
fn a_proposal_is_approved_in_time_or_rejected() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    rule(&mut rig, ApprovalRules { stands: 1_000, ..ApprovalRules::STANDARD });
    let correction = amount(1, 40, false);
    let (late, _) = propose(&mut rig, "anna", &correction);
    let (timely, _) = propose(&mut rig, "anna", &correction);
    rig.now += 999;
    assert_eq!(approve(&mut rig, "ben", timely, &correction), "done");
    rig.now += 1;
    assert_eq!(approve(&mut rig, "ben", late, &correction), code(ErrorCode::ProposalExpired));
    assert_eq!(rig.funds(1), (140, 0));
    // What is over can be put away.
    assert_eq!(reject(&mut rig, "robot", late), code(ErrorCode::NotAnApprover));
    assert_eq!(reject(&mut rig, "ben", late), "done");
    assert_eq!(ended(&rig, late).unwrap().end, ProposalEnd::Rejected);
    let (own, _) = propose(&mut rig, "robot", &correction);
    assert_eq!(reject(&mut rig, "robot", own), "done", "its author takes it back");
    assert_eq!(ended(&rig, own).unwrap().end, ProposalEnd::Withdrawn);
    assert_eq!(approve(&mut rig, "ben", own, &correction), code(ErrorCode::ProposalEnded));
    audit(&rig);
}

#[test]
fn an_approval_that_cannot_be_carried_out_is_refused_and_the_proposal_waits() {
    let mut rig = Rig::new();
    rig.deposit(1, 30);
    let correction = amount(1, 40, true);
    let (id, _) = propose(&mut rig, "anna", &correction);
    assert_eq!(approve(&mut rig, "ben", id, &correction), code(ErrorCode::InsufficientFunds));
    assert_eq!(waits(&rig, id).unwrap().approvals, []);
    rig.deposit(1, 10);
    assert_eq!(approve(&mut rig, "ben", id, &correction), "done");
    assert_eq!(rig.funds(1), (0, 0));
    audit(&rig);
}

#[test]
fn bands_say_how_many_approve_and_limits_say_who() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let currency = eur();
    let band = |from, needed| ApprovalBand { currency, from, needed };
    let limit = |approver, most| ApproverLimit { approver, currency, most };
    rule(
        &mut rig,
        ApprovalRules {
            bands: vec![band(0, 0), band(50, 1), band(1_000, 2)],
            limits: vec![limit(Some(who("anna")), 20), limit(Some(who("carl")), 5_000), limit(None, 500)],
            ..ApprovalRules::STANDARD
        },
    );
    // Alone, and the record says so.
    let (id, told) = propose(&mut rig, "anna", &amount(1, 20, false));
    assert_eq!((told, rig.funds(1)), ("done", (120, 0)));
    let end = ended(&rig, id).unwrap();
    assert_eq!((end.end, end.by, end.transaction), (ProposalEnd::Alone, who("anna"), id.0));
    // Not above the author's own limit.
    assert_eq!(propose(&mut rig, "anna", &amount(1, 21, false)).1, code(ErrorCode::AboveApproverLimit));
    assert_eq!(propose(&mut rig, "ben", &amount(1, 49, false)).1, "done");
    // Of what others approve, the author may propose any amount.
    let large = amount(1, 1_000, false);
    let (id, _) = propose(&mut rig, "anna", &large);
    assert_eq!(approve(&mut rig, "ben", id, &large), code(ErrorCode::AboveApproverLimit));
    assert_eq!(approve(&mut rig, "carl", id, &large), "done");
    assert_eq!(waits(&rig, id).unwrap().approvals, [who("carl")]);
    assert_eq!(rig.funds(1), (169, 0));
    audit(&rig);
}

#[test]
fn in_an_emergency_an_operator_acts_alone_where_the_rules_allow_it() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let why = Some("nobody else on duty".parse().unwrap());
    let alone = |takes| ProposeAdjustment { correction: amount(1, 40, takes), break_glass: why.clone() };
    assert_eq!(ask(&mut rig, "anna", alone(true)).1, code(ErrorCode::NoBreakGlass));
    rule(&mut rig, ApprovalRules { break_glass: true, ..ApprovalRules::STANDARD });
    assert_eq!(ask(&mut rig, "robot", alone(true)).1, code(ErrorCode::NotAnApprover));
    let (TxId(id), told) = ask(&mut rig, "anna", alone(true));
    assert_eq!((told, rig.funds(1)), ("done", (60, 0)));
    assert_eq!(ended(&rig, ProposalId(id)).unwrap().end, ProposalEnd::BreakGlass);
    audit(&rig);
}

#[test]
fn an_amount_is_above_zero_and_a_first_credit_opens_the_account() {
    let mut rig = Rig::new();
    for wrong in [0, -1] {
        assert_eq!(propose(&mut rig, "anna", &amount(1, wrong, false)).1, code(ErrorCode::BelowLimit));
    }
    let correction = amount(1, 40, false);
    let (id, _) = propose(&mut rig, "anna", &correction);
    assert_eq!(approve(&mut rig, "ben", id, &correction), "done");
    assert_eq!(rig.funds(1), (40, 0));
    let (id, _) = propose(&mut rig, "anna", &amount(2, 1, true));
    assert_eq!(approve(&mut rig, "ben", id, &amount(2, 1, true)), code(ErrorCode::NoAccount));
    audit(&rig);
}
