//! A table whose log takes no records.

use engine::table::TableState;

use super::*;

#[actix::test]
async fn no_round_opens_while_the_log_takes_no_records_and_one_opens_by_itself_once_it_does() {
    let log = journal::Condition::default();
    let mut rig = rig_with(TableState::default(), log.clone()).await;
    let before = rig.money.books.borrow().lsn();
    rig.join(1);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("the table can be looked at") };
    assert_eq!((view.phase, view.round), (Phase::Idle.into(), 0));
    rig.settled().await;
    assert_eq!(rig.money.books.borrow().lsn(), before, "nothing was recorded");
    log.ready();
    until("a round, and nobody has asked", || rig.money.books.borrow().lsn() > before).await;
}

#[actix::test]
async fn a_round_that_is_open_is_settled_although_the_log_takes_no_new_requests() {
    let mut rig = rig_with(round_to_settle(), journal::Condition::default()).await;
    rig.table.send(Wake).await.expect("the table lives");
    rig.settled().await;
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    let Reply::TableHistory { rounds, .. } = rig.reply().await else { panic!("the table lives") };
    assert!(matches!(&rounds[..], [past] if past.outcome.is_some()), "{rounds:?}");
}
