//! Channels and histories as players use them: what was missed is sent again, and what cannot be sent is reported.

use std::fs;

use games::fair::{self, Share};
use protocol::{Push, Text, push::Event, request::PlaceBet};
use serde_json::{Value, json};
use tests::{
    http,
    hub::{OPEN, QUICK, Setup, Table, TestHub},
    player::{Account, event, red},
    raw::RawSocket,
    verify::{Cents, cents},
};

const PRESS: &str = "Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e";
/// As fast as a table may be.
const BLINK: Table = Table { id: "blink", betting_ms: 100, locked_ms: 0, pause_ms: 0 };

/// Bytes as the wire and the reports write them.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn publish(hub: &TestHub, number: u64) {
    let body = json!({"channel": "news:sport", "data": {"number": number}});
    let answer = http::post(hub.address(), "/api/publish", Some(PRESS), &body).await;
    assert_eq!((answer.status, &answer.json()["offset"]), (200, &json!(number)), "{answer:?}");
}

#[tokio::test]
async fn a_subscriber_gets_exactly_what_it_missed_or_is_told_that_it_is_gone() {
    let hub = Setup::default()
        .variable("HUB_PUBLISH_TOKENS", format!("press:{PRESS}"))
        .option("channels.namespaces.news.history_size", 4)
        .start();
    let account = Account::sign_in(hub.address(), "reader").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    for number in 1..=7 {
        publish(&hub, number).await;
    }
    let subscribe = async |socket: &mut RawSocket, position: Option<(&str, u64)>| {
        let mut request = json!({"t": "subscribe", "ch": "news:sport"});
        if let Some((epoch, offset)) = position {
            request["e"] = epoch.into();
            request["o"] = offset.into();
        }
        let reply = socket.ask(request).await;
        assert_eq!(reply["t"], "subscribed", "{reply}");
        assert_eq!(socket.ask(json!({"t": "unsubscribe", "ch": "news:sport"})).await["t"], "unsubscribed");
        reply
    };
    let fresh = subscribe(&mut socket, None).await;
    let epoch = fresh["e"].as_str().expect("an epoch").to_owned();
    assert_eq!((&fresh["o"], &fresh["pubs"]), (&json!(7), &json!([])), "{fresh}");
    for (since, recovered, missed) in [
        (7, true, 8..8),
        (5, true, 6..8),
        (3, true, 4..8),
        (2, false, 8..8),
        (0, false, 8..8),
        (99, false, 8..8),
    ] {
        let reply = subscribe(&mut socket, Some((&epoch, since))).await;
        let expected: Vec<Value> =
            missed.map(|number| json!({"o": number, "d": {"number": number}})).collect();
        assert_eq!(
            (&reply["recovered"], &reply["pubs"]),
            (&json!(recovered), &json!(expected)),
            "since {since}"
        );
        assert_eq!(reply["o"], 7, "{reply}");
    }
    let other = subscribe(&mut socket, Some(("another", 5))).await;
    assert_eq!((&other["recovered"], &other["e"]), (&json!(false), &json!(epoch)));

    // The same by `resume` of a new session, and what comes afterwards follows without a gap.
    let mut back = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let resume = json!([{"ch": "news:sport", "e": epoch, "o": 6}]);
    let welcome = back.ask(json!({"t": "hello", "token": account.token, "resume": resume})).await;
    assert_eq!(welcome["resumed"][0]["pubs"], json!([{"o": 7, "d": {"number": 7}}]), "{welcome}");
    publish(&hub, 8).await;
    assert_eq!(back.push(|push| push["ch"] == "news:sport").await["o"], 8);
    let pong = back.ask(json!({"t": "ping"})).await;
    assert_eq!(pong["tops"]["news:sport"], json!([epoch, 8]), "a lost last message shows in the heartbeat");
}

