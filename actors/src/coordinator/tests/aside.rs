//! Old keys: their outcomes are in the state store, which no turn waits for.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
    mpsc::{self, Sender},
};

use domains::recipes::HoldStake;
use engine::{
    Formats, KeyState, Principal, StoredState, TxResult, Unreadable,
    stored_state::{Empty, hooked::HookedStore, memory::MemoryStore},
};
use journal::Reader;
use parking_lot::Mutex;

use super::*;
use crate::{messages::domain::ResultsRead, ports::money::Execution, stored::Keeper};

/// The state store of a log, brought to its end.
fn stored(log: &Path) -> Arc<dyn StoredState> {
    let mut keeper = Keeper::open(log, Formats::STANDARD).expect("a sound store");
    let mut reader = Reader::open(log, keeper.lsn()).expect("a log");
    keeper.follow(&mut reader, Lsn(0), |_| {}).expect("the log stands for it");
    Arc::new(keeper.commit(reader.cursor()).expect("a disk").expect("there is something new"))
}

/// Lets the actors of this thread do what they were told.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

#[actix::test]
async fn an_old_key_has_its_outcome_and_nothing_is_done_again() {
    let log = tempfile::tempdir().expect("a directory");
    let mut money = money(log.path());
    let coordinator = money.coordinator().start();
    let mut first = Vec::new();
    for number in 0..20 {
        first.push(verdict(&coordinator, deposit(&number.to_string())).await);
    }
    let key: protocol::Key = "asked".parse().expect("a key");
    let (id, content) = (TxId::of_key(PLAYER, &key), Content::of(&[b"asked"]));
    let (code, request) = (ErrorCode::BetsClosed, crate::rig::refused());
    let refuse = Envelope::Refuse { id, principal: PLAYER.into(), content, code, request };
    assert_eq!(verdict(&coordinator, refuse).await, Verdict::Recorded(Outcome::Refused { code, lsn: 21 }));

    coordinator.do_send(StoreCommitted(stored(log.path())));
    let books = money.books.clone();
    until(|| books.borrow().keys_in_memory() == 0).await;
    let before = (books.borrow().lsn(), books.borrow().digest());
    for (number, first) in first.into_iter().enumerate() {
        assert_eq!(verdict(&coordinator, deposit(&number.to_string())).await, first);
    }
    let (sender, receiver) = oneshot::channel();
    let Envelope::Run(mut other) = deposit("0") else { panic!("a deposit") };
    other.key = Some(Content::of(&[b"another"]));
    let origin = Origin::Waiting { principal: Principal::HUB, answer: sender };
    coordinator.do_send(Submit { envelope: Envelope::Run(other), origin });
    assert_eq!(receiver.await.expect("a result").verdict, Verdict::KeyReused);
    assert_eq!((books.borrow().lsn(), books.borrow().digest()), before, "nothing was recorded");

    let to = money.to(1);
    coordinator.do_send(GetOutcome { player: PLAYER, key, to });
    let Reply::Outcome { outcome: KeyOutcome::Refused { code: told, .. }, .. } = money.reply().await else {
        panic!("a refusal")
    };
    assert_eq!(told, code);
    money.journal.stop();
}

/// A store that says "maybe" of every key, and answers when it is told to.
fn slow() -> (Arc<HookedStore>, Sender<()>) {
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    let store = HookedStore::over(Arc::new(MemoryStore::default())).may_have(|_| true);
    let slow = store.before_read(move |_| {
        told.lock().recv().expect("the test tells");
        Ok(())
    });
    (Arc::new(slow), tell)
}

fn send(coordinator: &Addr<Coordinator>, envelope: Envelope) -> oneshot::Receiver<TxResult> {
    let (sender, receiver) = oneshot::channel();
    coordinator
        .do_send(Submit { envelope, origin: Origin::Waiting { principal: Principal::HUB, answer: sender } });
    receiver
}

