//! Play sessions: what a player is told of them in every view, over connections and crashes; the reality check; and the time
//! between the beginnings of two rounds.

use engine::{Body, Record};
use journal::{Lsn, Reader};
use protocol::{
    ErrorCode, Key,
    play::{PlayPosition, PlayView},
    push::Event,
    reply::KeyOutcome,
};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, QUICK, Setup, Table, TestHub},
    player::{Account, Session, refusal, token},
    raw::RawSocket,
    until,
};

use super::{BALANCE, change, get, refused, service};

const PLAYER: &str = "/api/domains/balance/PLAYER_123";
const CHECK: &str = "/api/domains/balance/PLAYER_123/reality-check";

/// A hub that keeps play sessions.
fn keeping() -> Setup {
    Setup::default().option("play_sessions.pause_seconds", 1_800)
}

/// A player whom services call `PLAYER_123`, with money.
async fn player(hub: &TestHub, token_of_service: &str) -> Account {
    let account = Account { token: token("PLAYER_123"), player: protocol::PlayerId(0), deposited: 0 };
    drop(account.connect(hub.address()).await);
    let credit = json!({ "playerId": "PLAYER_123", "amount": "100.00", "currency": "EUR", "type": "credit" });
    assert_eq!(change(hub.address(), token_of_service, "money", BALANCE, &credit).await.status, 200);
    account
}

async fn shown(hub: &TestHub, token: &str) -> Value {
    get(hub.address(), token, PLAYER).await.json()["play"].clone()
}

/// Plays a round of the table where the player sits, and returns what was told with the stake and with its end.
async fn play_a_round(session: &mut Session, stake: &str) -> (PlayView, PlayView) {
    // A round may be over before the bet comes.
    let receipt = loop {
        let opened = session.hear("a round", |_, event| match event {
            Event::RoundOpened { round, .. } => Some(*round),
            _ => None,
        });
        let round = opened.await;
        match session.bet(session.key(), QUICK.id, round, stake).await {
            Err(hub_client::Error::Refused(late))
                if [ErrorCode::BetsClosed, ErrorCode::WrongRound].iter().any(|code| late.code == *code) => {}
            bet => break bet.expect("a good bet"),
        }
    };
    let staked = session
        .hear("the stake", |_, event| match event {
            Event::Balance { lsn, play, .. } if *lsn == receipt.lsn => Some(play.clone()),
            _ => None,
        })
        .await;
    let ended = session
        .hear("the result", |_, event| match event {
            Event::BetSettled { round, play, .. } if *round == receipt.round => Some(play.clone()),
            _ => None,
        })
        .await;
    (staked.expect("it goes on"), ended.expect("it goes on"))
}

// clause: ukgc.rts.2e
// clause: ukgc.rts.13c
#[tokio::test]
async fn elapsed_time_and_net_position_are_told_in_every_view_over_connections_and_a_crash() {
    let mut hub = keeping().start();
    let cashier = service(&hub, "cashier", "balance:*");
    let account = player(&hub, &cashier).await;
    let mut session = account.connect(hub.address()).await;
    assert_eq!((&session.client.welcome().play, shown(&hub, &cashier).await), (&None, Value::Null));
    assert_eq!(session.client.play().await.expect("an answer"), None);

    session.sit(QUICK.id).await;
    let (staked, first) = play_a_round(&mut session, "10.00").await;
    let [PlayPosition { net, .. }] = &staked.positions[..] else { panic!("{staked:?}") };
    assert_eq!(net, "0.00", "what is still in play is no loss");
    assert_eq!((staked.since, staked.ends), (first.since, first.since + 1_800_000));
    let (_, second) = play_a_round(&mut session, "20.00").await;
    let [PlayPosition { staked, returned, net, .. }] = &second.positions[..] else { panic!("{second:?}") };
    let (staked, returned) = (staked.to_minor(2).expect("cents"), returned.to_minor(2).expect("cents"));
    assert_eq!((second.since, staked), (first.since, 3_000));
    let (won, available) = (returned - staked, session.balance().await.0);
    assert_eq!(available, 10_000 + won, "the net position is what the balance has become less");
    let cents: i128 = net.replace(['.', '-'], "").parse().expect("an amount");
    assert_eq!(if net.starts_with('-') { -cents } else { cents }, won);

    assert_eq!(session.client.play().await.expect("an answer").as_ref(), Some(&second));
    let other = account.connect(hub.address()).await;
    assert_eq!(
        other.client.welcome().play.as_ref(),
        Some(&second),
        "it is of the player, not of a connection"
    );
    drop((session, other));
    hub.crash();
    let session = account.connect(hub.address()).await;
    assert_eq!(session.client.welcome().play.as_ref(), Some(&second), "and it is in the log");
    let told = shown(&hub, &cashier).await;
    assert_eq!(told["positions"], json!(second.positions), "{told}");
    assert!(told["elapsed_ms"].as_u64().is_some() && told["check"].is_null(), "{told}");
    drop(session);
    hub.kill();
    hub.verify();
}

