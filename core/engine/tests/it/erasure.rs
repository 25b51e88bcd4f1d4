//! A player is erased while nothing of theirs is open (`E8`), and stays erased.

use std::sync::Arc;

use domains::{
    freeze::{Freeze, FreezeReason},
    recipes::{Debit, FreezePlayer, Unfreeze},
};
use engine::{
    ApplyError, Content, Envelope, Fact, Formats, Intent, Outcome, Principal, PrincipalKind, Record, Replica,
    StillOpen, Tx, TxId, Verdict, World, invariant::Violation, stored_state::memory::MemoryStore,
};
use ledger::Domain;
use protocol::PlayerId;

use crate::rig::{Rig, done, eur, stored};

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
    assert!(!matches!(verdict, Verdict::Recorded(Outcome::Refused(_))), "{name}: {verdict:?}");
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
        by_service(&mut rig, "out", Debit { player: PLAYER, currency, amount: left }.into());
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
