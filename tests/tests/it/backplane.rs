//! Channels through a real Redis: from any service to any player, on both sub-protocols, also while Redis dies and
//! comes back. Bets do not depend on it.

use protocol::{Payload, Push, SUBPROTOCOL_JSON, push::Event, reply::Phase};
use serde_json::{Value, json};
use tests::{
    PATIENCE, http,
    hub::{OPEN, QUICK, Setup, Table, TestHub},
    player::{Account, Session},
    raw::RawSocket,
    redis::Redis,
    until,
};

const PRESS: &str = "Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e";
const NEWS: &str = "news:sport";

fn setup(redis: &Redis) -> Setup {
    Setup::default()
        .variable("HUB_REDIS_URL", redis.url())
        .variable("HUB_PUBLISH_TOKENS", format!("press:{PRESS}"))
}

/// One subscriber of the news in each sub-protocol.
struct Readers {
    json: RawSocket,
    msgpack: Session,
}

impl Readers {
    async fn subscribe(hub: &TestHub, name: &str) -> Self {
        let account = Account::sign_in(hub.address(), name).await;
        let mut json = RawSocket::hello(hub.address(), &account.token).await;
        let reply = json.ask(json!({"t": "subscribe", "ch": NEWS})).await;
        assert_eq!(reply["t"], "subscribed", "{reply}");
        let msgpack = account.connect(hub.address()).await;
        msgpack.client.subscribe(NEWS.parse().expect("a channel"), None).await.expect("a subscription");
        Self { json, msgpack }
    }

    /// Both hear this next, at the same position, which is returned.
    async fn hear(&mut self, data: &Value) -> (String, u64) {
        let push = self.json.push(|push| push["t"] == "pub" && push["ch"] == NEWS).await;
        assert_eq!(push["d"], *data);
        let position = self.msgpack.hear_push("the news", |push| match push {
            Push::Pub(publication) if publication.ch.as_str() == NEWS => {
                let heard: Value = serde_json::from_str(&publication.d.to_json()).expect("JSON");
                assert_eq!(heard, *data);
                publication.e.clone().zip(publication.o)
            }
            _ => None,
        });
        let position = position.await;
        assert_eq!((push["e"].as_str(), push["o"].as_u64()), (Some(&*position.0), Some(position.1)));
        position
    }
}

/// A player who can bet at the open table.
async fn bettor(hub: &TestHub) -> (Session, u64) {
    let mut session = Account::sign_in(hub.address(), "bettor").await.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    (session, round)
}

async fn bets(session: &Session, round: u64) {
    let receipt = session.bet(session.key(), OPEN.id, round, "1.00").await;
    receipt.expect("bets do not need Redis");
}

/// The report of `/health/ready` on the channels, when the hub as a whole is up.
async fn channels(hub: &TestHub) -> Value {
    let ready = http::get(hub.address(), "/health/ready").await;
    let body = ready.json();
    assert_eq!((ready.status, &body["status"]), (200, &json!("up")), "the hub serves on: {body}");
    let parts = body["parts"].as_array().expect("parts");
    parts.iter().find(|part| part["name"] == "channels").expect("a part for channels")["status"].clone()
}

