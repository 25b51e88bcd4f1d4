//! Wrong transactions of a real table: the turn refuses each and names the invariant that would not hold, and a log that
//! contains one is refused at that record. `faulty.rs` has a wrong recipe for each invariant.

use domains::{
    Context, Intent,
    recipes::{Deposit, ReleaseStakes},
};
use engine::{
    ApplyError, Asked, Body, Books, Committed, Content, Envelope, Principal, RECORD_BYTES_MAX, Record, Turn,
    Tx, TxId, Verdict, invariant::Violation, table::TableLeg,
};
use ledger::HoldId;
use protocol::{ErrorCode, PlayerId, RoundId};

use crate::rig::{BETTING_MS, Rig, done, eur, table_id, tx_id};

const PLAYER: PlayerId = PlayerId(1);

#[test]
fn an_id_has_one_effect() {
    let mut rig = Rig::new();
    rig.deposit(PLAYER.0, 100);
    let mut books = rig.books;
    let (id, key) = (TxId(7), Some(Content(1)));
    let intent = || Intent::from(Deposit { player: PLAYER, currency: eur(), amount: 10 });
    let envelope = Envelope::Run(Tx::new(id, PLAYER.into(), key, intent()));
    let Turn::New(decided) = books.turn(envelope, books.time()) else { panic!("a new key") };
    let record = decided.into_record();
    books.apply(&record).unwrap();
    for key in [key, None] {
        let asked = Asked { id, principal: PLAYER.into(), key, intent: intent() };
        let context = Context {
            now: books.time(),
            id: HoldId(9),
            principal: Principal::HUB,
            view: books.domains(),
            shares: &[],
        };
        let effects = intent().decide(&context).unwrap();
        assert_eq!(books.commit(asked, effects, None).unwrap_err(), Violation::SecondEffect(id));
    }
    assert_eq!(books.apply(&record), Err(Violation::SecondEffect(id).into()));
}

/// The record of a bet of player 1, red for 50 under the key "a", on a state that it can be applied to.
fn bet() -> (Books, Committed) {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    let books = rig.books.clone();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    (books, committed(rig.log.last().unwrap()))
}

/// The same of the clearing behind it.
fn clearing() -> (Books, Committed) {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    done(rig.bet("b", 2, &[("red", &[], 50)]));
    let books = rig.books.clone();
    done(rig.clear("c", 1));
    (books, committed(rig.log.last().unwrap()))
}

fn committed(bytes: &[u8]) -> Committed {
    match Record::decode(bytes).unwrap().body {
        Body::Committed(committed) => committed,
        other => panic!("not a transaction: {other:?}"),
    }
}

fn apply(books: &Books, committed: &Committed) -> Result<(), ApplyError> {
    let record = Record { time: books.time(), body: Body::Committed(committed.clone()) };
    books.clone().apply(&record).map(drop)
}

fn leg(committed: &mut Committed) -> &mut TableLeg {
    &mut committed.table.as_mut().unwrap().1
}

/// Makes a transaction wrong.
type Fault = fn(&mut Committed);

#[test]
fn a_bet_is_the_stake_that_is_held_and_its_players_own() {
    let faults: [(&str, Fault); 7] = [
        ("another sum", |bet| match leg(bet) {
            TableLeg::BetPlaced { bets, .. } => bets[0].1 += 1,
            other => panic!("{other:?}"),
        }),
        ("one spot for nothing", |bet| match leg(bet) {
            TableLeg::BetPlaced { bets, .. } => bets.push((games::BetCode(3), 0)),
            other => panic!("{other:?}"),
        }),
        ("sums that come out right", |bet| match leg(bet) {
            TableLeg::BetPlaced { bets, .. } => {
                bets[0].1 += 1;
                bets.push((games::BetCode(3), -1));
            }
            other => panic!("{other:?}"),
        }),
        ("another player", |bet| match leg(bet) {
            TableLeg::BetPlaced { player, .. } => *player = PlayerId(2),
            other => panic!("{other:?}"),
        }),
        ("another hold", |bet| match leg(bet) {
            TableLeg::BetPlaced { hold, .. } => hold.0 ^= 1,
            other => panic!("{other:?}"),
        }),
        ("another transaction", |bet| bet.id.0 ^= 1),
        ("no key", |bet| (bet.key, bet.principal) = (None, Principal::HUB)),
    ];
    let (books, honest) = bet();
    apply(&books, &honest).unwrap();
    for (fault, make) in faults {
        let mut faulty = honest.clone();
        make(&mut faulty);
        let refused = apply(&books, &faulty);
        assert!(
            matches!(refused, Err(ApplyError::Invariant(Violation::LegDiffers { .. }))),
            "{fault}: {refused:?}"
        );
    }
    let mut unbet = honest;
    unbet.table = None;
    let refused = apply(&books, &unbet);
    assert!(matches!(refused, Err(ApplyError::Invariant(Violation::HoldWithoutBet(_)))), "{refused:?}");
}

