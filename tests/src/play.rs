//! Play goes on: bets that a hub must accept, and a whole life of a hub that ends with a proof of its log.

use crate::{
    hub::{OPEN, TestHub},
    player::Account,
};

/// Somebody stakes 1.00 so often at the table [`OPEN`].
///
/// # Panics
/// When a bet is not accepted.
pub async fn takes_bets(hub: &TestHub, subject: &str, count: usize) {
    let account = Account::sign_in(hub.address(), subject).await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    for _ in 0..count {
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    }
}

/// A hub that is stopped starts, takes a bet, stops in order, and proves its log. Returns the report of `hub verify`.
///
/// # Panics
/// When it does not.
pub async fn plays_on(hub: &mut TestHub) -> String {
    hub.start();
    takes_bets(hub, "anna", 1).await;
    hub.terminate();
    let ended = hub.ended().await;
    assert!(ended.success(), "{ended}");
    let report = hub.done(&["verify"]);
    assert!(report.contains("Everything agrees"), "{report}");
    report
}
