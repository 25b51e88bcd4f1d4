//! Wrong transactions: the turn refuses each and names the invariant that would not hold, and a log that contains one
//! is refused at that record.

use domains::{
    Command, Context, Effects, Intent, RowImage, balance, collections,
    decide::Deciding,
    distributions,
    freeze::{Freeze, FreezeReason},
    recipes::{Deposit, ReleaseStakes},
};
use engine::{
    ApplyError, Asked, Body, Books, Committed, Content, Envelope, Principal, RECORD_BYTES_MAX, Record, Turn,
    Tx, TxId, Verdict, invariant::Violation, table::TableLeg,
};
use ledger::{Domain, Drafted, HoldId};
use protocol::{ErrorCode, PlayerId, RoundId};

use crate::rig::{BETTING_MS, Rig, done, eur, table_id, tx_id};

const PLAYER: PlayerId = PlayerId(1);
const KEY: Option<Content> = Some(Content(1));

/// A hub with a player who has 100.
fn books() -> Books {
    let mut rig = Rig::new();
    rig.deposit(PLAYER.0, 100);
    rig.books
}

/// What the faulty transactions say they do.
fn intent() -> Intent {
    Deposit { player: PLAYER, currency: eur(), amount: 10 }.into()
}

fn context(books: &Books) -> Context<'_> {
    Context { now: books.time(), id: HoldId(9), view: books.domains(), shares: &[] }
}

/// The leg of one domain's commands.
fn leg_of<C: Command>(books: &Books, commands: &[C]) -> (Domain, Drafted) {
    let context = context(books);
    let mut decision = Deciding::new(&context);
    commands.iter().try_for_each(|command| decision.ask(command)).unwrap();
    decision.finish().legs.pop().unwrap()
}

fn credit(books: &Books, amount: i128) -> (Domain, Drafted) {
    let (player, currency, from) = (PLAYER, eur(), Domain::Collections);
    let commands = [balance::Command::Credit { player, currency, amount, from }];
    leg_of(books, &commands)
}

fn capture(books: &Books, amount: i128) -> (Domain, Drafted) {
    let commands = [collections::Command::Capture { currency: eur(), amount }];
    leg_of(books, &commands)
}

/// A change of a notice.
type Lie = fn(&mut domains::Notice);

/// What a deposit of 10 does.
fn deposit(books: &Books) -> Effects {
    intent().decide(&context(books)).unwrap()
}

/// The turn refuses the effects; a record of them is refused by `apply`, which has changed nothing.
fn refused(books: &mut Books, key: Option<Content>, effects: Effects) -> Violation {
    let id = tx_id(9, "faulty");
    let principal = if key.is_some() { PLAYER.into() } else { Principal::HUB };
    let asked = Asked { id, principal, key, intent: intent() };
    let recorded = effects.legs.iter().map(|(domain, drafted)| (*domain, drafted.leg.clone())).collect();
    let committed = Committed {
        id,
        principal: asked.principal,
        key,
        intent: intent(),
        legs: recorded,
        rows: effects.rows.clone(),
        notices: effects.notices.clone(),
        table: None,
    };
    let violation = books.commit(asked, effects, None).expect_err("it is faulty");

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
    let lopsided = |legs| Effects { legs, ..Effects::default() };
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
        let effects = Effects { legs, ..Effects::default() };
        assert!(matches!(refused(&mut books, None, effects), Violation::SecondLeg(_)));
    }
}

#[test]
fn a_domain_that_has_no_part_in_a_recipe_moves_nothing() {
    let mut books = books();
    let commands = [distributions::Command::PayWinnings { currency: eur(), amount: 10 }];
    let effects = Effects { legs: vec![leg_of(&books, &commands)], ..Effects::default() };
    let violation = refused(&mut books, None, effects);
    assert_eq!(violation, Violation::Participant { recipe: "DEPOSIT", domain: Domain::Distributions });
}

#[test]
fn a_row_changes_only_with_a_recipe_that_says_so() {
    let mut books = books();
    let mut effects = deposit(&books);
    let freeze = Freeze { reason: FreezeReason::FraudCheck, until: None };
    effects.rows = vec![RowImage::of(b"player", Some(&freeze)).unwrap()];
    let violation = refused(&mut books, KEY, effects);
    assert_eq!(violation, Violation::RowOfAnother { recipe: "DEPOSIT", kind: "freeze" });
}

#[test]
fn a_row_changes_once() {
    let mut books = books();
    let freeze = Freeze { reason: FreezeReason::Operator, until: None };
    let image = |freeze: Option<&Freeze>| RowImage::of(b"somebody", freeze).unwrap();
    let mut effects = deposit(&books);
    effects.rows = vec![image(Some(&freeze)), image(None)];
    assert!(matches!(refused(&mut books, KEY, effects), Violation::RowTwice(_)));
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
    let id = TxId(7);
    let envelope = Envelope::Run(Tx::new(id, PLAYER.into(), KEY, intent()));
    let Turn::New(decided) = books.turn(envelope, books.time()) else { panic!("a new key") };
    let record = decided.into_record();
    books.apply(&record).unwrap();
    for key in [KEY, None] {
        let asked = Asked { id, principal: PLAYER.into(), key, intent: intent() };
        assert_eq!(books.commit(asked, deposit(&books), None).unwrap_err(), Violation::SecondEffect(id));
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
