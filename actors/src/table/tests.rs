//! A table with its coordinator, its log and its gate, and a game that fails when it is told to.

mod fragile;
mod no_records;
mod past;
mod rig;

use engine::{Content, TxId, TxResult, Verdict, table::VoidReason};
use rig::{Heard, PLAYER, code, id, rig, rig_over, rig_with, round_to_settle, until};

use super::*;
use crate::{
    messages::{
        money::{GetOutcome, Origin},
        reply::BetContext,
        table::{AskOutcome, Finished, GetRounds, NoPlace, Wake},
    },
    ports::money::{Execution, NotExecuted},
};

#[actix::test]
async fn a_table_that_panics_is_closed_and_returns_its_stakes() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.held_becomes(500).await;
    rig.bet(1, "bad", "fragile");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal), "the bet that did it is answered");
    rig.held_becomes(0).await;
    rig.bet(1, "late", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableClosed));
    assert_eq!(rig.money.tables.summaries(1)[0].phase, Phase::Closed);
    rig.money.books.borrow().check().expect("every invariant holds");
}

#[actix::test]
async fn a_table_that_a_record_does_not_fit_records_its_quarantine_and_returns_its_stakes() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    let unfit = TableLeg::Locked { round: 1, deadline: 0, staked: 1, mix: [0; 32] };
    let result =
        TxResult { id: TxId(1), time: 1, leg: Some(unfit), verdict: Verdict::Done, play: None, limit: None };
    rig.table.do_send(Finished { result, request: None });
    rig.held_becomes(0).await;
    rig.settled().await;
    rig.bet(1, "late", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableClosed));
    rig.money.books.borrow().check().expect("every invariant holds");
    match &rig.legs()[..] {
        [.., TableLeg::Quarantined { state }, TableLeg::Voided { reason: VoidReason::Fault, .. }] => {
            let staked = state.open.as_ref().map(|open| open.bets.staked());
            assert_eq!(staked, Some(500), "the bets whose stakes are held are recorded");
        }
        other => panic!("no quarantine: {other:?}"),
    }
}

#[actix::test]
async fn a_retry_over_another_connection_finds_its_receipt_and_a_stranger_is_refused() {
    let mut rig = rig().await;
    rig.join(1);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    assert_eq!((view.phase, view.round), (Phase::Betting.into(), 1), "the answer waits for the round");
    rig.bet(1, "key", "red");
    let first = rig.reply().await;
    assert!(matches!(first, Reply::BetAccepted(_)));
    rig.bet(2, "key", "red");
    assert_eq!(rig.reply().await, first, "the same receipt, though this session never joined");
    rig.bet(2, "other", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::NotAtTable));
    assert_eq!(rig.status.players.load(Relaxed), 1);
}

#[actix::test]
async fn a_full_table_takes_nobody_more_and_its_session_hears_it_first() {
    let mut rig = rig().await;
    for session in 3..=4 {
        rig.join(session);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.join(5);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    let heard = rig.refused.send(Heard).await.expect("alive");
    assert_eq!(heard, [NoPlace { table: id(), join: 5 }]);
    rig.leave(3);
    rig.join(5);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
}

#[actix::test]
async fn a_player_with_bets_comes_back_to_a_full_table_and_takes_them_back() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "bet", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.join(3);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.join(4);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    // The player's first session still counts as connected; then it has left.
    for session in 2..=3 {
        if session == 3 {
            rig.leave(1);
            rig.leave(2);
        }
        rig.join(2);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.clear(2, "clear");
    assert!(matches!(rig.reply().await, Reply::BetsCleared(_)));
}

#[actix::test]
async fn joins_and_leaves_arrive_in_the_order_they_were_sent_however_many_wait() {
    let mut rig = rig().await;
    // More messages than a mailbox of actix holds, sent before the table handles any.
    for _ in 0..40 {
        rig.join(1);
        rig.leave(1);
    }
    for _ in 0..40 {
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.settled().await;
    assert_eq!(rig.status.players.load(Relaxed), 0, "nobody sits there for ever");
}

#[actix::test]
async fn what_is_parked_is_answered_in_order_and_a_question_waits_for_it() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    // 5.00 each of a maximum of 100.00 on the spot and in the round: the 21st can only be refused.
    for number in 0..20 {
        rig.bet(1, &format!("k{number}"), "red");
    }
    rig.bet(1, "above", "red");
    let ask = GetOutcome { player: PLAYER, key: "above".parse().expect("a key"), to: rig.money.to(1) };
    rig.table.do_send(AskOutcome { tables: Vec::new(), ask });
    for _ in 0..20 {
        assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    }
    // The refusal comes back through the table, the outcome does not: either may be first.
    for _ in 0..2 {
        match rig.reply().await {
            Reply::Outcome { outcome, .. } => {
                assert!(matches!(outcome, protocol::reply::KeyOutcome::Refused { .. }), "{outcome:?}");
            }
            reply => assert_eq!(code(&reply), Some(ErrorCode::AboveLimit)),
        }
    }
}

#[actix::test]
async fn what_depends_on_the_request_alone_is_answered_and_its_key_stays_free() {
    let mut rig = rig().await;
    let before = rig.money.books.borrow().keys();
    for kind in ["red", "no such bet"] {
        rig.bet(1, "key", kind);
        let Reply::Error(failure) = rig.reply().await else { panic!("nobody has joined") };
        assert_eq!((failure.code, failure.is_final), (ErrorCode::NotAtTable.into(), Some(false)));
    }
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "key", "no such bet");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::UnknownBet));
    assert_eq!(rig.money.books.borrow().keys(), before, "nothing is recorded");
    rig.bet(1, "key", "red");
    let first = rig.reply().await;
    assert!(matches!(first, Reply::BetAccepted(_)));
    rig.bet(2, "key", "red");
    assert_eq!(rig.reply().await, first, "a known outcome wins, though session 2 never joined");
}

