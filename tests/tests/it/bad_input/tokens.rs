//! Tokens, the order of requests, and the channels that a player may follow.

use engine::{Record, World};
use journal::{Lsn, Options, SyncLog, file::Directory};
use protocol::{CloseCode, ErrorCode, SUBPROTOCOL_JSON};
use serde_json::{Value, json};
use tests::{
    hub::{AUTH_SECRET, OPEN, Setup, TestHub},
    player::Account,
    raw::RawSocket,
};

use super::good_bet;

/// A token of the tests' own making, with these claims over good ones.
fn token(secret: &str, claims: &Value) -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let mut all = json!({"iss": "hub", "aud": "hub", "sub": "somebody", "exp": now + 600});
    for (name, value) in claims.as_object().expect("claims are a map") {
        all[name] = match value {
            Value::Number(seconds) => json!(now.saturating_add_signed(seconds.as_i64().expect("seconds"))),
            other => other.clone(),
        };
    }
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()).expect("a secret");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &all, &key).expect("claims can be signed")
}

#[tokio::test]
async fn a_bad_token_is_refused_with_the_reason_and_the_session_is_closed() {
    let hub = Setup::default().start();
    let own = AUTH_SECRET;
    let good = token(own, &json!({}));
    let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", good.split('.').nth(1).expect("a payload"));
    let mut bent = good.clone();
    let at = bent.len() - 10;
    bent.replace_range(at..=at, if &bent[at..=at] == "A" { "B" } else { "A" });
    let (expired, invalid) = (ErrorCode::TokenExpired, ErrorCode::TokenInvalid);
    let rows = [
        ("expired", token(own, &json!({"exp": -1})), expired, CloseCode::TokenExpired),
        (
            "forged with another secret",
            token(&own.to_lowercase(), &json!({})),
            invalid,
            CloseCode::TokenInvalid,
        ),
        ("altered", bent, invalid, CloseCode::TokenInvalid),
        ("unsigned", unsigned, invalid, CloseCode::TokenInvalid),
        ("of another issuer", token(own, &json!({"iss": "casino"})), invalid, CloseCode::TokenInvalid),
        ("for another audience", token(own, &json!({"aud": "casino"})), invalid, CloseCode::TokenInvalid),
        ("not valid yet", token(own, &json!({"nbf": 300})), invalid, CloseCode::TokenInvalid),
        (
            "in milliseconds",
            token(own, &json!({"exp": 1_700_000_000_000_i64})),
            invalid,
            CloseCode::TokenInvalid,
        ),
        ("for ever", token(own, &json!({"exp": 3_000_000_000_i64})), invalid, CloseCode::TokenInvalid),
        ("no token", "let me in".into(), invalid, CloseCode::TokenInvalid),
        ("empty", String::new(), invalid, CloseCode::TokenInvalid),
    ];
    for (what, token, code, close) in rows {
        let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
        let reply = socket.ask(json!({"t": "hello", "token": token})).await;
        assert_eq!(
            (&reply["t"], &reply["code"]),
            (&json!("error"), &json!(code.number())),
            "{what}: {reply}"
        );
        assert_eq!(reply["retry"], "authenticate", "{what}: {reply}");
        assert_eq!(socket.close_code().await, close.number(), "{what}");
    }
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    assert_eq!(
        socket.ask(json!({"t": "hello", "token": good})).await["t"],
        "welcome",
        "the good one is good"
    );
}

#[tokio::test]
async fn a_session_ends_with_its_token_even_when_it_says_nothing() {
    let hub = Setup::default().start();
    let brief = token(AUTH_SECRET, &json!({"exp": 2}));
    let mut socket = RawSocket::hello(hub.address(), &brief).await;
    assert_eq!(socket.close_code().await, CloseCode::TokenExpired.number());
}

