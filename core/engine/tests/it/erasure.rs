//! A player is erased while nothing of theirs is open (`E8`), and stays erased.

use std::sync::Arc;

use domains::{
    PaymentCause,
    calendar::DAY,
    exclusion::ExclusionKind,
    freeze::{Freeze, FreezeReason},
    recipes::{Credit, Debit, Deposit, ExcludePlayer, FreezePlayer, Unfreeze},
};
use engine::{
    ApplyError, Content, Envelope, Erasable, Fact, Formats, Intent, Outcome, Principal, PrincipalKind,
    Record, Replica, StillOpen, Tx, TxId, Verdict, World,
    invariant::Violation,
    stored_state::memory::MemoryStore,
    table::{Grounds, TableAsked, TableRequest},
};
use ledger::Domain;
use protocol::{ErrorCode, PlayerId};

use crate::rig::{Rig, done, eur, refused, stored, tx_id};

const PLAYER: PlayerId = PlayerId(1);

fn erased(excluded: bool) -> Fact {
    Fact::Erased { player: PLAYER, excluded }
}

/// Records an erasure as a hub does; what is in the log is replayed first. The copy that follows the log says the same of it,
/// although nothing of the player is present in it.
fn erase(rig: &Rig, excluded: bool) -> (World, Result<(), ApplyError>) {
    let mut world = rig.replay();
    let record = world.books.fact_record(erased(excluded), rig.now);
    let store = Arc::new(MemoryStore::of(&world));
    let result = world.apply(&record).map(drop);
    let mut replica = match rig.log.is_empty() {
        true => Replica::new(Formats::STANDARD),
        false => Replica::open(&store.head, store.clone(), Formats::STANDARD).expect("a sound store"),
    };
    let copied = replica.take(&record.encode()).map(drop);
    assert_eq!(copied.is_ok(), result.is_ok(), "{copied:?} {result:?}");
    (world, result)
}

fn by_service(rig: &mut Rig, name: &str, intent: Intent) {
    let service = Principal::named(PrincipalKind::Service, "", "cashier");
    let tx = Tx::new(TxId::of_service("cashier", name), service, Some(Content(2)), intent);
    let verdict = rig.run(&Envelope::Run(tx));
    assert!(!matches!(verdict, Verdict::Recorded(Outcome::Refused { .. })), "{name}: {verdict:?}");
}

fn freeze(rig: &mut Rig, until: Option<u64>) {
    let freeze = Freeze { reason: FreezeReason::PlayerRequest, until };
    by_service(rig, "freeze", FreezePlayer { player: PLAYER, freeze }.into());
}

#[test]
fn a_balance_a_hold_and_a_freeze_each_keep_a_player() {
    let early = Err(ApplyError::Invariant(Violation::ErasedTooEarly(PLAYER)));
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let (currency, domain) = (eur(), Domain::Balance);
    let open = |rig: &Rig, excluded| rig.books.still_open(PLAYER, excluded, rig.now);
    assert_eq!(open(&rig, true), Some(StillOpen::Money { domain, currency, posted: 100 }));
    assert_eq!(erase(&rig, true).1, early);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    assert!(open(&rig, false).is_some(), "the stake is held");
    rig.finish();
    let left = rig.funds(1).0;
    if left > 0 {
        by_service(
            &mut rig,
            "out",
            Debit { player: PLAYER, currency, amount: left, cause: PaymentCause::default() }.into(),
        );
    }
    assert_eq!(open(&rig, false), None);
    freeze(&mut rig, None);
    assert_eq!(open(&rig, false), Some(StillOpen::Frozen { until: None }));
    assert_eq!(erase(&rig, false).1, early);
    assert_eq!(open(&rig, true), None, "the exclusion takes the place of a freeze without an end");
    by_service(&mut rig, "lift", Unfreeze { player: PLAYER }.into());
    let until = rig.now + 1_000;
    freeze_again(&mut rig, until);
    assert_eq!(open(&rig, true), Some(StillOpen::Frozen { until: Some(until) }), "it ends by itself");
    assert_eq!(erase(&rig, true).1, early);
    rig.wait(1_001);
    assert_eq!((open(&rig, false), erase(&rig, false).1), (None, Ok(())));
}

