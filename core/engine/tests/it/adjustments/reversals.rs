//! Reversals: the opposite of a whole transaction, once, over every recipe.

use std::collections::BTreeMap;

use domains::{
    PaymentCause,
    freeze::{Freeze, FreezeReason},
    recipes::{
        CaptureHold, Collect, Credit, Debit, FreezePlayer, HoldFunds, PaymentMethod, PlayerWinnings,
        ReleaseHold,
    },
    reversal::Reversed,
};
use ledger::{AccountId, Domain, HoldId};
use proptest::prelude::*;

use super::*;

/// What every account has, where it has something.
fn posted(rig: &Rig) -> BTreeMap<(Domain, AccountId), i128> {
    let of = |domain: Domain| {
        let ledger = rig.books.domains().ledger(domain);
        ledger.accounts().map(move |(id, account)| ((domain, *id), account.posted())).collect::<Vec<_>>()
    };
    Domain::ALL.into_iter().flat_map(of).filter(|(_, posted)| *posted != 0).collect()
}

fn funded() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig
}

/// Proposes the reversal of a record and approves it.
fn take_back(rig: &mut Rig, lsn: u64) -> &'static str {
    let correction = reverse(reversal(rig, lsn).unwrap());
    match propose(rig, "anna", &correction) {
        (id, "done") => approve(rig, "ben", id, &correction),
        (_, refused) => refused,
    }
}

fn cause() -> PaymentCause {
    PaymentCause::default()
}

/// A round in which players 1 and 2 bet, so long until one of them has won.
fn round(rig: &mut Rig) -> u64 {
    rig.open();
    let key = format!("r{}", rig.live.state().round);
    assert!(matches!(
        rig.bet(&format!("{key}-1"), 1, &[("red", &[], 50), ("black", &[], 20)]),
        Verdict::Recorded(_)
    ));
    assert!(matches!(rig.bet(&format!("{key}-2"), 2, &[("black", &[], 70)]), Verdict::Recorded(_)));
    rig.finish();
    let settled = |bytes: &Vec<u8>| {
        let record = Record::decode(bytes).unwrap();
        matches!(record.body, Body::Committed(committed) if committed.intent.name() == "SETTLE_ROUND")
    };
    rig.log.iter().rposition(settled).unwrap() as u64 + 1
}

#[test]
fn each_recipe_that_moves_money_is_reversed_once_and_the_books_are_as_before_it() {
    let (player, currency, amount) = (PlayerId(1), eur(), 60);
    let (merchant, game) = ("M".parse().unwrap(), "G".parse().unwrap());
    let whole = |rig: &mut Rig, part| {
        let hold = HoldFunds { player, currency, amount, expires: None, cause: cause() };
        let hold = HoldId(ask(rig, "robot", hold).0.0);
        Intent::new(CaptureHold { hold, part, cause: cause() })
    };
    type Make<'a> = &'a dyn Fn(&mut Rig) -> Intent;
    let makes: [Make<'_>; 6] = [
        &|_| Credit { player, currency, amount, cause: cause() }.into(),
        &|_| Debit { player, currency, amount, cause: cause() }.into(),
        &|_| {
            Collect {
                player,
                currency,
                amount,
                merchant: Clone::clone(&merchant),
                method: PaymentMethod::Manual,
                cause: cause(),
            }
            .into()
        },
        &|_| PlayerWinnings { player, currency, amount, game: Clone::clone(&game), cause: cause() }.into(),
        &|rig| whole(rig, None),
        &|rig| whole(rig, Some((25, currency))),
    ];
    for make in makes {
        let mut rig = funded();
        let intent = make(&mut rig);
        let before = posted(&rig);
        let (of, told) = ask(&mut rig, "robot", intent.clone());
        assert_eq!(told, "done", "{intent:?}");
        let lsn = rig.log.len() as u64;
        assert_ne!(posted(&rig), before, "{intent:?}");
        assert_eq!(take_back(&mut rig, lsn), "done", "{intent:?}");
        assert_eq!(posted(&rig), before, "{intent:?}");
        // Linked both ways.
        let reversed: Reversed = rig.books.domains().rows.get(&of.0.to_be_bytes()).unwrap();
        assert_eq!(ended(&rig, reversed.proposal).unwrap().transaction, reversed.by);
        assert_eq!(take_back(&mut rig, lsn), code(ErrorCode::ReversedBefore), "{intent:?}");
        assert_eq!(reversal(&rig, rig.log.len() as u64 - 1), Err(Irreversible::Correction));
        assert_eq!(posted(&rig), before, "{intent:?}");
        audit(&rig);
    }
}