#[tokio::test]
async fn the_tolerance_for_clocks_holds_at_the_hello_and_for_the_session_after_it() {
    let hub = Setup::default().option("auth.leeway_seconds", 4).start();
    let stale = token(AUTH_SECRET, &json!({"exp": -1}));
    let mut socket = RawSocket::hello(hub.address(), &stale).await;
    assert_eq!(socket.ask(json!({"t": "ping"})).await["t"], "pong", "three more seconds");
    assert_eq!(socket.close_code().await, CloseCode::TokenExpired.number());
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    let too_late = token(AUTH_SECRET, &json!({"exp": -5}));
    let reply = socket.ask(json!({"t": "hello", "token": too_late})).await;
    assert_eq!(reply["code"], ErrorCode::TokenExpired.number(), "{reply}");
}

/// Adds a record to the log of a hub that is down, so much later than its last one.
fn age(hub: &TestHub, by_ms: u64) {
    let storage = Directory::create(&hub.data()).expect("the directory of the log");
    let options = Options { segment_bytes: 1_048_576, ..Options::default() };
    let mut log = SyncLog::open(storage, options).expect("the hub's own log");
    let mut world = World::default();
    let replayed: Result<(), journal::Error> = log.log().replay(Lsn(0), |entry| {
        let record = Record::decode(entry.bytes).expect("the hub's own record");
        world.apply(&record).expect("it was decided on this state");
        Ok(())
    });
    replayed.expect("the log is intact");
    let record = world.books.digest_record(world.books.time() + by_ms);
    log.append(&record.encode());
    log.sync().expect("a disk");
    log.close().expect("a disk");
}

#[tokio::test]
async fn a_log_ahead_of_the_clock_is_reported_and_ends_no_token() {
    let mut hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "before").await;
    hub.kill();
    hub.expect_errors();
    age(&hub, 10 * 86_400_000);
    hub.start();
    hub.logged("the log's last record is far in the future").await;
    let fresh = token(AUTH_SECRET, &json!({}));
    let mut socket = RawSocket::hello(hub.address(), &fresh).await;
    assert_eq!(socket.ask(json!({"t": "ping"})).await["t"], "pong");
    for account in [account, Account::sign_in(hub.address(), "after").await] {
        let mut session = account.connect(hub.address()).await;
        let round = session.open_round(OPEN.id).await;
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    }
    let brief = token(AUTH_SECRET, &json!({"exp": 2}));
    let mut socket = RawSocket::hello(hub.address(), &brief).await;
    assert_eq!(socket.close_code().await, CloseCode::TokenExpired.number(), "tokens end as ever");
}

#[tokio::test]
async fn requests_in_the_wrong_order_are_refused_and_the_session_goes_on() {
    let hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "hasty").await;
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    for request in [json!({"t": "ping"}), json!({"t": "get_balance"}), good_bet("early", 1)] {
        let reply = socket.ask(request).await;
        assert_eq!(reply["code"], ErrorCode::NotAuthenticated.number(), "{reply}");
    }
    let hello = json!({"t": "hello", "token": account.token});
    assert_eq!(socket.ask(hello.clone()).await["t"], "welcome");
    assert_eq!(socket.ask(hello).await["code"], ErrorCode::OutOfOrder.number());
    assert_eq!(socket.ask(json!({"t": "dance"})).await["code"], ErrorCode::UnknownRequest.number());
    assert_eq!(socket.ask(json!({"t": "ping"})).await["t"], "pong", "the session goes on");
}

#[tokio::test]
async fn a_player_cannot_follow_what_is_not_for_players() {
    let hub = Setup::default().start();
    let other = Account::sign_in(hub.address(), "other").await;
    let account = Account::sign_in(hub.address(), "curious").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    for (channel, code) in [
        (format!("player:{}", other.player), ErrorCode::Forbidden),
        ("domain:balance".into(), ErrorCode::Forbidden),
        ("nothing:here".into(), ErrorCode::UnknownChannel),
        ("table:nowhere".into(), ErrorCode::UnknownChannel),
    ] {
        let reply = socket.ask(json!({"t": "subscribe", "ch": channel})).await;
        assert_eq!(reply["t"], "error", "{channel}: {reply}");
        assert_eq!(reply["code"], code.number(), "{channel}: {reply}");
    }
    let outcome = socket.ask(json!({"t": "subscribe", "ch": "news:sport"})).await;
    assert_eq!(outcome["t"], "subscribed", "{outcome}");
}