fn freeze_again(rig: &mut Rig, until: u64) {
    let freeze = Freeze { reason: FreezeReason::FraudCheck, until: Some(until) };
    by_service(rig, "freeze again", FreezePlayer { player: PLAYER, freeze }.into());
}

/// Who is excluded from play is erased only so that the person is recognised: otherwise the exclusion would be lost.
#[test]
fn an_exclusion_from_play_keeps_a_player_who_would_not_be_recognised() {
    let early = Err(ApplyError::Invariant(Violation::ErasedTooEarly(PLAYER)));
    for (kind, lasts) in
        [(ExclusionKind::TimeOut, Some(DAY)), (ExclusionKind::SelfExclusion, Some(200 * DAY))]
    {
        let mut rig = Rig::new();
        by_service(&mut rig, "exclude", ExcludePlayer { player: PLAYER, kind, lasts }.into());
        let open = |rig: &Rig, excluded| rig.books.still_open(PLAYER, excluded, rig.now);
        let until = lasts.map(|lasts| rig.now + lasts);
        assert_eq!(open(&rig, false), Some(StillOpen::Excluded { until }), "{kind:?}");
        assert_eq!((erase(&rig, false).1, open(&rig, true)), (early.clone(), None), "{kind:?}");
        assert_eq!(erase(&rig, true).1, Ok(()), "{kind:?}");
        rig.wait(201 * DAY);
        // A time-out has ended, and a self-exclusion stands until the player comes back.
        assert_eq!(open(&rig, false).is_none(), kind == ExclusionKind::TimeOut, "{kind:?}");
    }
}

#[test]
fn an_erasure_is_a_part_of_the_state_and_holds_for_good() {
    let (mut world, result) = erase(&Rig::new(), true);
    result.expect("nobody has anything");
    assert!(world.books.facts().is_erased(PLAYER) && !world.books.facts().is_erased(PlayerId(2)));
    let decoded = stored(&world);
    assert_eq!(decoded.books.facts().erased().collect::<Vec<_>>(), [(PLAYER, true)]);
    assert_ne!(World::default().books.digest(), world.books.digest());
    assert_eq!(decoded.books.digest(), world.books.digest());
    // The same again, and without the exclusion, change nothing.
    for excluded in [true, false] {
        assert!(world.books.facts().says(&erased(excluded)));
        let record = world.books.fact_record(erased(excluded), 9);
        world.apply(&Record::decode(&record.encode()).expect("a record")).expect("it says so already");
    }
    assert_eq!(world.books.facts().erased().collect::<Vec<_>>(), [(PLAYER, true)]);
}

/// A verdict that nothing is recorded of the request of somebody who was erased, or about them.
const NOT_ALLOWED: Verdict = Verdict::Answered(ErrorCode::Forbidden);