/// Both retries ask the same commit. While the second waits, the first is carried out, and its key moves on to another commit.
#[actix::test]
async fn a_key_that_moves_to_the_store_during_its_look_up_is_never_carried_out_twice() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let (slow, tell) = slow();
    let coordinator = money.coordinator().start();
    coordinator.do_send(StoreCommitted(slow));
    let (one, other) = (send(&coordinator, deposit("key")), send(&coordinator, deposit("key")));
    tell.send(()).expect("it waits");
    let receipt = one.await.expect("a result").verdict;
    assert!(is_done(receipt));
    let books = money.books.clone();
    let store = {
        let mut world = engine::World::default();
        records(log.path()).iter().for_each(|record| drop(world.apply(record).expect("it fits")));
        let whole = MemoryStore::of(&world);
        // Its number is above that of the commit that is asked still.
        Arc::new(MemoryStore { generation: 7, ..whole })
    };
    coordinator.do_send(StoreCommitted(store));
    until(|| books.borrow().keys_in_memory() == 0).await;
    tell.send(()).expect("it waits");
    assert_eq!(other.await.expect("a result").verdict, receipt);
    assert_eq!(books.borrow().lsn(), 1, "it was carried out once");
    money.journal.stop();
}

#[actix::test]
async fn others_go_on_while_a_key_is_looked_up() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    let (slow, tell) = slow();
    coordinator.do_send(StoreCommitted(slow));
    let waits = send(&coordinator, deposit("waits"));
    let id = TxId::of_service("test", "waits");
    let books = money.books.clone();
    until(|| matches!(books.borrow().key_state(id, None), KeyState::Older(_))).await;
    // The money side has another store meanwhile.
    coordinator.do_send(StoreCommitted(Arc::new(Empty)));
    assert!(is_done(verdict(&coordinator, deposit("other")).await));
    tell.send(()).expect("it waits");
    assert!(is_done(waits.await.expect("a result").verdict));
    money.journal.stop();
}

/// A stake that nobody can pay, under a player's key: its refusal is recorded.
fn unpaid(key: &protocol::Key) -> Envelope {
    let round = protocol::RoundId { table: "no-round".parse().expect("a table id"), number: 1 };
    let stake = HoldStake { player: PLAYER, round, currency: eur(), amount: 1 };
    Envelope::Run(Tx::new(TxId::of_key(PLAYER, key), PLAYER.into(), Some(Content(1)), stake))
}

/// The next commit has no key that it would have to look up: without the envelope that waits, the key would be unknown.
#[actix::test]
async fn a_question_about_a_key_waits_for_the_request_that_is_being_looked_up() {
    let log = tempfile::tempdir().expect("a directory");
    let mut money = money(log.path());
    let coordinator = money.coordinator().start();
    let (slow, tell) = slow();
    let key: protocol::Key = "asked".parse().expect("a key");
    coordinator.do_send(StoreCommitted(slow));
    let waits = send(&coordinator, unpaid(&key));
    coordinator.do_send(StoreCommitted(Arc::new(Empty)));
    let to = money.to(1);
    coordinator.do_send(GetOutcome { player: PLAYER, key, to });
    tell.send(()).expect("it waits");
    let Reply::Outcome { outcome: KeyOutcome::Refused { code, .. }, .. } = money.reply().await else {
        panic!("it has an outcome")
    };
    assert_eq!(code, ErrorCode::NoAccount);
    let verdict = waits.await.expect("a result").verdict;
    let Verdict::Recorded(Outcome::Refused { code, .. }) = verdict else { panic!("{verdict:?}") };
    assert_eq!(code, ErrorCode::NoAccount);
    let (to, key) = (money.to(1), "never-used".parse().expect("a key"));
    coordinator.do_send(GetOutcome { player: PLAYER, key, to });
    let reply = money.reply().await;
    assert!(matches!(reply, Reply::Outcome { outcome: KeyOutcome::Unknown, .. }), "{reply:?}");
    money.journal.stop();
}

/// Whether a verdict sends the client away for a while.
fn is_busy(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::NotNow(ErrorCode::Busy, wait_ms) if spread::COME_BACK.contains(&wait_ms))
}

