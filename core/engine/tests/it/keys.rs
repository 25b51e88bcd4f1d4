//! Idempotency: a key has one outcome, whatever happens around it.

use engine::{Content, Envelope, Outcome, Principal, Turn, TxId, Verdict};
use ledger::SUM_MAX;
use protocol::{ErrorCode, Key, PlayerId};

use crate::rig::{BETTING_MS, Rig, done, refused, tx_id};

fn playing() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    rig
}

#[test]
fn the_same_key_and_content_gets_the_same_receipt_and_stakes_once() {
    let mut rig = playing();
    let first = rig.bet("a", 1, &[("red", &[], 50)]);
    assert_eq!(rig.funds(1), (950, 50));
    let records = rig.log.len();
    for _ in 0..3 {
        assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), first);
    }
    assert_eq!((rig.funds(1), rig.log.len()), ((950, 50), records));
    rig.restart();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), first, "after a restart");
    let retry = rig.request("a", 1, &[("red", &[], 50)]);
    rig.finish();
    rig.open();
    assert_eq!(rig.place(retry), first, "in a later round");
    assert_eq!(done(first).lsn, 4);
}

#[test]
fn another_content_under_a_used_key_is_refused_and_leaves_the_first_outcome() {
    let mut rig = playing();
    let first = rig.bet("a", 1, &[("red", &[], 50)]);
    let records = rig.log.len();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 51)]), Verdict::KeyReused);
    assert_eq!(
        rig.bet("a", 1, &[("straight", &[99], 51)]),
        Verdict::KeyReused,
        "refused by the table as well"
    );
    assert_eq!(rig.clear("a", 1), Verdict::KeyReused, "another request");
    assert_eq!(rig.log.len(), records);
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), first);
    assert!(
        rig.live.due(rig.now + BETTING_MS, true) == engine::table::live::Due::Lock,
        "nothing stays under way"
    );
}

#[test]
fn a_refused_key_stays_refused_when_the_reason_is_gone() {
    let mut rig = Rig::new();
    rig.deposit(1, 10);
    rig.open();
    let poor = refused(ErrorCode::InsufficientFunds);
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), poor);
    assert_eq!(rig.bet("b", 2, &[("red", &[], 50)]), refused(ErrorCode::NoAccount));
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), poor);
    rig.restart();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), poor);
    assert_eq!(rig.bet("b", 2, &[("red", &[], 50)]), refused(ErrorCode::NoAccount));
    done(rig.bet("c", 1, &[("red", &[], 50)]));
}

#[test]
fn a_duplicate_in_flight_joins_the_first() {
    let mut rig = playing();
    let first = rig.submit_bet("a", 1, &[("red", &[], 100)]);
    rig.park_bet("a", 1, &[("red", &[], 100)]);
    rig.release();
    assert_eq!(rig.unparked[0].1, Some(first), "the second is over the limit, were it another bet");
    assert_eq!(rig.funds(1), (900, 100));
    assert_eq!(rig.live.state().open.as_ref().unwrap().bets.staked(), 100);
}

#[test]
fn a_deposit_is_made_once() {
    let mut rig = Rig::new();
    let first = rig.deposit_as("d", 1, 100);
    assert_eq!(rig.deposit_as("d", 1, 100), first);
    assert_eq!(rig.deposit_as("d", 1, 101), Verdict::KeyReused);
    assert_eq!(rig.deposit_as("d", 2, 100), Verdict::KeyReused);
    assert_eq!(rig.funds(1), (100, 0));
    assert_eq!(rig.deposit_as("none", 1, 0), refused(ErrorCode::BelowLimit));
    assert_eq!(rig.deposit_as("all", 1, SUM_MAX), refused(ErrorCode::AboveLimit));
}

#[test]
fn an_amount_that_no_record_can_hold_is_refused_and_leaves_its_key_free() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    for amount in [SUM_MAX + 1, i128::MAX] {
        assert_eq!(rig.deposit_as("all", 1, amount), Verdict::Answered(ErrorCode::AboveLimit));
    }
    assert_eq!(rig.deposit_as("all", 1, i128::MIN), Verdict::Answered(ErrorCode::BelowLimit));
    rig.restart();
    done(rig.deposit_as("all", 1, 5));
}

#[test]
fn a_refusal_by_the_table_is_an_outcome_too() {
    let mut rig = playing();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 9)]), refused(ErrorCode::BelowLimit));
    let outcome = rig.books.outcome(tx_id(1, "a")).unwrap();
    let lsn = rig.books.lsn();
    assert_eq!(outcome, Some(Outcome::Refused { code: ErrorCode::BelowLimit, lsn }));
    assert_eq!(rig.books.outcome(tx_id(2, "a")).unwrap(), None, "another player's key is another key");
}

#[test]
fn ids_of_keys_rounds_and_services_are_all_different() {
    let key: Key = "k".parse().unwrap();
    let player = |id| TxId::of_key(PlayerId(id), &key);
    let round = |text: &str, step| TxId::of_round(text.parse().unwrap(), step);
    let ids = [
        player(1),
        player(2),
        TxId::of_key(PlayerId(1), &"kk".parse().unwrap()),
        round("t:1", "lock"),
        round("t:1", "settle"),
        round("t:11", "lock"),
        round("t1:1", "lock"),
        TxId::of_service("a", "bc"),
        TxId::of_service("ab", "c"),
        TxId::of_service("t:1", "lock"),
    ];
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
}

#[test]
fn contents_with_different_parts_differ_even_if_the_parts_join_to_the_same_bytes() {
    let contents = [
        Content::of(&[b"ab", b"c"]),
        Content::of(&[b"a", b"bc"]),
        Content::of(&[b"abc"]),
        Content::of(&[b"abc", b""]),
        Content::of(&[b"", b"abc"]),
        Content::of(&[]),
        Content::of(&[b""]),
    ];
    for (place, one) in contents.iter().enumerate() {
        assert!(!contents[..place].contains(one), "content {place}");
    }
}

#[test]
fn the_hubs_own_transactions_are_not_kept_under_a_key() {
    let mut rig = playing();
    let keys = rig.books.keys();
    rig.finish();
    assert_eq!(rig.books.keys(), keys);
}

#[test]
fn a_clock_that_goes_back_does_not_move_the_time_of_the_log_back() {
    let mut rig = playing();
    let time = rig.books.time();
    rig.now -= 500;
    rig.deposit(1, 5);
    assert_eq!(rig.books.time(), time);
    let envelope = Envelope::Refuse {
        id: TxId(1),
        principal: Principal::HUB,
        content: Content(1),
        code: ErrorCode::NoBets,
        request: Some(crate::rig::asked(1)),
    };
    let Turn::Refused { decided: record, .. } = rig.books.turn(envelope, 0) else { panic!("a new key") };
    let mut record = record.into_record();
    record.time -= 1;
    assert_eq!(rig.books.apply(&record), Err(engine::ApplyError::TimeWentBack));
}