#[test]
fn what_is_queued_behind_an_erasure_is_refused_and_leaves_no_record() {
    let mut rig = Rig::new();
    rig.deposit(2, 100);
    rig.open();
    // Asked for before the erasure, and recorded: it is answered as it was.
    let early = rig.bet("early", 1, &[("red", &[], 10)]);
    assert_eq!(early, refused(ErrorCode::NoAccount));
    let behind = rig.request("late", 1, &[("red", &[], 10)]);
    let behind = rig.live.place_bet(behind, rig.now).now().expect("decided at once");
    rig.append(&rig.books.fact_record(erased(false), rig.now));
    let recorded = rig.log.len();

    let content = Content(7);
    let (principal, id) = (PLAYER.into(), tx_id(1, "refused"));
    let code = ErrorCode::BetsClosed;
    let (table, asked, grounds) = ("t1".parse().expect("a table"), TableAsked::Clearing, Grounds::Log);
    let request = Some(Box::new(TableRequest { table, round: 1, arrived: 0, asked, grounds }));
    let mut submit = |envelope: &Envelope| rig.run(envelope);
    assert_eq!(submit(&behind), NOT_ALLOWED, "a bet");
    assert_eq!(submit(&Envelope::Refuse { id, principal, content, code, request }), NOT_ALLOWED, "a refusal");
    let (currency, amount, player) = (eur(), 5, PLAYER);
    let freeze = Freeze { reason: FreezeReason::Operator, until: None };
    let (kind, lasts) = (ExclusionKind::SelfExclusion, None);
    let money: [(&str, Intent); 4] = [
        ("a deposit", Deposit { player, currency, amount }.into()),
        ("a credit", Credit { player, currency, amount, cause: PaymentCause::default() }.into()),
        ("a freeze", FreezePlayer { player, freeze }.into()),
        ("an exclusion", ExcludePlayer { player, kind, lasts }.into()),
    ];
    for (what, intent) in money.clone() {
        let service = Principal::named(PrincipalKind::Service, "", "cashier");
        let tx = Tx::new(TxId::of_service("cashier", what), service, Some(content), intent);
        assert_eq!(submit(&Envelope::Run(tx)), NOT_ALLOWED, "{what}");
    }
    assert_eq!(rig.log.len(), recorded, "nothing is recorded");
    assert_eq!(rig.bet("early", 1, &[("red", &[], 10)]), early, "what was decided before stands");
    done(rig.bet("other", 2, &[("red", &[], 10)]));
    rig.finish();

    // A record of any of it is refused wherever it is applied.
    for (what, intent) in money {
        let mut other = Rig::new();
        let service = Principal::named(PrincipalKind::Service, "", "cashier");
        let tx = Tx::new(TxId::of_service("cashier", what), service, Some(content), intent);
        other.run(&Envelope::Run(tx));
        let record = Record::decode(other.log.last().expect("a record")).expect("a record");
        refused_behind_an_erasure(&record, what);
    }
    let mut other = Rig::new();
    other.open();
    other.bet("refused", 1, &[("red", &[], 10)]);
    let record = Record::decode(other.log.last().expect("a record")).expect("a record");
    refused_behind_an_erasure(&record, "a refusal");
}

#[test]
fn a_round_is_settled_in_which_an_erased_player_took_every_bet_back() {
    let mut rig = Rig::new();
    for player in [1, 2] {
        rig.deposit(player, 100);
    }
    rig.open();
    done(rig.bet("mine", 1, &[("red", &[], 100)]));
    done(rig.bet("other", 2, &[("red", &[], 50)]));
    done(rig.clear("back", 1));
    by_service(
        &mut rig,
        "out",
        Debit { player: PLAYER, currency: eur(), amount: 100, cause: PaymentCause::default() }.into(),
    );
    rig.append(&rig.books.fact_record(erased(false), rig.now));
    rig.finish();
    assert!(rig.live.state().open.is_none(), "the round has ended");
    assert_eq!(rig.funds(1), (0, 0));
    assert_eq!(rig.replay().books.digest(), rig.books.digest());
}

fn refused_behind_an_erasure(record: &Record, what: &str) {
    let mut world = World::default();
    let erasure = world.books.fact_record(erased(true), 1);
    world.apply(&erasure).expect("nobody has anything");
    let applied = world.books.apply(record);
    assert_eq!(applied, Err(ApplyError::Invariant(Violation::OfErased(PLAYER))), "{what}");
}

#[test]
fn an_erasure_is_recorded_with_the_digest_that_is_due_and_once() {
    let mut rig = Rig::new();
    rig.deposit(2, 100);
    let (player, excluded) = (PLAYER, false);
    assert_eq!(rig.books.erasable(player, excluded, rig.now), Erasable::Now);
    let records = rig.books.record_fact(erased(excluded), rig.now, 2).expect("nothing is open");
    let places: Vec<u64> = records.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [2, 3], "the erasure and the digest");
    rig.log.extend(records.into_iter().map(|(_, bytes)| bytes));
    assert_eq!(rig.replay().books.digest(), rig.books.digest());
    assert_eq!(rig.books.erasable(player, excluded, rig.now), Erasable::Before);
    assert_eq!(rig.books.erasable(player, true, rig.now), Erasable::Now, "the exclusion is new");
    let money = rig.books.still_open(PlayerId(2), false, rig.now).expect("a balance");
    assert_eq!(rig.books.erasable(PlayerId(2), false, rig.now), Erasable::Not(money));
    let early = rig.books.record_fact(Fact::Erased { player: PlayerId(2), excluded }, rig.now, 2);
    assert_eq!(early, Err(ApplyError::Invariant(Violation::ErasedTooEarly(PlayerId(2)))));
}
