//! Clients that break the limits of the socket: they are closed with a reason, and the others notice nothing.

use protocol::{CloseCode, ErrorCode, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK};
use serde_json::json;
use tests::{
    http,
    hub::{Setup, TestHub},
    player::Account,
    raw::{self, BINARY, CONTINUATION, Frame, RawSocket, TEXT},
    soon, until,
};

use super::Bystander;

#[tokio::test]
async fn an_unknown_subprotocol_is_refused_at_the_handshake() {
    let hub = Setup::default().start();
    for offer in ["hub.v2.json", "graphql-ws", "hub.v1.json2, soap"] {
        assert_eq!(RawSocket::open(hub.address(), offer).await.err(), Some(Some(400)), "{offer}");
    }
    assert!(RawSocket::open(hub.address(), "hub.v2.json, hub.v1.json").await.is_ok(), "one of two is known");
}

#[tokio::test]
async fn frames_that_break_a_limit_or_the_encoding_close_their_session_only() {
    let hub = Setup::default().start();
    let mut bystander = Bystander::sit(&hub).await;
    let address = hub.address();
    let account = Account::sign_in(address, "bulky").await;

    let mut declared = RawSocket::hello(address, &account.token).await;
    declared.send_bytes(&raw::header(TEXT, true, 1 << 40)).await.expect("the connection stands");
    assert_eq!(declared.close_code().await, 1009, "refused at its header, before a byte of it has come");

    let mut whole = RawSocket::hello(address, &account.token).await;
    whole.send(TEXT, true, &vec![b' '; protocol::FRAME_BYTES_MAX + 1]).await;
    assert_eq!(whole.close_code().await, 1009);

    let mut streamed = RawSocket::hello(address, &account.token).await;
    streamed.send(TEXT, false, &[b' '; 8_000]).await;
    for _ in 0..3 {
        // The hub may have closed already.
        let _ = streamed.send_bytes(&raw::frame(CONTINUATION, false, &[b' '; 8_000])).await;
    }
    assert_eq!(streamed.close_code().await, 1009, "fragments are counted together");

    let mut fits = RawSocket::hello(address, &account.token).await;
    let mut ping = br#"{"t":"ping","id":77}"#.to_vec();
    ping.resize(protocol::FRAME_BYTES_MAX, b' ');
    fits.send(TEXT, true, &ping).await;
    fits.push(|pong| pong["t"] == "pong" && pong["id"] == 77).await;

    let mut msgpack = RawSocket::open(address, SUBPROTOCOL_MSGPACK).await.expect("a handshake");
    msgpack.send(TEXT, true, br#"{"t":"ping","id":1}"#).await;
    assert_eq!(msgpack.close_code().await, 1003);
    let mut json = RawSocket::hello(address, &account.token).await;
    json.send(BINARY, true, &[0x80]).await;
    assert_eq!(json.close_code().await, 1003);

    let mut unmasked = RawSocket::hello(address, &account.token).await;
    unmasked.send_bytes(b"\x81\x02{}").await.expect("the connection stands");
    assert_eq!(unmasked.close_code().await, 1002, "a client masks");
    let mut latin = RawSocket::hello(address, &account.token).await;
    latin.send(TEXT, true, b"{\"t\":\"\xe9\"}").await;
    let (code, texts) = latin.to_end().await;
    assert!(code == Some(1007) || texts.iter().any(|text| text["code"] == 1000), "{code:?} {texts:?}");

    bystander.plays_on().await;
    assert_eq!(hub.verify().of("balance", "cash").held, 100);
}

#[tokio::test]
async fn twenty_malformed_frames_are_answered_and_then_the_session_is_closed() {
    let hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "garbler").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let flawed = ["", "{", "[]", "nonsense", r#"{"t":"ping","id":1,"id":2}"#, r#"{"t":7,"id":1}"#, &deep];
    for number in 0..20 {
        socket.send(TEXT, true, flawed[number % flawed.len()].as_bytes()).await;
    }
    let (code, answers) = socket.to_end().await;
    assert_eq!(code, Some(CloseCode::TooManyErrors.number()));
    assert_eq!(answers.len(), 20, "{answers:#?}");
    for answer in answers {
        assert!(answer["code"].as_u64().is_some_and(|code| (1000..2000).contains(&code)), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_hello_is_closed() {
    // Long enough for an answer on a busy machine.
    let hub = Setup::default().option("socket.hello_within_ms", 3_000).start();
    let mut silent = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    assert_eq!(silent.close_code().await, CloseCode::NoHello.number());
    let mut chatty = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    chatty.ask(json!({"t": "ping"})).await;
    assert_eq!(chatty.close_code().await, CloseCode::NoHello.number(), "talking is not saying hello");
}

#[tokio::test]
async fn a_client_that_never_answers_pings_is_closed_and_one_that_does_is_not() {
    // Long enough for an answer on a busy machine.
    let hub =
        Setup::default().option("socket.ping_every_ms", 3_000).option("socket.pong_within_ms", 3_000).start();
    let account = Account::sign_in(hub.address(), "sleeper").await;
    let mut awake = RawSocket::hello(hub.address(), &account.token).await;
    let mut asleep = RawSocket::hello(hub.address(), &account.token).await;
    asleep.answers_pings = false;
    let staying = async { while let Frame::Ping(_) | Frame::Pong(_) = awake.next().await {} };
    tokio::select! {
        code = asleep.close_code() => assert_eq!(code, CloseCode::NoPong.number()),
        () = staying => panic!("the one that answers was closed"),
    }
    let closed = "hub_sockets_closed_total{reason=\"no_pong\"}";
    until("the figure", async || (hub.figure(closed).await? == 1).then_some(())).await;
    while !matches!(awake.next().await, Frame::Ping(_)) {}
    assert_eq!(awake.ask(json!({"t": "ping"})).await["t"], "pong", "it goes on being asked and being served");
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off_and_the_others_hear_everything() {
    let hub = Setup::default()
        .option("socket.queue_bytes_max", 65_536)
        .option("socket.queue_soft_bytes", 16_384)
        .option("socket.send_buffer_bytes", 4_096)
        .option("socket.stall_ms_max", 2_000)
        .variable("HUB_PUBLISH_TOKENS", "press:Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e")
        .start();
    let address = hub.address();
    let mut bystander = Bystander::sit(&hub).await;
    let reader = Account::sign_in(address, "reader").await;
    let mut reader = RawSocket::hello(address, &reader.token).await;
    let account = Account::sign_in(address, "staring").await;
    let mut stuck = RawSocket::open_narrow(address, SUBPROTOCOL_JSON).await.expect("a handshake");
    stuck.ask(json!({"t": "hello", "token": account.token})).await;
    for socket in [&mut reader, &mut stuck] {
        assert_eq!(socket.ask(json!({"t": "subscribe", "ch": "news:sport"})).await["t"], "subscribed");
    }
    let sessions = sessions(&hub).await;
    let text = "x".repeat(12_000);
    let publish = json!({"channel": "news:sport", "data": {"text": text}});
    let token = Some("Zq8vLw2nXr5tBk9mHd3jFs6cPg7yRa4e");
    let mut published = 0;
    until("the end of the session that does not read", async || {
        let answer = http::post(address, "/api/publish", token, &publish).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        published += 1;
        let heard = reader.push(|push| push["ch"] == "news:sport").await;
        assert_eq!(heard["o"], published, "whoever reads misses nothing");
        (self::sessions(&hub).await < sessions).then_some(())
    })
    .await;
    let (code, _) = stuck.to_end().await;
    assert!(matches!(code, Some(4001) | None), "too slow, or cut off without a word: {code:?}");
    let closed = "hub_sockets_closed_total{reason=\"too_slow\"}";
    until("the figure", async || (hub.figure(closed).await? == 1).then_some(())).await;
    bystander.plays_on().await;

    // Asking without reading the answers is no better.
    let mut asking = RawSocket::open_narrow(address, SUBPROTOCOL_JSON).await.expect("a handshake");
    asking.ask(json!({"t": "hello", "token": account.token})).await;
    let question = raw::frame(TEXT, true, br#"{"t":"list_tables","id":5}"#).repeat(200);
    let flood = async { while asking.send_bytes(&question).await.is_ok() {} };
    soon("the end of the session that only asks", flood).await;
    bystander.plays_on().await;
    assert_eq!(hub.verify().of("balance", "cash").held, 200);
}

async fn sessions(hub: &TestHub) -> u64 {
    hub.figure("hub_sessions").await.expect("the figure is there")
}

#[tokio::test]
async fn a_connection_too_many_of_one_address_is_turned_away_until_another_ends() {
    let hub = Setup::default().option("server.connections_per_address_max", 2).start();
    let one = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    let mut two = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    // The hub waits a moment for a client that it refuses; a slower one loses the answer and may ask again.
    until("the answer to one too many", async || {
        let refused = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.err();
        let refused = refused.expect("two are open, and two are allowed")?;
        assert_eq!(refused, 429);
        Some(())
    })
    .await;
    assert_eq!(
        two.ask(json!({"t": "ping"})).await["code"],
        ErrorCode::NotAuthenticated.number(),
        "the others stay"
    );
    drop(one);
    until("a free place", async || RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.ok()).await;
    let refused = "hub_connections_turned_away_total{reason=\"too_many\"}";
    let refused = until("the figure", async || hub.figure(refused).await).await;
    assert!(refused >= 1, "{refused} were turned away");
}