#[test]
fn a_deposit_is_reversed_while_its_money_is_there() {
    let mut rig = funded();
    rig.open();
    rig.bet("a", 1, &[("red", &[], 50)]);
    let correction = reverse(reversal(&rig, 1).unwrap());
    let (id, _) = propose(&mut rig, "anna", &correction);
    assert_eq!(approve(&mut rig, "ben", id, &correction), code(ErrorCode::InsufficientFunds), "50 are held");
    rig.clear("b", 1);
    assert_eq!(approve(&mut rig, "ben", id, &correction), "done");
    assert_eq!(rig.funds(1), (0, 0));
    audit(&rig);
}

#[test]
fn a_settled_round_is_void_for_everybody_by_one_transaction() {
    let mut rig = funded();
    let before = posted(&rig);
    let settled = round(&mut rig);
    assert_ne!(posted(&rig), before);
    assert_eq!(take_back(&mut rig, settled), "done");
    assert_eq!(posted(&rig), before);
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (1_000, 0)));
    audit(&rig);
}

#[test]
fn a_winner_who_has_spent_it_keeps_the_round_from_being_void() {
    let mut rig = funded();
    let settled = round(&mut rig);
    let reversal = reversal(&rig, settled).unwrap();
    let (winner, change) = reversal.players().into_iter().min_by_key(|(_, change)| *change).unwrap();
    assert!(change < 0, "somebody has won");
    let (available, _) = rig.funds(winner.0);
    let spend = Debit { player: winner, currency: eur(), amount: available, cause: cause() };
    assert_eq!(ask(&mut rig, "robot", spend).1, "done");
    let before = posted(&rig);
    assert_eq!(take_back(&mut rig, settled), code(ErrorCode::InsufficientFunds));
    assert_eq!(posted(&rig), before, "nobody gets anything");
    audit(&rig);
}

#[test]
fn a_frozen_player_is_corrected() {
    let mut rig = funded();
    let freeze = Freeze { reason: FreezeReason::FraudCheck, until: None };
    assert_eq!(ask(&mut rig, "anna", FreezePlayer { player: PlayerId(1), freeze }).1, "done");
    assert_eq!(take_back(&mut rig, 1), "done");
    assert_eq!(rig.funds(1), (0, 0));
    audit(&rig);
}

#[test]
fn what_moves_nothing_or_holds_money_is_not_reversed() {
    let mut rig = funded();
    rig.open();
    let opened = rig.log.len() as u64;
    rig.bet("a", 1, &[("red", &[], 50)]);
    let staked = rig.log.len() as u64;
    rig.clear("b", 1);
    let cleared = rig.log.len() as u64;
    let (player, currency) = (PlayerId(1), eur());
    let (hold, _) =
        ask(&mut rig, "robot", HoldFunds { player, currency, amount: 5, expires: None, cause: cause() });
    let held = rig.log.len() as u64;
    ask(&mut rig, "robot", ReleaseHold { hold: HoldId(hold.0), cause: cause() });
    let released = rig.log.len() as u64;
    propose(&mut rig, "anna", &amount(1, 5, false));
    let proposed = rig.log.len() as u64;
    for (lsn, expected) in [
        (opened, Irreversible::MovesNothing),
        (staked, Irreversible::Holds),
        (cleared, Irreversible::MovesNothing),
        (held, Irreversible::Holds),
        (released, Irreversible::MovesNothing),
        (proposed, Irreversible::MovesNothing),
    ] {
        assert_eq!(reversal(&rig, lsn), Err(expected), "record {lsn}");
    }
    // Nor does the turn take one that says it is of such a recipe, or that has two currencies.
    let good = reversal(&rig, 1).unwrap();
    for recipe in [0, 2, 3, 13, 30, 31] {
        let wrong = reverse(Reversal { recipe, ..good.clone() });
        assert_eq!(propose(&mut rig, "anna", &wrong).1, code(ErrorCode::NotReversible), "{recipe}");
    }
    let mut two = good.clone();
    let transfer = &mut two.posts[0].1[0];
    let currency = "USD".parse().unwrap();
    (transfer.debit.currency, transfer.credit.currency) = (currency, currency);
    assert_eq!(propose(&mut rig, "anna", &reverse(two)).1, code(ErrorCode::NotReversible));
    audit(&rig);
}

