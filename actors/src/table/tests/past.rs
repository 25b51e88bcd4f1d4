//! The last rounds of a table, as those see them who come and who ask.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use engine::{
    StateItem, Unreadable,
    stored_state::{hooked::HookedStore, memory::MemoryStore},
    table::{PAST_ROUNDS_MAX, PastRound},
};

use super::{
    rig::{Rig, rounds_to_settle},
    *,
};

/// How often an item of a store was read, and whether the store cannot be read now.
#[derive(Debug, Default)]
struct Watched {
    reads: AtomicUsize,
    fails: AtomicBool,
}

impl Watched {
    fn read(&self) -> Result<(), Unreadable> {
        if self.fails.load(Relaxed) {
            return Err(Unreadable { what: "too many files are open".into(), damaged: false });
        }
        self.reads.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// Sixty rounds: the last is locked and due, and the store has the fifty before it.
async fn after_sixty() -> (Rig, Arc<Watched>) {
    let rig = rig_over(rounds_to_settle(60)).await;
    let mut store = MemoryStore::default();
    for number in 10..60 {
        let past = PastRound { number, time: number, commit: [number as u8; 32], staked: 0, drawn: None };
        let item = StateItem::Round(id(), past);
        store.items.insert(item.id().place(), item.encode());
    }
    let watched = Arc::new(Watched::default());
    let watch = watched.clone();
    let store = HookedStore::over(Arc::new(store)).before_read(move |_| watch.read());
    rig.money.books.borrow_mut().turn_to(Arc::new(store));
    (rig, watched)
}

/// The numbers of the rounds that are answered to whoever asks for them alone.
async fn told(rig: &mut Rig) -> Vec<u64> {
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    match rig.reply().await {
        Reply::TableHistory { rounds, .. } => rounds.iter().map(|past| past.round).collect(),
        reply => panic!("no history: {reply:?}"),
    }
}

fn down_from(newest: u64) -> Vec<u64> {
    (1..=newest).rev().take(PAST_ROUNDS_MAX).collect()
}

#[actix::test]
async fn whoever_comes_sees_the_last_rounds_of_the_store_and_those_that_have_ended_since() {
    let (mut rig, _) = after_sixty().await;
    // The settlement is under way while the rounds are read.
    rig.join(1);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    let newest = if view.phase == Phase::Locked { 59 } else { 60 };
    assert_eq!(view.history.iter().map(|past| past.round).collect::<Vec<_>>(), down_from(newest));
    assert_eq!(view.history[0].outcome.is_some(), newest == 60);
    rig.settled().await;
    assert_eq!(told(&mut rig).await, down_from(60));
    rig.join(3);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    assert_eq!(view.history.iter().map(|past| past.round).collect::<Vec<_>>(), down_from(60));
    let oldest = view.history.last().expect("fifty rounds");
    assert_eq!((oldest.time, oldest.commit.as_str()), (11, &*"0b".repeat(32)));
}

#[actix::test]
async fn the_store_is_read_once_for_all_who_are_there_and_for_each_who_looks_in() {
    let (mut rig, watched) = after_sixty().await;
    rig.table.send(Wake).await.expect("the table lives");
    rig.settled().await;
    assert_eq!(watched.reads.load(Relaxed), 0, "nobody has looked");
    for looks in 1..=2 {
        assert_eq!(told(&mut rig).await, down_from(60));
        assert_eq!(watched.reads.load(Relaxed), looks * 49, "nothing is kept for nobody");
    }
    for session in [1, 3] {
        rig.join(session);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    assert_eq!(told(&mut rig).await, down_from(60));
    assert_eq!(watched.reads.load(Relaxed), 3 * 49, "it is read for the first who comes");
}

#[actix::test]
async fn while_the_store_cannot_be_read_nobody_sits_down_and_everybody_is_answered() {
    let (mut rig, watched) = after_sixty().await;
    rig.table.send(Wake).await.expect("the table lives");
    rig.settled().await;
    watched.fails.store(true, Relaxed);
    rig.join(1);
    rig.table.do_send(GetRounds { to: rig.money.to(3) });
    for _ in 0..2 {
        let Reply::Error(failure) = rig.reply().await else { panic!("there is nothing to show") };
        assert_eq!(failure.code.known(), Some(ErrorCode::Unavailable));
        assert!(failure.retry_after_ms.is_some(), "it passes");
    }
    let heard = rig.refused.send(Heard).await.expect("alive");
    assert_eq!(heard, [NoPlace { table: id(), join: 1 }]);
    assert_eq!(rig.status.players.load(Relaxed), 0);
    watched.fails.store(false, Relaxed);
    rig.join(1);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    assert_eq!(view.history.len(), PAST_ROUNDS_MAX);
}
