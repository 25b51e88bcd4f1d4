//! Money over HTTP: what services and operators ask for is done once, by whoever may, and told in one form.

mod adjustments;
mod approval_crashes;
mod balance_rules;
mod crashes;
mod described;
mod domains;
mod exclusions;
mod explained;
mod keys;
mod limits;
mod operators;
mod play_sessions;
mod player_limits;
mod players;
mod roles;
mod years;

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::{
    http::{self, Answer},
    hub::{Setup, TestHub},
    raw::RawSocket,
};

const SHARED: &str = "9hGf2kLm5nQr8tUw1xYz4aBc7dEj0pSv";

/// The token that a command prints.
fn token(hub: &TestHub, arguments: &[&str]) -> String {
    hub.done(&[&["token"], arguments].concat()).trim().to_owned()
}

/// The token of a service that may do these things.
fn service(hub: &TestHub, name: &str, can: &str) -> String {
    token(hub, &["--service", name, "--can", can])
}

async fn ask(at: SocketAddr, line: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
    http::request(at, &http::spelled(line, &at.to_string(), headers, body)).await
}

async fn get(at: SocketAddr, token: &str, path: &str) -> Answer {
    ask(at, &format!("GET {path}"), &[("authorization", &format!("Bearer {token}"))], None).await
}

/// A change under a key.
async fn change(at: SocketAddr, token: &str, key: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
    ask(at, &format!("POST {path}"), &headers, Some(&body.to_string())).await
}

const BALANCE: &str = "/api/domains/balance";

fn payment(kind: &str, amount: &str) -> Value {
    json!({ "playerId": "PLAYER_123", "amount": amount, "currency": "USD", "type": kind })
}

fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (status, &json!(code)), "{answer:?}");
    assert!(answer.head.to_lowercase().contains("content-type: application/problem+json"), "{answer:?}");
    body
}

