//! A change of a table's limits in the configuration: the open round keeps its own, the next round has the new ones.

use protocol::{ErrorCode, push::Event};
use tests::{
    hub::{Setup, Table, TestHub},
    player::{Account, Session, refusal},
};

/// Long enough for a restart in mid-round, and short enough to wait for its end.
const SLOW: Table = Table { id: "slow", betting_ms: 6_000, locked_ms: 50, pause_ms: 50 };

/// The limits of the table as the hub shows them.
async fn spot_max(session: &mut Session) -> Vec<String> {
    let view = session.sit(SLOW.id).await;
    view.limits.values().map(|(_, max)| max.to_string()).collect()
}

async fn restarted(hub: &mut TestHub, account: &Account, spot_max: &str) -> Session {
    hub.kill();
    hub.configure(|setup| setup.spot_max(spot_max));
    hub.start();
    account.connect(hub.address()).await
}

#[tokio::test]
async fn an_open_round_keeps_its_limits_over_a_restart_with_others_and_the_next_has_the_new_ones() {
    let mut hub = Setup::default().tables([SLOW]).spot_max("100.00").start();
    let account = Account::sign_in(hub.address(), "limited").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(SLOW.id).await;
    session.bet(session.key(), SLOW.id, round, "60.00").await.expect("within the limit");

    let mut session = restarted(&mut hub, &account, "10.00").await;
    assert!(spot_max(&mut session).await.iter().all(|max| max == "100.00"), "the limits of the open round");
    session.bet(session.key(), SLOW.id, round, "40.00").await.expect("within the limits of its round");
    let above = session.bet(session.key(), SLOW.id, round, "1.00").await;
    assert_eq!(refusal(above), ErrorCode::AboveLimit);

    let opened = session.hear("the next round", |_, event| match event {
        Event::RoundOpened { round, .. } => Some(*round),
        _ => None,
    });
    let next = opened.await;
    assert_eq!(next, round + 1);
    let above = session.bet(session.key(), SLOW.id, next, "10.01").await;
    assert_eq!(refusal(above), ErrorCode::AboveLimit);
    session.bet(session.key(), SLOW.id, next, "10.00").await.expect("within the new limit");

    let mut session = restarted(&mut hub, &account, "10.00").await;
    assert!(spot_max(&mut session).await.iter().all(|max| max == "10.00"), "the limits of the open round");
    hub.kill();
    hub.verify();
}