#[tokio::test]
async fn a_table_nobody_watched_for_longer_than_its_history_lasts_has_not_stepped_back() {
    let hub = Setup::default()
        .tables([BLINK, QUICK])
        .option("channels.namespaces.table.history_age_ms", 200)
        .start();
    let mut session = Account::sign_in(hub.address(), "returning").await.connect(hub.address()).await;
    let round = session.open_round(BLINK.id).await;
    let (table, channel) = (BLINK.id.parse().expect("a table id"), format!("table:{}", BLINK.id));
    session.client.leave_table(table).await.expect("away from the table");
    session.client.unsubscribe(channel.parse().expect("a channel")).await.expect("away from the channel");
    // Rounds of another table measure the time, and make the hub check which channels it may forget.
    let mut others = session.open_round(QUICK.id).await;
    for _ in 0..3 {
        let next = session.hear("the next round", |_, event| match event {
            Event::RoundOpened { round, .. } if *round > others => Some(*round),
            _ => None,
        });
        others = next.await;
    }
    // Would panic if the channel's positions began again below those of the view.
    let view = session.sit(BLINK.id).await;
    assert!(view.o >= 3 * round, "opened, locked and settled since: {view:?}");
    session
        .hear("a round that goes on", |_, event| matches!(event, Event::RoundOpened { .. }).then_some(()))
        .await;
}

#[tokio::test]
async fn two_players_and_a_spectator_see_one_round_and_each_gets_what_is_due() {
    let hub = Setup::default().tables([Table { betting_ms: 1_500, ..QUICK }]).start();
    let address = hub.address();
    let mut anna = Account::sign_in(address, "anna").await.connect(address).await;
    let mut boris = Account::sign_in(address, "boris").await.connect(address).await;
    let mut spectator = Account::sign_in(address, "spectator").await.connect(address).await;
    let round = anna.open_round(QUICK.id).await;
    for session in [&mut boris, &mut spectator] {
        assert_eq!(session.sit(QUICK.id).await.round, round, "one table, one round");
    }
    anna.bet(anna.key(), QUICK.id, round, "10.00").await.expect("a good bet");
    boris.bet(boris.key(), QUICK.id, round, "5.00").await.expect("a good bet");
    let mut seen = Vec::new();
    for session in [&mut anna, &mut boris, &mut spectator] {
        let result = session.hear("the result", |_, event| match event {
            Event::RoundResult { round: drawn, .. } if *drawn == round => Some(event.clone()),
            _ => None,
        });
        seen.push(result.await);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "all see the same: {seen:?}");
    let Event::RoundResult { outcome, staked, returned, .. } = seen[0] else { panic!("{seen:?}") };
    assert_eq!(staked.to_minor(2), Ok(1_500));

    let red = [1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36].contains(&outcome);
    let mut paid = 0;
    for (session, stake) in [(&anna, 1_000), (&boris, 500)] {
        let results = session.client.own_history().await.expect("a history");
        assert_eq!(results.len(), 1, "{results:?}");
        let due = if red { 2 * stake } else { 0 };
        assert_eq!(results[0].returned.to_minor(2), Ok(due), "{outcome} pays red double or nothing");
        assert_eq!(session.balance().await, (100_000 - stake + due, 0));
        paid += due;
    }
    assert_eq!(returned.to_minor(2), Ok(paid));
    assert_eq!(spectator.balance().await, (100_000, 0));
    let private = |push: &Push| {
        matches!(push, Push::Pub(publication)
        if matches!(event(publication), Some(Event::BetSettled { .. } | Event::Balance { .. })))
    };
    assert!(!spectator.heard.iter().any(private), "nobody hears another's money");
    hub.verify();
}

#[tokio::test]
async fn histories_hold_the_last_fifty_rounds_newest_first() {
    let hub = Setup::default().tables([BLINK]).start();
    let mut session = Account::sign_in(hub.address(), "regular").await.connect(hub.address()).await;
    let mut round = session.open_round(BLINK.id).await;
    let mut settled = 0;
    while settled < 52 {
        // A round may close before the bet arrives; another comes at once.
        settled += u32::from(session.bet(session.key(), BLINK.id, round, "0.50").await.is_ok());
        round = session
            .hear("the next round", |_, event| match event {
                Event::RoundOpened { round, .. } => Some(*round),
                _ => None,
            })
            .await;
    }
    let table = session.client.table_history(BLINK.id.parse().expect("a table id")).await.expect("a history");
    assert_eq!(table.len(), 50);
    assert!(table.windows(2).all(|pair| pair[0].round == pair[1].round + 1), "newest first, none left out");
    assert!(
        table.iter().all(|past| past.outcome.is_some_and(|outcome| outcome <= 36) && past.seed.is_some())
    );
    let own = session.client.own_history().await.expect("a history");
    assert_eq!(own.len(), 50);
    assert!(own.windows(2).all(|pair| pair[0].round.number > pair[1].round.number));
    let (available, held) = session.balance().await;
    let returned: Cents = session
        .heard
        .iter()
        .filter_map(|push| match push {
            Push::Pub(publication) => match event(publication)? {
                Event::BetSettled { returned, .. } => returned.to_minor(2).ok(),
                _ => None,
            },
            Push::Reset { .. } | Push::Drain { .. } => None,
        })
        .sum();
    assert_eq!(available, 100_000 - 50 * Cents::from(settled) + returned, "held: {held}");
}

