//! Tests of the coordinator: a panic ends one decision or the process; the digest finds a state that differs from the
//! log.

mod aside;
mod due;
mod erasure;

use std::path::Path;

use domains::{
    Context as Decided,
    adjustment::Adjustment,
    balance::{self, Balance},
    decide::Deciding,
    recipes::Deposit,
};
use engine::{Asked, Content, Principal, Tx};
use journal::Lsn;
use ledger::HoldId;
use protocol::{
    PlayerId,
    reply::{Subscribed, Welcome},
};

use super::*;
use crate::{
    dies::{dies, to_die},
    messages::{
        domain::{Arrive, GetBalance, GetReport, GetResults},
        pubsub::Subscriber,
    },
    rig::{Listener, Money, eur, money, records},
};

const PLAYER: PlayerId = PlayerId(7);

fn deposit(key: &str) -> Envelope {
    let (id, key) = (TxId::of_service("test", key), Some(Content::of(&[key.as_bytes()])));
    let deposit = Deposit { player: PLAYER, currency: eur(), amount: 100 };
    Envelope::Run(Tx::new(id, PLAYER.into(), key, deposit))
}

/// Sends an envelope, and waits for its verdict.
async fn verdict(coordinator: &Addr<Coordinator>, envelope: Envelope) -> Verdict {
    let (sender, receiver) = oneshot::channel();
    coordinator
        .send(Submit { envelope, origin: Origin::Waiting { principal: Principal::HUB, answer: sender } })
        .await
        .expect("the actor lives");
    receiver.await.expect("a result").verdict
}

fn is_done(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Recorded(Outcome::Done(_)))
}

#[actix::test]
#[expect(clippy::await_holding_refcell_ref, reason = "held on purpose: whoever looks at the books panics")]
async fn a_decision_that_panics_changes_nothing_and_others_go_on() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    assert!(is_done(verdict(&coordinator, deposit("first")).await));
    let state = || (money.journal.appended(), money.books.borrow().digest());
    let before = state();

    let held = money.books.borrow_mut();
    let failed = verdict(&coordinator, deposit("second")).await;
    drop(held);
    assert_eq!(failed, Verdict::Impossible(ErrorCode::Internal));
    assert_eq!(state(), before, "nothing was recorded or applied");

    assert!(is_done(verdict(&coordinator, deposit("third")).await), "others go on");
    assert!(is_done(verdict(&coordinator, deposit("second")).await), "the same key is carried out, once");
    money.journal.stop();
    assert_eq!(records(log.path()).len(), 3);
}

#[actix::test]
async fn a_decision_that_would_break_an_invariant_is_refused_and_never_recorded() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let mut coordinator = money.coordinator();
    // The effects of a wrong recipe: it credits a player with money that nobody has paid in.
    let (player, currency, from) = (PLAYER, eur(), Domain::Collections);
    let commands = [
        balance::Command::Open(player, currency),
        balance::Command::Credit { player, currency, amount: 5, from },
    ];
    let id = TxId(1);
    let decided = {
        let books = money.books.borrow();
        let context = Decided {
            now: 0,
            id: HoldId(id.0),
            principal: Principal::HUB,
            view: books.domains(),
            shares: &[],
        };
        let mut decision = Deciding::new(&context);
        for command in &commands {
            decision.ask(command).expect("no rule of the ledger is broken");
        }
        let intent = Deposit { player, currency, amount: 5 }.into();
        let asked = Asked { id, principal: engine::Principal::HUB, key: None, intent };
        books.commit(asked, decision.finish(), None)
    };
    let violation = decided.expect_err("clearing is not mirrored");
    assert!(violation.to_string().starts_with("L1: clearing"), "{violation}");

    let before = money.books.borrow().digest();
    let (sender, receiver) = oneshot::channel();
    coordinator.conclude(
        id,
        Some(Turn::Unproven(violation)),
        1,
        Origin::Waiting { principal: Principal::HUB, answer: sender },
    );
    assert_eq!(receiver.await.expect("a result").verdict, Verdict::Impossible(ErrorCode::Internal));
    assert_eq!(money.books.borrow().digest(), before);
    money.journal.stop();
    assert_eq!(records(log.path()).len(), 0);
}

const UNFIT: &str = "a record that does not fit";
const PANIC: &str = "a panic";