#[tokio::test]
async fn a_service_credits_debits_and_freezes_a_player_and_each_key_is_done_once_also_over_a_crash() {
    let mut hub = Setup::default().start();
    let token = service(&hub, "cashier", "balance:*");
    let mut at = hub.address();
    let body = json!({
        "playerId": "PLAYER_123", "amount": "50.00", "currency": "USD", "type": "credit", "reason": "GOODWILL",
        "reference": "TICKET-7",
    });
    let first = change(at, &token, "c1", BALANCE, &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    let credit = first.json();
    assert_eq!(
        credit["balance"],
        json!({"currency": "USD", "available": "50.00", "held": "0.00", "total": "50.00"})
    );
    assert_eq!(
        (&credit["replayed"], &credit["reason"], &credit["amount"]),
        (&json!(false), &json!("GOODWILL"), &json!("50.00"))
    );
    assert!(credit["tx"].as_str().is_some_and(|tx| tx.starts_with("tx_") && tx.len() == 35), "{credit}");

    let again = change(at, &token, "c1", BALANCE, &body).await;
    assert!(again.head.to_lowercase().contains("idempotent-replayed: true"), "{again:?}");
    let expected = |mut credit: Value| {
        credit["replayed"] = json!(true);
        credit
    };
    assert_eq!(again.json(), expected(credit.clone()), "the same receipt");
    let other =
        refused(&change(at, &token, "c1", BALANCE, &payment("credit", "50.00")).await, 409, "key_reused");
    assert_eq!((&other["final"], &other["key_consumed"]), (&json!(true), &json!(false)));

    let debit = change(at, &token, "d1", BALANCE, &payment("debit", "20.00")).await.json();
    assert_eq!((&debit["amount"], &debit["balance"]["total"]), (&json!("20.00"), &json!("30.00")), "{debit}");
    let poor = refused(
        &change(at, &token, "d2", BALANCE, &payment("debit", "30.01")).await,
        422,
        "insufficient_funds",
    );
    assert_eq!((&poor["key_consumed"], &poor["replayed"]), (&json!(true), &json!(false)));

    let freeze = json!({"reason": "FRAUD_CHECK", "until": "2999-01-01T00:00:00Z"});
    let frozen = change(at, &token, "f1", "/api/domains/balance/PLAYER_123/freeze", &freeze).await;
    assert_eq!(
        (frozen.status, &frozen.json()["until"]),
        (200, &json!("2999-01-01T00:00:00.000Z")),
        "{frozen:?}"
    );
    refused(&change(at, &token, "d3", BALANCE, &payment("debit", "1.00")).await, 422, "account_frozen");
    let shown = get(at, &token, "/api/domains/balance/PLAYER_123").await.json();
    assert_eq!(
        (&shown["status"], &shown["freeze"]["reason"]),
        (&json!("frozen"), &json!("FRAUD_CHECK")),
        "{shown}"
    );
    let unfreeze = "/api/domains/balance/PLAYER_123/unfreeze";
    assert_eq!(change(at, &token, "u1", unfreeze, &json!({})).await.status, 200);
    refused(&change(at, &token, "u2", unfreeze, &json!({})).await, 409, "not_frozen");

    at = hub.crash();
    assert_eq!(
        change(at, &token, "c1", BALANCE, &body).await.json(),
        expected(credit),
        "the same after a crash"
    );
    let poor = refused(
        &change(at, &token, "d2", BALANCE, &payment("debit", "30.01")).await,
        422,
        "insufficient_funds",
    );
    assert_eq!((&poor["key_consumed"], &poor["replayed"]), (&json!(true), &json!(true)), "{poor}");
    let shown = get(at, &token, "/api/domains/balance?playerId=PLAYER_123").await.json();
    let balances = json!([{"currency": "USD", "available": "30.00", "held": "0.00", "total": "30.00", "level": "normal"}]);
    assert_eq!((&shown["status"], &shown["balances"]), (&json!("active"), &balances), "{shown}");
    // The player is the one whom a token of the same issuer names.
    let mut socket = RawSocket::hello(at, &self::token(&hub, &["--player", "PLAYER_123"])).await;
    let told = socket.ask(json!({"t": "get_balance"})).await;
    assert_eq!(
        told["balances"],
        json!([{"currency": "USD", "available": "30.00", "held": "0.00"}]),
        "{told}"
    );
    drop(socket);
    hub.terminate();
    assert!(hub.ended().await.success());
    assert_eq!(hub.verify().keys, 7, "each change and each refusal that stands");
}

#[tokio::test]
async fn each_wrong_request_is_told_what_is_wrong_and_consumes_no_key() {
    let hub = Setup::default().start();
    let (token, at) = (service(&hub, "cashier", "balance:*"), hub.address());
    let with = |field: &str, value: Value| {
        let mut body = payment("credit", "1.00");
        body[field] = value;
        body
    };
    for (body, field, words) in [
        (with("type", json!("gift")), "type", "credit or debit"),
        (with("playerId", json!("")), "playerId", "1 to 256"),
        (with("amount", json!("1.001")), "amount", "USD has 2 decimals"),
        (with("amount", json!(0)), "amount", "zero"),
        (with("amount", json!("1e3")), "amount", "digits"),
        (with("currency", json!("CHF")), "currency", "its currencies are EUR, USD"),
        (with("reason", json!("BECAUSE")), "reason", "GOODWILL"),
        (with("reference", json!("zwei\nZeilen")), "reference", "printable ASCII"),
        (with("amout", json!("1")), "", "no field \"amout\" here"),
    ] {
        let told = refused(&change(at, &token, "k", BALANCE, &body).await, 400, "malformed");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{body}: {told}");
        assert_eq!(told["field"].as_str().unwrap_or_default(), field, "{body}: {told}");
    }
    let freeze = |body| change(at, &token, "k", "/api/domains/balance/PLAYER_123/freeze", body);
    let nobody = json!({"reason": "FRAUD_CHECK"});
    refused(&freeze(&nobody).await, 404, "unknown_player");
    refused(&change(at, &token, "k", BALANCE, &payment("debit", "1.00")).await, 404, "unknown_player");
    let credited = change(at, &token, "k", BALANCE, &payment("credit", "1.00")).await;
    assert_eq!(
        (credited.status, &credited.json()["replayed"]),
        (200, &json!(false)),
        "the key was free: {credited:?}"
    );
    for (body, words) in [
        (json!({"reason": "WHIM"}), "FRAUD_CHECK"),
        (json!({"reason": "FRAUD_CHECK", "until": "tomorrow"}), "RFC 3339"),
        (json!({"reason": "FRAUD_CHECK", "until": "2020-01-01T00:00:00Z"}), "over already"),
    ] {
        let answer = change(at, &token, "f", "/api/domains/balance/PLAYER_123/freeze", &body).await;
        let told = refused(&answer, 400, "malformed");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{body}: {told}");
    }
    let bearer = format!("Bearer {token}");
    let keyless = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = payment("credit", "1.00").to_string();
    refused(
        &ask(at, &format!("POST {BALANCE}"), &keyless, Some(&body)).await,
        400,
        "idempotency_key_required",
    );
    let text = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    refused(&ask(at, &format!("POST {BALANCE}"), &text, Some(&body)).await, 415, "unsupported_media_type");
    let put = ask(at, &format!("PUT {BALANCE}"), &keyless, Some(&body)).await;
    refused(&put, 405, "method_not_allowed");
    let read = ask(at, "GET /api/domains/collections", &keyless, Some(&body)).await;
    refused(&read, 405, "method_not_allowed");
    let read = ask(at, "GET /api/domains/balance/PLAYER_123", &keyless, Some(&body)).await;
    let told = refused(&read, 400, "malformed");
    assert_eq!(told["detail"], "what is only read takes no body");
    assert!(put.head.to_lowercase().contains("allow: get, head, post"), "{put:?}");
    refused(&get(at, &token, "/api/domains/balance/PLAYER_123?verbose=1").await, 400, "malformed");
    refused(&get(at, &token, "/api/domains/nothing/health").await, 404, "not_found");
    let whole = get(at, &token, "/api/domains/balance/PLAYER_123").await.json();
    assert_eq!(whole["balances"][0]["total"], "1.00", "nothing else was carried out: {whole}");
}

#[tokio::test]
async fn whoever_calls_needs_a_token_with_the_capability() {
    let hub = Setup::default()
        .variable("HUB_PUBLISH_TOKENS", format!("scores:{SHARED}"))
        .extra("[api.services]\nscores = [\"balance:read\"]\n")
        .start();
    let at = hub.address();
    let credit = payment("credit", "1.00");
    let reader = service(&hub, "reports", "balance:read,monitoring:read");
    let told = refused(&change(at, &reader, "k", BALANCE, &credit).await, 403, "forbidden");
    assert_eq!(told["detail"], "the service \"reports\" has not the capability \"balance:write\"");
    let operator = token(&hub, &["--operator", "olga", "--can", "*"]);
    assert_eq!(change(at, &operator, "k", BALANCE, &credit).await.status, 200);
    // Each has keys of their own.
    let second = service(&hub, "olga", "balance:write");
    assert_eq!(change(at, &second, "k", BALANCE, &credit).await.json()["balance"]["total"], "2.00");
    assert_eq!(get(at, &reader, "/api/domains/balance/PLAYER_123").await.status, 200);
    refused(&get(at, &second, "/api/domains/balance/PLAYER_123").await, 403, "forbidden");
    assert_eq!(get(at, SHARED, "/api/domains/balance/PLAYER_123").await.status, 200, "as configured");
    let publication = json!({"channel": "news:x", "data": 1});
    refused(&http::post(at, "/api/publish", Some(SHARED), &publication).await, 403, "forbidden");
    assert_eq!(http::post(at, "/api/publish", Some(&operator), &publication).await.status, 200);

    let player = token(&hub, &["--player", "PLAYER_123"]);
    let told = refused(&get(at, &player, "/api/domains/balance/PLAYER_123").await, 401, "unauthorized");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("a player's token")), "{told}");
    refused(&http::get(at, "/api/domains/balance/PLAYER_123").await, 401, "unauthorized");
    refused(&get(at, &format!("{operator}x"), "/api/domains/balance/PLAYER_123").await, 401, "unauthorized");
    let mut socket = RawSocket::open(at, protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let hello = socket.ask(json!({"t": "hello", "token": operator})).await;
    assert_eq!(hello["code"], 2002, "an operator is no player: {hello}");

    for (path, code) in [
        ("/api/domains/balance/health", 200),
        ("/api/domains/free-play/health", 200),
        ("/coordinator/health", 200),
    ] {
        assert_eq!(get(at, &reader, path).await.status, code, "{path}");
    }
    refused(&get(at, SHARED, "/coordinator/health").await, 403, "forbidden");
    let wrong = hub.run(&["token", "--service", "x", "--can", "money:read"]);
    let words = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{words}");
    assert!(words.contains("\"money:read\" is no capability"), "{words}");
}

#[tokio::test]
async fn the_api_is_on_the_server_that_the_operator_chooses() {
    for (on, public, admin) in
        [("auto", 401, 404), ("admin", 404, 401), ("both", 401, 401), ("none", 404, 404)]
    {
        let hub = Setup::default().option("api.on", on).start();
        let path = "/api/domains/balance/PLAYER_123";
        let seen = [http::get(hub.address(), path).await.status, http::get(hub.admin(), path).await.status];
        assert_eq!(seen, [public, admin], "{on}");
    }
    let hub = Setup::default().option("api.on", "admin").start();
    let token = service(&hub, "cashier", "balance:*");
    let credit = change(hub.admin(), &token, "k", BALANCE, &payment("credit", "1.00")).await;
    assert_eq!(credit.status, 200, "{credit:?}");
}