#[tokio::test]
async fn a_round_killed_in_the_middle_goes_on_with_the_same_bets_and_the_same_deadline() {
    let mut hub = Setup::default().tables([Table { betting_ms: 2_500, ..QUICK }, OPEN]).start();
    let account = Account::sign_in(hub.address(), "unplugged").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(QUICK.id).await;
    let receipt = session.bet(session.key(), QUICK.id, round, "10.00").await.expect("a good bet");
    let before = session.client.join_table(QUICK.id.parse().expect("a table id")).await.expect("a view");
    hub.crash();

    let mut session = account.connect(hub.address()).await;
    let after = session.client.join_table(QUICK.id.parse().expect("a table id")).await.expect("a view");
    assert_eq!(after.1, before.1, "the player's own bets stand");
    assert_eq!((after.0.round, after.0.deadline), (before.0.round, before.0.deadline));
    assert_eq!(
        (&after.0.commit, &after.0.spots),
        (&before.0.commit, &before.0.spots),
        "the seed is the committed one"
    );
    assert_eq!((&after.0.e, after.0.o), (&before.0.e, before.0.o), "the channel has not stepped back");
    assert_eq!(session.balance().await, (99_000, 1_000));
    let again = session.bet(receipt.key, QUICK.id, round, "10.00").await;
    assert_eq!(again.expect("the receipt"), receipt);
    let (staked, available) = session
        .hear("the result", |_, event| match event {
            Event::BetSettled { round, staked, available, .. } if *round == receipt.round => {
                Some((*staked, *available))
            }
            _ => None,
        })
        .await;
    assert_eq!(staked.to_minor(2), Ok(1_000));
    assert_eq!(session.balance().await, (cents(&available.to_string()).expect("an amount"), 0));

    let proof = hub.verify_round(receipt.round);
    let words = String::from_utf8_lossy(&proof.stdout).into_owned();
    assert!(proof.status.success() && words.contains("FAIR"), "{words}");
    let commit = before.0.commit.expect("a commitment");
    assert!(words.contains(&commit), "the commitment shown before the crash is the one proven: {words}");
}

#[tokio::test]
async fn the_log_has_a_players_share_and_not_the_text_and_the_share_is_in_the_mix() {
    let hub = Setup::default().tables([QUICK]).start();
    let account = Account::sign_in(hub.address(), "gardener").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(QUICK.id).await;
    let text = "four-leaf clover 7Kq2";
    let bet = PlaceBet { seed: Text::new(text), ..red(session.key(), QUICK.id, round, "10.00") };
    let receipt = session.client.place_bet(bet).await.expect("a good bet");
    let mix = session
        .hear("the result", |_, event| match event {
            Event::RoundResult { round, mix, .. } if *round == receipt.round.number => Some(mix.clone()),
            _ => None,
        })
        .await;

    let share = Share::of(account.player, text);
    assert_eq!(mix, hex(&fair::mix([share])), "the player is alone at the table");
    let proof = hub.verify_round(receipt.round);
    let words = String::from_utf8_lossy(&proof.stdout).into_owned();
    assert!(proof.status.success() && words.contains(&hex(&share.0)) && words.contains(&mix), "{words}");

    let log: Vec<u8> = hub.segments().iter().flat_map(|file| fs::read(file).expect("a segment")).collect();
    let has = |part: &[u8]| log.windows(part.len()).any(|window| window == part);
    assert!(has(&share.0), "the share is recorded");
    assert!(!has(text.as_bytes()), "the text is not");
}

#[tokio::test]
async fn a_round_that_is_not_over_or_never_was_is_not_called_fair() {
    let hub = Setup::default().tables([OPEN]).start();
    let mut session = Account::sign_in(hub.address(), "sceptic").await.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    for (number, words) in [(round, "still open"), (round + 1, "no round")] {
        let output = hub.verify_round(format!("{}:{number}", OPEN.id).parse().expect("a round"));
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{report}");
        assert!(report.contains(words) && !report.contains("FAIR"), "{report}");
    }
}