/// One deposit is answered; the second one cannot be applied.
async fn apply_fails(log: &Path, of: &str) {
    let money = money(log);
    let mut coordinator = money.coordinator();
    for key in ["first", "second"] {
        let Turn::New(decided) = money.books.borrow().turn(deposit(key), 1) else { panic!("a new key") };
        let mut record = decided.into_record();
        let (sender, receiver) = oneshot::channel();
        let answer = std::thread::spawn(move || {
            if let Ok(verdict) = receiver.blocking_recv() {
                println!("answered {verdict:?}");
            }
        });
        let mut held = None;
        match (key, &mut record.body) {
            ("second", Body::Committed(committed)) if of == UNFIT => {
                committed.notices[0].after.available += 1
            }
            ("second", _) => held = Some(money.books.borrow_mut()),
            _ => {}
        }
        let turn = Turn::New(Box::new(record.into()));
        coordinator.conclude(
            TxId::of_service("test", key),
            Some(turn),
            1,
            Origin::Waiting { principal: Principal::HUB, answer: sender },
        );
        drop(held);
        answer.join().expect("the thread ends");
    }
    println!("lived on");
}

#[actix::test]
async fn money_that_cannot_be_applied_ends_the_process_without_an_answer() {
    if let Some((log, of)) = to_die() {
        return apply_fails(&log, &of).await;
    }
    for of in [UNFIT, PANIC] {
        let log = tempfile::tempdir().expect("a directory");
        let name = "coordinator::tests::money_that_cannot_be_applied_ends_the_process_without_an_answer";
        let said = dies(name, log.path(), of);
        assert_eq!(said.matches("answered").count(), 1, "{of}: {said}");
        assert!(!said.contains("lived on"), "{of}: {said}");
        assert_eq!(records(log.path()).len(), 1, "{of}: the log ends where it did");
        let last = journal::open(log.path(), journal::Options::default()).expect("it opens again").last();
        assert_eq!(last, Lsn(1), "{of}");
    }
}

/// Sends one message whose handler reads the books while they are mutably borrowed: the handler panics.
#[expect(clippy::await_holding_refcell_ref, reason = "held on purpose: whoever looks at the books panics")]
async fn look_fails(money: &Money, part: &str) {
    let coordinator = money.coordinator().start();
    let (balance, adjustment) = (money.domain::<Balance>().start(), money.domain::<Adjustment>().start());
    let _held = money.books.borrow_mut();
    let (player, to) = (PLAYER, money.to(1));
    // The process aborts before the answer; an error because the actor is gone would not matter.
    match part {
        "outcome" => {
            let key = "key".parse().expect("a key");
            let _ = coordinator.send(GetOutcome { player, key, to }).await;
        }
        "report" => {
            let _ = adjustment.send(GetReport).await;
        }
        "balance" => {
            let _ = balance.send(GetBalance { player, to }).await;
        }
        "results" => {
            let _ = balance.send(GetResults { player, to }).await;
        }
        "arrival" => {
            let ch = protocol::Channel::player(player);
            let personal = Subscribed { ch, e: String::new(), o: 0, recovered: false, pubs: Vec::new() };
            let (version, resumed) = (String::new(), Vec::new());
            let welcome =
                Welcome { player, time: 0, version, ping_every_ms: 1, personal, resumed, play: None };
            let welcome = Box::new(welcome);
            let subscriber = Subscriber { number: 0, refused: Listener::default().start().recipient() };
            let arrive = Arrive { player, to, resume: Vec::new(), welcome, subscriber };
            let _ = balance.send(arrive).await;
        }
        other => panic!("no part is called {other}"),
    }
    println!("lived on");
}

#[actix::test]
async fn a_panic_beside_a_decision_ends_the_process_and_never_leaves_it_half_alive() {
    if let Some((log, part)) = to_die() {
        return look_fails(&money(&log), &part).await;
    }
    for part in ["outcome", "report", "balance", "results", "arrival"] {
        let log = tempfile::tempdir().expect("a directory");
        let name =
            "coordinator::tests::a_panic_beside_a_decision_ends_the_process_and_never_leaves_it_half_alive";
        assert!(!dies(name, log.path(), part).contains("lived on"), "{part}");
    }
}

#[actix::test]
async fn the_digest_of_the_live_state_is_recorded_when_it_is_due() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    for number in 1..DIGEST_EVERY {
        let key = number.to_string();
        let (id, content) = (TxId::of_service("test", &key), Content::of(&[key.as_bytes()]));
        let (code, request) = (ErrorCode::BetsClosed, crate::rig::refused());
        let envelope = Envelope::Refuse { id, principal: PLAYER.into(), content, code, request };
        coordinator.do_send(Submit { envelope, origin: Origin::Nobody });
    }
    assert!(is_done(verdict(&coordinator, deposit("last")).await));
    assert_eq!(money.books.borrow().lsn(), DIGEST_EVERY + 1, "the digest has a record of its own");
    assert!(is_done(verdict(&coordinator, deposit("after it")).await));
    money.journal.stop();
    let records = records(log.path());
    let digests = records.iter().enumerate().filter(|(_, record)| matches!(record.body, Body::Digest(_)));
    let places: Vec<u64> = digests.map(|(place, _)| place as u64 + 1).collect();
    assert_eq!(places, [DIGEST_EVERY + 1], "proven by the replay, and the only one so far");
}
