//! Holds, collections, coordinated changes, and what became of a transaction.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::{http::Answer, hub::Setup};

use super::{BALANCE, change, get, payment, refused, service};

const HOLDS: &str = "/api/domains/balance/holds";
const COLLECTIONS: &str = "/api/domains/collections";
const COORDINATE: &str = "/api/domains/coordinator/coordinate";
const TRANSACTIONS: &str = "/api/domains/coordinator/transactions";

fn funds(available: &str, held: &str, total: &str) -> Value {
    json!({ "currency": "USD", "available": available, "held": held, "total": total })
}

fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn balance(at: SocketAddr, token: &str) -> Value {
    let mut told = done(&get(at, token, "/api/domains/balance/PLAYER_123").await)["balances"][0].take();
    assert_eq!(told.as_object_mut().expect("a map").remove("level"), Some(json!("normal")), "{told}");
    told
}

#[tokio::test]
async fn a_hold_is_captured_in_part_released_or_expires_and_ends_once() {
    let mut hub = Setup::default().start();
    let token = service(&hub, "cashier", "balance:*");
    let mut at = hub.address();
    change(at, &token, "c", BALANCE, &payment("credit", "100.00")).await;
    let body = json!({"playerId": "PLAYER_123", "amount": "60.00", "reference": "ORDER-1"});
    let held = done(&change(at, &token, "h1", HOLDS, &body).await);
    assert_eq!(held["balance"], funds("40.00", "60.00", "100.00"), "in the default currency: {held}");
    let hold = held["hold"].as_str().expect("the id of the hold").to_owned();
    assert!(hold.starts_with("hold_") && hold[5..] == held["tx"].as_str().expect("an id")[3..], "{held}");
    let (capture, release) = (format!("{HOLDS}/{hold}/capture"), format!("{HOLDS}/{hold}/release"));

    let above = json!({"amount": "60.01"});
    let told = refused(&change(at, &token, "x1", &capture, &above).await, 422, "above_hold");
    assert_eq!((&told["key_consumed"], told["lsn"].is_u64()), (&json!(true), true), "{told}");
    let other = json!({"amount": "1.00", "currency": "EUR"});
    refused(&change(at, &token, "x2", &capture, &other).await, 422, "wrong_currency");
    at = hub.crash();
    let captured = done(&change(at, &token, "x3", &capture, &json!({"amount": "20.00"})).await);
    assert_eq!(
        (&captured["amount"], &captured["balance"]),
        (&json!("20.00"), &funds("80.00", "0.00", "80.00"))
    );
    refused(&change(at, &token, "x4", &release, &json!({})).await, 409, "hold_not_open");
    let again = done(&change(at, &token, "x3", &capture, &json!({"amount": "20.00"})).await);
    assert_eq!(again["replayed"], json!(true));
    let told =
        refused(&change(at, &token, "x3", &capture, &json!({"amount": "21.00"})).await, 409, "key_reused");
    assert_eq!(told["differs"], json!(["amount"]), "{told}");

    let hold = async |key, expires: Option<&str>| {
        let body = json!({"playerId": "PLAYER_123", "amount": "30.00", "expires": expires});
        done(&change(at, &token, key, HOLDS, &body).await)["hold"].as_str().expect("an id").to_owned()
    };
    let whole = hold("h2", None).await;
    let captured = done(&change(at, &token, "w", &format!("{HOLDS}/{whole}/capture"), &json!({})).await);
    assert_eq!((&captured["amount"], &captured["balance"]["total"]), (&json!("30.00"), &json!("50.00")));
    let back = hold("h3", Some("2999-01-01T00:00:00Z")).await;
    let released = done(&change(at, &token, "r", &format!("{HOLDS}/{back}/release"), &json!({})).await);
    assert_eq!(
        (&released["amount"], &released["balance"]),
        (&json!("30.00"), &funds("50.00", "0.00", "50.00"))
    );

    let body = |expires| json!({"playerId": "PLAYER_123", "amount": "1.00", "expires": expires});
    for (expires, words) in [("soon", "RFC 3339"), ("2020-01-01T00:00:00Z", "expired already")] {
        let told = refused(&change(at, &token, "e", HOLDS, &body(expires)).await, 400, "malformed");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{told}");
        assert_eq!((&told["field"], &told["key_consumed"]), (&json!("expires"), &json!(false)), "{told}");
    }
    let told =
        refused(&change(at, &token, "e", &capture, &json!({"currency": "USD"})).await, 400, "malformed");
    assert_eq!((&told["field"], &told["key_consumed"]), (&json!("amount"), &json!(false)), "{told}");
    let whole = json!({"amount": null, "currency": null, "reference": null});
    let told = change(at, &token, "null", &format!("{capture}?dry_run=true"), &whole).await;
    refused(&told, 409, "hold_not_open");
    for id in ["hold_1", "hold_zz", &"0".repeat(32), &format!("hold_{}", "A".repeat(32))] {
        let told = refused(
            &change(at, &token, "e", &format!("{HOLDS}/{id}/capture"), &json!({})).await,
            400,
            "malformed",
        );
        assert_eq!(told["field"], "hold", "{told}");
    }
    let nobody = json!({"playerId": "NOBODY", "amount": "1.00"});
    refused(&change(at, &token, "e", HOLDS, &nobody).await, 404, "unknown_player");
    // A player who is called like a word of a path is reached all the same.
    let body = json!({"playerId": "holds", "amount": "1.00", "type": "credit"});
    done(&change(at, &token, "n", BALANCE, &body).await);
    refused(&get(at, &token, HOLDS).await, 405, "method_not_allowed");
    assert_eq!(done(&get(at, &token, "/api/domains/balance?playerId=holds").await)["playerId"], "holds");
    hub.terminate();
    assert!(hub.ended().await.success());
    hub.verify();
    hub.done(&["verify", "--read-model"]);
}

