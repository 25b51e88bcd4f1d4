//! What is asked of whole ledgers: what they keep, and the invariants over all of it.

use std::sync::Arc;

use ledger::{
    AccountId, AccountKind, Domain, Hold, HoldId, Ledger, Leg, Move, Owner, OwnerKind, Prover, Purpose,
    Rejection, SUM_MAX, Transfer,
    invariant::{self, Violation},
};
use protocol::{Currency, PlayerId};

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

fn clearing(with: Domain) -> AccountId {
    AccountId::house(AccountKind::Clearing(with), eur())
}

fn source() -> AccountId {
    AccountId::house(AccountKind::Source, eur())
}

/// A ledger after one transfer.
fn moved(debit: AccountId, credit: AccountId, amount: i128) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.apply(&Leg { moves: vec![Move::Post(Transfer { debit, credit, amount })] }).unwrap();
    ledger
}

#[test]
fn the_clearing_of_each_two_domains_must_net_to_zero() {
    for one in Domain::ALL {
        for other in Domain::ALL.into_iter().filter(|other| *other != one) {
            // The first domain has received 7 from the other, which has paid `paid`.
            let check = |paid: Option<i128>| {
                let received = moved(clearing(other), source(), 7);
                let gave = paid.map_or_else(Ledger::default, |paid| moved(source(), clearing(one), paid));
                let empty = Ledger::default();
                invariant::clearing_nets_to_zero(|domain| match domain {
                    domain if domain == one => &received,
                    domain if domain == other => &gave,
                    _ => &empty,
                })
            };
            let broken = Err(Violation::Clearing(one.min(other), one.max(other)));
            assert_eq!(check(Some(7)), Ok(()), "{one:?} {other:?}");
            assert_eq!(check(Some(6)), broken);
            assert_eq!(check(None), broken, "one side alone");
        }
    }
}

#[test]
fn a_clearing_account_that_came_back_to_zero_needs_no_mirror() {
    let mut ledger = moved(clearing(Domain::Collections), source(), 7);
    let back = Transfer { debit: source(), credit: clearing(Domain::Collections), amount: 7 };
    ledger.apply(&Leg { moves: vec![Move::Post(back)] }).unwrap();
    let empty = Ledger::default();
    let of = |domain| if domain == Domain::Balance { &ledger } else { &empty };
    assert_eq!(invariant::clearing_nets_to_zero(of), Ok(()));
}

#[test]
fn a_ledger_counts_and_returns_what_it_keeps_and_its_digests_show_each_change() {
    let (mut ledger, id) = (Ledger::default(), HoldId(1));
    let nothing = ledger.digests();
    let transfer = Transfer { debit: source(), credit: clearing(Domain::Collections), amount: 5 };
    let hold = Arc::new(Hold::on(Purpose::Stake, Prover::Domain(Domain::Balance), transfer));
    ledger.apply(&Leg { moves: vec![Move::Hold(id, hold.clone())] }).unwrap();
    assert_eq!((ledger.counts(), ledger.hold(id)), ((2, 1), Some(&hold)));
    assert_eq!(invariant::has_ended(&ledger, id), Err(Violation::EndedTwice(id)));
    let held = ledger.digests();
    assert!(held.accounts != nothing.accounts && held.holds != nothing.holds);
    ledger.apply(&Leg { moves: vec![Move::VoidHold(id)] }).unwrap();
    assert_eq!((ledger.counts(), ledger.hold(id)), ((2, 0), None));
    assert_eq!(invariant::has_ended(&ledger, id), Ok(()));
    let ended = ledger.digests();
    assert!(ended.accounts != held.accounts && ended.holds == nothing.holds);
    assert_eq!(ended.holds.to_string(), "0".repeat(64));
}

#[test]
fn an_account_of_an_owner_that_cannot_have_it_is_neither_opened_nor_moved() {
    let bonus =
        AccountId { kind: AccountKind::Bonus, owner: Owner::new(OwnerKind::Agent, 1), currency: eur() };
    let mut ledger = Ledger::default();
    assert_eq!(ledger.apply(&Leg { moves: vec![Move::Open(bonus)] }), Err(Rejection::OwnerUnfit));
    let fits = clearing(Domain::Collections);
    for (debit, credit) in [(bonus, fits), (fits, bonus)] {
        let transfer = Move::Post(Transfer { debit, credit, amount: 1 });
        assert_eq!(ledger.apply(&Leg { moves: vec![transfer] }), Err(Rejection::OwnerUnfit));
    }
}

#[test]
fn an_account_that_would_hold_too_much_refuses_also_when_the_other_has_room() {
    // The collections account has received the most; the payer of one more has given nothing yet.
    let full = clearing(Domain::Collections);
    let mut ledger = moved(source(), full, SUM_MAX);
    let cash = AccountId::cash(PlayerId(1), eur());
    let fresh = clearing(Domain::Adjustment);
    let moves = vec![Move::Open(cash), Move::Post(Transfer { debit: fresh, credit: full, amount: 1 })];
    assert_eq!(ledger.apply(&Leg { moves }), Err(Rejection::TooLarge));
}

#[test]
fn a_hold_that_is_made_again_does_not_end_when_the_one_before_was_to() {
    let mut ledger = Ledger::default();
    let transfer = Transfer { debit: source(), credit: clearing(Domain::Collections), amount: 5 };
    let hold = |expires| {
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        Arc::new(Hold { expires, ..hold })
    };
    let (first, other) = (HoldId(1), HoldId(2));
    ledger.apply(&Leg { moves: vec![Move::Hold(first, hold(Some(6)))] }).unwrap();
    ledger.apply(&Leg { moves: vec![Move::Hold(other, hold(Some(3)))] }).unwrap();
    ledger.apply(&Leg { moves: vec![Move::VoidHold(first)] }).unwrap();
    ledger.apply(&Leg { moves: vec![Move::Hold(first, hold(None))] }).unwrap();
    assert_eq!(ledger.next_expiry(), Some((3, other)));
    ledger.apply(&Leg { moves: vec![Move::VoidHold(other)] }).unwrap();
    assert_eq!(ledger.next_expiry(), None);
}
