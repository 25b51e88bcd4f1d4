//! SIGTERM: clients are told when to come back, nothing new is begun, nothing begun is lost.

use std::{collections::BTreeSet, time::Instant};

use engine::{Fact, World};
use protocol::{CloseCode, Push, SUBPROTOCOL_JSON, push::Event};
use serde_json::json;
use tests::{
    http,
    hub::{OPEN, QUICK, Setup, TestHub},
    player::Account,
    raw::{Frame, RawSocket, TEXT, frame},
    redis::Redis,
    soon, until,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

const PRESS: &str = "Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e";

#[tokio::test]
async fn sigterm_sends_everyone_away_at_different_times_and_keeps_the_open_rounds() {
    let mut hub = Setup::default()
        .variable("HUB_PUBLISH_TOKENS", format!("press:{PRESS}"))
        .option("socket.close_within_ms", 10_000)
        .option("server.drain_seconds", 20)
        .start();
    let address = hub.address();
    let mut players = Vec::new();
    for number in 0..5 {
        let account = Account::sign_in(address, &format!("guest{number}")).await;
        let mut session = account.connect(address).await;
        let mut receipts = Vec::new();
        for table in [OPEN.id, QUICK.id] {
            let round = session.open_round(table).await;
            // The quick round may close in between; the other one stands.
            if let Ok(receipt) = session.bet(session.key(), table, round, "2.00").await {
                receipts.push((table, receipt));
            }
        }
        assert_eq!(receipts[0].0, OPEN.id);
        players.push((account, session, receipts));
    }
    // It sees the close frame and does not answer, which keeps the hub draining while we look at it.
    let lingerer = Account::sign_in(address, "lingerer").await;
    let mut lingerer = RawSocket::hello(address, &lingerer.token).await;

    hub.terminate();
    let mut times = BTreeSet::new();
    for (_, session, _) in &mut players {
        let after = session.hear_push("the notice of the drain", |push| match push {
            Push::Drain { reconnect_after_ms } => Some(*reconnect_after_ms),
            Push::Pub(_) | Push::Reset { .. } => None,
        });
        times.insert(after.await);
        assert_eq!(session.close_code().await, Some(CloseCode::Draining.number()));
    }
    assert!(times.len() > 1, "not all come back at once: {times:?}");
    lingerer.push(|push| push["t"] == "drain").await;
    assert_eq!(lingerer.next().await, Frame::Close(Some(CloseCode::Draining.number())));

    assert_eq!(RawSocket::open(address, SUBPROTOCOL_JSON).await.err(), Some(Some(503)), "no new sessions");
    let demo = http::post(address, "/api/demo", None, &json!({"name": "latecomer"})).await;
    assert_eq!(demo.status, 503, "no new players: {demo:?}");
    let body = json!({"channel": "news:sport", "data": 1});
    let published = http::post(address, "/api/publish", Some(PRESS), &body).await;
    assert_eq!(published.status, 503, "no publications: {published:?}");
    assert!(published.head.to_lowercase().contains("retry-after: 2"), "{published:?}");
    let ready = http::get(address, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("down")), "{ready:?}");
    let live = http::get(address, "/health/live").await;
    assert_eq!(live.status, 200, "it is still alive: {live:?}");
    drop(lingerer);
    assert_eq!(hub.ended().await.code(), Some(0));
    hub.verify();

    let address = hub.start();
    for (account, session, receipts) in players {
        let resume = session.continuity.resume();
        let mut session = account.try_connect(address, resume).await.expect("the hub is back");
        let [(_, open), quick @ ..] = receipts.as_slice() else { panic!("a bet stands: {receipts:?}") };
        assert_eq!(session.open_round(OPEN.id).await, open.round.number, "the open round is kept");
        let again = session.bet(open.key, OPEN.id, open.round.number, "2.00").await.expect("the receipt");
        assert_eq!(again, *open);
        for (_, receipt) in quick {
            let results = session.client.own_history().await.expect("a history");
            if results.iter().any(|result| result.round == receipt.round) {
                continue;
            }
            let settled = session.hear("the result of the quick round", |_, event| match event {
                Event::BetSettled { round, .. } if *round == receipt.round => Some(()),
                _ => None,
            });
            soon("a result", settled).await;
        }
        assert_eq!(session.balance().await.1, 200, "one bet still stands");
    }
    assert_eq!(hub.verify().of("balance", "cash").held, 5 * 200);
}

/// A hub that would wait for a client which does not answer its close frame, told to stop; and that client.
async fn held_up(drain_seconds: u32) -> (TestHub, RawSocket) {
    let setup = Setup::default().option("server.drain_seconds", drain_seconds);
    let hub = setup.option("socket.close_within_ms", 30_000).start();
    let lingerer = Account::sign_in(hub.address(), "lingerer").await;
    let mut lingerer = RawSocket::hello(hub.address(), &lingerer.token).await;
    hub.terminate();
    assert_eq!(lingerer.close_code().await, CloseCode::Draining.number());
    (hub, lingerer)
}

#[tokio::test]
async fn a_second_sigterm_waits_for_nobody_and_loses_nothing() {
    let (mut hub, lingerer) = held_up(120).await;
    let began = Instant::now();
    hub.terminate();
    hub.logged("told twice: not waiting for the clients").await;
    assert_eq!(hub.ended().await.code(), Some(0), "it is an orderly end");
    assert!(began.elapsed().as_secs() < 20, "it has waited: {:?}", began.elapsed());
    drop(lingerer);
    hub.verify();
}

