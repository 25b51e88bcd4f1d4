//! Limits of players: by the API and on the socket, at a table where the player sits, and over crashes.

use protocol::{
    Amount, ErrorCode, Text,
    limits::{LimitHit, LimitTo, LimitValue, NamedLimit, SetLimit},
};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, Setup, TestHub},
    player::{Account, Session, refusal, token},
    raw::RawSocket,
};

use super::{change, get, refused, service};

const LIMITS: &str = "/api/domains/balance/PLAYER_123/limits";
const CONFIRM: &str = "/api/domains/balance/PLAYER_123/limits/confirm";

/// A player whom services call `PLAYER_123`.
async fn player(hub: &TestHub) -> Session {
    let account = Account { token: token("PLAYER_123"), player: protocol::PlayerId(0), deposited: 0 };
    account.connect(hub.address()).await
}

async fn deposit(hub: &TestHub, token: &str, key: &str, amount: &str) -> tests::answer::Answer {
    let body = json!({
        "merchantId": "M", "amount": amount, "currency": "EUR", "paymentMethod": "manual", "playerId": "PLAYER_123",
    });
    change(hub.address(), token, key, "/api/domains/collections", &body).await
}

async fn shown(hub: &TestHub, token: &str) -> Vec<Value> {
    let told = get(hub.address(), token, LIMITS).await.json();
    told["limits"].as_array().cloned().unwrap_or_else(|| panic!("no list: {told}"))
}

fn named(kind: &str, period: &str, currency: Option<&str>) -> NamedLimit {
    let currency = currency.map(|currency| Text::new(currency).expect("short"));
    NamedLimit { kind: Text::new(kind).expect("short"), period: Text::new(period).expect("short"), currency }
}

fn of_money(session: &Session, kind: &str, period: &str, amount: &str) -> SetLimit {
    let to = LimitTo::Amount(Text::new(amount).expect("short"));
    SetLimit { key: session.key(), limit: named(kind, period, Some("EUR")), to }
}

/// The limit that has refused a request on the socket.
fn reached<T: std::fmt::Debug>(answer: Result<T, hub_client::Error>) -> LimitHit {
    match answer {
        Err(hub_client::Error::Refused(failure)) if failure.code == ErrorCode::LimitReached => {
            *failure.reached.expect("which limit it is")
        }
        other => panic!("refused by a limit: {other:?}"),
    }
}

fn money(text: &str) -> LimitValue {
    LimitValue::Money(text.parse::<Amount>().expect("an amount"))
}

// clause: ukgc.rts.12b.deposit
// clause: ukgc.rts.12.stake
// clause: gli19.a.3.7.tightening
#[tokio::test]
async fn a_deposit_and_a_bet_beyond_a_limit_are_refused_with_what_is_used_also_after_a_crash() {
    let mut hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*,collections:*");
    let mut session = player(&hub).await;
    let at = hub.address();
    let set = json!({ "limit": "deposit", "period": "month", "amount": "100.00", "currency": "EUR" });
    let first = change(at, &cashier, "l1", LIMITS, &set).await;
    assert_eq!((first.status, &first.json()["amount"]), (200, &json!("100.00")), "{first:?}");
    let again = change(at, &cashier, "l1", LIMITS, &set).await.json();
    assert_eq!((&again["lsn"], &again["replayed"]), (&first.json()["lsn"], &json!(true)));

    assert_eq!(deposit(&hub, &cashier, "d1", "60.00").await.status, 200);
    let told = refused(&deposit(&hub, &cashier, "d2", "40.01").await, 422, "limit_reached");
    let hit = &told["reached"];
    assert_eq!(
        (&hit["kind"], &hit["period"], &hit["limit"], &hit["used"], &hit["clause"]),
        (
            &json!("deposit"),
            &json!("month"),
            &json!("100.00"),
            &json!("60.00"),
            &json!("ukgc.rts.12b.deposit")
        ),
        "{told}"
    );
    assert!(hit["frees_at"].as_str().is_some_and(|at| at.ends_with("-01T00:00:00.000Z")), "{told}");
    assert_eq!(told["key_consumed"], json!(true), "{told}");
    assert_eq!(deposit(&hub, &cashier, "d3", "40.00").await.status, 200);

    // On the socket, for a player who sits at a table.
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "3.00").await.expect("nothing stands against it");
    session.client.set_limit(of_money(&session, "stake", "day", "8.00")).await.expect("the first one");
    session
        .bet(session.key(), OPEN.id, round, "4.00")
        .await
        .expect("with what is staked already it is within");
    let hit = reached(session.bet(session.key(), OPEN.id, round, "2.00").await);
    assert_eq!(
        (hit.limit, hit.used, hit.clause.as_str()),
        (money("8.00"), money("7.00"), "ukgc.rts.12.stake")
    );
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("that much is left");

    hub.crash();
    let told = shown(&hub, &cashier).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (&told[0]["used"]["amount"], &told[0]["left"]["amount"]),
        (&json!("100.00"), &json!("0.00")),
        "{told:?}"
    );
    refused(&deposit(&hub, &cashier, "d4", "0.01").await, 422, "limit_reached");
    let replayed = refused(&deposit(&hub, &cashier, "d2", "40.01").await, 422, "limit_reached");
    assert_eq!(
        (&replayed["replayed"], &replayed["reached"]),
        (&json!(true), &Value::Null),
        "what was left then is not known any more: {replayed}"
    );
    hub.kill();
    hub.verify();
}

