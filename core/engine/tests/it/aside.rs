//! Keys that only the state store knows: what is decided beside a look-up, and what reads no store at all.

use std::sync::Arc;

use engine::{
    Aside, DIGEST_EVERY, Found, KeyState, Level, LogVerifier, StoredState, Turn, look_up,
    stored_state::{hooked::HookedStore, memory::MemoryStore},
    table::live::Due,
};
use protocol::{ErrorCode, PlayerId};

use crate::{
    extension::{SetAside, tx},
    rig::{BETTING_MS, LOCKED_MS, Rig, done, eur, tx_id},
};

/// A store that may have any key, for all that its filters tell, and may be read or not.
fn maybe(store: MemoryStore, reads: bool) -> Arc<HookedStore> {
    let store = HookedStore::over(Arc::new(store)).may_have(|_| true);
    Arc::new(store.before_read(move |_| {
        assert!(reads, "a turn reads the store");
        Ok(())
    }))
}

fn maybe_of(rig: &Rig, reads: bool) -> Arc<HookedStore> {
    maybe(MemoryStore::of(&rig.replay()), reads)
}

/// A round with a bet of player 1 that reaches the limit of a spot.
fn at_the_limit() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    rig
}

/// The refusal was right when the table decided it. By its turn the player has taken the bets back.
#[test]
fn a_tables_refusal_that_others_overtook_is_answered_and_not_recorded() {
    let mut rig = at_the_limit();
    let store = maybe_of(&rig, true);
    rig.books.turn_to(store.clone());
    let request = rig.request("b", 1, &[("red", &[], 50)]);
    let envelope = rig.live.place_bet(request, rig.now).now().unwrap();
    let Aside { envelope, .. } = *rig.books.try_turn(envelope, rig.now, None).unwrap_err();
    let absent = look_up(&*store, envelope.id()).unwrap();

    done(rig.clear("c", 1));
    let (id, before) = (envelope.id(), rig.books.lsn());
    let turn = rig.books.try_turn(envelope, rig.now, Some(&absent)).unwrap();
    assert!(matches!(turn, Turn::Answered { code: ErrorCode::AboveLimit, by: None, .. }), "{turn:?}");
    let concluded = rig.books.conclude(id, turn, rig.now, DIGEST_EVERY).unwrap();
    rig.log.extend(concluded.records().map(|(_, bytes)| bytes.clone()));
    assert_eq!(rig.books.lsn(), before);
    assert_eq!(rig.books.key_state(id, Some(&absent)), KeyState::New, "its key is free");

    let mut verifier = LogVerifier::default().at(Level::ReDecide);
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    verifier.check().unwrap();
}

#[test]
fn the_steps_of_a_round_read_no_store() {
    let mut rig = at_the_limit();
    rig.books.turn_to(maybe_of(&rig, false));
    rig.wait(BETTING_MS);
    assert!(matches!(rig.live.due(rig.now, true), Due::At(_)), "it is locked");
    rig.wait(LOCKED_MS);
    let past = rig.live.state().last.unwrap();
    assert!(past.drawn.is_some(), "it is settled, not voided");
}

/// The record of the feature's first use comes between the decision and its record.
#[test]
fn the_first_use_of_a_feature_reads_no_store_after_the_look_up() {
    let mut rig = at_the_limit();
    rig.books.turn_to(maybe_of(&rig, false));
    let set_aside = SetAside { player: PlayerId(1), currency: eur(), amount: 5, expires: u64::MAX };
    let envelope = tx(7, PlayerId(1), set_aside);
    let (id, generation) = (envelope.id(), rig.books.store().generation());
    let absent = Found { id, generation, kept: None };
    let turn = rig.books.try_turn(envelope, rig.now, Some(&absent)).unwrap();
    let concluded = rig.books.conclude(id, turn, rig.now, DIGEST_EVERY).unwrap();
    assert_eq!(concluded.records().count(), 2);
}

/// A key is kept for good. So a later commit changes nothing about an outcome that was found, and may about one that was not.
#[test]
fn an_outcome_that_was_found_stands_whatever_commit_is_current_by_then() {
    let mut rig = at_the_limit();
    let (first, kept, other) = (maybe_of(&rig, true), tx_id(1, "a"), tx_id(1, "b"));
    let (found, absent) = (look_up(&*first, kept).unwrap(), look_up(&*first, other).unwrap());
    let store = MemoryStore { generation: first.generation() + 1, ..MemoryStore::of(&rig.replay()) };
    rig.books.turn_to(maybe(store, true));
    assert!(rig.books.forget(usize::MAX));
    assert!(matches!(rig.books.key_state(kept, Some(&found)), KeyState::Known(_)));
    assert_eq!(rig.books.key_state(other, Some(&absent)), KeyState::Older(2), "it may be there by now");
    let of_another = Found { id: other, ..found };
    assert_eq!(rig.books.key_state(kept, Some(&of_another)), KeyState::Older(2));
}
