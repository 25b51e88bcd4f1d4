//! A Redis that is slow, half dead or hung: what this hub's own log says never goes through it.

use std::time::{Duration, Instant};

use protocol::{Channel, Push, push::Event};
use serde_json::{Value, json};
use tests::{
    http,
    hub::{OPEN, QUICK, Setup, TestHub},
    player::{Account, Session, event},
    proxy::Proxy,
    raw::RawSocket,
    redis::Redis,
    until,
    verify::{Cents, cents},
};

const PRESS: &str = "Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e";
const NEWS: &str = "news:sport";
/// Slow, and still within the two seconds the hub waits for an answer.
const SLOW: Duration = Duration::from_millis(1_000);
/// Bets beside a slow Redis.
const BETS: u32 = 20;
/// Longer than any wait for an answer.
const TOO_SLOW: Duration = Duration::from_secs(20);
/// Longest a service waits for the answer to a publication; the rest is for a busy machine.
const PUBLISH_WITHIN: Duration = Duration::from_secs(8);

fn setup(url: String) -> Setup {
    Setup::default().variable("HUB_REDIS_URL", url).variable("HUB_PUBLISH_TOKENS", format!("press:{PRESS}"))
}

async fn is_up(hub: &TestHub, up: bool) {
    until(&format!("channels up: {up}"), async || {
        (figure(hub, "hub_channels_up").await == u64::from(up)).then_some(())
    })
    .await;
}

/// One of the hub's figures.
async fn figure(hub: &TestHub, name: &str) -> u64 {
    hub.figure(name).await.unwrap_or_else(|| panic!("there is no {name}"))
}

async fn publish(hub: &TestHub, data: &Value) -> (http::Answer, Duration) {
    let began = Instant::now();
    let body = json!({"channel": NEWS, "data": data});
    let answer = http::post(hub.address(), "/api/publish", Some(PRESS), &body).await;
    (answer, began.elapsed())
}

/// A session of the player that sits at the quick table.
async fn sits(hub: &TestHub, account: &Account) -> Session {
    let mut session = account.connect(hub.address()).await;
    session.sit(QUICK.id).await;
    session
}

/// Plays a round at the quick table: hears it opened, bets, hears the settlement and every balance on the way.
async fn plays(session: &mut Session) {
    let receipt = loop {
        let round = session.hear("a round that opens", |_, event| match event {
            Event::RoundOpened { round, .. } => Some(*round),
            _ => None,
        });
        let round = round.await;
        // A round may close before the bet arrives; another comes at once.
        if let Ok(receipt) = session.bet(session.key(), QUICK.id, round, "1.00").await {
            break receipt;
        }
    };
    session
        .hear("the settlement", |_, event| match event {
            Event::BetSettled { round, .. } if *round == receipt.round => Some(()),
            _ => None,
        })
        .await;
    let table = Channel::table(QUICK.id.parse().expect("a table id"));
    session
        .hear("a round that goes on", |channel, event| {
            (*channel == table && matches!(event, Event::RoundOpened { .. })).then_some(())
        })
        .await;
    assert_eq!(told(session), Some(session.balance().await), "what the player was told last is what is true");
}

/// The balance that a player's own channel has told last.
fn told(session: &Session) -> Option<(Cents, Cents)> {
    session.heard.iter().rev().find_map(|push| match push {
        Push::Pub(publication) => match event(publication)? {
            Event::Balance { available, held, .. } | Event::BetSettled { available, held, .. } => {
                Some((cents(&available.to_string())?, cents(&held.to_string())?))
            }
            _ => None,
        },
        Push::Reset { .. } | Push::Drain { .. } => None,
    })
}

#[tokio::test]
async fn with_only_the_publishing_connection_dead_no_balance_is_stale_and_the_tables_go_on() {
    let redis = Redis::start();
    let proxy = Proxy::to(redis.port()).await;
    let hub = setup(proxy.url()).start();
    is_up(&hub, true).await;
    let account = Account::sign_in(hub.address(), "player").await;
    let mut before = sits(&hub, &account).await;
    proxy.cut_publishers(true);
    for _ in 0..2 {
        plays(&mut before).await;
    }
    let mut during = sits(&hub, &account).await;
    plays(&mut during).await;
    assert_eq!(figure(&hub, "hub_channels_resets_total").await, 0, "nothing of it was ever in doubt");
    proxy.cut_publishers(false);
    is_up(&hub, true).await;
    hub.verify();
}

#[tokio::test]
async fn while_redis_hangs_players_come_in_and_hear_their_tables_and_balances() {
    let redis = Redis::start();
    let hub = setup(redis.url()).start();
    is_up(&hub, true).await;
    let account = Account::sign_in(hub.address(), "player").await;
    let mut before = sits(&hub, &account).await;
    redis.freeze();
    plays(&mut before).await;
    let mut during = sits(&hub, &account).await;
    plays(&mut during).await;
    redis.thaw();
    is_up(&hub, true).await;
    plays(&mut before).await;
    assert_eq!(figure(&hub, "hub_channels_resets_total").await, 0, "nothing of it was ever in doubt");
    hub.verify();
}