/// A reversal that leaves something out would move money that nobody gets: the proofs of the turn refuse it.
#[test]
fn a_reversal_that_is_not_the_whole_transaction_is_refused() {
    let mut rig = funded();
    let settled = round(&mut rig);
    let good = reversal(&rig, settled).unwrap();
    for domain in 0..good.posts.len() {
        let mut part = good.clone();
        part.posts.remove(domain);
        let correction = reverse(part);
        let (proposal, told) = propose(&mut rig, "anna", &correction);
        let before = (rig.books.digest(), rig.log.len());
        if told == "done" {
            let id = TxId(0x9_0000);
            let approval = Intent::new(ApproveAdjustment { proposal, correction });
            let content = Content::of_intent(&approval);
            let verdict = rig.run(&Envelope::Run(Tx::new(id, who("ben"), Some(content), approval)));
            assert_eq!(verdict, Verdict::Impossible(ErrorCode::Internal));
        }
        assert_eq!((rig.books.digest(), rig.log.len()), before);
    }
    audit(&rig);
}

proptest! {
    /// Whatever happened, taking all of it back, the last first, leaves nothing anywhere.
    #[test]
    fn all_that_happened_is_taken_back_to_nothing(
        steps in prop::collection::vec((0..6_u8, 1..=2_u128, 1..300_i128), 1..12),
    ) {
        let mut rig = Rig::new();
        let currency = eur();
        rig.deposit(1, 1_000);
        rig.deposit(2, 1_000);
        let mut moved = vec![1, 2];
        for (step, player, amount) in steps {
            let player = PlayerId(player);
            let told = match step {
                0 => { rig.deposit(player.0, amount); "done" }
                1 => ask(&mut rig, "robot", Credit { player, currency, amount, cause: cause() }).1,
                2 => ask(&mut rig, "robot", Debit { player, currency, amount, cause: cause() }).1,
                3 => {
                    let game = "G".parse().unwrap();
                    ask(&mut rig, "robot", PlayerWinnings { player, currency, amount, game, cause: cause() }).1
                }
                4 => {
                    let hold = HoldFunds { player, currency, amount, expires: None, cause: cause() };
                    match ask(&mut rig, "robot", hold) {
                        (id, "done") => {
                            let part = (amount > 100).then_some((amount - 100, currency));
                            ask(&mut rig, "robot", CaptureHold { hold: HoldId(id.0), part, cause: cause() }).1
                        }
                        (_, refused) => refused,
                    }
                }
                _ if rig.funds(1).0 < 70 || rig.funds(2).0 < 70 => "poor",
                _ => {
                    moved.push(round(&mut rig));
                    continue;
                }
            };
            if told == "done" {
                moved.push(rig.log.len() as u64);
            }
        }
        for lsn in moved.into_iter().rev() {
            prop_assert_eq!(take_back(&mut rig, lsn), "done", "record {}", lsn);
        }
        prop_assert_eq!(posted(&rig), BTreeMap::new());
        audit(&rig);
    }
}