// clause: gli19.a.3.7.loosening
// clause: gli19.a.3.7.stricter
#[tokio::test]
async fn a_looser_limit_waits_for_the_player_and_the_operators_holds_at_once() {
    let mut hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*,collections:*");
    let session = player(&hub).await;
    let at = hub.address();
    let set = |amount: Value, by: &str| {
        let mut body = json!({ "limit": "deposit", "period": "week", "currency": "EUR", "by": by });
        match amount {
            Value::Null => body["remove"] = json!(true),
            amount => body["amount"] = amount,
        }
        body
    };
    let which = json!({ "limit": "deposit", "period": "week", "currency": "EUR" });
    refused(&change(at, &cashier, "a", LIMITS, &set(Value::Null, "player")).await, 409, "no_limit");
    refused(&change(at, &cashier, "b", CONFIRM, &which).await, 409, "no_limit");
    assert_eq!(change(at, &cashier, "c", LIMITS, &set(json!("10.00"), "player")).await.status, 200);
    assert_eq!(change(at, &cashier, "d", LIMITS, &set(json!("20.00"), "player")).await.status, 200);
    refused(
        &change(at, &cashier, "e", LIMITS, &set(json!("30.00"), "player")).await,
        409,
        "limit_change_waits",
    );
    refused(&change(at, &cashier, "f", CONFIRM, &which).await, 409, "limit_change_early");
    let told = &shown(&hub, &cashier).await[0];
    assert_eq!(
        (&told["own"]["amount"], &told["loosening"]["to"]["amount"]),
        (&json!("10.00"), &json!("20.00")),
        "{told}"
    );
    refused(&deposit(&hub, &cashier, "d1", "10.01").await, 422, "limit_reached");
    // The operator's stricter one, which nobody waits for, and which is as quickly gone.
    assert_eq!(change(at, &cashier, "g", LIMITS, &set(json!("5.00"), "operator")).await.status, 200);
    refused(&deposit(&hub, &cashier, "d2", "5.01").await, 422, "limit_reached");
    assert_eq!(change(at, &cashier, "h", LIMITS, &set(Value::Null, "operator")).await.status, 200);
    assert_eq!(deposit(&hub, &cashier, "d3", "10.00").await.status, 200);

    // With no time to wait, the player's own confirmation is all that is needed. What waits already keeps its times.
    drop(session);
    hub.kill();
    hub.configure(|setup| setup.option("limits.loosening_hours", 0));
    hub.start();
    let session = player(&hub).await;
    session.client.set_limit(of_money(&session, "loss", "day", "1.00")).await.expect("the first one");
    session.client.set_limit(of_money(&session, "loss", "day", "9.00")).await.expect("it waits");
    let limit = named("loss", "day", Some("EUR"));
    let limits = session.client.limits().await.expect("an answer");
    assert_eq!(limits.iter().find(|one| one.kind == "loss").and_then(|one| one.own), Some(money("1.00")));
    let key = session.key();
    let lsn = session.client.confirm_limit(key, limit.clone()).await.expect("it has waited");
    assert_eq!(session.client.confirm_limit(key, limit.clone()).await.expect("the same again"), lsn);
    assert_eq!(refusal(session.client.confirm_limit(session.key(), limit).await), ErrorCode::NoLimit);
    let limits = session.client.limits().await.expect("an answer");
    assert_eq!(limits.iter().find(|one| one.kind == "loss").and_then(|one| one.own), Some(money("9.00")));
    hub.kill();
    hub.verify();
}