#[tokio::test]
async fn a_slow_redis_slows_what_goes_through_it_and_nothing_else() {
    let redis = Redis::start();
    let proxy = Proxy::to(redis.port()).await;
    let hub = setup(proxy.url()).start();
    is_up(&hub, true).await;
    let account = Account::sign_in(hub.address(), "player").await;
    let mut reader = account.connect(hub.address()).await;
    reader.client.subscribe(NEWS.parse().expect("a channel"), None).await.expect("a subscription");
    proxy.delay(SLOW);

    let began = Instant::now();
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    for _ in 0..BETS {
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("bets do not need Redis");
    }
    // Much less than one wait for each of them, however slow the machine is.
    assert!(began.elapsed() < SLOW * BETS, "hello, sitting down and {BETS} bets took {:?}", began.elapsed());
    session.sit(QUICK.id).await;
    plays(&mut session).await;
    // Long enough for several probes of the link.
    for number in 0..5 {
        let (answer, took) = publish(&hub, &json!(number)).await;
        assert_eq!((answer.status, &answer.json()), (202, &json!({"epoch": null, "offset": null})));
        assert!(took < PUBLISH_WITHIN, "{took:?}");
    }
    reader
        .hear_push("the last of it", |push| match push {
            Push::Pub(publication) if publication.ch.as_str() == NEWS => {
                (publication.d.to_json() == "4").then_some(())
            }
            _ => None,
        })
        .await;
    assert_eq!(figure(&hub, "hub_channels_links_lost_total").await, 0, "slow is not dead");

    proxy.delay(TOO_SLOW);
    let (answer, took) = publish(&hub, &json!("lost")).await;
    // Refused where a probe of the link is ahead of it and finds out first.
    let told = (answer.status, answer.json()["code"].clone());
    assert!(told == (504, json!("unconfirmed")) || told == (503, json!("unavailable")), "{answer:?}");
    assert!(took < PUBLISH_WITHIN, "{took:?}");
    is_up(&hub, false).await;
    let (answer, _) = publish(&hub, &json!("refused")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("unavailable")), "{answer:?}");
    assert!(answer.head.to_lowercase().contains("retry-after: 2"), "{answer:?}");
    plays(&mut session).await;

    proxy.delay(Duration::ZERO);
    is_up(&hub, true).await;
    let (answer, _) = publish(&hub, &json!("again")).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    for count in ["status=\"202\"} 6", "status=\"503\"} "] {
        let line = format!("hub_publications_total{{service=\"press\",{count}");
        // The figures are made at most a few times a second.
        until(&line, async || hub.figures().await.contains(&line).then_some(())).await;
    }
}

#[tokio::test]
async fn a_player_has_so_many_sessions_and_so_many_channels_over_all_of_them() {
    let hub = Setup::default()
        .option("rate.sessions_per_player_max", 2)
        .option("channels.subscriptions_per_player_max", 3)
        .start();
    let account = Account::sign_in(hub.address(), "greedy").await;
    let (one, two) = (account.connect(hub.address()).await, account.connect(hub.address()).await);
    let third = account.try_connect(hub.address(), Vec::new()).await;
    assert_eq!(tests::player::refusal(third.map(|_| ())), protocol::ErrorCode::RateLimited);
    let follow = async |session: &Session, name: &str| {
        session.client.subscribe(name.parse().expect("a channel"), None).await
    };
    for (session, name) in [(&one, "news:1"), (&two, "news:1"), (&two, "news:2")] {
        follow(session, name).await.expect("there is room");
    }
    let refused = follow(&one, "news:2").await;
    assert_eq!(tests::player::refusal(refused), protocol::ErrorCode::RateLimited, "the other may be dead");
    drop(two);
    until("room again", async || follow(&one, "news:2").await.ok()).await;
    account.connect(hub.address()).await;
}

#[tokio::test]
async fn while_redis_hangs_who_waits_for_it_takes_no_place_of_a_bet_and_its_channels_do_not_count() {
    let redis = Redis::start();
    let hub = setup(redis.url())
        .option("rate.in_flight_max", 64)
        .option("channels.subscriptions_per_session_max", 18)
        .start();
    is_up(&hub, true).await;
    let account = Account::sign_in(hub.address(), "bettor").await;
    let mut bettor = account.connect(hub.address()).await;
    let round = bettor.open_round(OPEN.id).await;
    let mut waiting = Vec::new();
    for number in 0..4 {
        let account = Account::sign_in(hub.address(), &format!("waiting-{number}")).await;
        waiting.push(RawSocket::hello(hub.address(), &account.token).await);
    }
    redis.freeze();
    let subscribe = |id: u32| json!({"t": "subscribe", "id": id, "ch": format!("news:{id}")});
    // 68 requests, and room for 64.
    for (number, socket) in (0..).zip(&mut waiting) {
        for id in 0..17 {
            socket.say(&subscribe(100 + 20 * number + id)).await;
        }
    }
    until("requests that wait", async || (figure(&hub, "hub_requests_in_flight").await >= 64).then_some(()))
        .await;
    for _ in 0..10 {
        bettor.bet(bettor.key(), OPEN.id, round, "1.00").await.expect("bets do not need Redis");
    }
    // Redis is given up after two seconds, and who waits is answered. Four could not wait.
    let mut refused = Vec::new();
    for (number, socket) in (0..).zip(&mut waiting) {
        let mut here = 0;
        for id in 0..17 {
            let reply = socket.push(|reply| reply["id"] == 100 + 20 * number + id).await;
            if reply["t"] != "subscribed" {
                let told = (&reply["name"], &reply["retry"]);
                assert_eq!(told, (&json!("unavailable"), &json!("same_key")), "{reply}");
                here += 1;
            }
        }
        refused.push(here);
    }
    assert_eq!(refused.iter().sum::<u32>(), 4, "{refused:?}");
    redis.thaw();
    is_up(&hub, true).await;
    for (socket, refused) in waiting.iter_mut().zip(refused) {
        // Its own channel and seventeen others are as many as it may follow: those that were refused do not count.
        for id in 0..refused {
            let followed = socket.ask(subscribe(id)).await;
            assert_eq!(followed["t"], "subscribed", "{followed}");
        }
        assert_eq!(socket.ask(subscribe(17)).await["name"], "too_large");
    }
}