#[actix::test]
async fn refusals_above_the_budget_are_answered_and_not_recorded() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    let envelope = |number: u64| engine::Envelope::Refuse {
        principal: engine::Principal::HUB,
        id: TxId(number.into()),
        content: Content(1),
        code: ErrorCode::BetsClosed,
        request: crate::rig::refused(),
    };
    let before = rig.money.books.borrow().keys();
    let mut limited = 0;
    for number in 0..10 {
        let key = "key".parse().expect("a key");
        let context = BetContext { to: rig.money.to(1), player: PLAYER, key, clears: false };
        rig.port.submit(envelope(number), Origin::Session(context));
        let Reply::Error(failure) = rig.reply().await else { panic!("it is refused") };
        match failure.code.known() {
            Some(ErrorCode::BetsClosed) => assert_eq!(limited, 0),
            Some(ErrorCode::RateLimited) => {
                assert!(failure.retry_after_ms.is_some_and(|wait_ms| wait_ms <= 512_000));
                limited += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((rig.money.books.borrow().keys(), limited), (before + 4, 6));
    rig.bet(1, "bet", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "whoever is not refused is not touched");
    let known = engine::Envelope::Refuse {
        id: TxId(0),
        principal: engine::Principal::HUB,
        content: Content(1),
        code: ErrorCode::BetsClosed,
        request: crate::rig::refused(),
    };
    let told = rig.port.execute(engine::Principal::HUB, known).await;
    let Execution::Rejected(NotExecuted {
        code: ErrorCode::BetsClosed,
        recorded: Some(_),
        replayed: true,
        limit: None,
    }) = told
    else {
        panic!("it is known: {told:?}")
    };
}

/// The keys of bets that are taken back stay, and cost their player nothing: there is room for four.
#[actix::test]
async fn bets_are_taken_back_always_and_who_has_done_so_too_often_waits_before_the_next_one() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    for number in 0..3 {
        rig.bet(1, &format!("bet-{number}"), "red");
        assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "{number}");
        rig.clear(1, &format!("clear-{number}"));
        assert!(matches!(rig.reply().await, Reply::BetsCleared(_)), "{number}");
    }
    let before = rig.money.books.borrow().keys();
    for _ in 0..3 {
        rig.bet(1, "bet-3", "red");
        let Reply::Error(failure) = rig.reply().await else { panic!("the budget is used up") };
        assert_eq!(failure.code.known(), Some(ErrorCode::RateLimited));
        assert!(failure.retry_after_ms.is_some_and(|wait_ms| (2_000_000..=2_048_000).contains(&wait_ms)));
    }
    assert_eq!(rig.money.books.borrow().keys(), before, "nothing is recorded");
    rig.bet(1, "bet-0", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "an outcome that is known is told");
    rig.held_becomes(0).await;
}

#[actix::test]
async fn every_request_to_a_broken_table_is_answered() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.broken.store(true, Relaxed);
    for session in [2, 1] {
        rig.join(session);
        assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal));
    }
    rig.held_becomes(0).await;
    rig.settled().await;
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    let Reply::TableHistory { rounds, .. } = rig.reply().await else { panic!("the table lives on") };
    assert_eq!(rounds.len(), 1, "its round is void");
    rig.money.books.borrow().check().expect("every invariant holds");
}

#[actix::test]
async fn a_panic_while_a_step_is_under_way_sends_no_second_one_behind_it() {
    let mut rig = rig_over(round_to_settle()).await;
    let before = rig.money.books.borrow().lsn();
    rig.broken.store(true, Relaxed);
    // Both are in the mailbox before the settlement can have come back.
    rig.table.do_send(Wake);
    rig.join(1);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal));
    rig.settled().await;
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    let Reply::TableHistory { rounds, .. } = rig.reply().await else { panic!("the table lives on") };
    assert!(matches!(&rounds[..], [past] if past.outcome.is_some()), "the settlement stands: {rounds:?}");
    assert_eq!(rig.money.books.borrow().lsn(), before + 1, "and nothing came behind it");
}
