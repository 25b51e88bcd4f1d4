//! Wrong transactions: the turn refuses each and names the invariant that would not hold, and a log that contains one
//! is refused at that record.

use domains::{Effects, Recipe, StateMachine, balance, collections};
use engine::{ApplyError, Body, Books, Committed, Content, Record, Turn, Tx, TxId, invariant::Violation};
use ledger::{Domain, Drafted};
use protocol::PlayerId;

use crate::rig::{Rig, eur, tx_id};

const PLAYER: PlayerId = PlayerId(1);
const KEY: Option<Content> = Some(Content(1));

/// A hub with a player who has 100.
fn books() -> Books {
    let mut rig = Rig::new();
    rig.deposit(PLAYER.0, 100);
    rig.books
}

fn credit(books: &Books, amount: i128) -> (Domain, Drafted) {
    let (player, currency, from) = (PLAYER, eur(), Domain::Collections);
    let commands = [balance::Command::Credit { player, currency, amount, from }];
    (Domain::Balance, books.domains().balance.decide(&commands).unwrap())
}

fn capture(books: &Books, amount: i128) -> (Domain, Drafted) {
    let commands = [collections::Command::Capture { currency: eur(), amount }];
    (Domain::Collections, books.domains().collections.decide(&commands).unwrap())
}

/// A change of a notice.
type Lie = fn(&mut domains::Notice);

/// What a deposit of 10 does.
fn deposit(books: &Books) -> Effects {
    Recipe::Deposit { player: PLAYER, currency: eur(), amount: 10 }.decide(books.domains()).unwrap()
}

/// The turn refuses the effects; a record of them is refused by `apply`, which has changed nothing.
fn refused(books: &mut Books, key: Option<Content>, effects: Effects) -> Violation {
    let id = tx_id(9, "faulty");
    let Effects { legs, notices } = effects;
    let recorded = legs.iter().map(|(domain, drafted)| (*domain, drafted.leg.clone())).collect();
    let committed = Committed { id, key, legs: recorded, notices: notices.clone(), table: None };
    let violation = books.commit(id, key, Effects { legs, notices }, None).expect_err("it is faulty");

    let before = (books.digest(), books.lsn(), books.time());
    let record = Record { time: books.time(), body: Body::Committed(committed) };
    assert_eq!(books.apply(&record), Err(ApplyError::Invariant(violation.clone())));
    assert_eq!((books.digest(), books.lsn(), books.time()), before, "nothing has changed");
    violation
}

#[test]
fn domains_that_move_different_amounts_are_refused_before_anything_is_recorded() {
    let mut books = books();
    let clearing =
        Violation::from(ledger::invariant::Violation::Clearing(Domain::Balance, Domain::Collections));
    let lopsided = |legs| Effects { legs, notices: Vec::new() };
    let legs = vec![credit(&books, 10), capture(&books, 9)];
    assert_eq!(refused(&mut books, None, lopsided(legs)), clearing);
    let one_side = vec![credit(&books, 10)];
    assert_eq!(refused(&mut books, None, lopsided(one_side)), clearing);
    let other_side = vec![capture(&books, 10)];
    assert_eq!(refused(&mut books, None, lopsided(other_side)), clearing);
}

#[test]
fn a_domain_has_one_leg_and_the_legs_are_in_order() {
    let mut books = books();
    for legs in [
        vec![credit(&books, 10), credit(&books, 10), capture(&books, 20)],
        vec![capture(&books, 10), credit(&books, 10)],
    ] {
        let effects = Effects { legs, notices: Vec::new() };
        assert!(matches!(refused(&mut books, None, effects), Violation::SecondLeg(_)));
    }
}

#[test]
fn a_notice_has_the_funds_before_and_after() {
    let mut books = books();
    let lies: [(&str, Lie); 4] = [
        ("before", |notice| notice.before.available += 1),
        ("before", |notice| notice.before.held += 1),
        ("after", |notice| notice.after.available -= 1),
        ("after", |notice| notice.player = PlayerId(2)),
    ];
    for (lie, tell) in lies {
        let mut effects = deposit(&books);
        tell(&mut effects.notices[0]);
        match refused(&mut books, KEY, effects) {
            Violation::Told { when, .. } => assert!(when == lie || lie == "after", "{lie}: {when}"),
            other => panic!("{lie}: {other}"),
        }
    }
    let mut untouched = deposit(&books);
    untouched.legs.clear();
    assert!(matches!(refused(&mut books, KEY, untouched), Violation::Told { when: "after", .. }));
}

#[test]
fn a_transaction_with_a_key_has_a_receipt() {
    let mut books = books();
    let mut effects = deposit(&books);
    effects.notices.clear();
    assert!(matches!(refused(&mut books, KEY, effects), Violation::NoReceipt(_)));
}

#[test]
fn an_id_has_one_effect() {
    let mut books = books();
    let (id, recipe) = (TxId(7), Recipe::Deposit { player: PLAYER, currency: eur(), amount: 10 });
    let envelope = engine::Envelope::Run(Tx { id, key: KEY, recipe, table: None });
    let Turn::New(decided) = books.turn(envelope, books.time()) else { panic!("a new key") };
    let record = decided.into_record();
    books.apply(&record).unwrap();
    for key in [KEY, None] {
        assert_eq!(books.commit(id, key, deposit(&books), None).unwrap_err(), Violation::SecondEffect(id));
    }
    assert_eq!(books.apply(&record), Err(Violation::SecondEffect(id).into()));
}