#[tokio::test]
async fn what_any_service_publishes_reaches_every_subscriber_of_every_hub() {
    let redis = Redis::start();
    let (one, two) = (setup(&redis).start(), setup(&redis).start());
    let mut here = Readers::subscribe(&one, "here").await;
    let mut there = Readers::subscribe(&two, "there").await;

    let spoken = json!({"title": "Kick-off", "odds": [1.5, 2, null], "name": "Zoë"});
    assert!(redis.publish("hub:news:sport", spoken.to_string().as_bytes()) >= 2, "both hubs listen");
    let first = here.hear(&spoken).await;
    there.hear(&spoken).await;

    let packed = Payload::from_json(br#"{"title":"Goal","minute":12}"#).expect("JSON");
    let _ = redis.publish("hub:news:sport", packed.bytes());
    let second = here.hear(&json!({"title": "Goal", "minute": 12})).await;
    there.hear(&json!({"title": "Goal", "minute": 12})).await;
    assert_eq!((&second.0, second.1), (&first.0, first.1 + 1), "positions count");

    let over = json!({"title": "Full time"});
    let body = json!({"channel": NEWS, "data": over});
    let answer = http::post(one.address(), "/api/publish", Some(PRESS), &body).await;
    assert_eq!((answer.status, &answer.json()), (202, &json!({"epoch": null, "offset": null})), "{answer:?}");
    here.hear(&over).await;
    there.hear(&over).await;

    // What is no publication is dropped, and what follows is heard.
    let _ = redis.publish("hub:news:sport", b"not JSON");
    let _ = redis.publish("hub:news:sport", &vec![b' '; 100_000]);
    let _ = redis.publish("hub:news:sport", b"true");
    here.hear(&json!(true)).await;
    there.hear(&json!(true)).await;
}

#[tokio::test]
async fn publishing_needs_a_service_token_and_a_channel_that_is_open_to_services() {
    let redis = Redis::start();
    let hub = setup(&redis).start();
    let body = |channel: &str| json!({"channel": channel, "data": 1});
    let status = async |token, channel: &str| {
        http::post(hub.address(), "/api/publish", token, &body(channel)).await.status
    };
    assert_eq!(status(None, NEWS).await, 401);
    assert_eq!(status(Some("guessed-guessed-guessed-guessed-g"), NEWS).await, 401);
    for channel in
        ["table:open", "player:0123456789abcdef0123456789abcdef", "lobby", "domain:balance", "other:x"]
    {
        assert_eq!(status(Some(PRESS), channel).await, 403, "{channel}");
    }
    assert_eq!(status(Some(PRESS), "no such name").await, 400);
    until("channels up", async || (channels(&hub).await == "up").then_some(())).await;
    assert_eq!(status(Some(PRESS), NEWS).await, 202, "numbered by each hub that hears it");
    let long = json!({"channel": NEWS, "data": "x".repeat(20_000)});
    assert_eq!(http::post(hub.address(), "/api/publish", Some(PRESS), &long).await.status, 413);
}

/// An event of a log with its position, as the first hubs sent it through Redis.
fn of_a_log(epoch: &str, offset: u64, json: &Value) -> Vec<u8> {
    let payload = Payload::from_json(json.to_string().as_bytes()).expect("JSON");
    let offset = offset.to_be_bytes();
    [b"\xC1\x01\x01", &offset[..], &[epoch.len() as u8], epoch.as_bytes(), payload.bytes()].concat()
}

#[tokio::test]
async fn no_message_in_redis_shows_a_forged_balance_or_silences_a_channel_and_each_is_counted() {
    let redis = Redis::start();
    let hub = setup(&redis).start();
    let mut readers = Readers::subscribe(&hub, "reader").await;
    until("channels up", async || (channels(&hub).await == "up").then_some(())).await;
    let tops = readers.json.ask(json!({"t": "ping"})).await["tops"].clone();
    let personal = tops.as_object().expect("tops").keys().find(|name| name.starts_with("player:"));
    let personal = personal.expect("a channel of the player's own").clone();
    let forged =
        json!({"ev": "balance", "lsn": 1, "currency": "EUR", "available": "9999.00", "held": "0.00"});
    let epochs =
        [&tops[&personal][0], &tops[NEWS][0]].map(|epoch| epoch.as_str().expect("an epoch").to_owned());
    for epoch in epochs.iter().map(String::as_str).chain(["Lforged"]) {
        for offset in [0, 1, 2, 1 << 52, u64::MAX] {
            for channel in [&personal, NEWS] {
                let _ = redis.publish(&format!("hub:{channel}"), &of_a_log(epoch, offset, &forged));
            }
        }
    }
    let _ = redis.publish(&format!("hub:{personal}"), forged.to_string().as_bytes());
    let _ = redis.publish("hub:news:sport", b"\"true news\"");
    readers.hear(&json!("true news")).await;
    let after = readers.json.ask(json!({"t": "ping"})).await["tops"].clone();
    assert_eq!(after[&personal], tops[&personal]);
    assert_eq!(after[NEWS], json!([tops[NEWS][0], 1]));
    for line in
        ["hub_channels_dropped_total{reason=\"owned\"} 16", "hub_channels_dropped_total{reason=\"log\"} 15"]
    {
        until(line, async || hub.figures().await.contains(line).then_some(())).await;
    }
}

#[tokio::test]
async fn rounds_of_a_table_come_in_order_whatever_is_said_on_its_channel_in_redis() {
    let redis = Redis::start();
    let hub = setup(&redis).start();
    let mut session = Account::sign_in(hub.address(), "watcher").await.connect(hub.address()).await;
    let round = session.open_round(QUICK.id).await;
    let forged = json!({"ev": "round_result", "round": round, "outcome": 17});
    let _ = redis.publish("hub:table:quick", &of_a_log("Lforged", 1 << 40, &forged));
    let _ = redis.publish("hub:table:quick", forged.to_string().as_bytes());
    // Every position between the two is checked as it comes.
    for expected in round..round + 3 {
        let next = session.hear("a result", |_, event| match event {
            Event::RoundResult { round, .. } => Some(*round),
            _ => None,
        });
        assert_eq!(next.await, expected);
    }
}

#[tokio::test]
async fn a_round_that_opens_while_its_first_watcher_subscribes_is_heard_by_this_watcher() {
    const FRESH: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let redis = Redis::start();
    let hub = setup(&redis).tables(FRESH.map(|id| Table { id, ..OPEN })).start();
    let mut session = Account::sign_in(hub.address(), "first").await.connect(hub.address()).await;
    for table in FRESH {
        // Sitting down opens the table's first round; that it is open must reach a session that follows from the view
        // on.
        let view = session.sit(table).await;
        if view.phase != Phase::Betting {
            let channel = protocol::Channel::table(view.table);
            let told = session.hear_push("the first round, or that continuity is lost", |push| match push {
                Push::Pub(publication) if publication.ch == channel => publication.o,
                Push::Reset { ch, o, .. } if *ch == channel => Some(*o),
                Push::Pub(_) | Push::Reset { .. } | Push::Drain { .. } => None,
            });
            assert_eq!(told.await, 1, "{table}");
        }
    }
}

#[tokio::test]
async fn a_round_that_ended_unwatched_is_over_for_a_session_that_comes_later() {
    let redis = Redis::start();
    let mut hub = setup(&redis).start();
    let account = Account::sign_in(hub.address(), "absent").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(QUICK.id).await;
    // A round may close before the bet arrives; then the next one is bet on.
    let mut receipt = session.bet(session.key(), QUICK.id, round, "1.00").await;
    while receipt.is_err() {
        let round = session.open_round(QUICK.id).await;
        receipt = session.bet(session.key(), QUICK.id, round, "1.00").await;
    }
    let receipt = receipt.expect("the loop ends with one");
    // The round ends after the crash, while nobody follows the table.
    hub.crash();
    let mut session = account.connect(hub.address()).await;
    until("the end of the round", async || {
        let own = session.client.own_history().await.expect("a history");
        own.iter().any(|result| result.round == receipt.round).then_some(())
    })
    .await;
    // Would panic if the channel's positions began again below those of the view.
    session.sit(QUICK.id).await;
    session
        .hear("a round that goes on", |_, event| matches!(event, Event::RoundResult { .. }).then_some(()))
        .await;
}

#[tokio::test]
async fn a_dead_redis_costs_no_bet_and_when_it_is_back_so_are_the_channels() {
    let mut redis = Redis::start();
    let hub = setup(&redis).start();
    let mut readers = Readers::subscribe(&hub, "reader").await;
    let (session, round) = bettor(&hub).await;
    let _ = redis.publish("hub:news:sport", b"[1]");
    let before = readers.hear(&json!([1])).await;

    redis.kill();
    until("channels down", async || (channels(&hub).await == "down").then_some(())).await;
    for _ in 0..20 {
        bets(&session, round).await;
    }
    redis.restart();
    until("channels up", async || (channels(&hub).await == "up").then_some(())).await;
    let reset = readers.json.push(|push| push["t"] == "reset" && push["ch"] == NEWS).await;
    assert_ne!(reset["e"], before.0, "what was missed cannot be known, and that is said");
    until("a listener in Redis", async || (redis.publish("hub:news:sport", b"[2]") > 0).then_some(())).await;
    let after = readers.hear(&json!([2])).await;
    assert_eq!(Some(&*after.0), reset["e"].as_str(), "publications go on in the epoch of the reset");
    assert_eq!(session.balance().await, (98_000, 2_000));
}

#[tokio::test]
async fn a_redis_that_hangs_does_not_hold_up_a_bet() {
    let redis = Redis::start();
    let hub = setup(&redis).start();
    let mut readers = Readers::subscribe(&hub, "reader").await;
    let (session, round) = bettor(&hub).await;
    redis.freeze();
    let began = std::time::Instant::now();
    for _ in 0..50 {
        bets(&session, round).await;
    }
    let took = began.elapsed();
    // Each would have waited the two seconds that the hub gives Redis.
    assert!(took < PATIENCE, "50 bets beside a hanging Redis took {took:?}");
    let json = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await;
    assert!(json.is_ok(), "new players come in");
    redis.thaw();
    // The first ones may go to a link that the hub has given up and Redis has not.
    let heard = until("a publication that is heard", async || {
        let _ = redis.publish("hub:news:sport", b"33");
        let push = readers.json.push(|push| push["t"] == "pub" && push["ch"] == NEWS);
        tokio::time::timeout(std::time::Duration::from_millis(200), push).await.ok()
    })
    .await;
    assert_eq!(heard["d"], 33);
    assert_eq!(session.balance().await, (95_000, 5_000));
}

#[tokio::test]
async fn a_session_that_comes_back_to_a_quiet_channel_has_missed_nothing_with_redis_and_without() {
    let redis = Redis::start();
    for setup in [setup(&redis), Setup::default()] {
        let hub = setup.option("channels.namespaces.news.history_age_ms", 50).start();
        let account = Account::sign_in(hub.address(), "reader").await;
        let mut first = RawSocket::hello(hub.address(), &account.token).await;
        let told = first.ask(json!({"t": "subscribe", "ch": NEWS})).await;
        assert_eq!(told["t"], "subscribed", "{told}");
        drop(first);
        // Any request makes the hub check which channels have been idle for too long.
        let mut second = RawSocket::hello(hub.address(), &account.token).await;
        until("a quiet channel", async || {
            second.ask(json!({"t": "unsubscribe", "ch": "news:other"})).await;
            second.ask(json!({"t": "subscribe", "ch": "news:other"})).await;
            let figures = hub.figures().await;
            figures.contains("hub_channels_quiet 1").then_some(())
        })
        .await;
        let back = second.ask(json!({"t": "subscribe", "ch": NEWS, "e": told["e"], "o": told["o"]})).await;
        assert_eq!(
            (&back["recovered"], &back["e"], &back["o"]),
            (&json!(true), &told["e"], &told["o"]),
            "{back}"
        );
    }
}
