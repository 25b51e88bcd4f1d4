//! The erasure of a player in the coordinator's queue.

use domains::recipes::HoldStake;
use engine::{Fact, Principal, StillOpen};
use protocol::RoundId;

use super::*;
use crate::messages::money::{ErasePlayer, Erasure};

/// Asks for the erasure of [`PLAYER`]. The answer comes through the gate.
fn erase(coordinator: &Addr<Coordinator>, record: bool) -> oneshot::Receiver<Erasure> {
    let (answer, receiver) = oneshot::channel();
    coordinator.do_send(ErasePlayer { player: PLAYER, excluded: false, record, answer });
    receiver
}

/// A stake of the player, as a table asks for it.
fn stake(key: &str) -> Envelope {
    let (id, content) = (TxId::of_key(PLAYER, &key.parse().expect("a key")), Content::of(&[key.as_bytes()]));
    let round = RoundId { table: "t1".parse().expect("a table"), number: 1 };
    let stake = HoldStake { player: PLAYER, round, currency: eur(), amount: 5 };
    Envelope::Run(Tx::new(id, PLAYER.into(), Some(content), stake))
}

fn erasures(log: &Path) -> (Vec<PlayerId>, usize) {
    let records = records(log);
    let erased = records.iter().filter_map(|record| match record.body {
        Body::Fact(Fact::Erased { player, .. }) => Some(player),
        _ => None,
    });
    (erased.collect(), records.len())
}

#[actix::test]
async fn a_bet_and_a_deposit_in_the_queue_behind_an_erasure_are_refused_and_leave_no_record() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    let refused = |verdict| verdict == Verdict::Answered(ErrorCode::Forbidden);
    // All are in the queue before the first of them has its turn.
    let erased = erase(&coordinator, true);
    let behind: Vec<_> = [stake("late"), deposit("late")]
        .map(|envelope| {
            let (sender, receiver) = oneshot::channel();
            let origin = Origin::Waiting { principal: Principal::HUB, answer: sender };
            coordinator.do_send(Submit { envelope, origin });
            receiver
        })
        .into();
    let again = erase(&coordinator, true);
    assert_eq!(erased.await, Ok(Erasure::Recorded(1)));
    for verdict in behind {
        assert!(refused(verdict.await.expect("a result").verdict));
    }
    assert_eq!(again.await, Ok(Erasure::Before), "it is recorded once");
    assert!(refused(verdict(&coordinator, stake("later")).await));
    money.journal.stop();
    assert_eq!(erasures(log.path()), (vec![PLAYER], 1));
}

#[actix::test]
async fn what_is_in_the_queue_before_an_erasure_is_decided_before_it_and_keeps_the_player() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    assert_eq!(erase(&coordinator, false).await, Ok(Erasure::Possible), "it is only asked for");
    let (sender, deposited) = oneshot::channel();
    let origin = Origin::Waiting { principal: Principal::HUB, answer: sender };
    coordinator.do_send(Submit { envelope: deposit("early"), origin });
    let kept = erase(&coordinator, true).await.expect("an answer");
    assert!(is_done(deposited.await.expect("a result").verdict));
    let open = StillOpen::Money { domain: Domain::Balance, currency: eur(), posted: 100 };
    assert_eq!(kept, Erasure::Open { open, scale: 0 });
    assert_eq!(erase(&coordinator, false).await, Ok(kept));
    money.journal.stop();
    assert_eq!(erasures(log.path()), (vec![], 1));
}

#[actix::test]
async fn the_digest_that_is_due_with_an_erasure_is_recorded() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let coordinator = money.coordinator().start();
    let other = PlayerId(8);
    // The erasure gets the place before which a digest is due.
    for number in 1..DIGEST_EVERY {
        let (id, key) = (TxId::of_service("test", &number.to_string()), Some(Content(1)));
        let deposit = Deposit { player: other, currency: eur(), amount: 1 };
        let origin = Origin::Nobody;
        coordinator
            .do_send(Submit { envelope: Envelope::Run(Tx::new(id, other.into(), key, deposit)), origin });
    }
    assert_eq!(erase(&coordinator, true).await, Ok(Erasure::Recorded(DIGEST_EVERY)));
    assert!(!is_done(verdict(&coordinator, deposit("late")).await));
    money.journal.stop();
    let digest = records(log.path()).pop().expect("a record").body;
    assert!(matches!(digest, Body::Digest(_)), "{digest:?}");
}