#[tokio::test]
async fn each_wrong_limit_is_told_what_is_wrong_and_uses_no_key() {
    let hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*");
    let _session = player(&hub).await;
    let at = hub.address();
    for (body, field, words) in [
        (json!({}), "limit", "missing"),
        (json!({ "limit": "wins", "period": "day", "amount": "1" }), "limit", "\"play_time\""),
        (json!({ "limit": "loss", "amount": "1" }), "period", "missing"),
        (json!({ "limit": "loss", "period": "year", "amount": "1" }), "period", "\"month\""),
        (json!({ "limit": "loss", "period": "day" }), "amount", "needs \"amount\""),
        (json!({ "limit": "loss", "period": "day", "amount": "1.001" }), "amount", "decimals"),
        (json!({ "limit": "loss", "period": "day", "amount": "-1" }), "amount", "amount"),
        (json!({ "limit": "loss", "period": "day", "amount": "0.00" }), "amount", "is zero"),
        (json!({ "limit": "loss", "period": "day", "amount": "1", "remove": true }), "remove", "one of"),
        (json!({ "limit": "loss", "period": "day", "remove": false }), "remove", "left out"),
        (json!({ "limit": "loss", "period": "day", "minutes": 5 }), "minutes", "has an \"amount\""),
        (json!({ "limit": "loss", "period": "day", "amount": "1", "currency": "ABC" }), "currency", "no ABC"),
        (json!({ "limit": "loss", "period": "day", "amount": "1", "by": "me" }), "by", "\"operator\""),
        (json!({ "limit": "play_time", "period": "day", "amount": "1" }), "amount", "has \"minutes\""),
        (
            json!({ "limit": "play_time", "period": "day", "minutes": 1, "currency": "EUR" }),
            "currency",
            "no \"currency\"",
        ),
        (json!({ "limit": "play_time", "period": "day", "minutes": 0 }), "minutes", "1 to 44640"),
        (json!({ "limit": "play_time", "period": "day", "minutes": 44_641 }), "minutes", "1 to 44640"),
        (json!({ "limit": "loss", "period": "day", "amount": "1", "until": "x" }), "until", "no field"),
    ] {
        let told = refused(&change(at, &cashier, "wrong", LIMITS, &body).await, 400, "malformed");
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{body}: {told}");
        assert_eq!(told["key_consumed"], json!(false), "{body}: {told}");
        if field != "until" {
            assert_eq!(told["field"], json!(field), "{body}: {told}");
        }
    }
    let confirm = json!({ "limit": "loss", "period": "day", "amount": "1" });
    refused(&change(at, &cashier, "wrong", CONFIRM, &confirm).await, 400, "malformed");
    let nobody = "/api/domains/balance/NOBODY/limits";
    let set = json!({ "limit": "play_time", "period": "day", "minutes": 60 });
    refused(&change(at, &cashier, "n", nobody, &set).await, 404, "unknown_player");
    refused(&get(at, &cashier, nobody).await, 404, "unknown_player");
    assert_eq!(shown(&hub, &cashier).await, [] as [Value; 0]);

    let mut raw = RawSocket::hello(hub.address(), &token("PLAYER_123")).await;
    for (request, words) in [
        (json!({"t": "set_limit", "key": "w", "period": "day", "amount": "1"}), "\"kind\""),
        (json!({"t": "set_limit", "key": "w", "kind": "loss", "amount": "1"}), "\"period\""),
        (json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "day"}), "\"amount\" or \"minutes\""),
        (
            json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "day", "amount": "1"}),
            "needs a \"currency\"",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "wins", "period": "day", "currency": "EUR", "amount": "1"}),
            "\"play_time\"",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "hour", "currency": "EUR", "amount": "1"}),
            "\"month\"",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "day", "currency": "ABC", "amount": "1"}),
            "no such currency",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "day", "currency": "EUR", "amount": "0"}),
            "above zero",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "loss", "period": "day", "currency": "EUR", "minutes": 1}),
            "has an \"amount\"",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "play_time", "period": "day", "amount": "1"}),
            "\"minutes\"",
        ),
        (
            json!({"t": "set_limit", "key": "w", "kind": "play_time", "period": "day", "minutes": 0}),
            "1 to 44640",
        ),
        (
            json!({"t": "confirm_limit", "key": "w", "kind": "loss", "period": "day", "currency": "EUR", "amount": "1"}),
            "no field \"amount\"",
        ),
    ] {
        let told = raw.ask(request.clone()).await;
        assert_eq!(told["t"], "error", "{request}: {told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains(words)), "{request}: {told}");
    }
    let unknown = raw.ask(json!({"t": "get_outcome", "key": "w"})).await;
    assert_eq!(unknown["outcome"]["status"], "unknown", "none of them has used the key: {unknown}");
}