/// Waits until a bet is refused for the reality check, and returns its key and round.
async fn play_until_the_check(session: &mut Session) -> (Key, u64) {
    let round = session.open_round(OPEN.id).await;
    let refused = until("the reality check", async || {
        let key = session.key();
        match session.bet(key, OPEN.id, round, "0.50").await {
            Ok(_) => None,
            refused => Some((key, refusal(refused))),
        }
    });
    let (key, code) = refused.await;
    assert_eq!(code, ErrorCode::RealityCheckDue);
    (key, round)
}

// clause: ukgc.rts.13b
/// A short rule, so that nobody waits for an hour. The same bet is tried until it comes in time after an acknowledgement, however
/// slow the machine is.
#[tokio::test]
async fn after_a_time_of_play_bets_wait_for_an_acknowledgement_on_every_connection_and_over_a_crash() {
    let mut hub = keeping().option("play_sessions.reality_check_seconds", 1).start();
    let account = Account::sign_in(hub.address(), "absorbed").await;
    let mut session = account.connect(hub.address()).await;
    let early = session.client.acknowledge(session.key()).await;
    assert_eq!(refusal(early), ErrorCode::NoCheckDue, "nobody acknowledges what was not shown");
    let (key, round) = play_until_the_check(&mut session).await;
    let view = session.client.play().await.expect("an answer").expect("it goes on");
    assert!(view.check.is_some_and(|check| check == view.since + 1_000), "{view:?}");

    let mut raw = RawSocket::hello(hub.address(), &account.token).await;
    let bet = json!({
        "t": "place_bet", "key": key, "table": OPEN.id, "round": round, "currency": "EUR",
        "bets": [{ "kind": "red", "a": "0.50" }],
    });
    raw.ask(json!({ "t": "join_table", "table": OPEN.id })).await;
    let told = raw.ask(bet).await;
    assert_eq!((&told["name"], &told["final"]), (&json!("reality_check_due"), &json!(false)), "{told}");
    assert_eq!(told["play"]["since"], json!(view.since), "the refusal says what it follows from: {told}");
    let outcome = session.client.outcome(key).await.expect("an answer");
    assert_eq!(outcome, KeyOutcome::Unknown, "the key of the bet is free");

    drop((session, raw));
    hub.crash();
    let mut session = account.connect(hub.address()).await;
    session.sit(OPEN.id).await;
    assert_eq!(refusal(session.bet(key, OPEN.id, round, "0.50").await), ErrorCode::RealityCheckDue);
    let acknowledged = session.key();
    let lsn = session.client.acknowledge(acknowledged).await.expect("it is due");
    assert_eq!(session.client.acknowledge(acknowledged).await.expect("the same again"), lsn);
    let outcome = session.client.outcome(acknowledged).await.expect("an answer");
    assert_eq!(outcome, KeyOutcome::Changed { lsn });
    let checked = session.client.play().await.expect("an answer").expect("it goes on");
    assert!(checked.since == view.since && checked.check > view.check, "{checked:?}");
    let receipt = until("the same bet", async || {
        let taken = session.bet(key, OPEN.id, round, "0.50").await.ok();
        if taken.is_none() {
            // Too late on a slow machine: it is due again.
            let _ = session.client.acknowledge(session.key()).await;
        }
        taken
    });
    assert_eq!(receipt.await.key, key);
    drop(session);
    hub.kill();
    hub.verify();
}