#[actix::test]
async fn while_the_store_is_too_far_behind_new_keys_are_refused_as_busy_and_known_ones_are_answered() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = Coordinator { keys_in_memory_max: 3, ..money.coordinator() }.start();
    let mut first = Vec::new();
    for number in 0..3 {
        first.push(verdict(&coordinator, deposit(&number.to_string())).await);
    }
    assert!(is_busy(verdict(&coordinator, deposit("more")).await));
    assert_eq!(verdict(&coordinator, deposit("0")).await, first[0], "it is in memory");
    assert_eq!(money.books.borrow().lsn(), 3, "nothing is recorded");
    coordinator.do_send(StoreCommitted(stored(log.path())));
    let books = money.books.clone();
    until(|| books.borrow().keys_in_memory() == 0).await;
    for key in ["more", "and more", "and again"] {
        assert!(is_done(verdict(&coordinator, deposit(key)).await), "the key was free");
    }
    assert!(is_busy(verdict(&coordinator, deposit("too many")).await));
    assert_eq!(verdict(&coordinator, deposit("0")).await, first[0], "it is in the store");
    money.journal.stop();
}

/// A store that cannot be read so often, because of damage or for a while.
fn unread(damaged: bool, times: u32) -> Arc<HookedStore> {
    let times = AtomicU32::new(times);
    let what = if damaged { "a block is damaged" } else { "too many open files" };
    let empty = MemoryStore { generation: 1, ..MemoryStore::default() };
    let store = HookedStore::over(Arc::new(empty)).may_have(|_| true);
    Arc::new(store.before_read(move |_| {
        let fails = times.try_update(Relaxed, Relaxed, |times| times.checked_sub(1)).is_ok();
        if fails { Err(Unreadable { what: what.into(), damaged }) } else { Ok(()) }
    }))
}

#[actix::test]
async fn a_damaged_store_leaves_an_old_key_undecided_and_the_hub_not_ready() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    coordinator.do_send(StoreCommitted(unread(true, u32::MAX)));
    let waits = send(&coordinator, deposit("old"));
    let condition = money.journal.condition();
    let state = condition.clone();
    let unsound = tokio::task::spawn_blocking(move || {
        state.wait_while(|state| state != journal::State::Unsound, Duration::from_secs(30))
    });
    assert_eq!(unsound.await.expect("it waits"), journal::State::Unsound);
    assert!(condition.why().contains("a block is damaged") && condition.why().contains("move the directory"));
    assert_eq!(money.books.borrow().lsn(), 0, "nothing was carried out");
    money.journal.stop();
    waits.await.expect_err("nothing is released any more, so the request has no answer");
}

#[actix::test]
async fn a_store_that_cannot_be_read_for_a_while_answers_as_unavailable_and_the_hub_stays_ready() {
    let log = tempfile::tempdir().expect("a directory");
    let mut money = money(log.path());
    let port = money.port();
    // Once for each of the following.
    port.committed(unread(false, 2));
    let Execution::NotNow { code, wait_ms } = port.execute(Principal::HUB, deposit("old")).await else {
        panic!("it cannot be read")
    };
    assert_eq!((code, spread::BUSY.contains(&wait_ms)), (ErrorCode::Unavailable, true));
    let (to, key) = (money.to(1), "asked".parse().expect("a key"));
    port.outcome(GetOutcome { player: PLAYER, key, to });
    let not_now = |reply| {
        let Reply::Error(Failure { code, is_final, retry_after_ms, .. }) = reply else { panic!("{reply:?}") };
        assert_eq!((code, is_final), (ErrorCode::Unavailable.into(), Some(false)));
        assert!(spread::BUSY.contains(&retry_after_ms.expect("when to try again")));
    };
    not_now(money.reply().await);
    let (balance, to) = (money.domain::<Balance>().start(), money.to(1));
    let results = Err(Unreadable { what: "too many open files".into(), damaged: false });
    balance.do_send(ResultsRead { to, results });
    not_now(money.reply().await);

    assert_ne!(money.journal.condition().state(), journal::State::Unsound);
    assert_eq!(money.books.borrow().lsn(), 0, "nothing was carried out");
    assert!(matches!(port.execute(Principal::HUB, deposit("old")).await, Execution::Committed(_)));
    money.journal.stop();
}