#[tokio::test]
async fn a_drain_ends_when_its_time_is_over_although_a_client_is_still_there() {
    let (mut hub, lingerer) = held_up(1).await;
    let began = Instant::now();
    let line = hub.logged("drained; open rounds stay in the log").await;
    assert!(line.contains("\"all_gone\":false"), "{line}");
    assert_eq!(hub.ended().await.code(), Some(0));
    assert!(began.elapsed().as_secs() < 20, "it has waited: {:?}", began.elapsed());
    drop(lingerer);
    hub.verify();
}

#[tokio::test]
async fn a_terminal_that_closes_drains_the_hub_and_does_not_kill_it() {
    let mut hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "keeper").await;
    let mut session = account.connect(hub.address()).await;
    hub.hang_up();
    assert_eq!(session.close_code().await, Some(CloseCode::Draining.number()));
    assert_eq!(hub.ended().await.code(), Some(0));
    hub.verify();
}

#[tokio::test]
async fn a_hub_whose_disk_is_full_ends_when_it_is_told_to_and_what_it_could_not_write_comes_again() {
    let mut hub = Setup::default().option("server.drain_seconds", 1).prepare();
    // Its segment is full: what the start has to record needs another one.
    let mut log = journal::open(&hub.data(), journal::Options { segment_bytes: 4_096, nice: 0 })
        .expect("a log")
        .into_sync();
    let mut world = World::default();
    for currency in ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"] {
        let fact = Fact::Scale { currency: currency.parse().expect("a currency"), scale: 2 };
        let record = world.books.fact_record(fact, 0);
        world.apply(&record).expect("a fact");
        log.append(&record.encode());
        log.sync().expect("a disk");
    }
    drop(log);
    let before = hub.verify();
    hub.start_with_files_below(600 * 1024);
    hub.start();
    hub.logged("no room for the log's next segment").await;
    let began = Instant::now();
    hub.terminate();
    assert_eq!(hub.ended().await.code(), Some(0), "it is an orderly end");
    assert!(began.elapsed().as_secs() < 15, "it has waited: {:?}", began.elapsed());
    assert_eq!(hub.verify(), before, "nothing more is on disk");
    hub.start_with_files_below(u64::MAX);
    hub.start();
    hub.terminate();
    assert_eq!(hub.ended().await.code(), Some(0));
    hub.verify();
}

#[tokio::test]
async fn a_second_sigterm_after_the_drain_ends_the_wait_for_a_page_too() {
    let mut hub = Setup::default().start();
    let mut slow = TcpStream::connect(hub.address()).await.expect("the hub listens");
    let head = "POST /api/demo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.expect("it reads");
    hub.terminate();
    hub.logged("drained; open rounds stay in the log").await;
    hub.terminate();
    hub.logged("told twice: not waiting for the clients").await;
    assert_eq!(hub.ended().await.code(), Some(0), "it is an orderly end");
    drop(slow);
    hub.verify();
}

#[tokio::test]
async fn whoever_speaks_during_a_drain_is_told_when_to_come_back_and_keeps_to_the_rate() {
    let redis = Redis::start();
    let mut hub = Setup::default()
        .variable("HUB_REDIS_URL", redis.url())
        .option("rate.requests_per_second_per_player", 10)
        .option("rate.requests_burst_per_player", 10)
        .start();
    until("channels", async || (hub.figure("hub_channels_up").await? == 1).then_some(())).await;
    let account = Account::sign_in(hub.address(), "late").await;
    let (mut asker, mut flooder) = (
        RawSocket::hello(hub.address(), &account.token).await,
        RawSocket::hello(hub.address(), &account.token).await,
    );
    let mut late = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a connection");
    // A request that waits for Redis, for two seconds, holds up the drain.
    redis.freeze();
    asker.say(&json!({"t": "subscribe", "id": 1_000, "ch": "news:1"})).await;
    until("a request", async || (hub.figure("hub_requests_in_flight").await? == 1).then_some(())).await;
    hub.terminate();
    asker.push(|push| push["t"] == "drain").await;

    late.say(&json!({"t": "hello", "id": 1, "token": account.token})).await;
    let (code, texts) = late.to_end().await;
    let told: Vec<_> = texts.iter().filter(|text| text["id"] == 1).collect();
    assert_eq!(told.len(), 1, "{texts:?}");
    assert_eq!((&told[0]["name"], &told[0]["retry"]), (&json!("draining"), &json!("same_key")), "{texts:?}");
    let wait_ms = told[0]["retry_after_ms"].as_u64().expect("a time to come back");
    assert!((1_000..=5_000).contains(&wait_ms), "{wait_ms}");
    assert_eq!(code, Some(CloseCode::Draining.number()));

    let ping = |id: u32| frame(TEXT, true, json!({"t": "ping", "id": id}).to_string().as_bytes());
    flooder.send_bytes(&(0..2_500).flat_map(ping).collect::<Vec<u8>>()).await.expect("it reads");
    let (code, texts) = flooder.to_end().await;
    let named = |name: &str| texts.iter().filter(|text| text["name"] == name).count();
    assert!(named("draining") >= 1, "within the rate it is told that the hub drains");
    assert!(named("rate_limited") >= 1_000, "above it, that it is too fast: {}", named("rate_limited"));
    assert_eq!(code, Some(CloseCode::Flooding.number()));
    redis.thaw();
    assert_eq!(hub.ended().await.code(), Some(0));
    hub.verify();
}