#[tokio::test]
async fn a_service_tells_that_a_player_has_acknowledged_and_only_when_it_is_due() {
    let hub = keeping().option("play_sessions.reality_check_seconds", 1).start();
    let cashier = service(&hub, "cashier", "balance:*");
    let account = player(&hub, &cashier).await;
    let at = hub.address();
    let early = refused(&change(at, &cashier, "a1", CHECK, &json!({})).await, 409, "no_check_due");
    assert_eq!(early["key_consumed"], json!(false), "{early}");
    let mut session = account.connect(at).await;
    play_until_the_check(&mut session).await;
    let dry = change(at, &cashier, "a0", &format!("{CHECK}?dry_run=true"), &json!({})).await;
    assert_eq!(dry.status, 200, "{dry:?}");
    let done = change(at, &cashier, "a1", CHECK, &json!({})).await;
    assert_eq!((done.status, &done.json()["type"]), (200, &json!("reality_check")), "{done:?}");
    let again = change(at, &cashier, "a1", CHECK, &json!({})).await.json();
    assert_eq!((&again["lsn"], &again["replayed"]), (&done.json()["lsn"], &json!(true)));
    let nobody = change(at, &cashier, "n", "/api/domains/balance/NOBODY/reality-check", &json!({})).await;
    refused(&nobody, 404, "unknown_player");
}

/// Two tables between whose rounds there is time enough.
const SLOW: [Table; 2] = [
    Table { id: "one", betting_ms: 600_000, locked_ms: 60_000, pause_ms: 0 },
    Table { id: "two", betting_ms: 600_000, locked_ms: 30_000, pause_ms: 30_000 },
];

// clause: ukgc.rts.14g
#[tokio::test]
async fn a_player_begins_with_another_round_only_after_a_time_by_the_hubs_clock() {
    let hub = keeping().tables(SLOW).option("play_sessions.round_start_ms_min", 60_000).start();
    let mut session = Account::sign_in(hub.address(), "fast").await.connect(hub.address()).await;
    let (one, two) = (session.open_round("one").await, session.open_round("two").await);
    session.bet(session.key(), "one", one, "1.00").await.expect("the first round");
    let key = session.key();
    for _ in 0..3 {
        let hasty = session.bet(key, "two", two, "1.00").await;
        let Err(hub_client::Error::Refused(failure)) = hasty else { panic!("{hasty:?}") };
        assert_eq!((failure.code.known(), failure.is_final), (Some(ErrorCode::StartTooSoon), Some(false)));
        assert!(failure.retry_after_ms.is_some_and(|wait| (1..=60_000).contains(&wait)), "{failure:?}");
        let play = failure.play.expect("the refusal says what it follows from");
        assert_eq!(play.start, Some(play.since + 60_000));
    }
    session.bet(session.key(), "one", one, "1.00").await.expect("a further bet in the same round");
}

/// How often the rules of play sessions are recorded.
fn changes_of_rules(hub: &TestHub) -> usize {
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    let mut changes = 0;
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        if let Body::Committed(committed) = Record::decode(entry.bytes).expect("a record").body {
            changes += usize::from(committed.intent.name() == "SESSION_RULES");
        }
    }
    changes
}

#[tokio::test]
async fn the_rules_are_recorded_when_configuration_changes_them_and_nothing_is_told_while_none_are_kept() {
    let mut hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "steady").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    assert_eq!(session.client.play().await.expect("an answer"), None);
    drop(session);
    hub.crash_into("play_sessions.pause_seconds", 900);
    let mut session = account.connect(hub.address()).await;
    session.sit(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    let play = session.client.play().await.expect("an answer").expect("it has begun");
    assert_eq!(play.ends, play.since + 900_000);
    drop(session);
    hub.crash();
    hub.kill();
    hub.verify();
    assert_eq!(changes_of_rules(&hub), 1, "once, when it changed");
}