#[tokio::test]
async fn a_payment_is_collected_for_a_merchant_and_winnings_are_paid_by_three_domains_in_one_transaction() {
    let mut hub = Setup::default().start();
    let token = service(&hub, "backend", "balance:read,collections:*,coordinator:*");
    let at = hub.address();
    let collection = json!({
        "merchantId": "MERCHANT_123", "amount": "100.00", "currency": "USD", "paymentMethod": "manual",
        "playerId": "PLAYER_123",
    });
    let collected = done(&change(at, &token, "p1", COLLECTIONS, &collection).await);
    assert_eq!((&collected["status"], &collected["balance"]["total"]), (&json!("settled"), &json!("100.00")));
    let id = collected["id"].as_str().expect("an id").to_owned();
    let shown = done(&get(at, &token, &format!("{COLLECTIONS}/{id}")).await);
    for field in ["id", "lsn", "status", "merchantId", "amount", "currency", "paymentMethod", "player"] {
        assert_eq!(shown[field], collected[field], "{field}: {shown}");
    }

    let winnings = json!({
        "type": "PLAYER_WINNINGS", "domains": ["collections", "distributions", "balance"],
        "payload": {"playerId": "PLAYER_123", "amount": "1000.00", "gameId": "SLOTS_777"},
    });
    let with = |field: &str, value: Value| {
        let mut body = winnings.clone();
        body[field] = value;
        body
    };
    let two = with("domains", json!(["collections", "balance"]));
    let told = refused(&change(at, &token, "w1", COORDINATE, &two).await, 409, "participants_differ");
    assert!(
        told["detail"].as_str().is_some_and(|detail| detail.ends_with("missing: distributions")),
        "{told}"
    );
    assert_eq!(told["key_consumed"], json!(false), "{told}");
    for (body, field) in [
        (with("type", json!("GIFT")), "type"),
        (with("payload", json!([])), "payload"),
        (with("payload", json!({"playerId": "PLAYER_123", "amount": "1.00"})), "gameId"),
        (with("payload", json!({"playerId": "PLAYER_123", "amount": "1.00", "gameId": "a b"})), "gameId"),
        (with("domains", json!("balance")), "domains"),
    ] {
        let told = refused(&change(at, &token, "w1", COORDINATE, &body).await, 400, "malformed");
        assert_eq!(told["field"], field, "{told}");
    }
    let paid = done(&change(at, &token, "w1", COORDINATE, &winnings).await);
    assert_eq!(
        (&paid["amount"], &paid["balance"]["total"]),
        (&json!("1000.00"), &json!("1100.00")),
        "{paid}"
    );
    let again = done(&change(at, &token, "w1", "/coordinator/coordinate", &winnings).await);
    assert_eq!((&again["tx"], &again["replayed"]), (&paid["tx"], &json!(true)), "both paths are one");

    let tx = paid["tx"].as_str().expect("an id").to_owned();
    let shown = done(&get(at, &token, &format!("{TRANSACTIONS}/{tx}")).await);
    assert_eq!(shown["participants"], json!(["balance", "collections", "distributions"]), "{shown}");
    assert_eq!(
        (&shown["outcome"], &shown["type"]),
        (&json!("committed"), &json!("PLAYER_WINNINGS")),
        "{shown}"
    );
    assert_eq!((&shown["lsn"], &shown["parameters"]["game"]), (&paid["lsn"], &json!("SLOTS_777")), "{shown}");
    assert_eq!(shown["moves"].as_array().map(Vec::len), Some(4), "{shown}");
    assert_eq!(shown["notices"][0]["available_after"], json!("1100.00"), "{shown}");
    assert_eq!(shown["hash"].as_str().map(str::len), Some(64), "{shown}");
    assert_eq!(shown["rows"][0]["value"]["name"], json!("SLOTS_777"), "{shown}");
    let of_key = done(&get(at, &token, &format!("{TRANSACTIONS}?key=w1")).await);
    assert_eq!(of_key, shown);
    refused(&get(at, &token, &format!("{TRANSACTIONS}?key=w2")).await, 404, "unknown_transaction");
    refused(
        &get(at, &token, &format!("{TRANSACTIONS}/tx_{}", "0".repeat(32))).await,
        404,
        "unknown_transaction",
    );
    refused(&get(at, &token, &format!("{TRANSACTIONS}/x17")).await, 400, "malformed");
    refused(&get(at, &token, &format!("{COLLECTIONS}/{tx}")).await, 404, "unknown_transaction");

    hub.terminate();
    assert!(hub.ended().await.success());
    hub.verify();
    hub.done(&["verify", "--read-model"]);
    let shown = hub.done(&["inspect", paid["lsn"].to_string().as_str()]);
    for words in ["PLAYER_WINNINGS", "results of game", "SLOTS_777", "winnings"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_the_whole_receipt_and_leaves_neither_money_nor_key_nor_player() {
    let mut hub = Setup::default().start();
    let token = service(&hub, "cashier", "balance:*,coordinator:read");
    let at = hub.address();
    let dry = format!("{BALANCE}?dry_run=true");
    let foreseen = done(&change(at, &token, "k", &dry, &payment("credit", "50.00")).await);
    assert_eq!(
        (&foreseen["tx"], &foreseen["lsn"], &foreseen["player"], &foreseen["dry_run"]),
        (&Value::Null, &Value::Null, &Value::Null, &json!(true)),
        "{foreseen}"
    );
    assert_eq!(foreseen["balance"], funds("50.00", "0.00", "50.00"), "{foreseen}");
    refused(&get(at, &token, "/api/domains/balance/PLAYER_123").await, 404, "unknown_player");
    refused(&get(at, &token, &format!("{TRANSACTIONS}?key=k")).await, 404, "unknown_transaction");

    let credit = done(&change(at, &token, "k", BALANCE, &payment("credit", "50.00")).await);
    assert_eq!(credit["replayed"], json!(false), "the key was free");
    let known = done(&change(at, &token, "k", &dry, &payment("credit", "50.00")).await);
    assert_eq!((&known["tx"], &known["replayed"]), (&credit["tx"], &json!(true)), "{known}");
    let poor =
        refused(&change(at, &token, "d", &dry, &payment("debit", "50.01")).await, 422, "insufficient_funds");
    assert_eq!(poor["key_consumed"], json!(false), "{poor}");
    assert_eq!(balance(at, &token).await, funds("50.00", "0.00", "50.00"));
    let told = refused(
        &change(at, &token, "d", &format!("{BALANCE}?dry_run=yes"), &payment("debit", "1.00")).await,
        400,
        "malformed",
    );
    assert_eq!(told["field"], "dry_run", "{told}");
    hub.terminate();
    assert!(hub.ended().await.success());
    assert_eq!(hub.verify().keys, 1, "the credit alone");
}

#[tokio::test]
async fn a_refusal_is_found_with_its_place_and_a_used_key_names_the_fields_that_differ() {
    let hub = Setup::default().start();
    let token = service(&hub, "cashier", "balance:*,coordinator:read");
    let at = hub.address();
    let credit = payment("credit", "50.00");
    done(&change(at, &token, "k", BALANCE, &credit).await);
    let with = |field: &str, value: &str| {
        let mut body = credit.clone();
        body[field] = json!(value);
        body
    };
    for (body, differs) in [
        (with("amount", "51.00"), vec!["amount"]),
        (with("reference", "R-1"), vec!["reference"]),
        (with("currency", "EUR"), vec!["currency", "amount"]),
        (with("type", "debit"), vec!["type"]),
    ] {
        let told = refused(&change(at, &token, "k", BALANCE, &body).await, 409, "key_reused");
        assert_eq!(told["differs"], json!(differs), "{told}");
    }
    let poor = refused(
        &change(at, &token, "d", BALANCE, &payment("debit", "50.01")).await,
        422,
        "insufficient_funds",
    );
    let shown = done(&get(at, &token, &format!("{TRANSACTIONS}?key=d")).await);
    assert_eq!(
        (&shown["outcome"], &shown["code"]),
        (&json!("rejected"), &json!("insufficient_funds")),
        "{shown}"
    );
    assert_eq!((&shown["lsn"], &shown["parameters"]["amount"]), (&poor["lsn"], &json!("50.01")), "{shown}");
}

#[tokio::test]
async fn where_accounts_are_not_opened_by_a_payment_a_player_meets_the_hub_first() {
    let hub = Setup::default().option("api.open_accounts", "false").start();
    let token = service(&hub, "cashier", "balance:*");
    let at = hub.address();
    let told =
        refused(&change(at, &token, "k", BALANCE, &payment("credit", "1.00")).await, 404, "unknown_player");
    assert_eq!(told["key_consumed"], json!(false), "{told}");
    let player = super::token(&hub, &["--player", "PLAYER_123"]);
    drop(tests::raw::RawSocket::hello(at, &player).await);
    done(&change(at, &token, "k", BALANCE, &payment("credit", "1.00")).await);
}