/// A limit is a record for good, and the first one never waits for a budget.
#[tokio::test]
async fn who_changes_limits_again_and_again_pays_for_it_and_the_first_one_is_free() {
    let hub = Setup::default()
        .option("rate.refused_bytes_burst_per_player", 1_024)
        .option("rate.refused_bytes_per_second_per_player", 1)
        .start();
    let session = Account::sign_in(hub.address(), "undecided").await.connect(hub.address()).await;
    let set = async |amount: &str| session.client.set_limit(of_money(&session, "loss", "day", amount)).await;
    let mut taken = 0;
    let refused = loop {
        match set(&format!("{}.00", 100 - taken)).await {
            Ok(_) => taken += 1,
            refused => break refusal(refused),
        }
    };
    assert_eq!(refused, ErrorCode::RateLimited);
    // What protects the player anew never waits.
    session.client.set_limit(of_money(&session, "stake", "day", "5.00")).await.expect("another limit");
    let (kind, lasts) = (Text::new("time_out").expect("short"), protocol::U53::new(1).expect("a day"));
    let exclude =
        protocol::request::Exclude { key: session.key(), kind, lasts: protocol::request::Lasts::Days(lasts) };
    session.client.exclude(exclude).await.expect("the first exclusion");
    assert!((2..=6).contains(&taken), "{taken} of at most 1,024 bytes");
}

/// A day ends where the operator's zone says; the zone is recorded with the rules.
#[tokio::test]
async fn a_limit_of_a_day_ends_at_midnight_of_the_operators_zone() {
    let mut hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*");
    let session = player(&hub).await;
    session.client.set_limit(of_money(&session, "loss", "day", "1.00")).await.expect("the first one");
    drop(session);
    let ends = |told: &[Value]| told[0]["frees_at"].as_str().unwrap_or_default()[11..].to_owned();
    assert_eq!(ends(&shown(&hub, &cashier).await), "00:00:00.000Z");
    hub.kill();
    // No summer time there, and half an hour beside the others.
    hub.configure(|setup| setup.option("limits.time_zone", "Asia/Kolkata"));
    hub.start();
    assert_eq!(ends(&shown(&hub, &cashier).await), "18:30:00.000Z");
    hub.kill();
    hub.verify();
}