#[test]
fn a_clearing_names_the_stakes_that_are_returned_to_its_player() {
    let faults: [(&str, Fault); 4] = [
        ("nothing cleared", |clearing| match leg(clearing) {
            TableLeg::BetsCleared { holds, .. } => holds.clear(),
            other => panic!("{other:?}"),
        }),
        ("another hold", |clearing| match leg(clearing) {
            TableLeg::BetsCleared { holds, .. } => *holds = vec![HoldId(tx_id(2, "b").0)],
            other => panic!("{other:?}"),
        }),
        ("another player", |clearing| match leg(clearing) {
            TableLeg::BetsCleared { player, .. } => *player = PlayerId(2),
            other => panic!("{other:?}"),
        }),
        ("no key", |clearing| (clearing.key, clearing.principal) = (None, Principal::HUB)),
    ];
    let (books, honest) = clearing();
    apply(&books, &honest).unwrap();
    for (fault, make) in faults {
        let mut faulty = honest.clone();
        make(&mut faulty);
        let refused = apply(&books, &faulty);
        assert!(
            matches!(refused, Err(ApplyError::Invariant(Violation::LegDiffers { .. }))),
            "{fault}: {refused:?}"
        );
    }
}

/// The turn proves it, not only the replay: such a table would be acknowledged, and its log refused at a full verify.
#[test]
fn a_table_that_says_something_else_than_the_money_does_is_refused_before_anything_is_recorded() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    let submit = |rig: &mut Rig, fault: fn(&mut Tx)| {
        let request = rig.request("a", 1, &[("red", &[], 50)]);
        let Some(Envelope::Run(mut tx)) = rig.live.place_bet(request, rig.now).now() else {
            panic!("a bet to run")
        };
        fault(&mut tx);
        let (before, verdict) = (rig.books.lsn(), rig.run(&Envelope::Run(tx)));
        assert_eq!((rig.books.lsn(), verdict), (before, Verdict::Impossible(ErrorCode::Internal)));
    };
    submit(&mut rig, |tx| match &mut tx.table.as_mut().unwrap().1 {
        TableLeg::BetPlaced { bets, .. } => bets[0].1 += 1,
        other => panic!("{other:?}"),
    });
    submit(&mut rig, |tx| match &mut tx.table.as_mut().unwrap().1 {
        TableLeg::BetPlaced { player, .. } => *player = PlayerId(2),
        other => panic!("{other:?}"),
    });
    done(rig.bet("a", 1, &[("red", &[], 50)]));
}

#[test]
fn a_step_of_a_round_goes_by_its_name_and_moves_no_money_of_its_own() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.now += BETTING_MS;
    let Some(Envelope::Run(lock)) = rig.due() else { panic!("a lock is due") };
    let mut renamed = lock.clone();
    renamed.id.0 ^= 1;
    assert!(matches!(
        rig.books.turn(Envelope::Run(renamed), rig.now),
        Turn::Unproven(Violation::StepRenamed(_))
    ));
    let holds = vec![HoldId(tx_id(1, "a").0)];
    let round = RoundId { table: table_id(), number: 1 };
    let intent = ReleaseStakes { player: PLAYER, round, currency: eur(), holds }.into();
    let paying = Tx { intent, ..lock.clone() };
    assert!(matches!(
        rig.books.turn(Envelope::Run(paying), rig.now),
        Turn::Unproven(Violation::LegDiffers { .. })
    ));
    assert_eq!(rig.run(&Envelope::Run(lock)), Verdict::Done);
}

#[test]
fn a_record_that_the_log_does_not_take_is_refused_and_the_process_lives_on() {
    let mut rig = Rig::new();
    let opened = rig.live.open_round([0; 32], vec![0; RECORD_BYTES_MAX].into(), rig.now);
    match rig.books.turn(opened.clone(), rig.now) {
        Turn::Unproven(Violation::TooLong { bytes, .. }) => assert!(bytes > RECORD_BYTES_MAX),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.run(&opened), Verdict::Impossible(ErrorCode::Internal));
    assert_eq!(rig.books.lsn(), 0);
}
