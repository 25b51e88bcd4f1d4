//! Who may speak, when, and about what: tokens, the order of requests, channels.

use protocol::{CloseCode, ErrorCode, SUBPROTOCOL_JSON};
use serde_json::{Value, json};
use tests::{
    hub::{AUTH_SECRET, Setup},
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
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &all, &key).expect("claims can be signed")
}

#[tokio::test]
async fn a_bad_token_is_told_what_is_wrong_with_it_and_the_session_is_closed() {
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
